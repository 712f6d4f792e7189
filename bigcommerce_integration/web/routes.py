"""Which path leads where."""

from __future__ import annotations

from flask import Blueprint

from ..errors import RequestRefused
from .error_answers import refusal_answer
from .instances import get_instance, post_instance
from .refreshes import get_refresh


def add_routes(blueprint: Blueprint) -> None:
    """The routes, and the answers to what they refuse.

    Ids are taken as text: a converter that does not match would answer with the host's 404 instead of ours.
    """
    blueprint.register_error_handler(RequestRefused, refusal_answer)
    for rule, method, view in (
        ("", "POST", post_instance),
        ("/<instance_id>", "GET", get_instance),
        ("/<instance_id>/refreshes/<refresh_id>", "GET", get_refresh),
    ):
        blueprint.add_url_rule(rule, methods=[method], view_func=view)
