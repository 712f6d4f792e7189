"""A host's database of 0.1.0, migrated by the host's own means."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import Migrate, init, migrate, upgrade
from flask_sqlalchemy import SQLAlchemy


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Alembic's template configures logging, and with it switches off every logger that exists."""
    root = logging.getLogger()
    loggers = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = [(each, each.disabled, each.level, list(each.handlers)) for each in (root, *loggers)]
    yield
    for each, disabled, level, handlers in before:
        each.disabled, each.level, each.handlers = disabled, level, handlers


def migrated(app: Flask, db: SQLAlchemy, directory: Path) -> list[Path]:
    """``flask db migrate && flask db upgrade``, then ``migrate`` once more; the migrations that were written."""
    Migrate(app, db)
    with app.app_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        init(str(directory))
        migrate(str(directory))
        upgrade(str(directory))
        migrate(str(directory))
    return list((directory / "versions").glob("*.py"))
