"""Actors and the tick: the message is a hint to look, the refresh row is the job."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from .state import State

QUEUE = "bigcommerce"


def bind(app: Flask, state: State) -> None:
    """Declare our actors and the tick on the app's broker; a second app on one broker takes both over."""


def send_hints(state: State, refresh_ids: Sequence[int]) -> None:
    """Hint at these refreshes; never raises and takes a second at most in all: the tick sends what is left."""
