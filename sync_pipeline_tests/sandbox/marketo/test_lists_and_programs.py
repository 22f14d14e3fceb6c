"""Static lists, programs with their channels, members whose statuses go only forward."""

from __future__ import annotations

import json
from typing import Any

from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client, codes


def make_list(client: Client, name: str = "Seed list", folder: str = '{"id": 13, "type": "Folder"}') -> int:
    made = client.send("POST", "/rest/asset/v1/staticLists.json", data={"name": name, "folder": folder}).json()
    number: int = made["result"][0]["id"]
    return number


def test_persons_are_put_into_a_list_and_taken_out_again(client: Client) -> None:
    one, two = (made["id"] for made in client.sync({"email": "a@example.com"}, {"email": "b@example.com"}))
    number = make_list(client)
    path = f"/rest/v1/lists/{number}/leads.json"
    assert codes(client.send("POST", path, params={"id": [one, 999]}).json()["result"]) == ["added", "1004"]
    member = client.get(f"/rest/v1/lists/{number}/leads/ismember.json", id=[one, two, 999])["result"]
    assert codes(member) == ["memberof", "notmemberof", "1004"]
    assert [person["id"] for person in client.result(path)] == [one]
    assert [found["listId"] for found in client.result(f"/rest/v1/leads/{one}/listMembership.json")] == [number]
    removed = client.send("DELETE", path, params={"id": [one, two, 999]}).json()["result"]
    assert codes(removed) == ["removed", "1015", "1004"]
    assert [one["activityTypeId"] for one in client.activities(24, 25)] == [24, 25]


def test_lists_are_found_by_name_and_program_page_by_page(client: Client, program: int) -> None:
    numbers = [make_list(client, f"List {number}") for number in range(3)]
    own = make_list(client, "Own", f'{{"id": {program}, "type": "Program"}}')
    page = client.get("/rest/v1/lists.json", batchSize=2)
    rest = client.get("/rest/v1/lists.json", batchSize=2, nextPageToken=page["nextPageToken"])
    assert [one["id"] for one in page["result"] + rest["result"]] == [*numbers, own]
    assert [one["id"] for one in client.result("/rest/v1/lists.json", programName="Spring webinar")] == [own]
    assert [one["id"] for one in client.result("/rest/v1/lists.json", name="List 1")] == [numbers[1]]
    assert client.error("GET", "/rest/v1/lists/77.json")[0] == "1013"
    assert client.get("/rest/asset/v1/staticList/77.json")["warnings"] == [
        "No assets found for the given search criteria."
    ]


def test_programs_and_channels_are_listed(client: Client, program: int) -> None:
    (found,) = client.result("/rest/asset/v1/programs.json")
    assert (found["id"], found["channel"], found["createdAt"]) == (program, "Webinar", "2026-05-17T10:00:00Z+0000")
    (channel,) = client.result("/rest/asset/v1/channel/byName.json", name="Webinar")
    assert [status["step"] for status in channel["progressionStatuses"]] == [0, 10, 20, 30]
    form = {"name": "New", "type": "Event", "channel": "Webinar", "folder": '{"id": 1, "type": "Folder"}'}
    made = client.send("POST", "/rest/asset/v1/programs.json", data=form).json()["result"][0]
    assert client.result(f"/rest/asset/v1/program/{made['id']}.json") == [made]
    assert client.send("POST", "/rest/asset/v1/programs.json", data=form).json()["errors"][0]["code"] == "709"


def test_costs_are_added_or_replaced_as_a_whole_and_channel_and_type_stay(client: Client, program: int) -> None:
    """SF-CAMP-19. Lists leave costs out."""
    form = {"name": "New", "type": "Event", "channel": "Webinar", "folder": '{"id": 1, "type": "Folder"}'}
    first, second = {"startDate": "2026-01-01", "cost": 2000}, {"startDate": "2026-02-01", "cost": 300, "note": "Ads"}

    def send(path: str, **given: str) -> list[dict[str, Any]]:
        (told,) = client.send("POST", f"/rest/asset/v1/{path}.json", data=given).json()["result"]
        costs: list[dict[str, Any]] = told["costs"]
        return costs

    assert send("programs", **form, costs=json.dumps([first])) == [first]
    (made,) = (one for one in client.result("/rest/asset/v1/programs.json") if one["id"] != program)
    assert "costs" not in made
    assert "costs" not in client.result("/rest/asset/v1/program/byName.json", name="New")[0]
    path = f"program/{made['id']}"
    assert send(path, costs=json.dumps([second]), channel="Email Blast", type="Default") == [first, second]
    assert send(path, costs=json.dumps([second]), costsDestructiveUpdate="true") == [second]
    (named,) = client.result("/rest/asset/v1/program/byName.json", name="New", includeCosts="true")
    assert (named["costs"], named["channel"], named["type"]) == ([second], "Webinar", "Event")
    assert send(path, costsDestructiveUpdate="true") is None
    wrong = {"costs": json.dumps([{"cost": 1}])}
    assert client.send("POST", f"/rest/asset/v1/{path}.json", data=wrong).json()["errors"][0]["code"] == "1001"


def test_a_merge_unites_memberships_and_the_further_status_stays(client: Client, program: int) -> None:
    """MERGE-10. Fields of the membership: the winner's, or what a loser has."""
    winner, loser = (made["id"] for made in client.sync({"email": "a@example.com"}, {"email": "b@example.com"}))
    root = f"/rest/v1/programs/{program}/members"
    names = [{"displayName": name, "name": name, "dataType": "string"} for name in ("lunch", "table")]
    client.post("/rest/v1/programs/members/schema/fields.json", {"input": names})
    for lead, status, own in (
        (winner, "Invited", {"lunch": "fish"}),
        (loser, "Attended", {"lunch": "x", "table": "5"}),
    ):
        client.post(f"{root}/status.json", {"statusName": status, "input": [{"leadId": lead}]})
        client.post(f"{root}.json", {"input": [{"leadId": lead, **own}]})
    client.post(f"/rest/v1/leads/{winner}/merge.json", leadIds=loser)
    wanted = {"filterType": "leadId", "filterValues": f"{winner},{loser}"}
    (found,) = client.result(f"{root}.json", **wanted, fields="leadId,statusName,reachedSuccess,lunch,table")
    told = ("leadId", "statusName", "reachedSuccess", "lunch", "table")
    assert tuple(found[name] for name in told) == (winner, "Attended", True, "fish", "5")


def test_a_status_goes_only_forward(client: Client, program: int) -> None:
    """SF-CAMP-8, MK-REST-15."""
    one, two = (made["id"] for made in client.sync({"email": "a@example.com"}, {"email": "b@example.com"}))
    path = f"/rest/v1/programs/{program}/members/status.json"

    def move(status: str, *leads: int) -> list[str]:
        body = {"statusName": status, "input": [{"leadId": lead} for lead in leads]}
        return codes(client.post(path, body)["result"])

    assert move("Registered", one, 999) == ["created", "1004"]
    assert move("Invited", one, two) == ["1037", "created"]
    assert move("Registered", one, two) == ["1037", "updated"]
    assert move("Attended", one) == ["updated"]
    assert client.error("POST", path, json={"statusName": "Slept", "input": [{"leadId": one}]})[0] == "1025"
    members = client.result(
        f"/rest/v1/programs/{program}/members.json", filterType="reachedSuccess", filterValues="true"
    )
    assert [member["leadId"] for member in members] == [one]
    steps = [
        (a["leadId"], {x["name"]: x["value"] for x in a["attributes"]}["Old Status"]) for a in client.activities(104)
    ]
    assert steps == [(one, "Not in Program"), (two, "Not in Program"), (two, "Invited"), (one, "Registered")]


def test_members_have_fields_of_their_own(client: Client, program: int) -> None:
    (made,) = client.sync({"email": "a@example.com"})
    schema = "/rest/v1/programs/members/schema/fields.json"
    client.post(schema, {"input": [{"displayName": "Lunch", "name": "lunch", "dataType": "string"}]})
    root = f"/rest/v1/programs/{program}/members"
    client.post(f"{root}/status.json", {"statusName": "Invited", "input": [{"leadId": made["id"]}]})
    data = {"input": [{"leadId": made["id"], "lunch": "fish"}, {"leadId": 999, "lunch": "x"}]}
    assert codes(client.post(f"{root}.json", data)["result"]) == ["updated", "1013"]
    wrong = {"input": [{"leadId": made["id"], "nothing": "x"}]}
    assert codes(client.post(f"{root}.json", wrong)["result"]) == ["1006"]
    found = client.result(f"{root}.json", filterType="lunch", filterValues="Fish", fields="leadId,lunch,statusName")
    assert found == [{"seq": 0, "leadId": made["id"], "lunch": "fish", "statusName": "Invited"}]
    (change,) = client.activities(123)
    assert {"name": "New Value", "value": "fish"} in change["attributes"]
    (described,) = client.result("/rest/v1/programs/members/describe.json")
    assert ["lunch"] in described["searchableFields"]
    many = [{"displayName": f"F {n}", "name": f"f{n}", "dataType": "string"} for n in range(20)]
    assert client.error("POST", schema, json={"input": many})[0] == "1003"


def test_members_are_queried_by_a_week_of_changes_at_most(client: Client, program: int, clock: Clock) -> None:
    """MK-REST-15."""
    (made,) = client.sync({"email": "a@example.com"})
    root = f"/rest/v1/programs/{program}/members"
    client.post(f"{root}/status.json", {"statusName": "Invited", "input": [{"leadId": made["id"]}]})
    week = {"filterType": "updatedAt", "filterValues": "x", "startAt": "2026-05-11T00:00:00Z"}
    found = client.get(f"{root}.json", **week, endAt="2026-05-18T00:00:00Z")
    assert (len(found["result"]), found["moreResult"]) == (1, False)
    assert client.error("GET", f"{root}.json", params={**week, "endAt": "2026-05-18T00:00:01Z"})[0] == "1003"


def test_members_are_removed_and_seen_from_the_person(client: Client, program: int) -> None:
    one, two = (made["id"] for made in client.sync({"email": "a@example.com"}, {"email": "b@example.com"}))
    root = f"/rest/v1/programs/{program}/members"
    client.post(f"{root}/status.json", {"statusName": "Invited", "input": [{"leadId": one}]})
    (person,) = client.result(f"/rest/v1/leads/programs/{program}.json")
    assert (person["id"], person["membership"]["progressionStatus"]) == (one, "Invited")
    changed = client.post(
        f"/rest/v1/leads/programs/{program}/status.json",
        {"status": "Registered", "input": [{"id": one}, {"id": two}]},
    )["result"]
    assert codes(changed) == ["updated", "1037"]
    gone = client.post(f"{root}/delete.json", {"input": [{"leadId": one}, {"leadId": two}]})["result"]
    assert codes(gone) == ["deleted", "1037"]
    assert client.result(f"/rest/v1/leads/{one}/programMembership.json") == []
    assert client.error("GET", "/rest/v1/leads/programs/77.json")[0] == "1013"
