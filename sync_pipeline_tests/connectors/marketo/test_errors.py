"""Errors at their three levels (SPEC 28.1): of the gateway, of a call, of one record."""

from __future__ import annotations

import pytest

from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import (
    ConnectorError,
    FatalError,
    QuotaError,
    RejectedError,
    RetryableError,
    SessionExpiredError,
    ThrottledError,
    UnknownOutcomeError,
)
from sync_pipeline.connectors.marketo import answers
from sync_pipeline.connectors.records import Answer, Operation, Record, Verdict
from sync_pipeline.connectors.writes import blamed
from sync_pipeline_tests.marketo import Connected, declared

USAGE = "/rest/v1/stats/usage.json"
LEADS = "/rest/v1/leads.json"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        *((code, SessionExpiredError) for code in ("601", "602")),
        *((code, ThrottledError) for code in ("606", "615")),
        *((code, RetryableError) for code in ("502", "604", "608", "611", "614", "713", "719")),
        *((code, RejectedError) for code in ("603", "609", "610", "612", "616", "703", "709", "718", "1003", "1018")),
        ("607", QuotaError),
    ],
)
def test_a_refused_call_says_by_its_code_what_can_be_done(code: str, error: type[ConnectorError]) -> None:
    """MK-REST-22."""
    with pytest.raises(error, match=f"^{code}: No way") as refused:
        answers.raise_refusal(Document({"errors": [{"code": code, "message": "No\n way"}]}))
    assert type(refused.value) is error


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_of_the_gateway_passes(system: Connected, status: int) -> None:
    system.sandbox.faults.add("status", status=status, times=3, path="/rest/*")
    assert system.marketo.calls.get(USAGE).flag("success") is True


def test_a_transient_error_is_tried_again_and_a_lasting_one_told(system: Connected) -> None:
    """MK-REST-22."""
    system.sandbox.faults.add("error", code="713", message="Transient Error", times=3, path="/rest/*")
    assert system.marketo.calls.get(USAGE).flag("success") is True
    system.sandbox.faults.add("error", code="611", message="System error", times=100, path="/rest/*")
    with pytest.raises(RetryableError, match="611: System error"):
        system.marketo.calls.get(USAGE)


def test_a_dropped_connection_is_asked_again(system: Connected) -> None:
    system.sandbox.faults.add("drop", after_bytes=10, times=2, path="/rest/*")
    assert system.marketo.calls.get(USAGE).flag("success") is True


def test_a_permission_that_is_missing_concerns_its_object_alone(system: Connected) -> None:
    service = system.sandbox.identity.add_service("narrow@sandbox.example", denied=("/rest/v1/companies*",))
    marketo = system.connect()
    object.__setattr__(marketo.calls.credentials, "client_id", service.client_id)
    object.__setattr__(marketo.calls.credentials, "client_secret", service.client_secret)
    with pytest.raises(RejectedError, match="603: Access denied") as refused:
        marketo.describe("company")
    assert not isinstance(refused.value, FatalError)
    assert marketo.describe("lead").field("email")


def test_one_records_failure_stays_its_own_and_is_matched_by_position(system: Connected) -> None:
    """OPS-19."""
    system.sandbox.faults.add("reject", code=1003, message="Field 'email' is odd", every=3, times=100, path=LEADS)
    records = [Record(None, {"email": f"p{n}@x.example"}) for n in range(7)]
    found = system.marketo.write(declared("person"), Operation.UPSERT, records)
    assert [n for n, answer in enumerate(found) if answer.verdict is Verdict.REJECTED] == [2, 5]
    blames = blamed(("email",), "1003", "Field 'email' is odd")
    assert found[2] == Answer(Verdict.REJECTED, None, code="1003", message="Field 'email' is odd", blames=blames)
    emails = system.subscription.rows("select id, email from lead")
    assert {str(one["id"]): one["email"] for one in emails} == {
        answer.id: f"p{n}@x.example" for n, answer in enumerate(found) if answer.id
    }


@pytest.mark.parametrize(
    ("reasons", "verdict"),
    [
        ([{"code": "1007", "message": "Multiple lead match"}], Verdict.REJECTED),
        ([{"code": "1019", "message": "Import in progress"}], Verdict.RETRY),
    ],
)
def test_a_skipped_record_has_its_reason(reasons: list[dict[str, str]], verdict: Verdict) -> None:
    found = answers.of_record(Document({"status": "skipped", "reasons": reasons}), "id")
    assert (found.verdict, found.code, found.message) == (verdict, reasons[0]["code"], reasons[0]["message"])


def test_a_record_without_a_reason_is_not_taken_for_accepted() -> None:
    assert answers.of_record(Document({"status": "notFound"}), "id") == Answer(
        Verdict.REJECTED, None, code="NOTFOUND", message="no reason given"
    )


def test_what_must_not_be_done_twice_is_not_sent_again_when_its_answer_is_lost(system: Connected) -> None:
    system.sandbox.faults.add("drop", after_bytes=5, times=1, path=LEADS)
    with pytest.raises(UnknownOutcomeError, match="CONNECTION_FAILED"):
        system.marketo.write(declared("person"), Operation.CREATE, [Record(None, {"email": "a@x.example"})])
    assert len(system.subscription.rows("select id from lead")) == 1
    assert system.sandbox.log.count(LEADS) == 1


def test_an_upsert_whose_answer_is_lost_is_sent_again(system: Connected) -> None:
    system.sandbox.faults.add("drop", after_bytes=5, times=1, path=LEADS)
    (answer,) = system.upsert("person", {"email": "a@x.example"}, key="email")
    assert (answer.id, answer.created) == ("1", False)


def test_what_comes_after_a_failed_call_may_be_tried_later(system: Connected) -> None:
    records = [Record(None, {"email": f"p{n}@x.example"}) for n in range(700)]
    system.sandbox.faults.add("quota", calls=2)
    found = system.marketo.write(declared("person"), Operation.UPSERT, records)
    assert [answer.verdict for answer in found] == [Verdict.ACCEPTED] * 600 + [Verdict.RETRY] * 100
    assert found[-1].code == "607"


def test_of_a_batch_whose_answer_is_lost_the_answers_before_it_are_told(system: Connected) -> None:
    """GEN-16."""
    records = [Record(None, {"email": f"p{n}@x.example"}) for n in range(601)]
    system.sandbox.faults.add("drop", after_bytes=5, times=1, skip=1, path=LEADS)
    with pytest.raises(UnknownOutcomeError) as lost:
        system.marketo.write(declared("person"), Operation.CREATE, records)
    verdicts = [answer and answer.verdict for answer in lost.value.answers]
    assert verdicts == [Verdict.ACCEPTED] * 300 + [None] * 300 + [Verdict.RETRY]
