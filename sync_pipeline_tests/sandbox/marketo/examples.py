"""A subscription in which the requests of Adobe's guide can be made as they stand, and those requests."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, LIST_MEMBER, PROGRAM, STATIC_LIST
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sandbox.marketo.conftest import Client

GUIDS = ("dff23271-f996-47d7-984f-f2676861b5fa", "dff23271-f996-47d7-984f-f2676861b5fb")
STATUSES = (("Not in Program", 0), ("Invited", 10), ("On List", 20), ("Visited", 30), ("Influenced", 40))
PERSONS = (
    1, 11, 12, 13, 50, 51, 235, 766, 1001, 1200, 1235, 1324, 1789, 1790, 1800, 1801, 309901, 318581, 318592, 318594,
    318603, 456783, 456784,
)  # fmt: skip
PROGRAM_ID, LIST_ID = 1044, 1081

Json = dict[str, Any]


@dataclass
class World:
    """The subscription with the records that the guide's requests name, by their very ids."""

    client: Client

    def fill(self) -> None:
        subscription = self.client.sandbox.subscription
        now = subscription.present()
        stamps = {"createdAt": now, "updatedAt": now}
        person = {"firstName": "Ada", "lastName": "Lovelace", "postalCode": "04828", "leadPartitionId": 1, **stamps}
        rows = [{"id": number, "email": f"p{number}@example.com", **person} for number in PERSONS]
        subscription.insert(subscription.lead, rows)
        statuses = [{"name": name, "step": step, "success": step == 40} for name, step in STATUSES]
        channels = [(1, "Online Advertising"), (2, "Online")]
        subscription.insert(
            CHANNEL,
            [
                {"id": number, "name": name, "programType": "program", "statuses": json.dumps(statuses), **stamps}
                for number, name in channels
            ],
        )
        programs = [(PROGRAM_ID, "Big Blue Thing Product Launch"), (1107, "TestProgramName")]
        kind = {"type": "Default", "channel": "Online Advertising", **stamps}
        subscription.insert(PROGRAM, [{"id": number, "name": name, **kind} for number, name in programs])
        folder = json.dumps({"id": 13, "type": "Folder"})
        lists = [(LIST_ID, "Members"), (1021, "Foundation"), (1022, "To be deleted"), (1023, "More")]
        subscription.insert(STATIC_LIST, [{"id": n, "name": name, "folder": folder, **stamps} for n, name in lists])
        members = [11, 12, 13, 309901, 318603, 50]
        subscription.insert(LIST_MEMBER, [{"listId": LIST_ID, "leadId": n, "createdAt": now} for n in members])
        subscription.insert(LIST_MEMBER, [{"listId": n, "leadId": 50, "createdAt": now} for n in (1021, 1022, 1023)])
        self._objects(stamps)

    def _objects(self, stamps: Json) -> None:
        objects, subscription = self.client.sandbox.subscription.objects, self.client.sandbox.subscription
        companies = [(3433, "19UYA31581L000000"), (5345, "old")]
        subscription.insert(
            objects["company"],
            [{"id": n, "externalCompanyId": key, "company": "Google", **stamps} for n, key in companies],
        )
        subscription.insert(
            objects["opportunity"],
            [
                {"marketoGUID": guid, "externalOpportunityId": key, "name": "Chairs", "description": "Chairs",
                 "source": "Email", "amount": 1604.47, **stamps}
                for guid, key in zip(GUIDS, ("19UYA31581L000000", "old"), strict=True)
            ],
        )  # fmt: skip
        role = {"externalOpportunityId": "19UYA31581L000000", "role": "Technical Buyer", **stamps}
        subscription.insert(objects["opportunityRole"], [{"marketoGUID": GUIDS[0], "leadId": 456783, **role}])
        people = [(53453, "sam@test.com"), (53454, "old@test.com")]
        subscription.insert(
            objects["salesPerson"],
            [{"id": n, "externalSalesPersonId": key, "email": key, **stamps} for n, key in people],
        )
        self._custom_object("car_c", ["color", "make", "model"], "leadId")
        self._custom_object("purchaseHistory", ["product_name"], "lead_id")
        status = f"/rest/v1/programs/{PROGRAM_ID}/members/status.json"
        for name, leads in (("Influenced", (1789, 1790, 1800, 11)), ("Invited", (1801, 12, 13, 50))):
            self.client.post(status, {"statusName": name, "input": [{"leadId": lead} for lead in leads]})
        schema = "/rest/v1/programs/members/schema/fields.json"
        fields = ["myCustomField", "pMCustomField01", "pMCustomField02", "pMCFCustomField02"]
        self.client.post(schema, {"input": [_field(name) for name in fields]})
        self.client.post(
            "/rest/v1/leads/schema/fields.json", {"input": [_field(f"leadCustomField0{n}") for n in (1, 2)]}
        )
        self.client.post("/rest/v1/leads/schema/fields.json", {"input": [_field("jobTitle")]})
        self.client.error("GET", "/rest/v1/nothing.json")

    def _custom_object(self, name: str, fields: list[str], link: str) -> None:
        schema = "/rest/v1/customobjects/schema"
        described = {"displayName": "Car", "pluralName": "Cars", "description": "It's a car.", "apiName": name}
        self.client.post(f"{schema}.json", {"action": "createOnly", **described})
        related = {
            "name": link,
            "displayName": "Lead",
            "dataType": "link",
            "relatedTo": {"name": "lead", "field": "id"},
        }
        key = {"name": "vIN", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
        self.client.post(f"{schema}/{name}/addField.json", {"input": [related, key, *map(_field, fields)]})
        self.client.post(f"{schema}/{name}/approve.json")

    # What must be there before one request

    def has_type(self, draft: bool = False, attributes: bool = True) -> None:
        """See to it that the custom activity type of the guide is there."""
        root = "/rest/v1/activities/external/type"
        if self.client.send("GET", f"{root}/attendConference/describe.json").json()["success"]:
            self.client.post(f"{root}/attendConference/delete.json")
        self.client.post(f"{root}.json", _CONFERENCE)
        if attributes:
            self.client.post(f"{root}/attendConference/attributes/create.json", {"attributes": _ATTRIBUTES})
        if not draft:
            self.client.post(f"{root}/attendConference/approve.json")

    def type_is_gone(self) -> None:
        self.client.send("POST", "/rest/v1/activities/external/type/attendConference/delete.json")

    def has_object(self, name: str, *fields: str, approved: bool = False) -> None:
        """See to it that a custom object is there, as a draft or approved."""
        schema = "/rest/v1/customobjects/schema"
        self.client.send("POST", f"{schema}/{name}/delete.json")
        self.client.post(f"{schema}.json", {"apiName": name, "displayName": name, "description": "Commerce happens"})
        key = {"name": f"{name}Key", "displayName": "Key", "dataType": "string", "isDedupeField": True}
        self.client.post(f"{schema}/{name}/addField.json", {"input": [key, *map(_field, fields)]})
        if approved:
            self.client.post(f"{schema}/{name}/approve.json")

    def object_is_gone(self, name: str) -> None:
        self.client.send("POST", f"/rest/v1/customobjects/schema/{name}/delete.json")

    def export(self, root: str, state: str) -> str:
        """Return the id of an export job in this state."""
        created = {"startAt": "2026-05-01T00:00:00Z", "endAt": "2026-05-31T00:00:00Z"}
        wanted: Json = {"programId": PROGRAM_ID} if "member" in root else {"updatedAt": created}
        wanted = {"createdAt": created} if "activities" in root or "leads" in root else wanted
        fields = None if "activities" in root else ["leadId"] if "leads" not in root else ["id"]
        number: str = self.client.post(f"{root}/create.json", {"fields": fields, "filter": wanted})["result"][0][
            "exportId"
        ]
        if state == "Completed":
            self.client.post(f"{root}/{number}/enqueue.json")
            self._wait(f"{root}/{number}/status.json", "Completed")
        return number

    def imported(self, path: str, status: str, text: str) -> int:
        """Return the number of a finished import."""
        number: int = self.client.send("POST", path, files={"file": ("f.csv", text)}).json()["result"][0]["batchId"]
        self._wait(status.format(number), "Complete")
        return number

    def _wait(self, path: str, state: str) -> None:
        for _ in range(2_000):
            if self.client.result(path)[0]["status"] == state:
                return
            time.sleep(0.01)
        raise AssertionError(f"{path} did not become {state}")


_CONFERENCE = {
    "apiName": "attendConference",
    "name": "Attend Conference",
    "description": "Attend the conference",
    "triggerName": "Attends Conference",
    "filterName": "Attended Conference",
    "primaryAttribute": {"apiName": "conferenceName", "name": "Conference Name", "description": "Its name"},
}
_ATTRIBUTES = [
    {"apiName": "conferenceDate", "name": "Conference Date", "description": "Date", "dataType": "datetime"},
    {"apiName": "numberOfAttendees", "name": "Number", "description": "Number", "dataType": "integer"},
    {"apiName": "numberOfAttendee", "name": "Number of one", "description": "Number", "dataType": "integer"},
]


def _field(name: str) -> Json:
    return {"name": name, "displayName": name, "dataType": "string"}


@contextmanager
def filled_world() -> Iterator[World]:
    """Serve a subscription that is filled so, without limits, until the block ends."""
    with Subscription.open(clock=Clock()) as subscription, MarketoSandbox(subscription) as sandbox:
        sandbox.limits.calls = sandbox.limits.daily = 10_000_000
        client = Client(sandbox)
        client.log_in()
        world = World(client)
        world.fill()
        yield world


Prepare = Callable[[World], None]
# What one request needs, by its method and path as the guide spells them (and by the place among those of one path).
NEEDS: dict[str, Prepare] = {
    "/activities/external/types": lambda world: world.has_type(),
    "/activities/external/type/{apiName}/describe": lambda world: world.has_type(),
    "/activities/external/type.json": lambda world: world.type_is_gone(),
    "/activities/external/type/{apiName}.json": lambda world: world.has_type(draft=True),
    "/attributes/create": lambda world: world.has_type(attributes=False),
    "/attributes/update": lambda world: world.has_type(),
    "/attributes/delete": lambda world: world.has_type(),
    "/schema/transaction/describe": lambda world: world.has_object("transaction"),
    "/schema/course/addField": lambda world: world.has_object("course"),
    "/schema/course/approve": lambda world: world.has_object("course"),
    "/schema/enrollment/addField": lambda world: _enrollment(world),
    "/schema/enrollment/approve": lambda world: world.has_object("enrollment"),
    "/schema/{apiName}/approve": lambda world: world.has_object("book", "title", "author"),
    "/schema/{apiName}/discardDraft": lambda world: world.has_object("book", "title", "author"),
    "/updateField": lambda world: world.has_object("book", "title", "author"),
    "/deleteField": lambda world: world.has_object("book", "title", "author"),
    "/opportunities/roles.json": lambda world: _opportunity(world),
    "/leadchanges": lambda world: _changed(world),
    "/deletedleads": lambda world: _deleted(world),
}


def _enrollment(world: World) -> None:
    world.has_object("course", "courseID", approved=True)
    world.has_object("enrollment")


def _opportunity(world: World) -> None:
    world.client.post("/rest/v1/opportunities.json", {"input": [{"externalOpportunityId": "19UYA31581L000000"}]})


def _changed(world: World) -> None:
    world.client.sync({"id": 1, "firstName": "A"}, action="updateOnly", lookupField="id")
    world.client.sync({"id": 1, "firstName": "B"}, action="updateOnly", lookupField="id")


def _deleted(world: World) -> None:
    (made,) = world.client.sync({"email": "gone@example.com", "firstName": "Gone"})
    world.client.post("/rest/v1/leads/delete.json", {"input": [{"id": made["id"]}]})


def path_of(world: World, example: Json) -> str:
    """Return the address of an example's request with our ids in the place of its placeholders."""
    path: str = example["request"]["path"]
    if example["request"]["method"] == "POST":
        path = path.replace("schema/fields/{fieldApiName}", "schema/fields/leadCustomField01")
    export = re.match(r"(/bulk/v1/(?:leads|activities|program/members|customobjects/[^/]+)/export)/([^/]+)/(\w+)", path)
    if export:
        root = export[1].replace("{apiName}", "car_c")
        state = "Created" if export[3] in ("enqueue", "cancel") else "Completed"
        return f"{root}/{world.export(root, state)}/{export[3]}.json"
    if "/batch/" in path:
        return f"/bulk/v1/leads/batch/{world.imported('/bulk/v1/leads.json?format=csv', _BATCH, _PEOPLE)}.json"
    if "/members/import/" in path:
        start = f"/bulk/v1/program/{PROGRAM_ID}/members/import.json?format=csv&programMemberStatus=On List"
        return f"/bulk/v1/program/members/import/{world.imported(start, _MEMBERS, _PEOPLE)}/status.json"
    if path.startswith("/bulk/v1/customobjects") and "/import/" in path:
        number = world.imported("/bulk/v1/customobjects/car_c/import.json?format=csv", _CARS, "vIN,color\nV-1,red\n")
        return f"/bulk/v1/customobjects/car_c/import/{number}/status.json"
    for placeholder, value in _placeholders(example["file"], path).items():
        path = path.replace(f"{{{placeholder}}}", value)
    token = world.client.since()
    path = re.sub(r"nextPageToken=[^&]*", f"nextPageToken={token}", path)
    path = path.replace("activityTypeIds=1&", "activityTypeIds=104&").replace("offset=10", "offset=0")
    if "earliestUpdatedAt" in path:
        return path.replace("2017-01-01", "2026-05-01").replace("2017-01-30", "2026-05-30")
    return path.replace("programMemberStatus=On", "programMemberStatus=On List")


_BATCH = "/bulk/v1/leads/batch/{}.json"
_MEMBERS = "/bulk/v1/program/members/import/{}/status.json"
_CARS = "/bulk/v1/customobjects/car_c/import/{}/status.json"
_PEOPLE = "firstName,lastName,email\nAble,Baker,able@example.com\n"


def _placeholders(file: str, path: str) -> dict[str, str]:
    book = any(word in path for word in ("/schema/{apiName}/approve", "discardDraft", "updateField", "deleteField"))
    object_name = "attendConference" if "/external/" in path else "book" if book else "car_c"
    ids = {"leads.md": "50", "programs.md": "1107", "static-lists.md": "1021"}
    one = "1022" if path.endswith("staticList/{id}/delete.json") else ids.get(file, "1")
    field = {"program-members.md": "statusName"}.get(file, "email" if "schema/fields" in path else "title")
    return {
        "apiName": object_name,
        "id": one,
        "listId": str(LIST_ID),
        "programId": str(PROGRAM_ID),
        "fieldApiName": field,
    }
