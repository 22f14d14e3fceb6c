"""An answer that is none costs one object, and is on record; the others go on (laws 8 and 10)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from sync_pipeline.assembly import systems
from sync_pipeline.cli import main
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.lake import Lake
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.cycle import Cycle
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import FAILED, SUCCEEDED
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.connectors.conftest import org, sandbox
from sync_pipeline_tests.connectors.malformed import gross
from sync_pipeline_tests.connectors.tapes import Told, answer
from sync_pipeline_tests.mirror.test_cycle import OBJECTS, looking_ahead, settings_for

pytestmark = pytest.mark.matrix

__all__ = ["org", "sandbox"]
Change = Callable[[Any], Any]
DESCRIBE, USERINFO = "/sobjects/Account/describe", "/oauth2/userinfo"
TOKEN, SOAP = "/oauth2/token", "/services/Soap/"
GROSS = dict(gross(Told(200, {"Content-Type": "application/json"}, b'{"name": "Account"}')))


class Tampered(requests.adapters.BaseAdapter):
    """Passes requests on, and answers those of one path otherwise."""

    def __init__(self, inner: requests.adapters.BaseAdapter, path: str, change: Callable[[bytes], Told]) -> None:
        super().__init__()
        self._inner, self._path, self._change = inner, path, change

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        given = self._inner.send(request, **options)
        return answer(request, self._change(given.content)) if self._path in request.path_url else given

    def close(self) -> None:
        self._inner.close()


def source(
    lake: Lake, sandbox: Sandbox, folder: Path, path: str = "", change: Callable[[bytes], Told] | None = None
) -> Source:
    """Return a source of which one path is answered otherwise; without a password it logs in as an app."""
    as_app = {"salesforce_username": None, "salesforce_password": None} if path == TOKEN else {}
    found = looking_ahead(systems.source(settings_for(sandbox, folder / "landing", **as_app), lake))
    connector = found.connector
    assert isinstance(connector, Salesforce)
    connector.patience = replace(connector.patience, sleep=lambda _: None)
    session = connector._http.session
    there: Callable[..., requests.adapters.BaseAdapter] = session.get_adapter
    if change:
        session.get_adapter = lambda url: Tampered(there(url=url), path, change)  # type: ignore[method-assign]
    return found


def on_record(lake: Lake, cycle: Cycle) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the run, its errors by object and the notices, as an operator finds them."""
    runs_ = lake.rows("select status, message from lake.sync.run where run_id = ?", [cycle.run_id])
    errors = lake.rows("select object, code from lake.sync.error where run_id = ? order by object", [cycle.run_id])
    return runs_, errors, lake.rows("select kind, message from lake.sync.notice order by noted_at, kind")


@pytest.mark.parametrize(
    "name", ["HTML", "empty", "[] 200", "null 200", "deep lists", "deep and closed", "no UTF-8", "cut in half"]
)
def test_a_strange_describe_costs_its_object(lake: Lake, sandbox: Sandbox, org: Org, tmp_path: Path, name: str) -> None:
    org.insert("Lead", [{"LastName": "Ann", "Company": "Acme"}])
    cycle = runs.sync(source(lake, sandbox, tmp_path, DESCRIBE, lambda _: GROSS[name]), OBJECTS)
    assert {done.obj.name: done.status for done in cycle.done} == {
        "user": SUCCEEDED, "account": FAILED, "lead": SUCCEEDED
    }  # fmt: skip
    found, errors, notices = on_record(lake, cycle)
    [(status, message)] = found
    assert status == FAILED
    assert f"account: MALFORMED_ANSWER: salesforce answered GET /services/data/v62.0{DESCRIBE} with" in message
    assert errors == [("account", "MALFORMED_ANSWER")]
    assert [kind for kind, _ in notices] == ["sync_down"]


@pytest.mark.parametrize("path", [USERINFO, TOKEN, SOAP])
@pytest.mark.parametrize("name", ["HTML", "[] 200", "null 200", "HTML 400", "HTML 403", "HTML 503", "redirection 301"])
def test_a_strange_login_is_an_outage_and_on_record(
    lake: Lake, sandbox: Sandbox, tmp_path: Path, path: str, name: str
) -> None:
    """Not wrong credentials: a page of a proxy knows nothing of them."""
    cycle = runs.sync(source(lake, sandbox, tmp_path, path, lambda _: GROSS[name]), OBJECTS)
    found, errors, notices = on_record(lake, cycle)
    assert {done.status for done in cycle.done} == {FAILED}
    assert [status for status, _ in found] == [FAILED]
    assert len(errors) == len(OBJECTS)
    kinds = {kind for kind, _ in notices}
    assert kinds == ({"permission"} if path == USERINFO and name in ("HTML 400", "HTML 403") else {"sync_down"})


def _renamed(body: bytes) -> Told:
    told = json.loads(body)
    told["fields"].append({**told["fields"][-1], "name": 'Odd" name'})
    return Told(200, {"Content-Type": "application/json"}, json.dumps(told).encode())


def test_a_field_whose_name_is_none_is_left_out_and_told_once(
    lake: Lake, sandbox: Sandbox, org: Org, tmp_path: Path
) -> None:
    org.insert("Account", [{"Name": "Acme"}])
    for _ in range(2):
        odd = source(lake, sandbox, tmp_path, DESCRIBE, _renamed)
        odd = replace(odd, policy=replace(odd.policy, describe_age=odd.policy.lag * 0))
        assert runs.sync(odd, OBJECTS).status == SUCCEEDED
    [(field, message)] = lake.rows("select field, message from lake.sync.notice where kind = 'odd_field'")
    assert (field, "is left out" in message) == ('Odd" name', True)
    assert lake.rows("select count(*) from lake.salesforce.account") == [(1,)]


def test_a_fault_of_the_program_costs_its_object_and_is_logged(
    lake: Lake, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The error's own words are not repeated: they may hold somebody's values."""
    found = source(lake, sandbox, tmp_path)
    describe, value = found.connector.describe, "ann@x.example"

    def broken(name: str) -> Any:
        return dict[str, Any]()[value] if name == "Account" else describe(name)

    found.connector.describe = broken  # type: ignore[method-assign, assignment]
    cycle = runs.sync(found, OBJECTS)
    assert {done.obj.name: done.status for done in cycle.done}["lead"] == SUCCEEDED
    [(status, message)], errors, _ = on_record(lake, cycle)
    assert (status, errors) == (FAILED, [("account", "UNFORESEEN")])
    assert "account: UNFORESEEN: KeyError (broken, line" in message
    assert "KeyError at salesforce/account: a fault of this program" in caplog.text
    assert "broken" in caplog.text
    assert value not in caplog.text + message


def test_a_strange_answer_ends_with_exit_code_1_and_without_a_traceback(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add("status", status=200, path="*/Account/describe", times=None)
    env = {
        **sandbox.env(),
        **{f"LAKE_{name.upper()}": str(tmp_path / name) for name in ("catalog", "data", "landing")},
        "SYNC_REQUEST_SECONDS": "0.5",
    }
    done = CliRunner().invoke(main, ["sync", "--objects", "user,account"], env=env)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "account                      Failed: MALFORMED_ANSWER: salesforce answered GET" in done.stderr
    assert "SYNC_REQUEST_SECONDS" in done.stderr
    assert "Traceback" not in done.output + done.stderr
