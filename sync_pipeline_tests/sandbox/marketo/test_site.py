"""The page of a subscription: seen, edited by hand, worked at by the staff, and made to misbehave."""

from __future__ import annotations

import re

import pytest
import requests

from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests.sandbox.browser import Browser
from sync_pipeline_tests.sandbox.marketo.conftest import Client


@pytest.fixture
def browser(sandbox: MarketoSandbox) -> Browser:
    return Browser(sandbox.url)


def test_the_front_page_counts_what_there_is(browser: Browser, client: Client) -> None:
    client.sync({"email": "a@example.com"}, {"email": "b@example.com"})
    page = browser.text("/")
    assert re.search(r'href="/objects/lead">People</a>.*?number">2<', page, re.DOTALL)
    assert re.search(r'href="/objects/activity">Activities</a>.*?number">2<', page, re.DOTALL)
    assert "API calls left today" in page


def test_a_person_is_searched_shown_with_activities_and_edited_by_hand(browser: Browser, client: Client) -> None:
    ann = client.sync({"email": "ann@example.com", "firstName": "Ann"}, {"email": "bob@example.com"})[0]
    found = browser.text("/objects/lead?search=ANN")
    assert "ann@example.com" in found
    assert "bob@example.com" not in found
    browser.send(f"/objects/lead/{ann['id']}/edit", {"is.leadStatus": "Working", "is.unsubscribed": "true"})
    assert client.person(ann["id"], "leadStatus,unsubscribed") == {"leadStatus": "Working", "unsubscribed": True}
    changes = {one["primaryAttributeValue"]: one["attributes"] for one in client.activities(13)}
    assert {"name": "Source", "value": "Person Detail Page"} in changes["Person Status"]
    shown = browser.text(f"/objects/lead/{ann['id']}")
    assert "Working" in shown
    assert "Activities" in shown


def test_what_the_rules_refuse_is_said_in_the_form(browser: Browser, client: Client) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    refused = browser.send(f"/objects/lead/{made['id']}/edit", {"is.email": "nonsense"})
    assert refused.status_code == 422
    assert "(1003)" in refused.text


def test_records_of_other_objects_are_made_changed_and_deleted(browser: Browser, client: Client) -> None:
    made = browser.send("/objects/company/new", {"is.externalCompanyId": "C-1", "is.company": "Acme"})
    number = made.url.rsplit("/", 1)[1].split("?")[0]
    browser.send(f"/objects/company/{number}/edit", {"is.industry": "Steel"})
    asked = {"filterType": "externalCompanyId", "filterValues": "C-1", "fields": "industry"}
    assert client.result("/rest/v1/companies.json", **asked) == [{"seq": 0, "industry": "Steel"}]
    browser.send(f"/objects/company/{number}", action=f"/objects/company/{number}/delete")
    assert browser.open(f"/objects/company/{number}").status_code == 404


def test_every_object_has_its_list(browser: Browser, subscription: Subscription, client: Client, program: int) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    status = {"statusName": "Invited", "input": [{"leadId": made["id"]}]}
    client.post(f"/rest/v1/programs/{program}/members/status.json", status)
    for name in (*subscription.objects, "program", "staticList", "activity"):
        assert browser.open(f"/objects/{name}").status_code == 200, name
    assert browser.open(f"/objects/programMember/{program}-{made['id']}").status_code == 200
    assert browser.open("/objects/programMember/new").status_code == 404, "members are not made by hand"


def test_the_staff_makes_edits_that_are_logged(sandbox: MarketoSandbox, client: Client) -> None:
    done = requests.post(f"{sandbox.url}/sandbox/edits", json={"count": 40, "seed": 3}, timeout=60).json()
    assert len(done) == 40
    assert {line.split()[0] for line in done} >= {"created", "changed"}
    assert len(client.activities(12)) == sum(line.startswith("created") for line in done)


def test_faults_are_ordered_and_taken_back_over_http(sandbox: MarketoSandbox, client: Client) -> None:
    url = f"{sandbox.url}/sandbox/faults"
    assert requests.post(url, json={"kind": "quota", "calls": 0}, timeout=30).status_code == 201
    assert client.error("GET", "/rest/v1/leads/partitions.json")[0] == "607"
    requests.delete(url, timeout=30)
    client.get("/rest/v1/leads/partitions.json")
    kinds = requests.get(f"{url}/kinds", timeout=30).json()
    assert kinds["short_page"]["settings"] == {"rows": 1}
