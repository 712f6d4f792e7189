"""SKUs of products that the host has added: remembered in its own transaction, linked by a worker soon after.

They link variants that have no link, as a linking pass does. A SKU that no variant has is forgotten: a variant that
comes later is linked with its page.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session, scoped_session

from ...errors import HostRefused, NotFound
from ...models import Tables, db_now, is_due
from ...models.dialect.transactions import is_lockable
from ...resources.columns import sku_key
from ...resources.products import PRODUCTS
from ..job.context import Engine
from ..job.database import is_conflict, shortage
from ..job.lease import lease_of
from ..removal.purge import DELETING
from ..write.host_calls import notify_host
from ..write.rows import chunks
from .linker import PASS_SIZE, link_skus
from .locked import begin_links, note_changes

log = logging.getLogger(__name__)

SKUS_A_ROW = 100
ROWS_A_TRANSACTION = 100
RETRY_S = 60.0
"""When a store is tried again whose links the host refused."""
KEPT_S = 86400.0
"""How long it is. The linking passes over all go on, and say what the host says."""


def remember(
    session: Session | scoped_session[Session], tables: Tables, skus: Iterable[str | None], tenant: str
) -> None:
    """Note these SKUs for each store of the tenant that links by itself; the caller commits."""
    wanted = sorted({key for each in skus if (key := sku_key(each)) is not None})
    if not wanted:
        return
    instances = tables.instances
    links = (instances.c.tenant == tenant, instances.c.status != DELETING, instances.c.auto_link_products.is_(True))
    rows = [
        # In ASCII, whatever the database's character set is.
        {"instance_id": instance_id, "skus": json.dumps(some)}
        for instance_id in session.scalars(select(instances.c.id).where(*links).order_by(instances.c.id)).all()
        for some in chunks(wanted, SKUS_A_ROW)
    ]
    if rows:
        session.execute(insert(tables.added_skus).values(added_at=db_now()), rows)


def link_added(engine: Engine) -> None:
    """Link what is remembered, the stores in turn; one that fails does not hold up the others.

    Commits in sessions of its own. It takes as long as the host's methods do.
    """
    waiting = engine.transaction(partial(_waiting, engine.tables))
    while waiting:
        waiting = [row for row in waiting if not engine.stopping.is_set() and _turn(engine, row)]


def _waiting(tables: Tables, session: Session) -> Sequence[Any]:
    """The stores for which SKUs are remembered, with what says whether they link by themselves."""
    added, instances = tables.added_skus, tables.instances
    columns = (added.c.instance_id, instances.c.status, instances.c.auto_link_products)
    return session.execute(
        select(*columns)
        .select_from(added.outerjoin(instances, instances.c.id == added.c.instance_id))
        .group_by(*columns)
        .having(is_due(func.max(added.c.next_try_at), within_s=RETRY_S))
        .order_by(added.c.instance_id)
    ).all()


def _turn(engine: Engine, row: Any) -> bool:
    """Some SKUs of one store; whether more may be left."""
    instance_id, extra = row.instance_id, {"action": "added", "instance_id": row.instance_id}
    links = row.auto_link_products and row.status != DELETING
    try:
        return engine.transaction(partial(_link if links else _forget, engine, instance_id))
    except NotFound:
        # It is being deleted: the next tick forgets.
        return False
    except Exception as error:
        what = shortage(error)
        if what is not None or is_conflict(error):
            log.warning("Products added for instance %s are linked later: %s", instance_id, what, extra=extra)
            return False
        is_refused = isinstance(error, HostRefused)
        said = error if is_refused else type(error).__name__
        log.error("Added products of instance %s: %s", instance_id, said, extra=extra, exc_info=not is_refused)
        engine.transaction(partial(_put_off, engine, instance_id))
        return False


def _link(engine: Engine, instance_id: int, session: Session) -> bool:
    """Link, and forget what that was done by."""
    tables = engine.tables
    if not is_lockable(session, select(tables.leases.c.epoch).where(*lease_of(tables, instance_id, PRODUCTS.name))):
        # A page is being written, or another worker is at it: the next tick comes soon.
        return False
    tx = begin_links(session, tables, engine.host, instance_id)
    remembered = _remembered(session, tables, instance_id)
    if remembered and tx.instance.auto_link_products:
        links = link_skus(tx, sorted({sku for skus in remembered.values() for sku in skus}))
        if links.product_ids:
            note_changes(tx)
            notify_host(tx, PRODUCTS.name, sorted(links.product_ids))
    return _delete(session, tables, remembered)


def _remembered(session: Session, tables: Tables, instance_id: int) -> Mapping[int, Sequence[str]]:
    """The first rows by id with their SKUs, about as many as are linked in one transaction."""
    added = tables.added_skus
    mine = select(added.c.id, added.c.skus).where(added.c.instance_id == instance_id)
    found: dict[int, Sequence[str]] = {}
    for row in session.execute(mine.order_by(added.c.id).limit(ROWS_A_TRANSACTION)):
        if sum(map(len, found.values())) >= PASS_SIZE:
            break
        found[row.id] = json.loads(row.skus)
    return found


def _forget(engine: Engine, instance_id: int, session: Session) -> bool:
    return _delete(session, engine.tables, _remembered(session, engine.tables, instance_id))


def _delete(session: Session, tables: Tables, ids: Iterable[int]) -> bool:
    """Whether more may be left. One by one: rows of a host that has not committed yet may lie between them."""
    ids = list(ids)
    if ids:
        session.execute(delete(tables.added_skus).where(tables.added_skus.c.id.in_(ids)))
    return bool(ids)


def _put_off(engine: Engine, instance_id: int, session: Session) -> None:
    """Leave the store alone for a while, and forget what was refused for a day."""
    added = engine.tables.added_skus
    mine = added.c.id.in_(list(_remembered(session, engine.tables, instance_id)))
    session.execute(delete(added).where(mine, added.c.added_at < db_now(-KEPT_S)))
    session.execute(update(added).where(mine).values(next_try_at=db_now(RETRY_S)))
