"""The two systems in which activities are logged: custom activities of Marketo, tasks of the CRM."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sync_pipeline.activity_log.send import Entry
from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES, SOURCE_ID, Attribute
from sync_pipeline.connectors.marketo import Marketo
from sync_pipeline.connectors.marketo.feed import spelled
from sync_pipeline.connectors.marketo.writes import Activity
from sync_pipeline.connectors.records import Answer, Operation, Record, Value
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.model import Describe, Object
from sync_pipeline.sync.delivery.outbox import typed

SLACK = timedelta(minutes=1)
# Of texts Marketo takes 255 characters, of long ones as many as its 65,536 bytes for all attributes leave (1049).
LONGEST, LONGEST_TEXT = 255, 10_000
DECLARED = {one.name: {a.api_name: a for a in one.attributes} for one in ACTIVITY_TYPES}
IDENTIFYING = ("WhoId", "Subject", "ActivityDate")


class MarketoLog:
    """Custom activities. `types` are the ids of the types that can be used, by our name of them."""

    def __init__(self, marketo: Marketo, obj: Object, types: Mapping[str, int]) -> None:
        self.obj = obj
        self._marketo = marketo
        self._types = types

    def now(self) -> datetime:
        self._marketo.organization_id()  # logged in: an answer is what tells the time
        return self._marketo.now()

    def add(self, entries: Sequence[Entry]) -> list[Answer]:
        return self._marketo.add_activities([self._activity(entry) for entry in entries])

    def _activity(self, entry: Entry) -> Activity:
        declared = DECLARED[entry.type]
        told = {name: _value(text, declared[name]) for name, text in entry.attributes.items()}
        return Activity(
            int(entry.person),
            self._types[entry.type],
            spelled(entry.happened_at.astimezone(UTC)),
            entry.event,
            {**told, SOURCE_ID.api_name: entry.activity_id},
        )

    def arrived(self, entries: Sequence[Entry], others: Collection[str]) -> Mapping[str, str]:
        """Look for our ids among what was logged on these persons; Marketo keeps what it took."""
        wanted = {entry.activity_id for entry in entries}
        types = sorted({self._types[entry.type] for entry in entries if entry.type in self._types})
        persons = sorted({int(entry.person) for entry in entries})
        since = min(entry.seen_from for entry in entries) - SLACK
        found = {}
        for told in self._marketo.activities_of(types, persons, since):
            source_id = json.loads(told["attributes"]).get(SOURCE_ID.api_name)
            if source_id in wanted:
                found[source_id] = str(told["marketoGUID"])
        return found


def _value(text: str, attribute: Attribute) -> Value:
    match attribute.type:
        case "boolean":
            return text == "true"
        case "integer":
            return int(text)
        case "float":
            return float(text)
    return text[: LONGEST_TEXT if attribute.type == "text" else LONGEST]


class TaskLog:
    """Tasks of the CRM, found again by our own id where the org has a field for it, else by their values.

    Args:
        key: the custom field that holds our id (text, unique, external id); empty where there is none.
    """

    def __init__(self, writer: SalesforceWriter, obj: Object, described: Describe, key: str) -> None:
        self.obj = obj
        self._writer = writer
        self._fields = {field.name: field for field in described.fields}
        self._key = key if key in self._fields else ""

    def now(self) -> datetime:
        self._writer.user_id()  # asked once: an answer is what tells the time
        return self._writer.now()

    def add(self, entries: Sequence[Entry]) -> list[Answer]:
        operation = Operation.UPSERT if self._key else Operation.CREATE
        return self._writer.write(self.obj, operation, [self._record(entry) for entry in entries], self._key)

    def _record(self, entry: Entry) -> Record:
        values = {name: typed(text, self._fields[name]) for name, text in entry.attributes.items()}
        own: dict[str, Value] = {self._key: entry.activity_id} if self._key else {}
        return Record(None, {"WhoId": entry.person, **values, **own})

    def arrived(self, entries: Sequence[Entry], others: Collection[str]) -> Mapping[str, str]:
        """Look through what the sync user made since. Of tasks with equal values any stands for any."""
        since = min(entry.sent_at or entry.happened_at for entry in entries) - SLACK
        names = (self._key,) if self._key else IDENTIFYING
        made: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for task in self._writer.made(self.obj, names, since):
            if task["Id"] not in others:
                made[tuple(task.get(name) for name in names)].append(task["Id"])
        found = {}
        for entry in entries:
            values = self._record(entry).values
            if there := made[tuple(values.get(name) for name in names)]:
                found[entry.activity_id] = there.pop()
        return found
