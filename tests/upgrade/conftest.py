"""A host's database of 0.1.0, migrated by the host's own means."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import Migrate, init, migrate, upgrade
from flask_sqlalchemy import SQLAlchemy


@pytest.fixture(autouse=True)
def _logging(logging_as_before: None) -> None:
    """Each test here migrates."""


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
