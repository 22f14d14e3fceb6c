"""Whoever is named on demand, what is done is done to that one record or not at all: by HTTP, by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from click.testing import CliRunner

from sync_pipeline.cli import main
from sync_pipeline.on_demand import lookups
from sync_pipeline.on_demand.actions import ACTIONS, Action, Status
from sync_pipeline.on_demand.lookups import UnknownNameError
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.web.flow import endpoint
from sync_pipeline_tests import hostile
from sync_pipeline_tests.on_demand.world import CAMPAIGN, USER, FlowWorld

pytestmark = pytest.mark.matrix

NEEDED: dict[Action, dict[str, object]] = {
    Action.CHANGE_OWNER: {"owner": USER},
    Action.CREATE_TASK: {"subject": "Call"},
    Action.ADD_TO_CAMPAIGN: {"campaign": CAMPAIGN},
    Action.CHANGE_STATUS: {"campaign": CAMPAIGN, "status": "Sent"},
    Action.REMOVE_FROM_CAMPAIGN: {"campaign": CAMPAIGN},
    Action.CONVERT: {"status": "Converted"},
}
IDS = [(action, one.name) for action, declared in ACTIONS.items() for one in declared.options if one.parse]


class Asked:
    """The HTTP door of a world, and what is in both systems."""

    def __init__(self, world: FlowWorld, match: str = "never") -> None:
        self.world = world
        self.endpoint = endpoint(world.flow(sync=SyncPolicy(match=match)))  # type: ignore[arg-type]

    def post(self, action: str, person: object, **given: object) -> tuple[int, dict[str, Any]]:
        told = {**NEEDED.get(Action(action), {}), **given}
        reply = self.endpoint.answer({"action": action, "person": person, **told})
        return reply.status, dict(reply.body)

    def written(self) -> str:
        systems = (self.world.crm, self.world.marketo)
        return json.dumps([(one.records, sorted(one.deleted)) for one in systems], default=str, sort_keys=True)


@pytest.fixture(scope="module")
def asked(world: FlowWorld) -> Asked:
    world.lead(Email=hostile.ADDRESS)
    world.person(email=hostile.OTHER)
    return Asked(world)


@pytest.mark.parametrize("action", Action)
def test_by_http_what_is_not_one_person_is_refused_and_nothing_is_done(asked: Asked, action: Action) -> None:
    """FLOW-18: a list of addresses deleted the one of them that was there."""
    before = asked.written()
    for name, person in (*hostile.TEXTS.items(), *hostile.VALUES.items()):
        status, body = asked.post(action, person)
        assert (status, set(body)) == (400, {"error", "message"}), name
    assert asked.written() == before


@pytest.mark.parametrize("action", Action)
def test_on_the_command_line_what_is_not_one_person_is_refused(action: Action) -> None:
    options = [part for name, value in NEEDED.get(action, {}).items() for part in (f"--{name}", str(value))]
    for name, person in hostile.TEXTS.items():
        done = CliRunner().invoke(main, ["flow", action, *options, "--", person])
        assert (done.exit_code, type(done.exception)) == (2, SystemExit), (name, done.output)


@pytest.mark.parametrize(("action", "option"), IDS)
def test_a_program_or_account_that_is_not_one_is_refused(asked: Asked, action: Action, option: str) -> None:
    """FLOW-16: a program that cannot be read is not one that is linked to no campaign."""
    before = asked.written()
    for name, value in (*hostile.TEXTS.items(), *hostile.VALUES.items(), ("address", hostile.ADDRESS)):
        if value not in (None, ""):  # which say nothing, and may
            assert asked.post(action, hostile.ADDRESS, **{option: value})[0] == 400, name
    assert asked.written() == before


@pytest.mark.parametrize("option", ["owner", "campaign"])
def test_an_owner_or_campaign_that_is_not_one_is_refused(asked: Asked, option: str) -> None:
    find: Callable[[Any, str], object] = lookups.owner if option == "owner" else lookups.campaign
    with asked.world.lake.reading() as con:
        for name, value in hostile.TEXTS.items():
            with pytest.raises(UnknownNameError):
                raise AssertionError((name, find(con, value)))
    for name, other in hostile.VALUES.items():
        if isinstance(other, list | dict | float | bool):  # a number may be a name
            assert asked.post(Action.CHANGE_STATUS, hostile.ADDRESS, status="x", **{option: other})[0] == 400, name


@pytest.mark.parametrize(
    "given", [{"request_id": ["x"]}, {"request_id": "x\n"}, {"due_in": 10**400}, {"due_in": 10**6}]
)
def test_a_request_that_cannot_be_read_is_refused(asked: Asked, given: dict[str, object]) -> None:
    assert asked.post(Action.CREATE_TASK, hostile.ADDRESS, **given)[0] == 400


def test_an_answer_about_others_is_no_answer(world: FlowWorld) -> None:
    """Marketo compares without accents: who has the address with them is not who has it without."""
    door, named = Asked(world), world.person(email="andr\u00e9@x.example")
    bare = world.person(email="andre@x.example")
    for email, person in (("Andr\u00e9@x.example", named), ("ANDRE@x.example", bare)):
        assert door.post(Action.DELETE, email)[1]["marketo_id"] == person
        assert world.marketo.deleted >= {person}
        world.marketo.deleted -= {named, bare}
    world.marketo.deleted |= {bare}
    before = door.written()
    assert door.post(Action.DELETE, "andre@x.example")[1]["code"] == "ANOTHER_RECORD"
    assert door.written() == before


MATCHES, FORMS = ("never", "unique", "strict"), ("address", "marketo id", "crm id")
STATES = ("linked", "unlinked", "unknown", "several")
NOT_ONE = [*(("unknown", form) for form in FORMS), ("several", "address"), ("unlinked", "crm id")]


@pytest.mark.parametrize(("match", "state"), list(product(MATCHES, STATES)))
@pytest.mark.parametrize("action", Action)
def test_every_action_is_done_to_the_one_who_is_named_however_people_are_matched(
    world: FlowWorld, action: Action, match: str, state: str
) -> None:
    """DEDUP-8, GEN-7: each way to name a person, who is in the CRM, is not, is unknown, or shares the address."""
    door, number = Asked(world, match), sum(map(len, world.marketo.records.values()))
    email = f"{action}.{match}.{state}.{number}@x.example"
    for form in FORMS:
        person, crm_id = _made(world, state, email := f"{form[0]}{email}")
        named = {"address": email.upper(), "marketo id": person, "crm id": crm_id}[form]
        others = _others(world, {person, crm_id})
        status, body = door.post(action, named)
        assert status == 200, body
        if (state, form) in NOT_ONE:
            wanted = "SEVERAL_PERSONS" if state == "several" else "NO_SUCH_PERSON"
            assert (body["status"], body["code"]) == (Status.FAILED, wanted)
            assert _others(world, {body["marketo_id"]}) == _others(world, set())
        else:
            assert (body["marketo_id"], body["code"]) == (person, body["code"])
            became = world.crm.records["Lead"].get(crm_id, {}).get("ConvertedContactId")
            assert body["crm_id"] in (None, crm_id, became) or state != "linked"
        assert {one: values for one, values in _others(world, {person, crm_id}).items() if one in others} == others


def _made(world: FlowWorld, state: str, email: str) -> tuple[str, str]:
    """Make what a state says; return Marketo's id and the CRM's, of records that are not there where it is unknown."""
    if state == "linked":
        person, crm_id = world.lead(Email=email)
    elif state == "unknown":
        return "2000000000", "00QA0000009dEmq"
    else:
        person = world.person()
        crm_id = world.crm.insert("Lead", {"LastName": "Ada", "Company": "A", "Email": f"not.{email}"})
    world.marketo.records["lead"][person]["email"] = email
    if state == "several":
        world.person(email=email)
        world.marketo.records["lead"][person]["externalPersonId"] = crm_id
    return person, crm_id


def _others(world: FlowWorld, but: set[str]) -> dict[str, object]:
    """Return the people of both systems, living ones, but for some."""
    gone = world.crm.deleted | world.marketo.deleted
    return {
        one: dict(values)
        for system in (world.crm, world.marketo)
        for name, records in system.records.items()
        if name in ("Lead", "Contact", "lead")
        for one, values in records.items()
        if one not in but and one not in gone
    }
