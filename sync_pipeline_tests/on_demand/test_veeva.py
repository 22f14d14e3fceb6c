"""Flow actions beside a Veeva org: Create Task is there, everything else is refused in plain words."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from sync_pipeline import catalog
from sync_pipeline.catalog import veeva
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.model import Describe, Field
from sync_pipeline.on_demand.actions import ACTIONS, Action, Status
from sync_pipeline_tests.on_demand.world import DESCRIBES, OTHER_USER, USER, FlowWorld

CONTACT = "003000000000009AAA"


class VeevaWorld(FlowWorld):
    def __post_init__(self) -> None:
        super().__post_init__()
        pairings = catalog.veeva_pairings(["Professional_vod"], (), veeva.Kept(date.min))
        self.pairings = [pairing for pairing in pairings if pairing.name == "person_account"]
        fields = (*DESCRIBES["Contact"], Field("PersonEmail", "email"), Field("PersonContactId", "reference"))
        with self.lake.transaction() as con:
            ledger.remember_describe(con, veeva.ACCOUNT, Describe("Account", fields), self.at)

    def professional(self) -> tuple[str, str]:
        """Make a person account and its person in Marketo, known to one another by the key alone; return both ids."""
        account = self.crm.insert("Account", {"LastName": "Ada", "OwnerId": USER, "PersonContactId": CONTACT})
        return self.person(externalPersonId=account), account


@pytest.fixture
def world(lake: Lake) -> VeevaWorld:
    return VeevaWorld(lake)


def test_a_task_is_about_the_contact_in_the_person_account(world: VeevaWorld) -> None:
    """VV-TASK-1: due in five days, for whoever owns the account."""
    person, account = world.professional()
    done = world.ask("create-task", person, subject="Call {{lead.Last Name}}")
    assert (done.status, done.crm_id) == (Status.DONE, account)
    task = world.crm.records["Task"][str(done.record_id)]
    due = (world.crm.at + timedelta(days=5)).date().isoformat()
    assert task == {"WhoId": CONTACT, "Subject": "Call Ada", "ActivityDate": due, "OwnerId": USER}


@pytest.mark.parametrize("action", [action for action in ACTIONS if action is not Action.CREATE_TASK])
def test_every_other_action_is_refused_and_nothing_is_sent(world: VeevaWorld, action: Action) -> None:
    """VV-PA-7 to 9, VV-GEN-5: whether or not the person is in Veeva."""
    given = {option.name: "any" for option in ACTIONS[action].options if option.required and option.name != "owner"}
    if any(option.name == "owner" and option.required for option in ACTIONS[action].options):
        given["owner"] = OTHER_USER
    for person in (world.professional()[0], world.person()):
        done = world.ask(action, person, **given)
        assert (done.status, done.code) == (Status.FAILED, "NOT_SUPPORTED_IN_VEEVA")
    assert world.crm.calls == world.marketo.calls == []


def test_nobody_is_created_for_a_task(world: VeevaWorld) -> None:
    """VV-PA-7."""
    done = world.ask("create-task", world.person(), subject="Call")
    assert (done.status, done.code) == (Status.FAILED, "NOT_IN_VEEVA")
    assert world.crm.calls == []
