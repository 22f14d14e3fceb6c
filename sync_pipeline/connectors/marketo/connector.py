"""Marketo Engage as a `Connector` and a `Writer`.

How each kind is read: persons, their activities and memberships follow the feed of activities, and large spans come by
bulk extract; programs by their own time of change; custom objects by bulk extract. Companies, opportunities, roles and
sales persons have no feed and cannot be listed: they are read by keys that others name (decision 10).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sync_pipeline.catalog.activity_types import ActivityType
from sync_pipeline.connectors.bounds import Bounds
from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.extract import Extract, Page, Usage
from sync_pipeline.connectors.marketo import (
    activity_types,
    answers,
    feed,
    imports,
    ingestion,
    kinds,
    members,
    reads,
    setup,
    writes,
)
from sync_pipeline.connectors.marketo import fields as person_fields
from sync_pipeline.connectors.marketo.calls import COMMA, TIMEOUT, Calls
from sync_pipeline.connectors.marketo.exports import Exports, Part, parts_by_time
from sync_pipeline.connectors.marketo.feed import Feeds
from sync_pipeline.connectors.marketo.kinds import ACTIVITY, LEAD, MEMBER, PROGRAM, kind_of
from sync_pipeline.connectors.marketo.limits import Limits
from sync_pipeline.connectors.marketo.login import Credentials
from sync_pipeline.connectors.records import Answer, Operation, Record
from sync_pipeline.connectors.writes import one_by_one
from sync_pipeline.model import Describe, Field, Object, Window

PROGRAMS_A_JOB = 10


@dataclass(frozen=True)
class Reach:
    """What is read, and how far back.

    Attributes:
        first_day: no record is older; every 31 days since then cost a job of a first load.
        feed: a window that begins longer ago is read by bulk extract: page by page it would take more calls.
        activities: how long Marketo keeps activities; older ones are not asked for.
        activity_types: types mirrored besides those that tell of changes; every ten cost a call a cycle.
        priced: ids of the programs whose costs are read, a call for each that changed.
        poll_seconds: how often a bulk job is asked for its state; Marketo renews it once a minute.
        ingest_from: so many new records of an object and more go by the Data Ingestion API; 0 if none does.
        ingestion_url: the address of that API.
        import_from: so many persons and more are upserted by bulk import; their ids are learnt when they are read.
    """

    first_day: datetime = datetime(2007, 1, 1, tzinfo=UTC)
    feed: timedelta = timedelta(days=3)
    activities: timedelta = timedelta(days=25 * 31)
    activity_types: tuple[int, ...] = ()
    priced: frozenset[int] = frozenset()
    poll_seconds: float = 60.0
    import_from: int = 10_000
    ingest_from: int = 0
    ingestion_url: str = ""


@dataclass(frozen=True)
class _Span:
    """What is read by export: the parts, and since when the ends of persons are told besides."""

    parts: list[Part]
    since: datetime | None

    @property
    def token(self) -> str:
        since = self.since.isoformat() if self.since else None
        return json.dumps({"parts": [vars(part) for part in self.parts], "since": since})

    @classmethod
    def from_token(cls, token: str) -> _Span:
        told = json.loads(token)
        since = datetime.fromisoformat(told["since"]) if told["since"] else None
        return cls([Part(**part) for part in told["parts"]], since)


class Marketo:
    """A connector to one subscription as one custom service; safe to share between threads."""

    system = "marketo"

    def __init__(
        self,
        credentials: Credentials,
        limits: Limits | None = None,
        reach: Reach | None = None,
        *,
        first_wait: float = 0.5,
        timeout: float = TIMEOUT,
        bounds: Bounds | None = None,
    ) -> None:
        """Make a connector; nothing is sent before the first call."""
        self.calls = Calls(credentials, limits or Limits(), first_wait, timeout, bounds)
        self.clock = self.calls.clock
        self._reach = reach or Reach()
        self._feeds = Feeds(self._reach.activity_types)

    def metered(self) -> Marketo:
        view = copy.copy(self)
        view.calls = self.calls.metered()
        return view

    def begin(self) -> None:
        """A run begins: what was remembered of the feed is read anew."""
        self.clock.begin()
        self._feeds.forget()

    # --- what a Connector does

    def organization_id(self) -> str:
        """Log in if need be; return the Munchkin id, or what stands for it in a sandbox."""
        self.calls.connect()
        return self.calls.credentials.subscription

    def names(self) -> frozenset[str]:
        try:
            custom = self.calls.get("/rest/v1/customobjects.json").parts("result")
        except RejectedError:  # the subscription has none (1026), or the service may not see them (603)
            custom = []
        return frozenset({*kinds.STANDARD, *(told.text("name") for told in custom)})

    def describe(self, source: str) -> Describe:
        if source == PROGRAM:
            return Describe(source, kinds.PROGRAM_FIELDS)
        if source == ACTIVITY:
            self._check_types()
            return Describe(source, kinds.ACTIVITY_FIELDS)
        told = self.calls.get(kind_of(source).describe).parts("result")
        if source == LEAD:
            return _described(source, list(filter(None, map(answers.person_field, told))), after=kinds.FATE)
        fields = [field for one in told for field in answers.record_fields(one)]
        return _described(source, fields, (kinds.MEMBERSHIP, kinds.FATE[0]) if source == MEMBER else ())

    def _check_types(self) -> None:
        """Make sure that the activity types by which changes are found mean here what they mean elsewhere.

        Raises:
            RejectedError: one has another name, so that changes might go unseen.
        """
        types = self.calls.get("/rest/v1/activities/types.json").parts("result")
        told = {one.number("id"): one.text("name") for one in types}
        other = [f"{n} is {told[n]!r}, not {name!r}" for n, name in feed.NAMES.items() if told.get(n, name) != name]
        if other:
            raise RejectedError("OTHER_ACTIVITY_TYPES", f"activity types differ: {'; '.join(other)}")

    def extract(self, obj: Object, fields: Sequence[str], window: Window) -> Extract:
        """Read what changed in a window; what the feed reaches by it, anything longer by bulk extract."""
        recent = window.start is not None and self.now() - window.start <= self._reach.feed
        if obj.source == PROGRAM:
            return _extract(lambda: self._programs(fields, window))
        if recent and window.start and obj.source in (LEAD, ACTIVITY, MEMBER):
            return self._by_feed(obj, fields, window.start, window.end)
        if obj.source not in (LEAD, ACTIVITY, MEMBER) and obj.source in kinds.STANDARD:
            raise RejectedError("NO_FEED", f"Marketo tells no changes of {obj.source}: it is read by known keys")
        return self._by_export(obj, fields, _Span(self._parts(obj, window), window.start))

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str], by: str = "") -> Extract:
        if obj.source == ACTIVITY:
            raise RejectedError("NOT_FOUND_BY_ID", "Marketo finds no activity by its key")
        if obj.source == MEMBER:
            wanted: dict[int, set[int]] = {}
            for program, _, lead in (key.partition("-") for key in ids):
                wanted.setdefault(int(program), set()).add(int(lead))
            at = feed.spelled(self.now())
            return _extract(lambda: reads.members(self.calls, fields, wanted, at))
        # A key that another object names may hold a comma, and Marketo has no way to be asked for it: it is not there.
        keys = [key for key in ids if COMMA not in key] if by else ids
        return _extract(lambda: reads.by_keys(self.calls, obj.source, fields, keys, by or obj.key, self._reach.priced))

    def extract_alive(self, obj: Object, fields: Sequence[str]) -> Extract:
        window = Window(None, self.now())
        if obj.source == PROGRAM:
            return _extract(lambda: self._programs(fields, window))
        return self._by_export(obj, fields, _Span(self._parts(obj, window), None))

    def resume(self, obj: Object, fields: Sequence[str], token: str) -> Extract | None:
        """Go on with an export: its parts are the same, and those that have landed are not asked for again."""
        if not token:
            return None
        return self._by_export(obj, fields, _Span.from_token(token))

    def persons(self, by: str, value: str, fields: Sequence[str]) -> list[answers.Json]:
        """Return the persons of whom a field has this value, as they are at this moment.

        Raises:
            RejectedError: the value holds a comma.
        """
        asked = {"filterType": by, "filterValues": [value], "fields": list(fields)}
        return [dict(one.values) for one in reads.by_filter(self.calls, kind_of(LEAD).resource, asked)]

    def count(self, obj: Object, before: datetime | None = None) -> int:
        raise RejectedError("NOT_COUNTED", f"Marketo does not tell how many records {obj.source} has")

    def usage(self) -> Usage:
        return self.calls.usage()

    def quota(self) -> tuple[int, int]:
        """Return our own calls of the running day, and the budget they have."""
        return self.calls.limits.used, self.calls.limits.budget

    def remarks(self) -> Sequence[str]:
        return tuple(setup.remarks(self.calls))

    def now(self) -> datetime:
        return self.calls.now()

    def author(self) -> str:
        """Return nothing: records of Marketo do not tell who changed them."""
        return ""

    # --- what a Writer does

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        if operation is Operation.MERGE:
            return one_by_one(records, lambda record: writes.merge_into(self.calls, obj, record))
        new = sum(not record.again for record in records) if operation is Operation.UPSERT and key else 0
        if 0 < self._reach.ingest_from <= new and ingestion.is_taken(obj):
            url = self._reach.ingestion_url
            return ingestion.write(
                self.calls, url, obj, records, key, lambda rest: self._write(obj, operation, rest, key)
            )
        return self._write(obj, operation, records, key)

    def _write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str) -> list[Answer]:
        if obj.source == LEAD and operation is Operation.UPSERT and key and len(records) >= self._reach.import_from:
            return imports.write(self.calls, records, key, self._reach.poll_seconds)
        if obj.source == MEMBER:
            return members.write(self.calls, operation, records)
        return writes.write(self.calls, obj, operation, records, key)

    def add_activities(self, activities: Sequence[writes.Activity]) -> list[Answer]:
        """Add custom activities; see `writes.add_activities`."""
        return writes.add_activities(self.calls, activities)

    def activities_of(self, types: Sequence[int], persons: Sequence[int], since: datetime) -> Iterator[answers.Json]:
        """Yield the activities of some types and persons since a moment, `attributes` as a JSON object."""
        return feed.of_persons(self.calls, types, persons, since)

    def activity_types(self) -> dict[str, int]:
        """Return the ids of the activity types by name."""
        return activity_types.ids(self.calls)

    def lacking_activity_types(self, wanted: Sequence[ActivityType]) -> list[tuple[ActivityType, str]]:
        """Return the custom activity types that are not ready, with what is to be done about each."""
        return list(activity_types.lacking(self.calls, wanted))

    def make_activity_types(self, wanted: Sequence[ActivityType]) -> list[ActivityType]:
        """Create, complete and approve custom activity types; return those that were not ready."""
        return activity_types.make(self.calls, wanted)

    def make_person_fields(self, wanted: Sequence[Field], taken: Collection[str] = ()) -> list[str]:
        """Create custom fields of persons, for good, with labels that are not taken yet; return their names."""
        return person_fields.make(self.calls, wanted, taken)

    # --- ways of reading

    def _by_feed(self, obj: Object, fields: Sequence[str], start: datetime, end: datetime) -> Extract:
        activities = self._feeds.since(self.calls, start, end)
        if obj.source == ACTIVITY:
            pages: Iterable[Page] = [reads.page("feed", lambda: activities, fields)] if activities else []
            return Extract(lambda: iter(pages), -1)
        if obj.source == MEMBER:
            changed = feed.changed_members(activities)
            for winner, losers in feed.united(activities).items():
                for program in reads.programs_of(self.calls, winner):
                    changed.setdefault(program, set()).update((winner, *losers))
            at = feed.spelled(self.now())
            return _extract(lambda: reads.members(self.calls, fields, changed, at))
        fates = feed.fates(activities)
        living = sorted(feed.changed_persons(activities) - fates.keys())
        return _extract(lambda: self._persons(obj, fields, list(map(str, living)), fates))

    def _persons(
        self, obj: Object, fields: Sequence[str], ids: Sequence[str], fates: dict[int, feed.Fate]
    ) -> Iterator[Page]:
        yield from reads.by_keys(self.calls, LEAD, fields, ids, obj.key)
        if fates:
            yield reads.gone(fates, fields, obj.key, obj.stamp)

    def _programs(self, fields: Sequence[str], window: Window) -> Iterator[Page]:
        priced = self._reach.priced if "costs" in fields else ()
        path = "/rest/asset/v1/programs.json"
        start = feed.spelled(window.start) if window.start else None
        asked = {"earliestUpdatedAt": start, "latestUpdatedAt": feed.spelled(window.end) if start else None}
        yield reads.page("programs", lambda: reads.whole_programs(self.calls, path, asked, priced), fields)

    def _by_export(self, obj: Object, fields: Sequence[str], span: _Span) -> Extract:
        """Read by export jobs. Persons that are no more are in no file; the feed of their ends tells them."""
        in_file = [name for name in fields if name not in reads.OWN]
        if obj.source == MEMBER:
            in_file = list(dict.fromkeys([*in_file, "programId", "leadId"]))

        def pages() -> Iterator[Page]:
            yield from self._exports(obj).pages(span.parts, fields, in_file)
            if obj.source == LEAD and span.since:
                yield reads.gone(feed.fates_since(self.calls, span.since), fields, obj.key, obj.stamp)

        return Extract(pages, -1, span.token)

    def _parts(self, obj: Object, window: Window) -> list[Part]:
        """Return the parts of an export that holds at least the records of a window."""
        if obj.source == MEMBER:
            programs = reads.programs(self.calls, "/rest/asset/v1/programs.json", {})
            ids = [program.number("id") for program in programs]
            groups = [sorted(ids)[i : i + PROGRAMS_A_JOB] for i in range(0, len(ids), PROGRAMS_A_JOB)]
            return [Part(f"programs-{group[0]}-{len(group)}", {"programIds": group}) for group in groups]
        start = max(window.start or self._reach.first_day, self._reach.first_day)
        if obj.source == ACTIVITY:
            kept = max(start, window.end - self._reach.activities)
            types = [*self._feeds.types, feed.DELETE]  # which the feed tells by a call of its own
            return parts_by_time("createdAt", kept, window.end, {"activityTypeIds": types})
        if obj.source != LEAD:
            return parts_by_time("updatedAt", start, window.end)
        by_change = parts_by_time("updatedAt", start, window.end)
        if window.start is not None and by_change and self._exports(obj).offers(by_change[0], [obj.key]):
            return by_change
        return parts_by_time("createdAt", self._reach.first_day, window.end)

    def _exports(self, obj: Object) -> Exports:
        return Exports(self.calls, kind_of(obj.source).export, self._reach.poll_seconds)


def _described(
    source: str, fields: Sequence[Field], before: Sequence[Field] = (), after: Sequence[Field] = ()
) -> Describe:
    """Return a describe with fields of ours before and after Marketo's; those that cannot be asked for are odd."""
    if not fields:
        raise RejectedError("NOT_FOUND", f"Marketo does not describe {source}")
    usable = [field for field in fields if answers.is_name(field.name)]
    odd = tuple(field.name for field in fields if not answers.is_name(field.name))
    return Describe(source, (*before, *usable, *after), odd=odd)


def _extract(pages: Callable[[], Iterator[Page]]) -> Extract:
    """Return a result whose size nobody tells beforehand."""
    return Extract(pages, -1)
