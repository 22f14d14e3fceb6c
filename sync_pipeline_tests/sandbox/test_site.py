"""The page of the sandbox's own, as a person without scripts uses it, and as other pages must not be able to."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline_tests.sandbox.browser import Browser, Form
from sync_pipeline_tests.sandbox.conftest import Client, Clock

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def browser(sandbox: Sandbox) -> Browser:
    return Browser(sandbox.url)


@pytest.fixture
def seller(org: Org) -> str:
    """A user who is not the one that integrations log in as."""
    return org.insert("User", [{"LastName": "Seller", "Username": "seller@x.example", "IsActive": True}])[0]


@pytest.fixture
def ann(org: Org, seller: str, clock: Clock) -> str:
    (record,) = org.insert("Contact", [{"FirstName": "Ann", "LastName": "Lee", "Email": "ann@x.example"}])
    clock.pass_seconds(60)
    return record


def stored(org: Org, record: str, *names: str, object_: str = "Contact") -> tuple[Any, ...]:
    found = org.record(object_, record) or {}
    return tuple(found[name] for name in names)


# Reading


def test_the_front_page_counts_the_records_of_each_object(browser: Browser, org: Org) -> None:
    ids = org.insert("Lead", [{"LastName": f"{i}", "Company": "x"} for i in range(1_234)])
    org.delete("Lead", ids[:3])
    page = browser.text("/")
    assert re.search(r'href="/objects/Lead">Leads</a>.*?number">1,231<.*?bin=1">3<', page, re.DOTALL)


def test_a_list_is_paged_searched_and_sorted(browser: Browser, org: Org, clock: Clock) -> None:
    for i in range(60):
        org.insert("Account", [{"Name": f"Acme {i:02}", "Industry": "Energy" if i % 2 else "Media"}])
        clock.pass_seconds(1)

    def named(path: str) -> list[str]:
        return re.findall(r">(Acme \d+)</a>", browser.text(path))

    newest = [f"Acme {i:02}" for i in range(59, -1, -1)]
    assert named("/objects/Account") == newest[:50]
    following = re.search(r'href="(\?[^"]*start=50[^"]*)"', browser.text("/objects/Account"))
    assert following is not None
    assert named(f"/objects/Account{following[1].replace('&amp;', '&')}") == newest[50:]
    assert named("/objects/Account?order=Name&down=0")[:2] == ["Acme 00", "Acme 01"]
    assert named("/objects/Account?search=ACME+5") == newest[:10]
    assert named("/objects/Account?search=media&order=Name&down=1")[0] == "Acme 58"
    assert named("/objects/Account?start=99999999999999999999") == []
    assert named("/objects/Account?order=Nonsense;drop") == newest[:50]


def test_a_record_shows_its_fields_what_it_refers_to_and_its_children(browser: Browser, org: Org, ann: str) -> None:
    (acme,) = org.insert("Account", [{"Name": "Acme", "AnnualRevenue": 12_345_678.5}])
    org.update("Contact", ann, {"AccountId": acme, "Description": "one\ntwo"})
    org.insert("Task", [{"Subject": f"Call {i}", "WhoId": ann} for i in range(7)])
    page = browser.text(f"/objects/Contact/{ann}")
    assert f'<a href="/objects/Account/{acme}">Acme</a>' in page
    assert "one\ntwo" in page
    assert len(re.findall(r">Call \d</a>", page)) == 5
    assert f'<a href="/objects/Task?is.WhoId={ann}">all 7' in page
    assert len(re.findall(r">Call \d</a>", browser.text(f"/objects/Task?is.WhoId={ann}"))) == 7
    assert "12,345,678.5" in browser.text(f"/objects/Account/{acme}")


def test_what_a_user_may_not_see_is_not_shown_to_them(browser: Browser, org: Org, ann: str, seller: str) -> None:
    org.hide_field("Contact", "Email", seller)
    org.hide_object("Opportunity", seller)
    org.hide_records("Contact", "LastName = 'Secret'", seller)
    (secret,) = org.insert("Contact", [{"LastName": "Secret"}])
    (known,) = org.insert("Contact", [{"LastName": "Known", "ReportsToId": secret}])
    assert ">Secret<" not in browser.text(f"/objects/Contact/{known}")
    assert "ann@x.example" not in browser.text(f"/objects/Contact/{ann}") + browser.text("/objects/Contact")
    assert "Opportunities" not in browser.text("/")
    assert [browser.open(p).status_code for p in ("/objects/Opportunity", f"/objects/Contact/{secret}")] == [404, 404]
    browser.send("/", {"user": org.user_id}, "/acting")
    assert "ann@x.example" in browser.text(f"/objects/Contact/{ann}")
    assert browser.open(f"/objects/Contact/{secret}").status_code == 200


def test_whatever_stands_in_a_record_is_shown_as_text(browser: Browser, org: Org, seller: str) -> None:
    org.update("User", seller, {"LastName": SCRIPT})
    (acme,) = org.insert("Account", [{"Name": SCRIPT, "Description": f"</textarea>{SCRIPT}"}])
    (ann,) = org.insert("Contact", [{"LastName": f'"{SCRIPT}', "AccountId": acme, "Title": "'\" onfocus=x"}])
    pages = [
        f"/objects/Account?search={SCRIPT}",
        f"/objects/Account/{acme}",
        f"/objects/Account/{acme}/edit",
        f"/objects/Contact/{ann}",
        f"/objects/Contact/{ann}/edit",
        f"/objects/Contact/new?is.LastName={SCRIPT}",
        f"/objects/Contact?is.LastName={SCRIPT}",
        f"/log?path={SCRIPT}",
        "/objects/<script>",
        "/objects/Contact/<script>",
    ]
    for path in pages:
        page = browser.open(path).text
        assert "<script" not in page, path
        assert "&lt;script&gt;" in page, path
    assert "'\" onfocus" not in browser.text(f"/objects/Contact/{ann}/edit")
    refused = browser.send(f"/objects/Contact/{ann}/edit", {"is.Email": SCRIPT})
    assert (refused.status_code, "<script" in refused.text) == (422, False)


# Writing


def test_an_edit_is_the_users_and_changes_only_what_was_changed(
    browser: Browser, org: Org, ann: str, seller: str, clock: Clock
) -> None:
    org.update("Contact", ann, {"Phone": "1", "Description": "line\nbreak"})
    form = f"/objects/Contact/{ann}/edit"
    page_before = browser.text(form)
    org.update("Contact", ann, {"Phone": "2"})  # while the form is open
    clock.pass_seconds(5)
    values = [(n, v) for n, v in Form(page_before, None).values if n != "is.Title"]
    saved = browser.post(form, [*values, ("is.Title", "Chief")])
    assert "The changes have been saved." in saved.text
    assert stored(org, ann, "Title", "Phone", "Description") == ("Chief", "2", "line\nbreak")
    assert stored(org, ann, "LastModifiedById") == (seller,)


def test_a_form_that_is_sent_back_as_it_came_writes_nothing(browser: Browser, org: Org, seller: str) -> None:
    kinds: dict[str, Any] = {
        "Text__c": ("string", " spaces  and \"quotes\" & 'more' <b>"),
        "Long__c": ("textarea", "\n\nleading\n\ntrailing\n"),
        "Number__c": ("double", 12_345_678.25),
        "Whole__c": ("int", 7),
        "Flag__c": ("boolean", True),
        "Day__c": ("date", "2024-02-29"),
        "Time__c": ("datetime", "2024-02-29T10:00:00"),
        "Odd_Time__c": ("datetime", "2024-02-29T10:00:07"),
        "Unlisted__c": ("picklist", "gone"),
        "Several__c": ("multipicklist", "a;c"),
    }
    for name, (kind, _) in kinds.items():
        more = {"picklistValues": ["a", "b", "c"], "restrictedPicklist": True} if "picklist" in kind else {}
        org.add_field("Lead", {"name": name, "type": kind, **more})
    (lead,) = org.insert("Lead", [{"LastName": "x", "Company": "y"} | {n: v for n, (_, v) in kinds.items()}])
    before = org.record("Lead", lead)
    saved = browser.send(f"/objects/Lead/{lead}/edit")
    assert "Nothing was changed" in saved.text
    assert org.record("Lead", lead) == before
    saved = browser.send(
        f"/objects/Lead/{lead}/edit", {"is.Flag__c": None, "is.Several__c": "b", "is.Number__c": "0.5"}
    )
    assert "The changes have been saved." in saved.text
    assert stored(org, lead, "Flag__c", "Several__c", "Number__c", object_="Lead") == (False, "b", 0.5)


def test_a_refusal_stands_beside_its_field_and_what_was_typed_stays(browser: Browser, org: Org, ann: str) -> None:
    org.rules.validate("Contact", lambda r: r["Title"] == "Boss", "There is but one boss.")
    form = f"/objects/Contact/{ann}/edit"
    refused = browser.send(form, {"is.Email": "nonsense", "is.Title": "Queen"})
    assert refused.status_code == 422
    beside = re.search(r'id="e-Email">([^<]*)<', refused.text)
    assert beside is not None
    assert beside[1] == "Email: invalid email address: nonsense (INVALID_EMAIL_ADDRESS)"
    assert 'value="Queen"' in refused.text
    assert stored(org, ann, "Email", "Title") == ("ann@x.example", None)
    on_top = browser.send(form, {"is.Title": "Boss"})
    assert '<p class="refused" role="alert">There is but one boss. (FIELD_CUSTOM' in on_top.text
    corrected = browser.send(form, {"is.Title": "Queen"})
    assert corrected.status_code == 200
    assert stored(org, ann, "Title") == ("Queen",)


def test_a_record_is_created_deleted_and_brought_back(browser: Browser, org: Org, ann: str, seller: str) -> None:
    made = browser.send(f"/objects/Task/new?is.WhoId={ann}", {"is.Subject": "Ring her"})
    assert "The record has been created." in made.text
    task = made.url.rpartition("/")[2].partition("?")[0]
    assert stored(org, task, "WhoId", "CreatedById", "Status", object_="Task") == (ann, seller, "Not Started")
    deleted = browser.send(f"/objects/Task/{task}", {}, f"/objects/Task/{task}/delete")
    assert "The record has been deleted." in deleted.text
    assert "Ring her" in browser.text("/objects/Task?bin=1")
    assert "Ring her" not in browser.text("/objects/Task")
    assert browser.open(f"/objects/Task/{task}/edit").status_code == 404
    undeleted = browser.send(f"/objects/Task/{task}", {}, f"/objects/Task/{task}/undelete")
    assert "back from the recycle bin" in undeleted.text
    assert stored(org, task, "IsDeleted", object_="Task") == (False,)


def test_what_is_missing_from_a_new_record_is_told(browser: Browser, org: Org) -> None:
    refused = browser.send("/objects/Contact/new", {"is.FirstName": "Ann"})
    assert refused.status_code == 422
    assert re.search(r'id="e-LastName">Required fields are missing: \[LastName\]', refused.text)
    assert org.cursor().execute('select count(*) from "Contact"').fetchone() == (0,)


def test_a_duplicate_can_be_saved_on_purpose(browser: Browser, org: Org, ann: str) -> None:
    org.rules.forbid_duplicates("Contact", "Email")
    new = {"is.LastName": "Other", "is.Email": "ann@x.example"}
    assert "although it is a duplicate" in browser.send("/objects/Contact/new", new).text
    assert "has been created" in browser.send("/objects/Contact/new", {**new, "allow_duplicates": "1"}).text


def test_a_converted_lead_refuses_edits_here_too(browser: Browser, org: Org) -> None:
    (lead,) = org.insert("Lead", [{"LastName": "x", "Company": "y", "IsConverted": True}])
    refused = browser.send(f"/objects/Lead/{lead}/edit", {"is.Title": "z"})
    assert (refused.status_code, "CANNOT_UPDATE_CONVERTED_LEAD" in refused.text) == (422, True)


def test_the_staff_makes_edits_on_demand(browser: Browser, org: Org, ann: str) -> None:
    assert "The staff has made some edits" in browser.send("/", {"count": "5"}, "/work").text


# Who may not


@pytest.mark.parametrize(
    ("headers", "token", "status"),
    [
        ({}, True, 200),
        ({"Origin": "{own}"}, True, 200),
        ({}, False, 403),
        ({"Origin": "https://evil.example"}, True, 403),
        ({"Origin": "null"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site"}, True, 403),
        ({"Host": "evil.example"}, True, 403),
        ({"Host": "127.0.0.1.evil.example"}, True, 403),
    ],
)
def test_only_the_sandboxs_own_pages_write(
    browser: Browser, org: Org, sandbox: Sandbox, ann: str, headers: dict[str, str], token: bool, status: int
) -> None:
    assert sandbox.site is not None
    values = [("is.LastName", "Changed"), ("was.LastName", "Lee"), ("token", sandbox.site.token if token else "x")]
    headers = {name: value.replace("{own}", sandbox.url) for name, value in headers.items()}
    answer = browser.post(f"/objects/Contact/{ann}/edit", values, headers)
    assert answer.status_code == status
    assert stored(org, ann, "LastName") == ("Changed" if status == 200 else "Lee",)


@pytest.mark.parametrize("path", ["/", "/log", "/sandbox/log", "/sandbox/faults", "/style.css"])
def test_a_foreign_name_for_our_address_reads_nothing(sandbox: Sandbox, path: str) -> None:
    assert requests.get(sandbox.url + path, headers={"Host": "evil.example:80"}, timeout=30).status_code == 403


@pytest.mark.parametrize(("method", "path"), [("POST", "faults"), ("DELETE", "faults"), ("POST", "edits")])
def test_a_foreign_page_gives_no_orders_to_the_server(sandbox: Sandbox, method: str, path: str) -> None:
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    body = b'{"kind": "expire"}'
    answer = requests.request(method, f"{sandbox.url}/sandbox/{path}", data=body, headers=headers, timeout=30)
    assert (answer.status_code, sandbox.faults.as_list()) == (403, [])


def test_pages_run_no_scripts_and_are_framed_by_nobody(browser: Browser) -> None:
    policy = browser.open("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy


def test_switching_users_leads_back_to_a_page_of_ours(browser: Browser, org: Org, seller: str, ann: str) -> None:
    assert browser.send(f"/objects/Contact/{ann}", {"user": org.user_id}, "/acting").url.endswith(ann)
    for elsewhere in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        answer = browser.send("/", {"user": "nobody", "back": elsewhere}, "/acting")
        assert answer.url == f"{browser.url}/"
    assert f'<option value="{seller}" selected>' in browser.text("/")


# The server


def test_the_log_shows_what_clients_asked_and_not_its_own_pages(browser: Browser, client: Client) -> None:
    client.get("sobjects")
    client.get("nothing-here")
    page = browser.text("/log")
    assert re.findall(r"<code>(\S*)</code>", page)[:2] == [
        "/services/data/v60.0/nothing-here",
        "/services/data/v60.0/sobjects",
    ]
    assert 'http-equiv="refresh"' in page
    assert "<code>/log" not in page
    assert "sobjects</code>" not in browser.text("/log?failed=1")
    assert "nothing-here" not in browser.text("/log?path=sobjects&paused=1")
    assert 'http-equiv="refresh"' not in browser.text("/log?paused=1")


def test_faults_are_put_in_force_and_taken_back_in_the_browser(
    browser: Browser, client: Client, sandbox: Sandbox
) -> None:
    token = {"token": sandbox.site.token if sandbox.site else ""}
    given = {"kind": "status", "status": "429", "times": "always", "path": "*/limits", "skip": "", "object": ""}
    page = browser.post("/faults", list({**token, **given}.items()))
    assert "all requests" in page.text
    assert client.get("limits").status_code == 429
    assert "in force" in browser.text("/faults")
    refused = browser.post("/faults", list({**token, "kind": "slow", "seconds": "soon"}.items()))
    assert (refused.status_code, "seconds must be a number" in refused.text) == (422, True)
    (fault,) = sandbox.faults.as_list()
    browser.post("/faults/clear", [*token.items(), ("id", str(fault["id"]))])
    assert client.get("limits").status_code == 200
    sandbox.faults.add("expire")
    browser.post("/faults/clear", list(token.items()))
    assert sandbox.faults.as_list() == []


def test_faults_do_not_meet_the_pages(browser: Browser, org: Org, sandbox: Sandbox, ann: str) -> None:
    for kind in ("status", "drop", "lock", "reject"):
        sandbox.faults.add(kind, times=None)
    assert "have been saved" in browser.send(f"/objects/Contact/{ann}/edit", {"is.Title": "x"}).text
