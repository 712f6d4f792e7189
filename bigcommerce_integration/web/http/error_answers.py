"""Refusals as JSON answers; registered on our blueprint alone, so the host's handlers stay as they are."""

from __future__ import annotations

from typing import Any

from ...answers.text import encodable
from ...errors import Conflict, Invalid, MethodNotAllowed, RequestRefused


def refusal_answer(error: RequestRefused) -> tuple[dict[str, Any], int, dict[str, str]]:
    """``{"message": …}`` with the error's status; for 422 every bad field in ``errors``, for 409 the ``refresh_id``.

    For 405 the header ``Allow``.
    """
    headers: dict[str, str] = {}
    answer: dict[str, Any] = {"message": encodable(error.message)}
    if isinstance(error, Invalid):
        answer["errors"] = {
            encodable(path): [encodable(message) for message in messages] for path, messages in error.errors.items()
        }
    elif isinstance(error, Conflict):
        answer["refresh_id"] = error.refresh_id
    elif isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return answer, error.status, headers
