"""What all commands share: the app's context, one line for an error, and for whom they work."""

from __future__ import annotations

import getpass
import os
import shlex
import traceback
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click
from flask.cli import ScriptInfo, with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from ..app_state import current_state
from ..errors import BigCommerceError, DatabaseDown, Invalid
from ..host.tenancy import acting_for
from ..operations.context import Caller, RequestContext, authorize, caller_with_shell, tenant_of_instance
from ..operations.work.watch import refusal_of, require_database
from ..refresh.job.database import shortage

DONE, FAILED, USAGE, FOUND, INTERRUPTED = 0, 1, 2, 3, 130
"""What commands end with: FOUND is for what is no failure, and yet not as it should be."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API answers.")
watch_option = click.option("--watch", "is_watched", is_flag=True, help="Show the progress until it has ended.")


class WrongInput(click.ClickException):
    """What was given cannot be accepted; said in one line."""

    exit_code = USAGE


def in_options(refusal: Invalid, options: Mapping[str, str]) -> WrongInput:
    """A refusal in the words of the command line; ``options`` are those that stand for fields, by their paths."""
    errors: dict[str, list[str]] = {}
    for path, messages in refusal.errors.items():
        name = next((path for path in (path, path.partition(".")[0]) if path in options), None)
        errors.setdefault(options[name] if name else path, []).extend(messages)
    return WrongInput(" ".join(f"{name}: {' '.join(dict.fromkeys(texts))}" for name, texts in errors.items()))


def command(name: str, *, needs_database: bool = True) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of this name: with ``--debug``, in the app's context, and every error in one line on stderr.

    One that needs the database does not begin while that does not answer.
    """

    def made(function: Callable[..., Any]) -> click.Command:
        debug = click.option("--debug", "is_debug", is_flag=True, help="Show the traceback of an error.")
        return click.command(name)(debug(with_appcontext(_reporting(function, needs_database=needs_database))))

    return made


def _reporting(function: Callable[..., Any], *, needs_database: bool) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, is_debug: bool, **options: Any) -> Any:
        if os.environ.get("NO_COLOR"):
            click.get_current_context().color = False
        try:
            if needs_database:
                require_database(current_state())
            return function(*args, **options)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - a person sees one line, not a traceback
            if is_debug:
                traceback.print_exc()
            kind = WrongInput if isinstance(error, Invalid) else click.ClickException
            raise kind(" ".join(sentence_of(error).split())) from None

    return run


def sentence_of(error: Exception) -> str:
    """What went wrong and what to do, without what an unknown error may quote: that could be a secret."""
    if isinstance(error, Invalid):
        return " ".join(f"{path}: {' '.join(messages)}" for path, messages in error.errors.items())
    if isinstance(error, DatabaseDown):
        return f"{error} `{line_for('doctor')}` says why."
    if isinstance(error, BigCommerceError):
        return str(error)
    if isinstance(error, SQLAlchemyError) and (refusal := refusal_of(current_state(), error)) is not None:
        return sentence_of(refusal)
    found = shortage(error) if isinstance(error, SQLAlchemyError) else None
    return f"{type(error).__name__}. --debug shows where." if found is None else str(found)


def system_user() -> str:
    """Who calls, for the history."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a user id without a name, as in containers
        return f"cli:{os.getuid()}"


def caller_for(tenant: str) -> Caller:
    """Whoever runs the command, for this tenant until its end."""
    click.get_current_context().with_resource(acting_for(tenant))
    return caller_with_shell(current_state(), tenant, system_user())


def context_of(instance_id: int, *, while_deleting: bool = False) -> RequestContext:
    """The instance, for its tenant; ``NotFound``."""
    caller = caller_for(tenant_of_instance(current_state(), instance_id))
    return authorize(caller, "shell", instance_id, while_deleting=while_deleting)


def line_for(words: str) -> str:
    """The line to type in for another command of ours."""
    context = click.get_current_context()
    script = context.find_object(ScriptInfo)
    app = f" --app {shlex.quote(script.app_import_path)}" if script is not None and script.app_import_path else ""
    return f"flask{app} bigcommerce {words}"
