"""Rows with what belongs to them: one statement where the database can, the same rows everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bigcommerce_integration.models.dialect.inserts import ROWS_AT_ONCE, Parts, inserted

METADATA = MetaData()
PARENTS = Table(
    "parents",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("tenant", String(10), nullable=False),
    Column("name", String(10), nullable=False),
    Column("code", Integer, unique=True),
    Column("kind", String(10), server_default="usual"),
    UniqueConstraint("tenant", "name"),
)
CHILDREN = Table(
    "children",
    METADATA,
    Column("parent_id", ForeignKey(PARENTS.c.id), primary_key=True),
    Column("place", String(10), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("note", String(10)),
)
PAPERS = Table(
    "papers",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("parent_id", ForeignKey(PARENTS.c.id), nullable=False),
    Column("text", String(10)),
)
PARTS = (
    Parts(CHILDREN.c.parent_id, [{"place": place, "size": len(place), "note": None} for place in ("left", "right")]),
    Parts(PAPERS.c.parent_id, [{"text": "made"}]),
)
UNIQUE = ("tenant", "name")


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = create_engine(database_url)
    METADATA.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def parents(count: int, tenant: str = "a") -> list[dict[str, object]]:
    return [{"tenant": tenant, "name": f"p{number}", "code": None} for number in range(count)]


def stored(session: Session, table: Table) -> Sequence[tuple[object, ...]]:
    return sorted(map(tuple, session.execute(select(*(column for column in table.c if column.name != "id")))))


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE, ROWS_AT_ONCE + 3])
def test_each_row_gets_its_own_parts(session: Session, count: int) -> None:
    made = inserted(session, PARENTS, parents(count), key="name", parts=PARTS)
    rows = session.execute(select(PARENTS.c.name, PARENTS.c.id, PARENTS.c.kind)).all()
    assert [(each["name"], each["id"], "usual") for each in made] == sorted(map(tuple, rows))
    ids = [each["id"] for each in made]
    assert stored(session, CHILDREN) == sorted(
        (row_id, place, len(place), None) for row_id in ids for place in ("left", "right")
    )
    assert stored(session, PAPERS) == sorted((row_id, "made") for row_id in ids)


def test_a_taken_row_is_left_out_with_its_parts(session: Session) -> None:
    (first,) = inserted(session, PARENTS, parents(1), key="name", parts=PARTS, unique=UNIQUE)
    before = stored(session, CHILDREN), stored(session, PAPERS)
    assert inserted(session, PARENTS, parents(1), key="name", parts=PARTS, unique=UNIQUE) == []
    assert (stored(session, CHILDREN), stored(session, PAPERS)) == before
    # The transaction goes on, and another tenant's row of the same name is another one.
    (other,) = inserted(session, PARENTS, parents(1, "b"), key="name", parts=PARTS, unique=UNIQUE)
    session.commit()
    assert other["id"] != first["id"]
    assert [row[:2] for row in stored(session, PARENTS)] == [("a", "p0"), ("b", "p0")]


@pytest.mark.parametrize("unique", [UNIQUE, ()])
def test_another_violated_constraint_is_an_error(session: Session, unique: Sequence[str]) -> None:
    inserted(session, PARENTS, [{"tenant": "a", "name": "one", "code": 7}], key="name", unique=unique)
    session.commit()
    for values in ({"name": "two", "code": 7}, {"name": "one", "code": 8}):
        if unique and values["name"] == "one":
            continue
        with pytest.raises(IntegrityError):
            inserted(session, PARENTS, [{"tenant": "a", **values}], key="name", parts=PARTS, unique=unique)
        session.rollback()
    assert [row[1] for row in stored(session, PARENTS)] == ["one"]
    assert not stored(session, CHILDREN)


def test_few_rows_are_one_statement_on_postgresql(session: Session) -> None:
    statements: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *each: statements.append(each[2]))
    inserted(session, PARENTS, parents(ROWS_AT_ONCE), key="name", parts=PARTS)
    is_one = session.get_bind().dialect.name == "postgresql"
    assert len(statements) == 1 if is_one else len(statements) >= 3, statements
