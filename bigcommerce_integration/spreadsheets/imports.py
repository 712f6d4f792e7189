"""A link import as a job: each row gets its verdict, then is applied or undone, a thousand rows a transaction.

The import's row is locked for each part and says what is to be done; the verdicts of the rows say how far it is. So a
process that is killed leaves a whole part done or nothing of it, and any worker goes on.

checking → ready → applying → applied → undoing → undone; a part that raises an error ends in failed.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.orm import Session

from .. import history
from ..errors import RowCode
from ..host.port import Host
from ..models import Tables, db_now
from ..models.dialect.conditions import in_chunks
from ..models.dialect.transactions import is_lockable
from ..models.instances import IntegrationInstance
from ..models.product_key import Key, key_answer
from ..refresh.linking.host_products import host_products
from ..refresh.linking.manual import SOURCE, Link, ManualLinks, missing_products
from ..refresh.write.rows import PageTransaction
from ..resources.columns import message as storable_message
from ..resources.values import storable
from .cells import guarded
from .reading import Line, sheet_of
from .verdicts import Verdict, verdict, wanted_sku, with_other_zeros

ROWS_A_PART = 1000
NEXT: Mapping[str, str] = {"checking": "ready", "applying": "applied", "undoing": "undone"}
"""The statuses in which a worker has something to do, and what each ends in."""
_CHANGED = "The link was changed since, by a person or a refresh."
_GONE = "Your product no longer exists."


@dataclass(frozen=True)
class Part:
    """The transaction of one part: the import as it is locked."""

    session: Session
    tables: Tables
    host: Host
    instance: IntegrationInstance
    row: Row[Any]

    def set(self, **values: Any) -> None:
        """Change the import's row."""
        imports = self.tables.link_imports
        self.session.execute(update(imports).where(imports.c.id == self.row.id).values(values))

    def count(self, **found: int) -> None:
        """Add to its counts."""
        columns = self.tables.link_imports.c
        self.set(**{f"{name}_count": columns[f"{name}_count"] + number for name, number in found.items()})

    def end(self) -> None:
        """There is nothing more to do of what its status says."""
        self.set(status=NEXT[self.row.status], changed_at=db_now(), message=None)


def packed(text: str) -> bytes:
    """A file as it is stored."""
    return zlib.compress(text.encode(), 1)


def advance_part(session: Session, tables: Tables, host: Host, instance: IntegrationInstance, import_id: int) -> bool:
    """Do the next part in this transaction, which the caller commits; whether more is left.

    False also if another process has it, or there is nothing to do.
    """
    imports = tables.link_imports
    which = (imports.c.id == import_id, imports.c.status.in_(NEXT))
    if not is_lockable(session, select(imports.c.id).where(*which)):
        return False
    # A write, since only that takes SQLite's lock; it says the same as before.
    session.execute(update(imports).where(*which).values(status=imports.c.status))
    row = session.execute(select(imports).where(*which).with_for_update()).one_or_none()
    if row is None:
        return False
    return _PARTS[row.status](Part(session, tables, host, instance, row))


# -- checking ------------------------------------------------------------------------------------------------------


def _check(part: Part) -> bool:
    """Give the next rows their verdicts; the file goes once all have theirs."""
    done = part.row.good_count + part.row.bad_count
    touched = _lines(part.row.content)
    lines = touched[done : done + ROWS_A_PART]
    times = Counter(line.variant_id for line in touched)
    found = _verdicts(part, lines, {each for each, count in times.items() if count > 1})
    if found:
        part.session.execute(insert(part.tables.link_import_rows), found)
    good = sum(1 for each in found if each["verdict"] == "good")
    part.count(good=good, bad=len(found) - good)
    if done + len(lines) < len(touched):
        return True
    _lines.cache_clear()
    part.set(content=None)
    part.end()
    return False


@lru_cache(maxsize=1)
def _lines(content: bytes) -> Sequence[Line]:
    """Those that decide something; kept until the last part, as each part needs them all."""
    return sheet_of(zlib.decompress(content).decode()).touched


def _verdicts(part: Part, lines: Sequence[Line], twice: set[int | None]) -> list[dict[str, Any]]:
    variants = _variants(part, [line.variant_id for line in lines if line.variant_id is not None])
    of_line = [variants.get(line.variant_id or 0) for line in lines]
    wanted = [wanted_sku(line, variant) for line, variant in zip(lines, of_line, strict=True)]
    now = part.session.scalar(select(db_now()))
    assert now is not None
    tx = PageTransaction(part.session, part.tables, part.host, part.instance, now, 0)
    skus = sorted({sku for sku in wanted if sku})
    host = host_products(tx, skus) if skus else {}
    zeros = _other_zeros(tx, [sku for sku in skus if not host[sku]])
    rows = []
    for line, variant, sku in zip(lines, of_line, wanted, strict=True):
        spellings, near = host.get(sku or "", {}), zeros.get(sku or "", {})
        rows.append(
            _row(part, line, variant, verdict(line, variant, spellings, near, is_twice=line.variant_id in twice))
        )
    return rows


def _other_zeros(tx: PageTransaction, skus: Iterable[str]) -> dict[str, dict[str, Sequence[Key]]]:
    """By SKU that the host lacks its products whose SKU differs only by zeros at the beginning."""
    forms = {sku: with_other_zeros(sku) for sku in skus}
    asked = sorted({form for each in forms.values() for form in each})
    host = host_products(tx, asked) if asked else {}
    return {
        sku: {form: keys for form in each for spelling, keys in host[form].items() if spelling == form and keys}
        for sku, each in forms.items()
    }


def _row(part: Part, line: Line, variant: Row[Any] | None, found: Verdict) -> dict[str, Any]:
    is_good = found.code is None
    before = variant and (key_answer(variant.host_product_id), *variant[-3:])
    columns: list[str] = json.loads(part.row.columns) if found.suggested_sku else []
    cells = [
        guarded(found.suggested_sku or "") if name == "suggested_sku" else cell
        for name, cell in zip_longest(columns, line.cells, fillvalue="")
    ]
    return {
        "import_id": part.row.id,
        "line": line.number,
        "bigcommerce_id": line.variant_id,
        "verdict": "good" if is_good else "bad",
        "code": found.code,
        "message": found.message and storable_message(found.message),
        "target": json.dumps(key_answer(found.target)) if is_good else None,
        "link_before": json.dumps(before) if is_good else None,
        "cells": None if is_good else json.dumps([storable(cell) for cell in cells]),
    }


def _variants(part: Part, ids: Iterable[int]) -> dict[int, Row[Any]]:
    table = part.tables.variants
    names = ("bigcommerce_id", "sku_key", "deleted_at", "host_product_id")
    columns = [table.c[name] for name in (*names, "link_source", "link_conflict", "link_conflict_code")]
    statement = select(*columns).where(table.c.instance_id == part.instance.id)
    return {
        row.bigcommerce_id: row
        for condition in in_chunks(part.session, table.c.bigcommerce_id, sorted(set(ids)))
        for row in part.session.execute(statement.where(condition))
    }


# -- applying and undoing ------------------------------------------------------------------------------------------


def _apply(part: Part) -> bool:
    """Link the next good rows by hand; what was changed meanwhile is skipped and named."""

    def link(row: Row[Any], variant: Row[Any]) -> tuple[Link, bool]:
        before, target = _before(part, row), _key(part, json.loads(row.target))
        is_same = (variant.host_product_id, variant.link_source) == (before.host_product_id, before.link_source)
        return Link(target, SOURCE), is_same

    return _move(part, "good", ("applied", "skipped"), link, part.row.applied_by)


def _undo(part: Part) -> bool:
    """Give the next applied rows the link back that they had; what was changed since stays."""

    def link(row: Row[Any], variant: Row[Any]) -> tuple[Link, bool]:
        target = _key(part, json.loads(row.target))
        return _before(part, row), (variant.host_product_id, variant.link_source) == (target, SOURCE)

    return _move(part, "applied", ("undone", "not_undone"), link, part.row.undone_by)


def _move(
    part: Part,
    verdict_now: str,
    outcomes: tuple[str, str],
    link: Callable[[Row[Any], Row[Any]], tuple[Link, bool]],
    done_by: str | None,
) -> bool:
    """Write the links of the next rows with this verdict; they get the first of ``outcomes``, or the second."""
    rows = part.session.execute(_with_verdict(part, verdict_now)).all()
    links = ManualLinks(part.session, part.tables, part.host, part.instance)
    variants = links.by_id(row.bigcommerce_id for row in rows)
    wanted, refused = dict[int, tuple[Row[Any], Link]](), dict[int, tuple[RowCode, str]]()
    for row in rows:
        variant = variants.get(row.bigcommerce_id)
        found, is_same = link(row, variant) if variant is not None else (None, False)
        if found is not None and variant is not None and is_same and variant.deleted_at is None:
            wanted[row.line] = (variant, found)
        else:
            refused[row.line] = (RowCode.CHANGED_MEANWHILE, _CHANGED)
    keys = (found.host_product_id for _, found in wanted.values())
    missing = missing_products(part.session, part.host, part.instance, keys)
    gone = [line for line, (_, found) in wanted.items() if found.host_product_id in missing]
    refused |= dict.fromkeys(gone, (RowCode.HOST_PRODUCT_GONE, _GONE))
    changed = links.write(each for line, each in wanted.items() if line not in refused)
    if changed:
        changes = {"import": part.row.id, "links": [each.change() for each in changed]}
        history.record(part.session, part.tables, part.instance.id, "link", done_by=done_by, changes=changes)
    _mark(part, [line for line in wanted if line not in refused], outcomes[0])
    for code, message in set(refused.values()):
        lines = [line for line, why in refused.items() if why == (code, message)]
        _mark(part, lines, outcomes[1], code=code, message=message)
    part.count(**{outcomes[0]: len(rows) - len(refused), outcomes[1]: len(refused)})
    if len(rows) == ROWS_A_PART:
        return True
    part.end()
    return False


def _with_verdict(part: Part, name: str) -> Select[Any]:
    rows = part.tables.link_import_rows
    columns = (rows.c.line, rows.c.bigcommerce_id, rows.c.target, rows.c.link_before)
    mine = (rows.c.import_id == part.row.id, rows.c.verdict == name)
    return select(*columns).where(*mine).order_by(rows.c.line).limit(ROWS_A_PART)


def _mark(part: Part, lines: Sequence[int], name: str, **why: Any) -> None:
    rows = part.tables.link_import_rows
    for condition in in_chunks(part.session, rows.c.line, lines):
        mine = (rows.c.import_id == part.row.id, condition)
        part.session.execute(update(rows).where(*mine).values(verdict=name, **why))


def _before(part: Part, row: Row[Any]) -> Link:
    key, source, conflict, code = json.loads(row.link_before)
    return Link(_key(part, key), source, conflict, code)


def _key(part: Part, answer: int | str | None) -> Key | None:
    """The key that ``key_answer`` has made text of."""
    if answer is None:
        return None
    return part.tables.product_key.read(answer, part.session.get_bind().dialect)


_PARTS: Mapping[str, Callable[[Part], bool]] = {"checking": _check, "applying": _apply, "undoing": _undo}
