"""The sandbox as clients see it that nobody here wrote."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.conftest import Redirect


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[requests.Session]:
    """The client addresses salesforce.com over https; its requests go to the sandbox all the same."""
    with requests.Session() as session:
        session.mount("https://", Redirect(sandbox.url))
        yield session


@pytest.fixture
def salesforce(sandbox: Sandbox, session: requests.Session) -> Any:
    env = sandbox.env()
    return Salesforce(
        username=env["SALESFORCE_USERNAME"],
        password=env["SALESFORCE_PASSWORD"],
        security_token=env["SALESFORCE_SECURITY_TOKEN"],
        session=session,
    )


class TestSimpleSalesforce:
    def test_it_logs_in_by_soap_and_by_oauth(
        self, sandbox: Sandbox, session: requests.Session, salesforce: Any
    ) -> None:
        assert salesforce.sf_instance == sandbox.url.removeprefix("http://")
        env = sandbox.env()
        oauth: Any = Salesforce(
            consumer_key=env["SALESFORCE_CLIENT_ID"],
            consumer_secret=env["SALESFORCE_CLIENT_SECRET"],
            domain="sandbox.my",
            session=session,
        )
        assert oauth.query("SELECT COUNT() FROM User")["totalSize"] == 1

    def test_a_wrong_password_is_its_own_error(self, sandbox: Sandbox, session: requests.Session) -> None:
        with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
            Salesforce(username="x", password="y", security_token="z", session=session)

    def test_it_describes_and_queries(self, salesforce: Any, org: Org) -> None:
        org.insert("Contact", [{"FirstName": "Ann", "LastName": f"Müller {i}"} for i in range(4_100)])
        assert {"name", "type", "length"} <= set(salesforce.Contact.describe()["fields"][0])
        assert "Contact" in [o["name"] for o in salesforce.describe()["sobjects"]]
        records = salesforce.query_all("SELECT LastName FROM Contact ORDER BY LastName")["records"]
        assert [r["LastName"] for r in records] == sorted(f"Müller {i}" for i in range(4_100))
        assert salesforce.api_usage["api-usage"].used > 0

    def test_it_reads_one_record_and_misses_another(self, salesforce: Any, org: Org) -> None:
        (ann,) = org.insert("Contact", [{"LastName": "Lee"}])
        assert salesforce.Contact.get(ann)["LastName"] == "Lee"
        with pytest.raises(SalesforceResourceNotFound):
            salesforce.Contact.get("003000000000000AAA")

    def test_it_sees_deleted_records_when_asked(self, salesforce: Any, org: Org) -> None:
        org.delete("Contact", org.insert("Contact", [{"LastName": "Gone"}]))
        soql = "SELECT Id FROM Contact"
        assert salesforce.query(soql)["totalSize"] == 0
        assert salesforce.query(soql, include_deleted=True)["totalSize"] == 1

    def test_it_queries_in_bulk(self, salesforce: Any, org: Org) -> None:
        org.insert("Contact", [{"LastName": f"{i}", "Description": 'a\n"b"'} for i in range(2_500)])
        pages = list(salesforce.bulk2.Contact.query("SELECT LastName, Description FROM Contact", max_records=1_000))
        assert len(pages) == 3
        rows = [row for page in pages for row in list(csv.reader(page.splitlines(keepends=True)))[1:]]
        assert sorted(int(row[0]) for row in rows) == list(range(2_500))
        assert {row[1] for row in rows} == {'a\n"b"'}

    def test_errors_become_its_own_exceptions(self, salesforce: Any) -> None:
        with pytest.raises(SalesforceMalformedRequest, match="No such column"):
            salesforce.query("SELECT Nope FROM Contact")

    def test_it_logs_in_again_when_its_session_has_expired(self, salesforce: Any, sandbox: Sandbox) -> None:
        sandbox.sessions.expire_all()
        assert salesforce.query("SELECT COUNT() FROM User")["totalSize"] == 1
        assert sandbox.log.count("/services/Soap/u/*") == 2


def test_the_sandbox_serves_as_a_process_until_told_to_stop(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    code = (
        "from pathlib import Path; from sync_pipeline.sandbox import Org, Sandbox; "
        f"from sync_pipeline.sandbox.core.serve import run; run([Sandbox(Org.open())], Path({str(env_file)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            settings = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
            assert settings["SALESFORCE_LOGIN_URL"] == url
            assert env_file.stat().st_mode & 0o077 == 0
            assert requests.get(f"{url}/services/data", timeout=30).status_code == 200
        finally:
            os.kill(process.pid, signal.SIGTERM)
    assert process.returncode == 0
