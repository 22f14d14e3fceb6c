"""What each step writes: a function a step, of the person as read this minute and of the request. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sync_pipeline.catalog import flow_actions as names
from sync_pipeline.catalog import salesforce
from sync_pipeline.connectors.records import Operation, Record, Value
from sync_pipeline.model import Object, Pairing
from sync_pipeline.on_demand import tokens
from sync_pipeline.on_demand.actions import Action, Request
from sync_pipeline.on_demand.fresh import Values
from sync_pipeline.on_demand.person import Person
from sync_pipeline.on_demand.steps import Step
from sync_pipeline.sync.sides import CRM, MARKETO


@dataclass(frozen=True)
class Write:
    """One write of a step.

    Attributes:
        found_by: the fields by which a create is looked for whose answer was lost.
        pairing: for which the answer is remembered in the link; None where the write is of no linked record.
        agreed: what of it both sides agree on once it is accepted.
        optional: the fields without which it is still worth doing.
    """

    side: str
    obj: Object
    operation: Operation
    record: Record
    found_by: tuple[str, ...] = ()
    pairing: Pairing | None = None
    agreed: Values = field(default_factory=Values)
    optional: frozenset[str] = frozenset()

    def without(self, names: Container[str]) -> Write:
        """Return the write of the other fields."""
        values = {name: value for name, value in self.record.values.items() if name not in names}
        return replace(self, record=replace(self.record, values=values), agreed=self.agreed.without(names))


@dataclass(frozen=True)
class Work:
    """What the steps of a request are about.

    Attributes:
        lead: the pairing of leads.
        values: what of the person belongs into its record, or into a new lead.
        owner: id of the owner that was named, or empty.
        campaign, member, status: the campaign, the id of the membership that is there, the status it is to have.
        defaults: what stands in for an empty last name and company of a new lead (CONN-18).
        labels: Marketo's fields by label, as tokens name them.
        now: the CRM's time.
    """

    request: Request
    person: Person
    lead: Pairing
    values: Values
    now: datetime
    owner: str = ""
    campaign: str = ""
    member: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def write_of(step: Step, work: Work) -> Write | None:
    """Return what a step writes; None if nothing is to be written."""
    return _WRITES[step](work)


def _create(work: Work) -> Write:
    values: dict[str, Value] = {name: value for name, value in work.values.typed.items() if value is not None}
    for name, default in work.defaults.items():
        if default and not values.get(name):
            values[name] = default
    agreed: dict[str, str | None] = {
        name: text for name, text in work.values.text.items() if name in work.values.typed and text is not None
    }
    found_by = tuple(name for name in names.LEAD_FOUND_BY if name in values)
    # The owner of a task or of what a lead becomes is not the lead's, which the org's rules assign.
    owned = _owned(work) if work.request.action in (Action.SYNC_PERSON, Action.CHANGE_OWNER) else {}
    record = Record(None, {**values, **owned})
    taken = replace(work.values, text=agreed)
    optional = frozenset(work.values.typed) - work.values.needed - work.defaults.keys()
    return Write(CRM, work.lead.crm, Operation.CREATE, record, found_by, work.lead, taken, optional)


def _double(work: Work) -> Write:
    """A second lead of a contact stays a stranger to the link, and comes to Marketo as a person of its own."""
    return replace(_create(work), pairing=None)


def _key(work: Work) -> Write:
    values = {work.lead.key: work.person.crm_id}
    return Write(MARKETO, work.lead.marketo, Operation.UPDATE, Record(work.person.marketo_id, values))


def _push(work: Work) -> Write | None:
    values = {**work.values.typed, **_owned(work)}
    if not values or work.person.pairing is None:
        return None
    obj, record = work.person.pairing.crm, Record(work.person.crm_id, values)
    optional = frozenset(work.values.typed)
    return Write(CRM, obj, Operation.UPDATE, record, (), work.person.pairing, work.values, optional)


def _assign(work: Work) -> Write:
    return Write(CRM, _object(work), Operation.UPDATE, Record(work.person.crm_id, _owned(work)))


def _task(work: Work) -> Write:
    asked = work.request
    texts = {
        names.TASK_SUBJECT: asked.text("subject"),
        names.TASK_DESCRIPTION: asked.text("description"),
        **{name: asked.text(option) for option, name in names.TASK_CHOICES.items()},
    }
    values: dict[str, Value] = {
        name: tokens.filled(text, work.labels, work.person.values, work.now) for name, text in texts.items() if text
    }
    values[names.TASK_ABOUT] = work.person.record.get(names.PERSON_CONTACT) or work.person.crm_id
    days = int(asked.options["due_in"])
    values[names.TASK_DUE] = (work.now + timedelta(days=days)).date().isoformat()
    owner = work.owner or work.person.record.get(names.OWNER) or ""
    if work.owner or owner.startswith(names.USER_PREFIX):  # a queue that owns a lead need not own tasks
        values[names.OWNER] = owner
    return Write(CRM, salesforce.TASK, Operation.CREATE, Record(None, values), names.TASK_FOUND_BY)


def _join(work: Work) -> Write:
    person = names.MEMBER_PERSON[_object(work).name]
    values: dict[str, Value] = {names.MEMBER_CAMPAIGN: work.campaign, person: work.person.crm_id, **_status(work)}
    found_by = (names.MEMBER_CAMPAIGN, person)
    return Write(CRM, salesforce.CAMPAIGN_MEMBER, Operation.CREATE, Record(None, values), found_by)


def _move(work: Work) -> Write:
    return Write(CRM, salesforce.CAMPAIGN_MEMBER, Operation.UPDATE, Record(work.member, _status(work)))


def _leave(work: Work) -> Write:
    return Write(CRM, salesforce.CAMPAIGN_MEMBER, Operation.DELETE, Record(work.member, {}))


def _delete(work: Work) -> Write:
    return Write(CRM, _object(work), Operation.DELETE, Record(work.person.crm_id, {}))


def _forget(work: Work) -> Write:
    return Write(MARKETO, work.lead.marketo, Operation.DELETE, Record(work.person.marketo_id, {}))


_WRITES: dict[Step, Callable[[Work], Write | None]] = {
    Step.CREATE: _create,
    Step.DOUBLE: _double,
    Step.KEY: _key,
    Step.PUSH: _push,
    Step.ASSIGN: _assign,
    Step.TASK: _task,
    Step.JOIN: _join,
    Step.MOVE: _move,
    Step.LEAVE: _leave,
    Step.DELETE: _delete,
    Step.FORGET: _forget,
}


def _object(work: Work) -> Object:
    if work.person.pairing is None:
        raise ValueError("the person is not in the CRM")
    return work.person.pairing.crm


def _owned(work: Work) -> dict[str, Value]:
    return {names.OWNER: work.owner} if work.owner else {}


def _status(work: Work) -> dict[str, Value]:
    status = work.request.text("status")
    return {names.MEMBER_STATUS: status} if status else {}
