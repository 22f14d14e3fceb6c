"""Tokens, and the three levels at which a call can fail before anything is done (SPEC 28.1)."""

from __future__ import annotations

import requests

from sync_pipeline.sandbox.marketo import MarketoSandbox
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client

LEAD = "/rest/v1/leads.json?filterType=id&filterValues=1"


def token_answer(sandbox: MarketoSandbox, method: str = "GET", **given: str) -> requests.Response:
    env = sandbox.env()
    credentials = {
        "grant_type": "client_credentials",
        "client_id": env["MARKETO_CLIENT_ID"],
        "client_secret": env["MARKETO_CLIENT_SECRET"],
        **given,
    }
    url = f"{sandbox.url}/identity/oauth/token"
    where = {"data": credentials} if method == "POST" else {"params": credentials}
    return requests.request(method, url, timeout=30, **where)  # type: ignore[arg-type]


def test_the_same_token_is_given_until_its_hour_is_over(sandbox: MarketoSandbox, clock: Clock) -> None:
    """MK-REST-17."""
    first = token_answer(sandbox).json()
    assert first["token_type"] == "bearer"
    assert first["expires_in"] == 3599
    clock.pass_seconds(600)
    again = token_answer(sandbox, "POST").json()
    assert again["access_token"] == first["access_token"]
    assert again["expires_in"] == 2999
    clock.pass_seconds(3000)
    assert token_answer(sandbox).json()["access_token"] != first["access_token"]


def test_wrong_credentials_are_an_http_401(sandbox: MarketoSandbox) -> None:
    for wrong in ({"client_id": "nobody"}, {"client_secret": "wrong"}):
        answer = token_answer(sandbox, **wrong)
        assert answer.status_code == 401
        assert answer.json()["error"] == "unauthorized"


def test_an_unknown_token_is_601_and_one_whose_hour_is_over_602(client: Client, clock: Clock) -> None:
    clock.pass_seconds(3600)
    assert client.error("GET", LEAD) == ("602", "Access token expired")
    client.token = "nonsense"
    assert client.error("GET", LEAD) == ("601", "Access token invalid")


def test_a_token_in_the_address_counts_only_where_that_is_allowed(client: Client) -> None:
    token, client.token = client.token, ""
    assert client.error("GET", f"{LEAD}&access_token={token}")[0] == "601"
    with MarketoSandbox(client.sandbox.subscription, query_tokens=True) as lenient:
        old = Client(lenient)
        old.log_in()
        answer = requests.get(f"{lenient.url}{LEAD}&access_token={old.token}", timeout=30)
        assert answer.json()["success"] is True


def test_two_services_have_tokens_of_their_own(sandbox: MarketoSandbox) -> None:
    other = sandbox.identity.add_service("other@sandbox.example")
    theirs = token_answer(sandbox, client_id=other.client_id, client_secret=other.client_secret).json()
    assert theirs["scope"] == "other@sandbox.example"
    assert theirs["access_token"] != token_answer(sandbox).json()["access_token"]


def test_a_role_without_the_permission_meets_603(sandbox: MarketoSandbox) -> None:
    poor = sandbox.identity.add_service("poor@sandbox.example", denied=("/rest/v1/leads.json",))
    token = token_answer(sandbox, client_id=poor.client_id, client_secret=poor.client_secret).json()["access_token"]
    client = Client(sandbox, token)
    assert client.error("GET", LEAD)[0] == "603"
    assert client.get("/rest/v1/leads/partitions.json")["success"] is True


def test_unknown_addresses_and_methods_are_errors_of_the_answer(client: Client) -> None:
    assert client.error("GET", "/rest/v1/nothing.json")[0] == "610"
    assert client.error("PUT", "/rest/v1/leads.json")[0] == "605"
    assert (
        client.error("POST", "/rest/v1/leads.json", data="{", headers={"Content-Type": "application/json"})[0] == "609"
    )
    assert client.error("POST", "/rest/v1/leads.json", data="<a/>", headers={"Content-Type": "text/xml"})[0] == "612"


def test_too_long_an_address_is_an_http_414_and_the_same_as_a_post_is_answered(client: Client) -> None:
    values = ",".join(f"{'x' * 30}{number}@example.com" for number in range(250))
    long = {"filterType": "email", "filterValues": values}
    assert client.send("GET", "/rest/v1/leads.json", params=long).status_code == 414
    answer = client.send("POST", "/rest/v1/leads.json", params={"_method": "GET"}, data=long)
    assert answer.json()["result"] == []


def test_too_large_a_body_is_an_http_413(client: Client) -> None:
    """MK-REST-17."""
    body = {"input": [{"email": "a@example.com", "mktoPersonNotes": "x" * (1 << 20)}]}
    assert client.send("POST", "/rest/v1/leads.json", json=body).status_code == 413
