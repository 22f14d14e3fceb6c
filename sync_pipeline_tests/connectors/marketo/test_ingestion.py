"""New records by the Data Ingestion API: a thousand a call, and an answer by the ordinary call where none shows up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_pipeline.connectors.marketo import Marketo
from sync_pipeline.connectors.marketo.ingestion import TAKEN
from sync_pipeline.connectors.records import Operation, Record, Verdict
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, PROGRAM
from sync_pipeline_tests.marketo import Connected, connected, declared

PATH = "/subscriptions/"


@pytest.fixture
def tier() -> Iterator[Connected]:
    with connected(performance_tier=True) as system:
        yield system


def ingesting(system: Connected) -> Marketo:
    return system.connect(ingest_from=2, ingestion_url=system.sandbox.url)


def new(number: int, **values: str) -> Record:
    return Record(None, {"externalPersonId": f"003{number:012d}AAA", "lastName": f"N{number}", **values})


def requests_to(system: Connected, part: str) -> int:
    return sum(part in one.path for one in system.sandbox.log.entries)


def test_new_people_go_a_thousand_a_call_and_charge_no_quota(tier: Connected) -> None:
    """MK-REST-20."""
    marketo = ingesting(tier)
    before = tier.calls_made()
    people = [new(number) for number in range(1_500)]
    answers = marketo.write(declared("person"), Operation.UPSERT, people, "externalPersonId")
    assert answers == [TAKEN] * 1_500
    assert (requests_to(tier, "/persons"), tier.calls_made() - before) == (2, 0)
    names = tier.subscription.rows('select "externalPersonId" as id, "lastName" as name from lead order by 1')
    assert [(row["id"], row["name"]) for row in names] == [tuple(p.values.values()) for p in people]


def test_companies_and_members_and_custom_objects_go_too(tier: Connected) -> None:
    """MK-REST-20."""
    marketo = ingesting(tier)
    companies = [Record(None, {"externalCompanyId": f"001{n}", "company": f"C{n}"}) for n in range(3)]
    assert marketo.write(declared("company"), Operation.UPSERT, companies, "externalCompanyId") == [TAKEN] * 3
    assert len(tier.subscription.rows("from company")) == 3
    people = tier.create("a@x.example", "b@x.example")
    times = dict.fromkeys(("createdAt", "updatedAt"), tier.subscription.present())
    steps = '[{"name": "Invited", "step": 10, "success": false}]'
    channel = {"id": 1, "name": "Fair", "programType": "event", "statuses": steps, **times}
    tier.subscription.insert(CHANNEL, [channel])
    tier.subscription.insert(PROGRAM, [{"id": 7, "name": "Fair", "type": "Event", "channel": "Fair", **times}])
    members = [Record(None, {"programId": 7, "leadId": person, "statusName": "Invited"}) for person in people]
    assert marketo.write(declared("program_member"), Operation.UPSERT, members, "programId") == [TAKEN] * 2
    joined = tier.subscription.rows('select "leadId" as id from "programMember" order by 1')
    assert [row["id"] for row in joined] == people


def test_what_did_not_show_up_few_records_and_updates_go_by_the_ordinary_call(tier: Connected) -> None:
    """MK-REST-20: only its answer says why."""
    marketo = ingesting(tier)
    again = [Record(None, new(n).values, again=n == 0) for n in range(3)]
    first, *others = marketo.write(declared("person"), Operation.UPSERT, again, "externalPersonId")
    assert (first.verdict, first.id is not None, others) == (Verdict.ACCEPTED, True, [TAKEN] * 2)
    (few,) = marketo.write(declared("person"), Operation.UPSERT, [new(9)], "externalPersonId")
    assert few.id is not None
    before = requests_to(tier, PATH)
    updates = [Record(str(few.id), {"lastName": "Other"}), Record(str(first.id), {"lastName": "Other"})]
    assert all(one.id for one in marketo.write(declared("person"), Operation.UPDATE, updates))
    assert requests_to(tier, PATH) == before


@pytest.mark.parametrize("fault", ["no tier", "expired", 429, 500])
def test_where_the_api_takes_nothing_the_ordinary_call_does(fault: str | int) -> None:
    """MK-REST-20: nothing waits for an accelerator, and a token that ended is renewed."""
    with connected(performance_tier=fault != "no tier") as system:
        marketo = ingesting(system)
        if fault == "expired":
            marketo.calls.connect()
            system.sandbox.identity.expire_all()
        if isinstance(fault, int):
            system.sandbox.faults.add("status", status=fault, path=f"{PATH}*", times=100)
        people = [new(number) for number in range(3)]
        answers = marketo.write(declared("person"), Operation.UPSERT, people, "externalPersonId")
        assert [one.verdict for one in answers] == [Verdict.ACCEPTED] * 3
        assert all(one == TAKEN for one in answers) == (fault == "expired")
        assert len(system.subscription.rows("from lead")) == 3
