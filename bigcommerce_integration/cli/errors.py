"""Errors of commands, as one line each."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from ..refresh.job.database import missing_migration


def reporting_missing_tables(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command; if a table or column of ours is missing, it prints that in one line and ends with 1."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except SQLAlchemyError as error:
            found = missing_migration(error)
            if found is None:
                raise
            raise click.ClickException(str(found)) from None

    return run
