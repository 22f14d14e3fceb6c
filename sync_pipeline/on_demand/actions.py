"""What can be asked for, under the names that Adobe gives it, and what is answered. Declarations and checks, no I/O.

The command line, the HTTP endpoint and the docs page follow from `ACTIONS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from sync_pipeline.identifiers import CrmId, Identifier, IdentifierError, MarketoId, identifier

Given = str | int | bool
LARGEST = 99_999  # of a number that is given: days, a few centuries at most
LONGEST = 40_000  # characters of a text: a request has no more, and the CRM's long fields hold less


REQUEST_ID = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
NUMBER = re.compile(r"[0-9]{1,9}")


class Action(StrEnum):
    """A flow action."""

    SYNC_PERSON = "sync-person"
    CHANGE_OWNER = "change-owner"
    CREATE_TASK = "create-task"
    ADD_TO_CAMPAIGN = "add-to-campaign"
    CHANGE_STATUS = "change-status"
    REMOVE_FROM_CAMPAIGN = "remove-from-campaign"
    CONVERT = "convert"
    DELETE_FROM_CRM = "delete-from-crm"
    DELETE = "delete"


class Status(StrEnum):
    """What became of a request."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Option:
    """A setting of an action; its type is that of the default.

    Attributes:
        parse: makes one plain id of what is given, where it is an id and nothing else.
    """

    name: str
    said: str
    default: Given = ""
    required: bool = False
    parse: Callable[[object], str] | None = None


@dataclass(frozen=True)
class Declared:
    """An action: Adobe's label, what it does, and its settings."""

    label: str
    said: str
    options: tuple[Option, ...] = ()


OWNER = "User or queue, by id, e-mail address, user name or name"
CAMPAIGN = Option("campaign", "Salesforce campaign, by id or name.", required=True)
PROGRAM = Option("program", "Marketo program, by id, in which this runs: while it is linked to a campaign, nobody is "
                 "created by implication (FLOW-16).", parse=MarketoId)  # fmt: skip

ACTIONS: dict[Action, Declared] = {
    Action.SYNC_PERSON: Declared(
        "Sync Person to SFDC",
        "Create the lead at once, or bring lead or contact up to date (FLOW-1 to 7).",
        (Option("owner", f"{OWNER}; by the org's assignment rules if empty."),),
    ),
    Action.CHANGE_OWNER: Declared(
        "Change Owner",
        "Give the lead to a user or a queue (FLOW-8).",
        (Option("owner", f"{OWNER}.", required=True), PROGRAM),
    ),
    Action.CREATE_TASK: Declared(
        "Create Task",
        "Create a task about the person (FLOW-9).",
        (
            Option("subject", "Subject; {{lead.…}}, {{company.…}} and {{system.…}} are filled in.", required=True),
            Option("description", "Comments, with tokens too."),
            Option("due_in", "Days until it is due.", 5),
            Option("priority", "Priority, as the org names it."),
            Option("task_status", "Status, as the org names it."),
            Option("owner", f"{OWNER}; whoever owns the person if empty."),
            PROGRAM,
        ),
    ),
    Action.ADD_TO_CAMPAIGN: Declared(
        "Add to SFDC Campaign",
        "Make the person a member; who is one already stays as it is (FLOW-10).",
        (CAMPAIGN, Option("status", "Member status; the campaign's own default if empty."), PROGRAM),
    ),
    Action.CHANGE_STATUS: Declared(
        "Change Status in SFDC Campaign",
        "Set the member's status; who is no member becomes one (FLOW-11).",
        (CAMPAIGN, Option("status", "New member status.", required=True), PROGRAM),
    ),
    Action.REMOVE_FROM_CAMPAIGN: Declared(
        "Remove from SFDC Campaign", "End the membership (FLOW-12).", (CAMPAIGN,)
    ),
    Action.CONVERT: Declared(
        "Convert Person",
        "Make the lead a contact, with a new account and a new opportunity (CONV-6, CONV-7).",
        (
            Option("status", "Converted status, as the org names it.", required=True),
            Option("owner", f"{OWNER} of what is made; whoever owns the lead if empty."),
            Option("notify", "Whether Salesforce tells the owner by e-mail.", False),
            Option(
                "account",
                "Id of an account that is there already, instead of a new one (CONV-11).",
                parse=partial(CrmId, prefixes=("001",)),
            ),
            Option("opportunity", "Whether an opportunity is made.", True),
            PROGRAM,
        ),
    ),
    Action.DELETE_FROM_CRM: Declared(
        "Delete Person from SFDC",
        "Delete the lead or contact; the person stays in Marketo (FLOW-13).",
        (Option("everywhere", "Delete the person in Marketo too; nothing brings it back.", False),),
    ),
    Action.DELETE: Declared(
        "Delete Person",
        "Delete the person in Marketo, and the lead or contact too (FLOW-14).",
        (Option("everywhere", "Delete the lead or contact too.", True),),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What somebody asks for.

    Attributes:
        id: the asker's own name of the request: the same request again gets the same answer.
        person: id in Marketo or in the CRM, or an e-mail address that one person has; never more than one.
        options: a value for every option of the action.
    """

    id: str
    action: Action
    person: Identifier
    options: Mapping[str, Given] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return str(self.options.get(name, ""))

    def flag(self, name: str) -> bool:
        return bool(self.options.get(name, False))

    def to_json(self) -> str:
        return json.dumps({"action": self.action, "person": self.person, **self.options}, sort_keys=True)


@dataclass(frozen=True)
class Outcome:
    """What is answered.

    Attributes:
        crm_id: the lead or contact that the person is, None if it is none.
        record_id: the task, membership or opportunity that was made.
        code: the CRM's or Marketo's own word for a failure, or ours; reasons to skip have one too.
        final: whether the same request again gets the same answer; if not, it is to be sent again.
    """

    request_id: str
    status: Status
    marketo_id: str = ""
    crm_id: str | None = None
    record_id: str | None = None
    code: str = ""
    message: str = ""
    final: bool = True


class RequestError(ValueError):
    """What was asked for is not what the action takes; the message says what is wrong."""


def request(request_id: object, action: object, person: object, given: Mapping[str, object]) -> Request:
    """Return a request whose options are complete and of their kind.

    Text is taken for numbers and truth values too, as a webhook's template knows nothing else.

    Raises:
        RequestError: an unknown action or option, one that is missing, a value of another kind, or not one person.
    """
    if not isinstance(action, str) or action not in ACTIONS:
        raise RequestError(f"unknown action; known: {', '.join(ACTIONS)}")
    if isinstance(request_id, int) and not isinstance(request_id, bool):
        request_id = str(request_id)
    if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
        raise RequestError("a request needs an id: a text of at most 255 characters, without control characters")
    if person is None or person == "":
        raise RequestError("a request needs a person")
    try:
        who = identifier(person)
    except IdentifierError as error:
        raise RequestError(str(error)) from None
    declared = ACTIONS[Action(action)].options
    if unknown := sorted(given.keys() - {option.name for option in declared}):
        raise RequestError(f"{action} takes no {', '.join(unknown)}")
    options = {option.name: _taken(option, given.get(option.name)) for option in declared}
    return Request(request_id, Action(action), who, options)


def request_from_json(request_id: str, asked: str) -> Request:
    """Return the request that `to_json` wrote down."""
    told = json.loads(asked)
    return request(request_id, told.pop("action"), told.pop("person"), told)


def _taken(option: Option, value: object) -> Given:
    if value is None or value == "":
        if option.required:
            raise RequestError(f"{option.name} is missing: {option.said}")
        return option.default
    if isinstance(option.default, bool):
        if str(value).lower() not in ("true", "false"):
            raise RequestError(f"{option.name} is true or false")
        return str(value).lower() == "true"
    if isinstance(option.default, int):
        if not NUMBER.fullmatch(str(value)) or int(str(value)) > LARGEST:
            raise RequestError(f"{option.name} is a number up to {LARGEST:,}")
        return int(str(value))
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise RequestError(f"{option.name} is a text")
    text = str(value).strip()
    if "\0" in text or len(text) > LONGEST:
        raise RequestError(f"{option.name} is a text of at most {LONGEST:,} characters, without NUL")
    try:
        return option.parse(text) if option.parse else text
    except IdentifierError as error:
        raise RequestError(f"{option.name}: {error}") from None
