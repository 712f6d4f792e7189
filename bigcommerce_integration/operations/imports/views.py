"""Link imports as a person sees them: how many rows are good, and what is wrong with the others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from ...errors import LinkCode, NotFound
from ...spreadsheets.cells import guarded
from ...spreadsheets.imports import NEXT
from ..context import RequestContext
from ..exports.file import ROWS_A_PAGE, Export, make_file
from ..links.your_products import known_as, your_products
from ..lists.variants import name_of_product
from ..queries import is_worker_ticking

VERDICTS = ("good", "bad", "applied", "skipped", "undone", "not_undone")
"""``good`` can be applied, ``skipped`` and ``not_undone`` were changed meanwhile."""
NAMED = ("bad", "skipped", "not_undone")
MOST_NAMED = 100
MOST_SHOWN = 20
"""How many of the good rows are shown before they are applied."""
NO_WORKER = "No worker is running, so this import waits for one."
NOT_KEPT = "Its rows are no longer kept: to change something, send the file again."
_ADDED = ("problem", "problem_code")
# Which verdicts are still to come, and which are reached, by the status of the import.
_PROGRESS = {
    "checking": ("touched", ("good", "bad")),
    "applying": ("good", ("applied", "skipped")),
    "undoing": ("applied", ("undone", "not_undone")),
}


@dataclass(frozen=True)
class ImportView:
    """An import with its columns (``row``), and of one that was asked for alone the first rows that need a person."""

    row: Row[Any]
    lacks_worker: bool
    problems: Sequence[Row[Any]] = ()
    # Of the good rows those of variants that share their SKU with others of the store.
    shared: int = 0
    # The first good rows, each with the product of the host that it names (``None``: it is left without one).
    good: Sequence[tuple[Row[Any], str | None]] = ()

    @property
    def is_open(self) -> bool:
        """Whether a worker has something to do for it."""
        return self.row.status in NEXT

    @property
    def untouched(self) -> int:
        """Rows in which nothing is filled in."""
        count: int = self.row.rows_count - self.row.touched_count
        return count

    @property
    def percentage(self) -> int:
        """How much is done of what its status says; 100 of what is not open."""
        if not self.is_open:
            return 100
        whole, reached = _PROGRESS[self.row.status]
        counts = self.row._mapping
        done: int = sum(counts[f"{name}_count"] for name in reached)
        wanted: int = max(1, counts[f"{whole}_count"])
        return min(99, 100 * done // wanted)

    @property
    def message(self) -> str | None:
        """What a person should know of its state."""
        if self.row.pruned_at is not None:
            return NOT_KEPT
        message: str | None = self.row.message
        return NO_WORKER if self.is_open and self.lacks_worker else message


def list_imports(context: RequestContext, *, page: int, per_page: int) -> tuple[list[ImportView], int]:
    """One page of the instance's imports, the newest first, and how many there are."""
    table = context.state.tables.link_imports
    mine = table.c.instance_id == context.instance.id
    total = context.session.scalar(select(func.count()).select_from(table).where(mine)) or 0
    wanted = _imports(context, mine).order_by(table.c.id.desc()).limit(per_page).offset((page - 1) * per_page)
    return [ImportView(row, row.lacks_worker) for row in context.session.execute(wanted)], total


def find_import(context: RequestContext, import_id: int) -> ImportView:
    """One import with the first ``MOST_NAMED`` rows that need a person; ``NotFound``."""
    imports, rows = context.state.tables.link_imports, context.state.tables.link_import_rows
    mine = (imports.c.instance_id == context.instance.id, imports.c.id == import_id)
    row = context.session.execute(_imports(context, *mine)).one_or_none()
    if row is None:
        raise NotFound("There is no such link import of this BigCommerce integration instance.")
    columns: list[Any] = [rows.c[name] for name in ("line", "bigcommerce_id", "verdict", "code", "message")]
    variants = context.state.tables.variants
    same = (variants.c.instance_id == context.instance.id) & (variants.c.bigcommerce_id == rows.c.bigcommerce_id)
    named = select(*[*columns, variants.c.sku, name_of_product(context)]).join_from(rows, variants, same, isouter=True)
    named = named.where(rows.c.import_id == import_id, rows.c.verdict.in_(NAMED))
    problems = context.session.execute(named.order_by(rows.c.line).limit(MOST_NAMED)).all()
    if row.status != "ready":
        return ImportView(row, row.lacks_worker, problems)
    is_good = (rows.c.import_id == import_id, rows.c.verdict == "good")
    is_shared = variants.c.link_conflict_code == LinkCode.SAME_SKU_IN_STORE
    shared = select(func.count()).select_from(rows).join(variants, same).where(*is_good, is_shared)
    shown = select(rows.c.line, rows.c.bigcommerce_id, rows.c.target, variants.c.sku, name_of_product(context))
    shown = shown.join_from(rows, variants, same, isouter=True).where(*is_good).order_by(rows.c.line).limit(MOST_SHOWN)
    good = _with_products(context, context.session.execute(shown).all())
    return ImportView(row, row.lacks_worker, problems, context.session.scalar(shared) or 0, good)


def _with_products(context: RequestContext, rows: Sequence[Row[Any]]) -> list[tuple[Row[Any], str | None]]:
    key, dialect = context.state.tables.product_key, context.session.get_bind().dialect
    targets = [json.loads(row.target) for row in rows]
    keys = [None if each is None else key.read(each, dialect) for each in targets]
    products = your_products(context, keys)
    return [(row, None if each is None else known_as(products, each)) for row, each in zip(rows, keys, strict=True)]


def export_rows(context: RequestContext, import_id: int, verdict: str) -> Export:
    """The rows with this verdict as CSV: the bad ones as they were, to be mended and sent again; ``NotFound``.

    Of the others their line, the variant and what there is to say.
    """
    found = find_import(context, import_id)
    columns: list[str] = json.loads(found.row.columns) if verdict == "bad" else ["line", "variant_id"]
    kept = [place for place, name in enumerate(columns) if name not in _ADDED]
    header = [*(guarded(columns[place]) for place in kept), *_ADDED]
    pages = ([_cells(row, kept) for row in rows] for rows in _rows(context, import_id, verdict))
    return make_file(f"bigcommerce-{context.instance.id}-import-{import_id}-{verdict}.csv", header, pages)


def _cells(row: Row[Any], kept: Sequence[int]) -> list[str | int]:
    cells: list[str | int] = [row.line, row.bigcommerce_id or ""]
    if row.cells is not None:
        cells = json.loads(row.cells)
    # A row may have fewer cells than there are columns. They are as the file had them: guarded where they were.
    shown = [cells[place] if place < len(cells) else "" for place in kept]
    return [*shown, guarded(row.message or ""), row.code or ""]


def _rows(context: RequestContext, import_id: int, verdict: str) -> Iterator[Sequence[Row[Any]]]:
    rows, after = context.state.tables.link_import_rows, 0
    columns = [rows.c[name] for name in ("line", "bigcommerce_id", "code", "message", "cells")]
    mine = (rows.c.import_id == import_id, rows.c.verdict == verdict)
    wanted = select(*columns).where(*mine).order_by(rows.c.line).limit(ROWS_A_PAGE)
    while page := context.session.execute(wanted.where(rows.c.line > after)).all():
        yield page
        after = page[-1].line


def _imports(context: RequestContext, *which: ColumnElement[bool]) -> Select[Any]:
    """Without the file itself."""
    table, config = context.state.tables.link_imports, context.state.config
    shown = [column for column in table.c if column.name != "content"]
    lacks_worker = (~is_worker_ticking(context.state.tables, config)).label("lacks_worker")
    return select(*shown, lacks_worker, table.c.content.is_not(None).label("has_file")).where(*which)
