"""What an action needs for a person: the table of cases, the declared options, and tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from sync_pipeline.on_demand import tokens
from sync_pipeline.on_demand.actions import Action, RequestError, Status, request, request_from_json
from sync_pipeline.on_demand.steps import CASES, NO_USER, Facts, Is, Member, Step, To, case

NEW = [Step.CREATE, Step.KEY]
A = Action
# action, facts that differ from the usual (a lead, nobody named, no member) -> steps, or the reason why there are none
EXAMPLES: list[tuple[Action, dict[str, object], list[Step] | str]] = [
    (A.SYNC_PERSON, {"person": Is.ABSENT}, NEW),  # FLOW-1
    (A.SYNC_PERSON, {"person": Is.ABSENT, "owner": To.QUEUE}, NEW),  # FLOW-1
    (A.SYNC_PERSON, {"person": Is.ABSENT, "implies": False}, NEW),  # FLOW-16: it is no implied action
    (A.SYNC_PERSON, {}, [Step.PUSH]),  # FLOW-2
    (A.SYNC_PERSON, {"owner": To.USER}, [Step.PUSH]),  # FLOW-3
    (A.SYNC_PERSON, {"owner": To.QUEUE}, [Step.PUSH]),  # FLOW-3
    (A.SYNC_PERSON, {"person": Is.CONTACT}, [Step.PUSH]),  # SF-CONTACT-5
    (A.SYNC_PERSON, {"person": Is.CONTACT, "owner": To.USER}, NO_USER["code"]),  # FLOW-5
    (A.SYNC_PERSON, {"person": Is.CONTACT, "owner": To.QUEUE}, "QUEUE_CANNOT_OWN_CONTACT"),  # decision 19
    (A.SYNC_PERSON, {"person": Is.CONTACT, "owner": To.QUEUE, "doubles": True}, [Step.DOUBLE]),  # FLOW-4
    (A.CHANGE_OWNER, {"person": Is.ABSENT, "owner": To.USER}, NEW),  # FLOW-8
    (A.CHANGE_OWNER, {"owner": To.QUEUE}, [Step.ASSIGN]),  # FLOW-8
    (A.CHANGE_OWNER, {"person": Is.CONTACT, "owner": To.USER}, NO_USER["code"]),
    (A.CHANGE_OWNER, {"person": Is.CONTACT, "owner": To.QUEUE}, "QUEUE_CANNOT_OWN_CONTACT"),
    (A.CHANGE_OWNER, {"person": Is.CONTACT, "owner": To.QUEUE, "doubles": True}, [Step.DOUBLE]),  # FLOW-8
    (A.CREATE_TASK, {"person": Is.ABSENT}, [*NEW, Step.TASK]),  # FLOW-15
    (A.CREATE_TASK, {"person": Is.CONTACT}, [Step.TASK]),  # FLOW-9
    (A.ADD_TO_CAMPAIGN, {"person": Is.ABSENT}, [*NEW, Step.JOIN]),  # FLOW-15
    (A.ADD_TO_CAMPAIGN, {}, [Step.JOIN]),  # FLOW-10
    (A.ADD_TO_CAMPAIGN, {"member": Member.YES}, "ALREADY_A_MEMBER"),  # FLOW-10
    (A.ADD_TO_CAMPAIGN, {"member": Member.SAME}, "ALREADY_A_MEMBER"),
    (A.CHANGE_STATUS, {"person": Is.ABSENT}, [*NEW, Step.JOIN]),  # FLOW-15
    (A.CHANGE_STATUS, {"implies": False}, [Step.JOIN]),  # FLOW-11
    (A.CHANGE_STATUS, {"member": Member.SAME}, "SAME_STATUS"),
    (A.CHANGE_STATUS, {"member": Member.YES}, [Step.MOVE]),  # FLOW-11
    (A.REMOVE_FROM_CAMPAIGN, {"person": Is.ABSENT}, "NOT_IN_SALESFORCE"),
    (A.REMOVE_FROM_CAMPAIGN, {}, "NOT_A_MEMBER"),  # FLOW-12
    (A.REMOVE_FROM_CAMPAIGN, {"member": Member.YES}, [Step.LEAVE]),  # FLOW-12
    (A.CONVERT, {"person": Is.ABSENT}, [*NEW, Step.CONVERT]),  # CONV-8
    (A.CONVERT, {}, [Step.CONVERT]),  # CONV-6
    (A.CONVERT, {"person": Is.CONTACT}, "ALREADY_A_CONTACT"),  # CONV-9
    (A.DELETE_FROM_CRM, {"person": Is.ABSENT}, "NOT_IN_SALESFORCE"),
    (A.DELETE_FROM_CRM, {"person": Is.ABSENT, "everywhere": True}, [Step.FORGET]),
    (A.DELETE_FROM_CRM, {}, [Step.DELETE]),  # FLOW-13
    (A.DELETE_FROM_CRM, {"everywhere": True}, [Step.DELETE, Step.FORGET]),  # FLOW-13
    (A.DELETE, {"person": Is.ABSENT, "everywhere": True}, [Step.FORGET]),  # FLOW-14
    (A.DELETE, {"everywhere": True}, [Step.DELETE, Step.FORGET]),  # FLOW-14
    (A.DELETE, {}, [Step.FORGET]),  # FLOW-14
    *((one, {"person": Is.ABSENT, "owner": To.USER, "implies": False}, "IMPLIED_ACTIONS_OFF")  # FLOW-16, SF-CAMP-10
      for one in (A.CHANGE_OWNER, A.CREATE_TASK, A.ADD_TO_CAMPAIGN, A.CHANGE_STATUS, A.CONVERT)),
]  # fmt: skip


@pytest.mark.parametrize(("action", "differs", "expected"), EXAMPLES)
def test_what_an_action_needs_for_a_person(
    action: Action, differs: dict[str, object], expected: list[Step] | str
) -> None:
    """FLOW-1 to 5, FLOW-8 to 16, SF-CONTACT-6 and 7, SF-CAMP-10 to 13, CONV-8 and 9, DEL-3."""
    found = case(action, Facts(**{"person": Is.LEAD, **differs}))  # type: ignore[arg-type]
    assert (list(found.steps) or found.code) == expected


def test_every_case_can_be_met_and_every_person_has_one() -> None:
    met = set()
    flags = (True, False)
    for action, *facts in product(Action, Is, To, Member, flags, flags, flags, flags):
        if (action, facts[1]) != (Action.CHANGE_OWNER, To.RULES):  # its owner is required
            met.add(id(case(action, Facts(*facts))))  # type: ignore[arg-type]
    assert met == {id(one) for one in CASES}
    assert all(bool(one.steps) == (one.status is Status.DONE) for one in CASES)


def test_a_request_is_complete_and_of_the_right_kinds_whoever_words_it() -> None:
    asked = request("1", "create-task", " 7 ", {"subject": "Call", "due_in": ""})
    assert (asked.person, asked.options["due_in"], asked.options["description"]) == ("7", 5, "")  # FLOW-9: five days
    assert request("1", "create-task", "7", {"subject": "Call", "due_in": "3"}).options["due_in"] == 3
    assert request("1", "delete", "7", {}).flag("everywhere")  # FLOW-14
    assert not request("1", "delete-from-crm", "7", {}).flag("everywhere")  # FLOW-13
    assert request_from_json("1", asked.to_json()) == asked


@pytest.mark.parametrize(
    ("action", "person", "given", "said"),
    [
        ("sync", "7", {}, "unknown action"),
        ("sync-person", "", {}, "a person"),
        ("sync-person", "7", {"campaign": "x"}, "takes no campaign"),
        ("change-owner", "7", {}, "owner is missing"),
        ("create-task", "7", {"subject": "x", "due_in": "soon"}, "is a number"),
        ("delete", "7", {"everywhere": "maybe"}, "true or false"),
        ("sync-person", "7", {"owner": ["x"]}, "is a text"),
    ],
)
def test_what_an_action_does_not_take_is_refused(action: str, person: str, given: dict[str, object], said: str) -> None:
    """FLOW-7: Sync Person has one setting."""
    with pytest.raises(RequestError, match=said):
        request("1", action, person, given)


def test_tokens_of_person_company_and_system_are_filled_in_and_others_stay() -> None:
    """FLOW-9."""
    labels = {"first name": "firstName", "company name": "company"}
    text = (
        "{{lead.First Name:default=you}} of {{company.Company Name}} on {{system.date}}: {{campaign.name}} {{lead.Age}}"
    )
    assert tokens.fields([text], labels) == {"firstName", "company"}
    now = datetime(2026, 5, 17, 10, tzinfo=UTC)
    filled = tokens.filled(text, labels, {"firstName": None, "company": "Acme"}, now)
    assert filled == "you of Acme on 2026-05-17: {{campaign.name}} {{lead.Age}}"
