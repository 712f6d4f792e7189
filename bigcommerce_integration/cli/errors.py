"""What commands say where they cannot do their work."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from ..refresh.job.database import missing_migration


def naming_what_is_missing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, which says in one line that a table or column of ours is not there, and ends with 1."""

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
