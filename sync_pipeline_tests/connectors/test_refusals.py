"""What a refusal for a limit calls for: to wait a moment, to go on tomorrow, or to try that record again."""

from __future__ import annotations

import pytest

from sync_pipeline.connectors.bounds import Patience
from sync_pipeline.connectors.errors import (
    ConnectorError,
    ForbiddenError,
    QuotaError,
    RejectedError,
    RetryableError,
    ThrottledError,
)
from sync_pipeline.connectors.records import Operation, Verdict
from sync_pipeline.connectors.salesforce import answers
from sync_pipeline.connectors.salesforce.collections import Task
from sync_pipeline.connectors.salesforce.collections import refused as refused_record
from sync_pipeline.connectors.salesforce.login import Credentials, refused
from sync_pipeline.sandbox import Sandbox
from sync_pipeline_tests.connectors.conftest import Connect, app_credentials
from sync_pipeline_tests.marketo import connected

LIMIT = answers.LIMIT
# Refusals of a call as a whole, as Salesforce words them.
SALESFORCE: list[tuple[str, str, type[ConnectorError]]] = [
    (LIMIT, "TotalRequests Limit exceeded.", QuotaError),
    (LIMIT, "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", ThrottledError),
    (LIMIT, "ConcurrentPerOrgLongTxn Limit exceeded.", ThrottledError),
    (LIMIT, "ConcurrentPerOrgApex Limit exceeded.", ThrottledError),
    (LIMIT, "some other limit", QuotaError),
    ("TXN_SECURITY_NO_ACCESS", "The operation is not allowed", ForbiddenError),
    ("SERVER_UNAVAILABLE", "busy", RetryableError),
    ("QUERY_TIMEOUT", "Your query request was running for too long.", RetryableError),
    ("EXCEEDEDQUOTA", "ApiBatchItems Limit exceeded.", RejectedError),
]


@pytest.mark.parametrize(("code", "message", "kind"), SALESFORCE)
def test_a_refusal_of_salesforce_says_by_its_words_what_can_be_done(
    connect: Connect, sandbox: Sandbox, code: str, message: str, kind: type[ConnectorError]
) -> None:
    """LIM-5."""
    waited: list[float] = []
    connector = connect(patience=Patience(first_wait=0, sleep=waited.append))
    connector.organization_id()
    sandbox.faults.add("error", status=403, code=code, message=message, times=2, path="*/sobjects")
    if issubclass(kind, RetryableError):
        assert "Lead" in connector.names()
        assert len(waited) == 2
        assert min(waited) == (answers.AT_ONCE_WAIT if kind is ThrottledError else 0)
    else:
        with pytest.raises(kind, match=code) as told:
            connector.names()
        assert type(told.value) is kind
        assert waited == []


@pytest.mark.parametrize(("code", "message", "kind"), SALESFORCE[:5])
def test_a_login_that_is_refused_for_a_limit_is_not_told_as_wrong_credentials(
    sandbox: Sandbox, code: str, message: str, kind: type[ConnectorError]
) -> None:
    assert type(refused(Credentials(**app_credentials(sandbox)), code, message)) is kind


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (LIMIT, Verdict.RETRY),
        ("STORAGE_LIMIT_EXCEEDED", Verdict.RETRY),
        (answers.LOCKED, Verdict.RETRY),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", Verdict.REJECTED),
    ],
)
def test_a_record_that_met_a_limit_is_tried_again(code: str, verdict: Verdict) -> None:
    assert refused_record(Task("Lead", Operation.UPDATE), "001", [(code, "said", ())]).verdict is verdict


@pytest.mark.parametrize(
    ("code", "kind"), [("606", None), ("615", None), ("1016", None), ("607", QuotaError), ("1029", RejectedError)]
)
def test_a_refusal_of_marketo_says_by_its_code_what_can_be_done(code: str, kind: type[ConnectorError] | None) -> None:
    """MK-REST-22. None: it is waited for."""
    with connected() as system:
        system.sandbox.faults.add("error", code=code, message="Limit", times=2, path="/rest/v1/stats/usage.json")
        if kind is None:
            assert system.marketo.calls.get("/rest/v1/stats/usage.json").flag("success")
        else:
            with pytest.raises(kind, match=code):
                system.marketo.calls.get("/rest/v1/stats/usage.json")
