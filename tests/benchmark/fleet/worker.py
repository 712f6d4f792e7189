"""The worker module of the benchmark: each process counts its statements in a file that others read."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Engine, event

from ...worker_host import broker
from .shared import VARIABLE, StatementCounter

__all__ = ["broker"]

event.listen(Engine, "before_cursor_execute", StatementCounter(Path(os.environ[VARIABLE])).add)
