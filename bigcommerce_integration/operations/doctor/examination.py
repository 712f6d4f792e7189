"""The checks in their order, each with its time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal

from ...errors import ConfigError
from . import app, connections, database, keys, store_findings, workers
from .deployment import Deployment
from .results import Result

A_CHECK_S = 5.0
IN_ALL_S = 30.0
Needs = Literal["nothing", "database", "tables"]
NO_DATABASE, NO_TABLES = "no database", "the tables could not be looked at"


@dataclass(frozen=True)
class Check:
    """One check: ``about`` says what it looks at, ``needs`` what must be there first."""

    name: str
    about: str
    examine: Callable[[Deployment], list[Result]] = field(repr=False)
    needs: Needs = "nothing"

    @property
    def subject(self) -> str:
        """What does not answer if the check does not end."""
        return "The broker" if self.name == "broker" else "The database"


CHECKS = (
    Check("configuration", "The settings of this process.", app.configuration),
    Check("broker", "Whether the broker of Dramatiq can be reached.", app.broker),
    Check("database", "Whether the database answers.", database.connection),
    Check("tables", "Whether the tables are as this version expects.", database.tables, "database"),
    Check("character-set", "MySQL and MariaDB: whether every character has a place.", database.character_set, "tables"),
    Check("transactions", "Driver, isolation, idle sessions, stale connections.", database.transactions, "database"),
    Check("clocks", "Whether the clocks of this machine and the database agree.", database.clocks, "database"),
    Check("keys", "Whether the encryption keys open every token.", keys.keys, "tables"),
    Check("workers", "Whether workers run, of which version, and get on.", workers.workers, "tables"),
    Check("connections", "Whether each store can be read, and its clock.", connections.connections, "tables"),
    Check("findings", "What needs a person about each store.", store_findings.store_findings, "tables"),
)


def examine(deployment: Deployment, names: Collection[str] = ()) -> Iterator[Result]:
    """Run the checks of these names (none: all), in order; each ends within ``A_CHECK_S``, all within ``IN_ALL_S``.

    What the chosen ones need is looked at too, and told if it is not there. Raises nothing that a check finds.
    """
    ends_at = time.monotonic() + IN_ALL_S
    wanted = {each.name for each in CHECKS if not names or each.name in names}
    needed = {each.needs for each in CHECKS if each.name in wanted}
    missing: dict[Needs, str] = {}
    for check in CHECKS:
        is_needed = (check.name == "database" and needed & {"database", "tables"}) or check.name in needed
        if check.name not in wanted and not is_needed:
            continue
        lack = missing.get(check.needs)
        left_s = ends_at - time.monotonic()
        if lack is not None or left_s <= 0:
            results = [Result(check.name, "skipped", lack or f"the {IN_ALL_S:g} seconds of the doctor are over")]
        else:
            results = _within(check, deployment, min(A_CHECK_S, left_s))
        has_failed = any(each.outcome == "failure" for each in results)
        if has_failed and check.name == "database":
            missing |= {"database": NO_DATABASE, "tables": NO_DATABASE}
        elif has_failed and check.name == "tables":
            missing["tables"] = deployment.lack or NO_TABLES
        deployment.found += results
        if check.name in wanted or has_failed:
            yield from results


def _within(check: Check, deployment: Deployment, limit_s: float) -> list[Result]:
    """What the check finds, in a thread of its own: a server that is silent must not hold the others up."""
    found: list[Result] = []

    def work() -> None:
        try:
            found.extend(check.examine(deployment))
        except ConfigError as error:
            found.append(Result(check.name, "failure", str(error), can_wait=False))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other checks go on
            found.append(database.failed(check.name, error, deployment))

    # A daemon, as what is silent must not hold up the end of the process either.
    thread = threading.Thread(target=work, name=f"bigcommerce-doctor-{check.name}", daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        late = f"{check.subject} did not answer within {limit_s:.1f} seconds."
        remedy = "Look whether its server is overloaded or cut off."
        # Without the broker workers look for work by themselves.
        return [Result(check.name, "failure", late, remedy, can_wait=check.name == "broker")]
    return list(found)
