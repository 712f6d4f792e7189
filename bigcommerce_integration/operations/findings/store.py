"""What is found of one store, from its health and what is counted of it: decisions alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ...errors import LinkCode, RefreshCode
from ...models.instances import IntegrationInstance
from ...refresh.job.regional import Subject
from ...refresh.lifecycle.keys import KEYLESS
from ...refresh.removal.purge import DELETING
from ...resources.products import VARIANTS
from .books import of_books
from .counts import MOST_COUNTED, Counts, Rejections
from .finding import Action, Finding, FindingCode
from .refreshing import of_resource
from .standing import Standing

_Made = Callable[..., Finding]
_CONNECTION: Mapping[str, tuple[FindingCode, Action, str]] = {
    RefreshCode.TOKEN_REJECTED: (
        FindingCode.TOKEN_REFUSED,
        Action.NEW_TOKEN,
        "The store does not accept its access token any longer, so nothing new comes from it. Nothing is lost, and it "
        "can wait until the morning if nobody needs the new orders before. Somebody who may change the store makes a "
        "token in BigCommerce, under Settings › Store-level API accounts. Enter it, and what was missed is fetched.",
    ),
    RefreshCode.STORE_NOT_FOUND: (
        FindingCode.STORE_NOT_FOUND,
        Action.OPEN_SETTINGS,
        "There is no store with this store hash, or it was closed, so nothing new comes from it. What is stored is "
        "kept: correct the store hash, or reopen the store.",
    ),
    RefreshCode.OTHER_STORE: (
        FindingCode.OTHER_STORE,
        Action.OPEN_SETTINGS,
        "Another store answers than the one that was connected, so nothing is read from it. What is stored is kept: "
        "correct the store hash or the token.",
    ),
}
_KEY_CURE = (
    "Nothing is lost: put the key with which the token was encrypted at the end of BIGCOMMERCE_ENCRYPTION_KEYS in "
    "every process, or enter the token again."
)
_REGIONAL: Mapping[Subject, FindingCode] = {
    "timezone": FindingCode.TIMEZONE_CHANGED,
    "currency": FindingCode.CURRENCY_CHANGED,
}
_CHANGED: Mapping[Subject, str] = {
    "timezone": (
        "The store's time zone was changed from {before} to {after}. From now on days begin by the new one: the first "
        "day, days to read again, months of totals. Nothing is lost, and refreshes go on. Ask whoever keeps the books, "
        "then confirm that you know of it."
    ),
    "currency": (
        "The store's default currency was changed from {before} to {after}. From now on prices of products are in the "
        "new one; orders keep the currency that they were placed in. Nothing is lost, and refreshes go on. Ask whoever "
        "keeps the books, then confirm that you know of it."
    ),
}


def of_store(standing: Standing) -> list[Finding]:
    """All of it, in no order."""
    instance = standing.instance
    make: _Made = partial(Finding, instance_id=instance.id, store=instance.name)
    if instance.status == DELETING:
        text = "The store was disconnected, and its mirrored records are being removed. Your own products stay."
        return [make(FindingCode.BEING_DELETED, "wait", text, since=instance.updated_at)]
    return [
        *_key(standing, make),
        *_connection(standing, make),
        *_settings(standing, make),
        *_regional(standing.instance, make),
        *(finding for each in standing.health.resources for finding in of_resource(standing, each, make)),
        *_rejected(standing.counts, make),
        *_unlinked(standing.counts, make),
        *of_books(standing.unbooked, make),
    ]


def _key(standing: Standing, make: _Made) -> Iterator[Finding]:
    """A token that this process cannot open, or that a refresh waits for a worker which can."""
    opened = [each.open_refresh.row for each in standing.health.resources if each.open_refresh is not None]
    waiting = [row for row in opened if row.message == KEYLESS]
    if waiting:
        who = (
            "A worker that has no key" if standing.has_key else "Neither this process nor a worker has a key"
        ) + " which opens the store's access token"
        text = f"{who}{' left a refresh undone' if standing.has_key else ', so a refresh is left undone'}."
    elif not standing.has_key:
        text = (
            "No key of this process opens the store's access token, so nothing new comes from the store, unless the "
            "workers have another key."
        )
    else:
        return
    yield make(
        FindingCode.KEY_MISSING,
        "person",
        f"{text} {_KEY_CURE}",
        since=min((row.created_at for row in waiting), default=None),
        action=Action.NEW_TOKEN,
        link="settings",
    )


def _connection(standing: Standing, make: _Made) -> Iterator[Finding]:
    """What stops the whole store, and a store that could not be reached when it was connected."""
    instance = standing.instance
    if instance.status == "active":
        if instance.status_message is not None:
            text = "The store did not answer when it was connected. It is asked again by itself; nothing is lost."
            yield make(FindingCode.STORE_UNREACHABLE, "wait", text, since=instance.created_at)
        return
    failed = [each.last_failure.row for each in standing.health.resources if each.last_failure is not None]
    broken = [row for row in failed if row.error_code in _CONNECTION]
    # Rows of 0.1.0 have no code: what the store's status says is shown then.
    newest: Any = max(broken, key=lambda row: row.id, default=None)
    since: datetime = instance.updated_at if newest is None else min(row.finished_at for row in broken)
    if newest is None:
        text = f"Nothing new comes from the store until a person acts: {instance.status_message} Nothing is lost."
        yield make(
            FindingCode.REFRESH_FAILED, "person", text, since=since, action=Action.OPEN_SETTINGS, link="settings"
        )
        return
    code, action, text = _CONNECTION[newest.error_code]
    yield make(code, "person", text, since=since, action=action, link="settings")


def _settings(standing: Standing, make: _Made) -> Iterator[Finding]:
    settings = {"action": Action.OPEN_SETTINGS, "link": "settings"}
    if not standing.instance.is_automatic_sync_enabled:
        text = (
            "Automatic sync is off: changes in the store arrive only when somebody starts a refresh. Nothing is lost "
            "meanwhile."
        )
        yield make(FindingCode.SYNC_OFF, "person", text, **settings)
    if standing.connected_twice is not None:
        text = f"{standing.connected_twice} Disconnect one of them in its settings, unless both are wanted."
        yield make(FindingCode.STORE_CONNECTED_TWICE, "person", text, **settings)


def _regional(instance: IntegrationInstance, make: _Made) -> Iterator[Finding]:
    """A time zone or a default currency that is another one than a person knows of."""
    for subject, code in _REGIONAL.items():
        before, after = getattr(instance, f"{subject}_before"), getattr(instance, f"store_{subject}")
        if before is None:
            continue
        yield make(
            code,
            "person",
            _CHANGED[subject].format(before=before, after=after),
            since=getattr(instance, f"{subject}_changed_at"),
            action=Action.ACKNOWLEDGE,
            link="acknowledge",
            before=before,
            after=after,
        )


def _rejected(counts: Counts, make: _Made) -> Iterator[Finding]:
    for name, found in counts.rejected.items():
        one = found.count == 1
        text = (
            f"{_not_stored(found, name)} What the store sent is kept with the reason and is not lost: mend "
            f"{'it' if one else 'them'} in the store, then try again."
        )
        yield make(FindingCode.RECORDS_REJECTED, "person", text, **_left_out(found, name))
    for name, found in counts.tried_again.items():
        one = found.count == 1
        text = (
            f"{_capital(found.count, name)} {'was' if one else 'were'} left out after an error. Later refreshes try "
            f"{'it' if one else 'them'} again; nothing is lost."
        )
        yield make(FindingCode.RECORDS_TRIED_AGAIN, "wait", text, **_left_out(found, name))


def _left_out(found: Rejections, name: str) -> dict[str, Any]:
    return {"since": found.since, "action": Action.RETRY, "link": f"rejected?resource={name}", "resource": name}


def _not_stored(found: Rejections, name: str) -> str:
    """How many could not be stored, and of how many an older version is."""
    number = _number(found.count, name)
    if found.older == 0:
        return f"{_capital(found.count, name)} could not be stored."
    if found.older < found.count:
        return (
            f"{_capital(found.count, name)} could not be stored. An older version of {found.older:,} of them is kept."
        )
    kept = "the older one is kept" if found.count == 1 else "the older ones are kept"
    return f"The newest version of {number} could not be stored; {kept}."


def _unlinked(counts: Counts, make: _Made) -> Iterator[Finding]:
    refused = counts.unlinked.get(LinkCode.REFUSED_BY_HOST, 0)
    others = sum(counts.unlinked.values()) - refused
    if refused:
        text = (
            f"Your system did not make products for {_number(refused, VARIANTS.name)}. Orders arrive all the same, "
            "without a link to a product. See the reasons, then link or create them."
        )
        link = f"variants?link_conflict_code={LinkCode.REFUSED_BY_HOST}"
        yield make(FindingCode.PRODUCTS_REFUSED, "person", text, action=Action.LINK, link=link)
    if others:
        text = (
            f"{_capital(others, VARIANTS.name)} could not be linked: the SKU is blank, or it is not sure which of "
            "your products is meant. Orders arrive all the same, without a link to a product."
        )
        yield make(FindingCode.LINK_CONFLICTS, "person", text, action=Action.LINK, link="variants?conflict=true")


def _number(count: int, plural: str) -> str:
    if count > MOST_COUNTED:
        return f"more than {MOST_COUNTED:,} {plural}"
    return f"1 {plural.removesuffix('s')}" if count == 1 else f"{count:,} {plural}"


def _capital(count: int, plural: str) -> str:
    text = _number(count, plural)
    return text[0].upper() + text[1:]
