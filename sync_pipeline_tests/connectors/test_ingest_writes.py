"""Many records written by Bulk API 2.0: the same answers as by calls, whatever happens to the job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from sync_pipeline import catalog
from sync_pipeline.assembly import systems
from sync_pipeline.connectors.errors import UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Operation, Record, Value, Verdict
from sync_pipeline.connectors.salesforce import ingest_files
from sync_pipeline.connectors.salesforce.collections import Task
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.connectors.writes import blamed
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.settings import Settings
from sync_pipeline_tests.connectors.test_writer_contract import briefly
from sync_pipeline_tests.connectors.writer_contract import verdicts

OBJECTS = catalog.objects("salesforce", ("Invoice__c",))
CONTACT = catalog.by_name("contact", OBJECTS)
INVOICE = catalog.by_name("Invoice__c", OBJECTS)
JOB = f"*/jobs/ingest/{'?' * 18}"
COLLECTIONS = "*/composite/sobjects"
TEXTS = ('O"Neill, the 2nd', "line\r\nline", " blanks ", "NA", "Żółć 日本 👩🏽‍💻", "", "\\", "a\nb", "'", "null")


@pytest.fixture
def bulk(connector: Salesforce) -> SalesforceWriter:
    return SalesforceWriter(connector, ingest_from=1, sleep=briefly)


def people(count: int) -> list[Record]:
    return [Record(None, {"LastName": f"n{number}"}) for number in range(count)]


def count(org: Org, name: str) -> int:
    with org.cursor() as cursor:
        found = cursor.execute(f'select count(*) from "{name}" where not "IsDeleted"').fetchone()
    return int(found[0]) if found else 0


def odd_people(number: int) -> list[Record]:
    """Return people of whom every fifth has no name, every seventh no such address, and some are equal."""
    records = []
    for n in range(number):
        values: dict[str, Value] = {"LastName": None if n % 5 == 0 else f"n{n % 40}", "DoNotCall": n % 2 == 0}
        values["Email"] = "not an address" if n % 7 == 0 else None
        if n % 3:
            values["Description"] = TEXTS[n % len(TEXTS)]
        records.append(Record(None, values))
    return records


def stored(org: Org, answers: Sequence[Answer], *names: str) -> list[tuple[object, ...] | None]:
    found = [org.record("Contact", answer.id) if answer.id else None for answer in answers]
    return [tuple(record[name] for name in names) if record else None for record in found]


def lived(writer: SalesforceWriter, org: Org, records: Sequence[Record]) -> list[object]:
    """Return what is told and stored when records are created, changed and deleted; ids aside."""
    created = writer.write(CONTACT, Operation.CREATE, records)
    made = stored(org, created, "LastName", "DoNotCall", "Email", "Description")
    ids = [answer.id for answer in created if answer.id]
    changes = [Record(one, {"LastName": None if n % 9 == 0 else f"m{n}"}) for n, one in enumerate(ids)]
    changed = writer.write(CONTACT, Operation.UPDATE, changes)
    deleted = writer.write(CONTACT, Operation.DELETE, changes)
    assert len(set(ids)) == len(ids)
    assert [one.id for one in changed] == [one.id for one in deleted] == ids
    return [*(replace(one, id=None) for one in (*created, *changed, *deleted)), *made]


def test_a_large_set_is_answered_as_by_calls(connector: Salesforce, bulk: SalesforceWriter, org: Org) -> None:
    records = odd_people(600)
    by_calls = lived(SalesforceWriter(connector, sleep=briefly), org, records)
    assert lived(bulk, org, records) == by_calls
    assert {one.verdict for one in by_calls if isinstance(one, Answer)} == {Verdict.ACCEPTED, Verdict.REJECTED}
    assert count(org, "Contact") == 0


def test_a_large_set_takes_one_job(bulk: SalesforceWriter, sandbox: Sandbox) -> None:
    assert verdicts(bulk.write(CONTACT, Operation.CREATE, people(3_000))) == [Verdict.ACCEPTED] * 3_000
    assert (sandbox.log.count("*/jobs/ingest", "POST"), sandbox.log.count(COLLECTIONS)) == (1, 0)


def test_numbers_and_keys_come_through(bulk: SalesforceWriter, org: Org) -> None:
    amounts = [1e7, 0.1, 1e-2, 123456789.25, 3, -4.5]
    records = [Record(None, {"External_Number__c": f"K{n}", "Amount__c": a}) for n, a in enumerate(amounts)]
    answers = bulk.write(INVOICE, Operation.UPSERT, records, "External_Number__c")
    assert [(a.verdict, a.created) for a in answers] == [(Verdict.ACCEPTED, True)] * len(amounts)
    assert [float((org.record("Invoice__c", a.id or "") or {})["Amount__c"]) for a in answers] == amounts


def test_what_meets_a_lock_in_the_job_goes_again_by_calls(bulk: SalesforceWriter, sandbox: Sandbox, org: Org) -> None:
    sandbox.faults.add("lock", times=30, skip=10)
    assert verdicts(bulk.write(CONTACT, Operation.CREATE, people(100))) == [Verdict.ACCEPTED] * 100
    assert (count(org, "Contact"), sandbox.log.count(COLLECTIONS)) == (100, 1)


@pytest.mark.parametrize("operation", [Operation.CREATE, Operation.UPDATE])
def test_a_text_that_a_file_would_take_for_nothing_goes_by_calls(
    bulk: SalesforceWriter, sandbox: Sandbox, org: Org, operation: Operation
) -> None:
    ids = org.insert("Contact", [{"LastName": "x"}, {"LastName": "x"}])
    made = [
        Record(i if operation is Operation.UPDATE else None, {"LastName": n})
        for i, n in zip(ids, ["#N/A", "y"], strict=True)
    ]
    answers = bulk.write(CONTACT, operation, made)
    assert stored(org, answers, "LastName") == [("#N/A",), ("y",)]
    assert sandbox.log.count("*/jobs/ingest*") == 0


def test_a_field_that_is_not_there_fails_the_job_and_only_its_own_record(bulk: SalesforceWriter, org: Org) -> None:
    records = [*people(30), Record(None, {"LastName": "odd", "Shoe_Size__c": 45})]
    answers = bulk.write(CONTACT, Operation.CREATE, records)
    assert verdicts(answers) == [Verdict.ACCEPTED] * 30 + [Verdict.REJECTED]
    assert (answers[30].code, "Shoe_Size__c" in answers[30].message) == ("INVALID_FIELD", True)


def test_an_object_that_bulk_api_does_not_take_goes_by_calls(
    bulk: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    sandbox.faults.add("error", path="*/jobs/ingest", code="INVALIDENTITY", message="not supported by the Bulk API")
    assert verdicts(bulk.write(CONTACT, Operation.CREATE, people(3))) == [Verdict.ACCEPTED] * 3


def test_a_job_that_fails_has_written_nothing_and_calls_follow(
    bulk: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    sandbox.faults.add("fail_job", path=JOB)
    assert verdicts(bulk.write(CONTACT, Operation.CREATE, people(5))) == [Verdict.ACCEPTED] * 5
    assert count(org, "Contact") == 5


Faults = list[dict[str, Any]]


@pytest.mark.parametrize(
    "faults",
    [
        [{"kind": "drop", "path": "*/jobs/ingest", "after_bytes": 10}],
        [{"kind": "drop", "path": "*/batches", "after_bytes": 0}],
        [{"kind": "status", "path": "*/batches", "status": 503}],
        [{"kind": "drop", "path": JOB, "skip": 1, "after_bytes": 10}],
        [{"kind": "drop", "path": JOB, "after_bytes": 10}, {"kind": "slow_job", "path": JOB, "seconds": 0.2}],
        [{"kind": "status", "path": "*/successfulResults", "status": 503, "times": 2}],
        [{"kind": "drop", "path": "*/successfulResults", "after_bytes": 40}],
        [{"kind": "expire", "path": "*/successfulResults"}],
    ],
    ids=["job", "file", "busy", "close", "state", "results", "cut off", "session"],
)
def test_a_job_survives_what_breaks_off_around_it(
    bulk: SalesforceWriter, sandbox: Sandbox, org: Org, faults: Faults
) -> None:
    for fault in faults:
        sandbox.faults.add(**fault)
    assert verdicts(bulk.write(CONTACT, Operation.CREATE, people(5))) == [Verdict.ACCEPTED] * 5
    assert (count(org, "Contact"), sandbox.log.count(COLLECTIONS), sandbox.faults.as_list()) == (5, 0, [])


@pytest.mark.parametrize("code", ["REQUEST_LIMIT_EXCEEDED", "NOT_FOUND", "API_DISABLED_FOR_ORG"])
def test_a_job_whose_results_cannot_be_had_may_have_created_its_records(
    bulk: SalesforceWriter, sandbox: Sandbox, org: Org, code: str
) -> None:
    sandbox.faults.add("error", path="*/failedResults", status=403, code=code, message="no")
    with pytest.raises(UnknownOutcomeError, match=code) as unknown:
        bulk.write(CONTACT, Operation.CREATE, people(5))
    assert (list(unknown.value.answers), count(org, "Contact")) == ([None] * 5, 5)


def test_a_delete_whose_results_are_lost_is_done_again_and_counts(
    bulk: SalesforceWriter, sandbox: Sandbox, org: Org
) -> None:
    ids = org.insert("Contact", [{"LastName": "x"} for _ in range(3)])
    sandbox.faults.add("status", path="*/failedResults", status=503, times=100)
    answers = bulk.write(CONTACT, Operation.DELETE, [Record(one, {}) for one in ids])
    assert answers == [Answer(Verdict.ACCEPTED, one) for one in ids]


def test_settings_say_from_how_many_records_on_a_job_is_made(sandbox: Sandbox, org: Org) -> None:
    given: dict[str, Any] = {name.lower(): value for name, value in sandbox.env().items()}
    settings = Settings(**{"_env_file": None, "salesforce_ingest_from": 3, **given})
    writer = systems.writer(settings, systems.salesforce(settings))
    for number in (2, 3):
        assert verdicts(writer.write(CONTACT, Operation.CREATE, people(number))) == [Verdict.ACCEPTED] * number
    assert (sandbox.log.count(COLLECTIONS), sandbox.log.count("*/jobs/ingest")) == (1, 1)


# --- results and records


def table(**columns: Sequence[str | None]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def results(done: pa.Table, refused: pa.Table, left: pa.Table) -> dict[str, pa.Table]:
    return dict(zip(ingest_files.RESULTS, (done, refused, left), strict=True))


CREATE = Task("Contact", Operation.CREATE)


def clean(value: str | None) -> str:
    return (value or "").replace("\r", "").strip(" ")


def test_results_in_any_order_find_their_records_and_what_is_untold_is_none() -> None:
    sent = table(LastName=["a", "b", "a", "c", "d", "e"], Email=["x", None, "x", "", "#N/A", None])
    told = results(
        table(sf__Id=["2", "1"], sf__Created=["true", "true"], LastName=["a", "a"], Email=["x", "x"]),
        table(sf__Id=[""], sf__Error=["BAD:why: what:Email,Name --"], LastName=["b"], Email=[None]),
        table(LastName=["d", "c"], Email=["#N/A", None]),
    )
    found = ingest_files.matched(CREATE, sent, told, "the job was aborted")
    assert [one and one.verdict for one in found] == [
        *(Verdict.ACCEPTED, Verdict.REJECTED, Verdict.ACCEPTED, Verdict.RETRY, Verdict.RETRY, None)
    ]
    assert {one.id for one in (found[0], found[2]) if one} == {"1", "2"}
    assert found[1] == Answer(
        Verdict.REJECTED, code="BAD", message="why: what", blames=blamed(("Email", "Name"), "BAD", "why: what")
    )
    assert found[3] == Answer(Verdict.RETRY, code="UNPROCESSED", message="the job was aborted")


@options(deadline=None, max_examples=50)
@given(st.data())
def test_equal_records_share_their_results_and_no_others(data: st.DataObject) -> None:
    values = st.sampled_from(["a", "A", " a", "a\r\n", "b,", '"', "", None])
    rows = data.draw(st.lists(st.tuples(values, values, st.sampled_from(list(ingest_files.RESULTS))), max_size=12))
    told = {}
    for kind, names in ingest_files.RESULTS.items():
        mine = data.draw(st.permutations([(x, y) for x, y, k in rows if k == kind]))
        more = {
            name: ["BAD:no:--" if name == "sf__Error" else f"|{clean(x)}|{clean(y)}" for x, y in mine] for name in names
        }
        told[kind] = table(**more, LastName=[x for x, _ in mine], Email=[y for _, y in mine])
    sent = table(LastName=[x for x, _, _ in rows], Email=[y for _, y, _ in rows])
    found = ingest_files.matched(CREATE, sent, told)
    assert None not in found
    for one, (x, y, _) in zip(found, rows, strict=True):
        assert one
        assert one.verdict is Verdict.RETRY or one.id == f"|{clean(x)}|{clean(y)}"
    for verdict, kind in ((Verdict.ACCEPTED, "successfulResults"), (Verdict.REJECTED, "failedResults")):
        assert sum(one.verdict is verdict for one in found if one) == sum(k == kind for *_, k in rows)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        ("UNABLE_TO_LOCK_ROW:unable: 001xx,001yy:--", ("UNABLE_TO_LOCK_ROW", "unable: 001xx,001yy", ())),
        ("A_B:first:X --;C_D:second:Y, Z --", ("A_B", "first", ("X", "Y", "Z"))),
        ("A_B:use C: d--e:X --", ("A_B", "use C: d--e", ("X",))),
        ("A_B:two\nlines; and more:--", ("A_B", "two\nlines; and more", ())),
        ("something else", ("UNKNOWN_EXCEPTION", "something else", ())),
        (None, ("UNKNOWN_EXCEPTION", "", ())),
    ],
)
def test_the_error_column_of_a_job_is_read(error: str | None, answer: tuple[str, str, tuple[str, ...]]) -> None:
    nothing = table(LastName=[])
    refused = table(sf__Id=[None], sf__Error=[error], LastName=["a"])
    (found,) = ingest_files.matched(
        CREATE,
        table(LastName=["a"]),
        results(
            nothing.append_column("sf__Id", pa.array([], pa.string())).append_column(
                "sf__Created", pa.array([], pa.string())
            ),
            refused,
            nothing,
        ),
    )
    assert found
    assert (found.code, found.message, found.fields) == answer


def test_a_file_tells_an_emptied_field_from_one_that_is_left_alone() -> None:
    task = Task("Contact", Operation.UPDATE)
    records = [Record("1", {"Email": None}), Record("2", {"Age__c": 1e7, "Ok__c": True}), Record("3", {"Email": ""})]
    found = ingest_files.table(task, records)
    assert found
    assert ingest_files.to_csv(found).decode().splitlines() == [
        '"Id","Email","Age__c","Ok__c"',
        '"1","#N/A",,',
        '"2",,"10000000.0","true"',
        '"3","#N/A",,',
    ]


def test_large_tables_are_cut_into_files() -> None:
    whole = table(LastName=["x" * 100] * 1_000)
    parts = list(ingest_files.parts(whole, most_bytes=30_000))
    assert len(parts) > 3
    assert [start for start, _ in parts] == [sum(p.num_rows for _, p in parts[:n]) for n in range(len(parts))]
    assert pa.concat_tables([part for _, part in parts]).equals(whole)
    assert all(len(ingest_files.to_csv(part)) < 31_000 for _, part in parts)
