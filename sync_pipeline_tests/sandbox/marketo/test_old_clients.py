"""What clients that are older than the contract send, and the real one takes."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from sync_pipeline_tests.sandbox.marketo.conftest import Client

LEADS = "/rest/v1/leads.json"


def test_a_get_in_a_post_may_be_said_in_the_form(client: Client) -> None:
    """MK-REST-5."""
    client.post(LEADS, {"input": [{"email": "ann@x.example"}]})
    form = {"_method": "GET", "filterType": "email", "filterValues": "ann@x.example", "fields": "email"}
    headers = {"Authorization": f"Bearer {client.token}"}
    (found,) = client.session.post(client.sandbox.url + LEADS, data=form, headers=headers, timeout=30).json()["result"]
    assert found["email"] == "ann@x.example"


def test_persons_are_deleted_by_the_method_of_that_name_too(client: Client) -> None:
    """MK-REST-6."""
    (made,) = client.post(LEADS, {"input": [{"email": "ann@x.example"}]})["result"]
    headers = {"Authorization": f"Bearer {client.token}"}
    answer = client.session.delete(
        client.sandbox.url + LEADS, json={"input": [{"id": made["id"]}]}, headers=headers, timeout=30
    )
    assert answer.json()["result"] == [{"id": made["id"], "status": "deleted"}]
    assert client.result(LEADS, filterType="id", filterValues=made["id"]) == []


def test_a_path_with_dots_is_resolved_before_it_is_looked_up(client: Client) -> None:
    with closing(HTTPConnection(urlsplit(client.sandbox.url).netloc, timeout=30)) as connection:
        headers = {"Authorization": f"Bearer {client.token}"}
        connection.request("GET", "/rest/../bulk/v1/leads/export.json", headers=headers)
        assert b'"success":true' in connection.getresponse().read().replace(b" ", b"")
