"""Files in which persons link variants, and the rows of each."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Text

from .types import declare_table, long_bytes, long_text, moment, row_id

ROW_COUNTS = ("rows", "touched", "good", "bad", "applied", "skipped", "undone", "not_undone")

# One uploaded file that links variants (see ``spreadsheets``): a job of its own, a thousand rows a transaction.
declare_table(
    "link_imports",
    Column("id", row_id(), primary_key=True),
    Column("instance_id", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    # What ended the job before its time.
    Column("message", Text),
    Column("uploaded_by", String(255)),
    Column("applied_by", String(255)),
    Column("undone_by", String(255)),
    Column("created_at", moment(), nullable=False),
    Column("changed_at", moment(), nullable=False),
    # When its rows were taken away, as old.
    Column("pruned_at", moment()),
    *(Column(f"{name}_count", Integer, nullable=False, server_default="0") for name in ROW_COUNTS),
    # The names of the file's columns, as JSON; and the file itself until each row has its verdict, compressed.
    Column("columns", long_text(), nullable=False),
    Column("content", long_bytes()),
    Index("ix_bigcommerce_link_imports_instance_id", "instance_id", "id"),
    Index("ix_bigcommerce_link_imports_status", "status", "id"),
    sqlite_autoincrement=True,
)

# A row of such a file in which a person has decided something.
declare_table(
    "link_import_rows",
    Column("import_id", BigInteger, primary_key=True, autoincrement=False),
    # Its line in the file.
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("bigcommerce_id", BigInteger),
    # good, bad, applied, skipped, undone, not_undone
    Column("verdict", String(16), nullable=False),
    # A RowCode (see errors.py), and the same in a sentence.
    Column("code", String(32)),
    Column("message", Text),
    # As JSON: the host's product (null: none), and the link that the variant had when the file was read.
    Column("target", Text),
    Column("link_before", Text),
    # The row itself, as a JSON list, where there is something to mend.
    Column("cells", long_text()),
    Index("ix_bigcommerce_link_import_rows_verdict", "import_id", "verdict", "line"),
)
