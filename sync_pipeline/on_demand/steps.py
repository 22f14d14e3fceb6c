"""What an action needs for a person as things are now: the table of cases, as data. No I/O.

The first case that holds counts. The page docs/flow.md and the tests come from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sync_pipeline.on_demand.actions import Action, Status
from sync_pipeline.sync.delivery.on_demand import CREATE_LEAD


class Step(StrEnum):
    """One thing that is done, mostly one write."""

    CREATE = CREATE_LEAD
    KEY = "write its id into Marketo"
    DOUBLE = "create a second lead"
    PUSH = "push values"
    ASSIGN = "change owner"
    TASK = "create task"
    JOIN = "add to campaign"
    MOVE = "change member status"
    LEAVE = "remove from campaign"
    CONVERT = "convert lead"
    DELETE = "delete in Salesforce"
    FORGET = "delete in Marketo"


class Is(StrEnum):
    """What the person is in the CRM at this moment."""

    ABSENT = "not in Salesforce"
    LEAD = "a lead"
    CONTACT = "a contact"


class To(StrEnum):
    """Whom a record is to belong to."""

    RULES = "nobody named"
    USER = "a user"
    QUEUE = "a queue"


class Member(StrEnum):
    """What the person is in the campaign."""

    NO = "no member"
    YES = "a member"
    SAME = "a member with this status"


@dataclass(frozen=True)
class Facts:
    """What holds of a person and a request.

    Attributes:
        everywhere: whether it is to be deleted in both systems.
        doubles: whether a contact that is sent to a queue becomes a second lead, as in the original (decision 19).
        implies: whether who is not in the CRM may be created on the way; off in a linked program (FLOW-16).
        veeva: whether the CRM is Veeva, whose people are person accounts.
    """

    person: Is
    owner: To = To.RULES
    member: Member = Member.NO
    everywhere: bool = False
    doubles: bool = False
    implies: bool = True
    veeva: bool = False


@dataclass(frozen=True)
class Case:
    """What is done where these facts hold; without steps, why nothing is.

    `code` is what is answered then; `rows` are the requirements that say so.
    """

    action: Action
    where: Mapping[str, object]
    steps: tuple[Step, ...] = ()
    status: Status = Status.DONE
    code: str = ""
    because: str = ""
    rows: str = ""

    def holds(self, facts: Facts) -> bool:
        return all(getattr(facts, name) == value for name, value in self.where.items())


NEW = (Step.CREATE, Step.KEY)
ABSENT, LEAD, CONTACT = ({"person": one} for one in Is)
NO_USER = {
    "code": "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "because": "a contact's owner is changed in the CRM",
}
NO_QUEUE = {"code": "QUEUE_CANNOT_OWN_CONTACT", "because": "a queue owns leads only, and the person is a contact"}
IMPLIED_OFF = {
    "code": "IMPLIED_ACTIONS_OFF",
    "because": "the program is linked to a campaign: nobody is created on the way",
}
NOT_THERE = {"code": "NOT_IN_SALESFORCE", "because": "the person is not in Salesforce"}
VEEVA: dict[str, object] = {"veeva": True}
NOT_MADE = {"code": "NOT_IN_VEEVA", "because": "the person is not in Veeva, where Marketo makes no person accounts"}
NOT_FORCED = {
    "code": "NOT_SUPPORTED_IN_VEEVA",
    "because": "Marketo makes no person accounts, and the cycle alone brings those that are there up to date",
}
NO_LEADS = {"code": "NOT_SUPPORTED_IN_VEEVA", "because": "the Veeva sync has no leads, and converts nobody"}
NO_STEP = {"code": "NOT_SUPPORTED_IN_VEEVA", "because": "of all these steps there is but Create Task for Veeva"}
NO_MEMBER = {"code": "NOT_A_MEMBER", "because": "the person is no member of the campaign"}


def _case(action: Action, where: Mapping[str, object], *steps: Step, rows: str) -> Case:
    return Case(action, where, steps, rows=rows)


def _skipped(action: Action, where: Mapping[str, object], why: Mapping[str, str], rows: str) -> Case:
    return Case(action, where, (), Status.SKIPPED, why["code"], why["because"], rows)


def _failed(action: Action, where: Mapping[str, object], why: Mapping[str, str], rows: str) -> Case:
    return Case(action, where, (), Status.FAILED, why["code"], why["because"], rows)


def _of_contacts(action: Action, rows: str) -> tuple[Case, ...]:
    """Return what becomes of a contact that is to get another owner."""
    return (
        _failed(action, CONTACT | {"owner": To.USER}, NO_USER, rows),
        _case(action, CONTACT | {"owner": To.QUEUE, "doubles": True}, Step.DOUBLE, rows="SF-CONTACT-6, FLOW-4"),
        _failed(action, CONTACT | {"owner": To.QUEUE}, NO_QUEUE, "decision 19"),
    )


def _implied(action: Action, *steps: Step, rows: str) -> tuple[Case, ...]:
    """Return what becomes of who is not in the CRM: created on the way, unless that is off (FLOW-15, FLOW-16)."""
    return (
        _skipped(action, ABSENT | {"implies": False}, IMPLIED_OFF, "FLOW-16, SF-CAMP-10"),
        _case(action, ABSENT, *NEW, *steps, rows=rows),
    )


_A = Action
_OF_SALESFORCE = [one for one in Action if one not in (_A.CREATE_TASK, _A.SYNC_PERSON, _A.CONVERT)]
CASES: tuple[Case, ...] = (
    _failed(_A.SYNC_PERSON, VEEVA, NOT_FORCED, "VV-PA-7, VV-PA-9"),
    _failed(_A.CREATE_TASK, VEEVA | ABSENT, NOT_MADE, "VV-PA-7"),
    _case(_A.CREATE_TASK, VEEVA, Step.TASK, rows="VV-TASK-1"),
    _failed(_A.CONVERT, VEEVA, NO_LEADS, "VV-PA-8"),
    *(_failed(one, VEEVA, NO_STEP, "VV-TASK-1, VV-GEN-5") for one in _OF_SALESFORCE),
    _case(_A.SYNC_PERSON, ABSENT, *NEW, rows="FLOW-1, SF-LEAD-5, DEL-2"),
    _case(_A.SYNC_PERSON, LEAD, Step.PUSH, rows="FLOW-2, FLOW-3, SF-LEAD-11"),
    *_of_contacts(_A.SYNC_PERSON, "FLOW-5, SF-CONTACT-7"),
    _case(_A.SYNC_PERSON, CONTACT, Step.PUSH, rows="SF-CONTACT-5"),
    *_implied(_A.CHANGE_OWNER, rows="FLOW-8, FLOW-15"),
    _case(_A.CHANGE_OWNER, LEAD, Step.ASSIGN, rows="FLOW-8, SF-USER-5"),
    *_of_contacts(_A.CHANGE_OWNER, "SF-CONTACT-7"),
    *_implied(_A.CREATE_TASK, Step.TASK, rows="FLOW-9, FLOW-15"),
    _case(_A.CREATE_TASK, {}, Step.TASK, rows="FLOW-9"),
    *_implied(_A.ADD_TO_CAMPAIGN, Step.JOIN, rows="FLOW-10, FLOW-15"),
    _case(_A.ADD_TO_CAMPAIGN, {"member": Member.NO}, Step.JOIN, rows="FLOW-10"),
    _skipped(_A.ADD_TO_CAMPAIGN, {}, {"code": "ALREADY_A_MEMBER", "because": "the person is a member already, and its "
             "status stays"}, "FLOW-10, SF-CAMP-11"),
    *_implied(_A.CHANGE_STATUS, Step.JOIN, rows="FLOW-11, FLOW-15, SF-CAMP-12"),
    _case(_A.CHANGE_STATUS, {"member": Member.NO}, Step.JOIN, rows="FLOW-11, SF-CAMP-12"),
    _skipped(_A.CHANGE_STATUS, {"member": Member.SAME}, {"code": "SAME_STATUS", "because": "the member has this status "
             "already"}, "FLOW-11"),
    _case(_A.CHANGE_STATUS, {}, Step.MOVE, rows="FLOW-11"),
    _skipped(_A.REMOVE_FROM_CAMPAIGN, ABSENT, NOT_THERE, "FLOW-12"),
    _skipped(_A.REMOVE_FROM_CAMPAIGN, {"member": Member.NO}, NO_MEMBER, "FLOW-12, SF-CAMP-13"),
    _case(_A.REMOVE_FROM_CAMPAIGN, {}, Step.LEAVE, rows="FLOW-12"),
    *_implied(_A.CONVERT, Step.CONVERT, rows="CONV-8, FLOW-15"),
    _case(_A.CONVERT, LEAD, Step.CONVERT, rows="CONV-6, CONV-7"),
    _skipped(_A.CONVERT, {}, {"code": "ALREADY_A_CONTACT", "because": "the person is a contact already"}, "CONV-9"),
    _case(_A.DELETE_FROM_CRM, ABSENT | {"everywhere": True}, Step.FORGET, rows="FLOW-13"),
    _skipped(_A.DELETE_FROM_CRM, ABSENT, NOT_THERE, "FLOW-13"),
    # The CRM first: if it refuses, the person is still there to be asked about.
    _case(_A.DELETE_FROM_CRM, {"everywhere": True}, Step.DELETE, Step.FORGET, rows="FLOW-13"),
    _case(_A.DELETE_FROM_CRM, {}, Step.DELETE, rows="FLOW-13, DEL-3"),
    _case(_A.DELETE, ABSENT, Step.FORGET, rows="FLOW-14"),
    _case(_A.DELETE, {"everywhere": True}, Step.DELETE, Step.FORGET, rows="FLOW-14, DEL-3"),
    _case(_A.DELETE, {}, Step.FORGET, rows="FLOW-14"),
)  # fmt: skip


def case(action: Action, facts: Facts) -> Case:
    """Return the first case of an action that holds; there always is one."""
    return next(one for one in CASES if one.action is action and one.holds(facts))
