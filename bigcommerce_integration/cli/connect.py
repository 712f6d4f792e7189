"""``connect``: a store, from options and from what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import click
from marshmallow import ValidationError

from ..answers.instances import instance_answer, report_answer
from ..app_state import current_state
from ..errors import Invalid
from ..models.instances import PATHS
from ..operations.choices import Choices, choices
from ..operations.context import Caller, authorize, tenant_without_request
from ..operations.instances.connect import connect
from ..operations.instances.draft import Draft, draft_of
from ..operations.instances.verification import SKIP, check_draft
from ..operations.instances.views import InstanceView
from ..schemas.base import load
from ..schemas.instances import NewInstance
from .command import FAILED, WrongInput, caller_for, command, in_options, json_option, line_for, watch_option
from .output import harmless, print_json
from .refreshes.watch import watch
from .stores import print_report

_FLAGS = {
    "auto_link_products": ("--link", "Link variants to your products of the same SKU", True),
    "auto_create_products": ("--create", "Make products of yours for SKUs that you do not have", False),
    "is_automatic_sync_enabled": ("--sync", "Keep the store up to date by itself", True),
}
_OPTIONS = {
    "name": "--name",
    "integration_id": "--integration-id",
    **{name: f"--{name.replace('_', '-')}" for name in ("store_hash", "start_date", "store_id")},
    **{name: option for name, (option, _, _) in _FLAGS.items()},
    "access_token": "--token-file",
}
_UNVERIFIED = "To store it unverified, give --no-verify."


@command("connect")
@click.option("--name", help="The name of the store for people.")
@click.option("--store-hash", help="The store's hash: of …/stores/abc123/v3/ it is abc123.")
@click.option("--start-date", metavar="YYYY-MM-DD", help="From when on records are mirrored.")
@click.option("--store-id", type=int, help="The store of your app that the records belong to.")
@click.option("--integration-id", type=int, help="Your integration of the type BigCommerce, if there are several.")
@click.option("--link/--no-link", "auto_link_products", default=None, help="Link variants by SKU.")
@click.option("--create/--no-create", "auto_create_products", default=None, help="Make products for other SKUs.")
@click.option("--sync/--no-sync", "is_automatic_sync_enabled", default=None, help="Keep it up to date by itself.")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="The file with the access token; - is standard input.",
)
@click.option("--tenant", help="The tenant to whom the store belongs.")
@click.option("--check-only", is_flag=True, help="Ask the store whether it can be mirrored; save nothing.")
@click.option("--verify/--no-verify", default=True, help="Try the token against the store first.")
@click.option("--no-input", is_flag=True, help="Ask for nothing: what is missing is an error.")
@json_option
@watch_option
def connect_command(
    *, tenant: str | None, check_only: bool, verify: bool, no_input: bool, as_json: bool, is_watched: bool, **given: Any
) -> None:
    """Connect a store: its products and orders begin to arrive. Asks for what the options do not give."""
    caller = caller_for(tenant_without_request(current_state()) if tenant is None else tenant)
    answers = _Answers(given, choices(caller), is_asked=not no_input and given["token_file"] not in ("-",))
    draft = _draft(caller, answers)
    caller.session.rollback()
    try:
        if check_only:
            _check(caller, draft, as_json=as_json)
            return
        view = connect(caller, draft, verify=verify)
    except Invalid as refusal:
        raise _in_options(refusal) from None
    _print_connected(caller, view, as_json=as_json)
    if is_watched:
        context = authorize(caller, "shell", view.instance.id)
        watch(context, [each.row.id for each in view.health.newest])


def _check(caller: Caller, draft: Draft, *, as_json: bool) -> None:
    report, warnings = check_draft(caller, draft)
    if as_json:
        print_json({"data": report_answer(report), "warnings": warnings})
    else:
        print_report("The store says:", report)
        _warn([each["message"] for each in warnings])
    if not report.is_ready:
        raise click.exceptions.Exit(FAILED)


def _print_connected(caller: Caller, view: InstanceView, *, as_json: bool) -> None:
    if as_json:
        print_json({"data": instance_answer(view, caller.state.cipher)})
    else:
        begun = " and ".join(f"{each.row.id} ({each.row.resource})" for each in view.health.newest)
        click.echo(f"Connected {harmless(view.instance.name)} as instance {view.instance.id}. Refreshes {begun} begin.")
        click.echo(f"To watch them: {line_for(f'watch {view.instance.id}')}")
    _warn([view.instance.status_message, *(each["message"] for each in view.warnings)])


def _warn(messages: Sequence[str | None]) -> None:
    for message in messages:
        if message:
            click.echo(f"Warning: {harmless(message)}", err=True)


def _draft(caller: Caller, answers: _Answers) -> Draft:
    """What was given, and what is asked for; ``WrongInput`` names all that is missing."""
    offered = answers.choices
    values = {
        "name": answers.text("name", "Name of the store, for people"),
        "integration_id": answers.chosen("integration_id", "Integration of the type BigCommerce", offered.integrations),
        "store_hash": answers.text("store_hash", "Store hash (of …/stores/abc123/v3/ it is abc123)"),
        "start_date": answers.text("start_date", "From when on (YYYY-MM-DD)", default=f"{date.today().year}-01-01"),
        "store_id": answers.chosen("store_id", "Store of your app", offered.stores),
        **{name: answers.flag(name, text, default=default) for name, (_, text, default) in _FLAGS.items()},
        "access_token": answers.token(),
    }
    if answers.missing:
        raise WrongInput(f"Give {', '.join(answers.missing)}.")
    body: dict[str, Any] = {}
    for name, value in values.items():
        parent, _, last = PATHS[name].rpartition(".")
        (body.setdefault(parent, {}) if parent else body)[last] = value
    read, errors = load(NewInstance(), body)
    return draft_of(read, errors, caller.state.cipher)


def _in_options(refusal: Invalid) -> WrongInput:
    words = {path: [each.replace(SKIP, _UNVERIFIED) for each in messages] for path, messages in refusal.errors.items()}
    return in_options(Invalid(words), {PATHS[name]: option for name, option in _OPTIONS.items()})


def _required(name: str) -> Callable[[object], Any]:
    """What refuses a typed-in value that the field would refuse, so that it is asked for again."""
    schema: Any = NewInstance()
    for part in PATHS[name].split("."):
        field = schema.fields[part]
        schema = getattr(field, "schema", None)

    def read(given: object) -> Any:
        text = str(given).strip()
        value = int(text) if name.endswith("_id") and text.isdecimal() else text
        try:
            field.deserialize(value)
        except ValidationError as error:
            raise click.UsageError(str(error.messages[0])) from None
        return value

    return read


@dataclass
class _Answers:
    """The options, and the person who is asked for what they do not give (``is_asked``)."""

    given: Mapping[str, Any]
    choices: Choices
    is_asked: bool

    def __post_init__(self) -> None:
        self.missing: list[str] = []

    def text(self, name: str, prompt: str, *, default: str | None = None) -> Any:
        if self.given[name] is not None:
            return self.given[name]
        return click.prompt(prompt, default=default, value_proc=_required(name), err=True) if self._asks(name) else None

    def chosen(self, name: str, prompt: str, offered: Sequence[tuple[int, str]] | None) -> Any:
        """One of the host's; the only one without a question where it is the integration."""
        if self.given[name] is not None:
            return self.given[name]
        if name == "integration_id" and offered is not None and len(offered) == 1:
            return offered[0][0]
        if not self._asks(name):
            return None
        for key, text in offered or ():
            click.echo(f"  {key}  {harmless(text)}", err=True)
        return click.prompt(prompt, default=offered[0][0] if offered else None, value_proc=_required(name), err=True)

    def flag(self, name: str, prompt: str, *, default: bool) -> Any:
        if self.given[name] is not None:
            return self.given[name]
        return click.confirm(f"{prompt}?", default=default, err=True) if self._asks(name) else None

    def token(self) -> Any:
        """From the file, or without showing it; never from an argument, which other users of the machine can see."""
        path = self.given["token_file"]
        if path is None:
            read = _required("access_token")
            return (
                click.prompt("Access token", hide_input=True, value_proc=read, err=True)
                if self._asks("access_token")
                else None
            )
        try:
            with click.open_file(path, encoding="utf-8") as file:
                return file.readline().strip()
        except (OSError, UnicodeDecodeError):
            raise WrongInput("--token-file: It cannot be read as text.") from None

    def _asks(self, name: str) -> bool:
        if not self.is_asked:
            self.missing.append(_OPTIONS[name])
        return self.is_asked
