"""How many examples hypothesis tries: all in ``.ci/long``, a share of them where somebody only runs the tests."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from hypothesis import settings

ALL = 100
"""Of a test that says no number of its own."""
PROFILES = {"few": ALL // 5, "all": ALL}


def load_profile() -> None:
    """Take that which ``HYPOTHESIS_PROFILE`` names. An example may take as long as a busy machine needs."""
    for name, most in PROFILES.items():
        settings.register_profile(name, max_examples=most, deadline=None)
    profile = os.environ.get("HYPOTHESIS_PROFILE", "few")
    settings.load_profile(profile)
    if profile == "few":
        _leave_sources_unread()


def _leave_sources_unread() -> None:
    """Each worker would parse all sources, to try their numbers and texts as values too.

    By a function of Hypothesis's own: a version that has none of this name only takes longer.
    """
    with suppress(ImportError):
        from hypothesis.internal.conjecture import providers

        providers.is_local_module_file = lambda path: False  # type: ignore[attr-defined]


def at_most(examples: int, **options: Any) -> settings:
    """So many of all; of few the same share."""
    return settings(max_examples=max(1, examples * settings.default.max_examples // ALL), deadline=None, **options)
