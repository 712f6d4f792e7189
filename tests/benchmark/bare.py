"""What routes are measured against: a bare Flask app with a JWT check that inserts and reads one row."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, jsonify, request
from flask_jwt_extended import JWTManager, jwt_required
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Integer, String

from ..host_app import JWT_SECRET_KEY

VARIABLE = "BENCHMARK_BARE_DATABASE_URL"

db = SQLAlchemy()
jwt = JWTManager()


class Row(db.Model):  # type: ignore[name-defined, misc]
    """The one row."""

    id = Column(Integer, primary_key=True)
    name = Column(String(255), nullable=False)


def create_app(url: str) -> Flask:
    """The app on this database."""
    app = Flask("bare")
    app.config.update(SQLALCHEMY_DATABASE_URI=url, JWT_SECRET_KEY=JWT_SECRET_KEY)
    db.init_app(app)
    jwt.init_app(app)

    @app.post("/rows")
    @jwt_required()
    def insert() -> Any:
        row = Row(name=request.get_json()["name"])
        db.session.add(row)
        db.session.commit()
        return jsonify(id=row.id, name=row.name), 201

    @app.get("/rows/<int:row_id>")
    @jwt_required()
    def read(row_id: int) -> Any:
        row = db.get_or_404(Row, row_id)
        return jsonify(id=row.id, name=row.name)

    return app


if VARIABLE in os.environ:
    app = create_app(os.environ[VARIABLE])
