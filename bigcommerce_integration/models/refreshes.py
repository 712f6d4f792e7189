"""The work: refreshes with their checkpoints, the leases that fence them, the hints, the workers."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
)

from .types import NAME_LENGTH, declare_table, long_bytes, long_text, moment, row_id

STATUSES = ("pending", "processing", "completed", "failed", "cancelled")
OPEN = ("pending", "processing")
"""The statuses of a refresh that goes on (see refresh/lifecycle/transitions.py)."""
STOPPED = ("failed", "cancelled")
"""Those of one that may be opened again."""
COUNTERS = (
    "fetched",
    "created",
    "updated",
    "unchanged",
    "skipped",
    "deleted",
    "linked",
    "products_created",
    "referenced",
    "rejected",
    # Variants that the linking pass left unlinked with a reason, and host products that the host would not make.
    "conflicts",
    "refused",
    # Rows written with notes: of products, variants, orders and order lines, each time that one is written.
    "notes",
    "requests",
)

# Who may write an instance's rows of one resource, until when; and what is counted per (instance, resource).
declare_table(
    "leases",
    Column("instance_id", BigInteger, primary_key=True, autoincrement=False),
    Column("resource", String(16), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("owner", String(64)),
    Column("expires_at", moment()),
    Column("change_number", BigInteger, nullable=False),
    Column("watermark", moment()),
    # Of orders: the products that lines up to this change number refer to are stored or known as absent.
    Column("referenced_up_to", BigInteger),
    # Whose turn it is where a walk and refreshes of ids share the lease: the walk's after a slice of one of those.
    Column("is_walk_next", Boolean, nullable=False, server_default=false()),
    # When the tick may next begin something by itself; NULL is at once.
    Column("next_sync_at", moment()),
    Column("next_sweep_at", moment()),
    Column("next_reconcile_at", moment()),
    # The last reconciliation, if it found drift that no repair has ended since.
    Column("drifted_in", BigInteger),
    # The start date was moved back from this day: what lies between is still to be fetched, NULL is at once.
    Column("backfill_to", Date),
    Column("next_backfill_at", moment()),
    # Linking was switched on: its pass, at the end of a refresh of products, is still to be made.
    Column("is_link_wanted", Boolean, nullable=False, server_default=false()),
    # When a refresh of products next makes the pass over all that is unlinked, NULL is at once; how many variants the
    # last one left with a reason, and how many products the host would not make. What was written up to this change
    # number, a pass has looked at.
    Column("next_link_at", moment()),
    Column("link_conflicts", BigInteger),
    Column("link_refused", BigInteger),
    Column("linked_up_to", BigInteger),
    # Why the collection, which a store can do without, is not mirrored for this one: the token lacks its scope.
    Column("off_reason", Text),
    # What a tick looks for, so that it reads what is due and nothing else.
    Index("ix_bigcommerce_leases_next_sync_at", "resource", "next_sync_at"),
)

# One run that brings an instance's rows of one resource up to date: the job itself.
declare_table(
    "refreshes",
    Column("id", row_id(), primary_key=True),
    Column("instance_id", BigInteger, nullable=False),
    Column("resource", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    # What the mode needs beside its name, as JSON (see refresh/job/parameters.py).
    Column("parameters", long_text()),
    # Who asked for it; NULL is the automatic sync.
    Column("requested_by", String(NAME_LENGTH)),
    # Begun as a sweep was due: the next one is due an interval after one has completed.
    Column("is_sweep", Boolean, nullable=False, server_default=false()),
    # How a refresh stands, as people see it.
    Column("status", String(16), nullable=False),
    Column("progress_percentage", Integer),
    Column("message", Text),
    # Of one that failed: a RefreshCode (see errors.py). NULL in rows of 0.1.0, too.
    Column("error_code", String(32)),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in COUNTERS),
    Column("waited_s", Double, nullable=False, server_default="0"),
    Column("total", BigInteger),
    Column("phase", String(16)),
    # What the store last said is left of its quota of requests.
    Column("quota_left", BigInteger),
    Column("created_at", moment(), nullable=False),
    Column("started_at", moment()),
    Column("finished_at", moment()),
    # What the next slice of a refresh goes on from.
    Column("checkpoint", long_text()),
    # What a reconciliation has found so far, as JSON (see refresh/drift.py); kept once it has ended.
    Column("drift", long_text()),
    # How often the checkpoint was claimed without progress.
    Column("attempts", Integer, nullable=False, server_default="0"),
    # How many slices an error ended that nobody expected, in all; and the database's shortages, in a row.
    Column("errors", Integer, nullable=False, server_default="0"),
    Column("shortages", Integer, nullable=False, server_default="0"),
    # What ended the last slice; NULL once one has come to a good end.
    Column("trouble", Text),
    # Since when it has not got on, by what its message says; NULL while it does, and in rows of 0.2.0.
    Column("stalled_at", moment()),
    # Not before: the end of a long wait for the store.
    Column("resume_at", moment()),
    # "instance:resource" while open, else NULL: at most one open walk of each.
    Column("open_key", String(64)),
    UniqueConstraint("open_key", name="uq_bigcommerce_refreshes_open_key"),
    Index("ix_bigcommerce_refreshes_instance_id", "instance_id", "id"),
    Index("ix_bigcommerce_refreshes_finished_at", "finished_at"),
    # The last success and the last failure, however many refreshes lie between.
    Index("ix_bigcommerce_refreshes_status", "instance_id", "resource", "status", "id"),
    sqlite_autoincrement=True,
)


# SKUs of products that the host has added: variants with them are to be linked (see refresh/linking/added.py).
declare_table(
    "added_skus",
    Column("id", row_id(), primary_key=True),
    Column("instance_id", BigInteger, nullable=False),
    # A JSON list.
    Column("skus", long_text(), nullable=False),
    Column("added_at", moment(), nullable=False),
    # The host has refused the links: not before.
    Column("next_try_at", moment()),
    Index("ix_bigcommerce_added_skus_instance_id", "instance_id", "id"),
)

# Records that a walk over everything did not see: candidates for ``deleted_at``, marked all or none.
declare_table(
    "missing_records",
    Column("refresh_id", BigInteger, primary_key=True, autoincrement=False),
    Column("bigcommerce_id", BigInteger, primary_key=True, autoincrement=False),
    # When the request began whose answer lacked it: a row that was seen since is not gone.
    Column("observed_at", moment(), nullable=False),
    # Asked for once more by its id, and still not there.
    Column("is_confirmed", Boolean, nullable=False),
)

# The outbox: which open refresh is to be hinted at when; on no row that a page's transaction locks.
declare_table(
    "hints",
    Column("refresh_id", BigInteger, primary_key=True, autoincrement=False),
    Column("next_hint_at", moment(), nullable=False),
    Column("times_sent", Integer, nullable=False),
    Index("ix_bigcommerce_hints_next_hint_at", "next_hint_at"),
)

# The last tick of each worker process.
declare_table(
    "workers",
    Column("id", String(64), primary_key=True),
    Column("started_at", moment(), nullable=False),
    Column("last_tick_at", moment(), nullable=False),
    # Of the package; NULL is 0.1.0.
    Column("version", String(32)),
    # The fingerprint of its settings (see config.py), and when a slice of it last ended, or it began to listen;
    # NULL in rows of 0.2.0.
    Column("settings", String(128)),
    Column("last_slice_at", moment()),
    # When it ended in good order; the last such note is kept, so that people see since when no worker runs.
    Column("ended_at", moment()),
    # Since when the broker does not answer it; NULL while it does, and in rows of 0.2.0.
    Column("broker_down_since", moment()),
)

# Records that could not be stored: set aside with the reason, never dropped.
declare_table(
    "rejected_records",
    Column("id", row_id(), primary_key=True),
    Column("instance_id", BigInteger, nullable=False),
    Column("refresh_id", BigInteger, nullable=False),
    Column("resource", String(16), nullable=False),
    Column("bigcommerce_id", BigInteger),
    Column("reason", Text, nullable=False),
    # A RejectionCode (see errors.py); NULL in rows of 0.1.0.
    Column("reason_code", String(32)),
    # How often the refresh ``tried_in`` has tried it again, and how many later refreshes than its own have.
    Column("trials", Integer, nullable=False, server_default="0"),
    Column("tried_in", BigInteger),
    Column("rounds", Integer, nullable=False, server_default="0"),
    Column("payload", long_bytes()),
    Column("is_payload_cut", Boolean, nullable=False),
    Column("created_at", moment(), nullable=False),
    Index("ix_bigcommerce_rejected_records_refresh_id", "refresh_id"),
    Index("ix_bigcommerce_rejected_records_instance_id", "instance_id", "id"),
    Index("ix_bigcommerce_rejected_records_bigcommerce_id", "instance_id", "resource", "bigcommerce_id"),
)
