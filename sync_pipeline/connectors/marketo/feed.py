"""The change feed: activities since a moment, read once for all who ask and read on as time passes (MK-REST-8)."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.marketo.answers import Json
from sync_pipeline.connectors.marketo.calls import Calls

TYPES_A_CALL, PERSONS_A_CALL = 10, 30
# The windows of a cycle's objects begin moments apart; the first one that asks reads for those that begin earlier.
SLACK = timedelta(minutes=1)
_NUMBER = re.compile(r"\d+")

NEW_LEAD, CHANGE_DATA_VALUE, CHANGE_SCORE, CHANGE_OWNER, CHANGE_PARTITION = 12, 13, 22, 23, 100
SFDC_MERGE, MERGE, DELETE = 31, 32, 37
ADD_TO_OPPORTUNITY, REMOVE_FROM_OPPORTUNITY, UPDATE_OPPORTUNITY = 34, 35, 36
CHANGE_STATUS, CHANGE_MEMBER = 104, 123

# Without these changes go unseen; they are one call. What a start-up check asks Get Activity Types for by name.
NAMES = {
    NEW_LEAD: "New Lead",
    CHANGE_DATA_VALUE: "Change Data Value",
    CHANGE_SCORE: "Change Score",
    SFDC_MERGE: "SFDC Merge Leads",
    MERGE: "Merge Leads",
    ADD_TO_OPPORTUNITY: "Add to Opportunity",
    REMOVE_FROM_OPPORTUNITY: "Remove from Opportunity",
    UPDATE_OPPORTUNITY: "Update Opportunity",
    CHANGE_STATUS: "Change Status in Progression",
    CHANGE_MEMBER: "Change Program Member Data",
}
NEEDED = tuple(NAMES)
OF_PERSONS = frozenset(
    {NEW_LEAD, CHANGE_DATA_VALUE, CHANGE_SCORE, CHANGE_OWNER, CHANGE_PARTITION, SFDC_MERGE, MERGE, CHANGE_STATUS}
)


@dataclass(frozen=True)
class Fate:
    """What became of a person that is no more: when, and the person it was merged into, if any."""

    at: str
    into: int | None


@dataclass
class Feed:
    """The activities of some types since a moment. `read_to` is the time up to which they are known."""

    since: datetime
    read_to: datetime
    tokens: dict[tuple[int, ...], str]
    activities: list[Json] = field(default_factory=list)


class Feeds:
    """The feed of one connector. All objects of a cycle ask about the same minutes; they are read once."""

    def __init__(self, types: Sequence[int]) -> None:
        wanted = tuple(dict.fromkeys((*NEEDED, *types)))
        self.types = wanted
        self._calls = [wanted[i : i + TYPES_A_CALL] for i in range(0, len(wanted), TYPES_A_CALL)]
        self._lock = threading.Lock()
        self._feed: Feed | None = None

    def forget(self) -> None:
        """A run begins: its windows reach back to what may have become visible since, so all is read anew."""
        with self._lock:
            self._feed = None

    def since(self, calls: Calls, start: datetime, end: datetime) -> list[Json]:
        """Return the activities from `start` on, and surely all up to `end`; those of deletions come without types."""
        with self._lock:
            feed = self._feed
            if feed is None or feed.since > start:
                feed = self._feed = self._begun(calls, start - SLACK)
            if feed.read_to < end:
                now = calls.now()
                for types, token in feed.tokens.items():
                    found = read_on(calls, types, token)
                    feed.activities += found.activities
                    feed.tokens[types] = found.token
                feed.read_to = now
            return list(feed.activities)

    def _begun(self, calls: Calls, at: datetime) -> Feed:
        token = paging_token(calls, at)
        return Feed(at, at, {(): token, **dict.fromkeys(self._calls, token)})


@dataclass(frozen=True)
class Some:
    """What was read, and the token with which to read on."""

    activities: list[Json]
    token: str


def paging_token(calls: Calls, start: datetime) -> str:
    return calls.get("/rest/v1/activities/pagingtoken.json", {"sinceDatetime": spelled(start)}).text("nextPageToken")


def read_on(calls: Calls, types: Sequence[int], token: str, persons: Sequence[int] = ()) -> Some:
    """Read all activities of at most ten types after a token; of no types, the deletions of persons.

    Of at most thirty persons, if any are named. A page may be short, even empty, while more follow.
    """
    path = "/rest/v1/activities.json" if types else "/rest/v1/activities/deletedleads.json"
    wanted = {name: list(ids) for name, ids in (("activityTypeIds", types), ("leadIds", persons)) if ids}
    found: list[Json] = []
    chain = calls.chain(f"GET {path}")
    while True:
        told = calls.get(path, {**wanted, "nextPageToken": token})
        records = told.parts("result")
        found += map(plain, records)
        token = told.text("nextPageToken")
        if not told.flag("moreResult", False):
            return Some(found, token)
        chain.follow(token, len(records))


def of_persons(calls: Calls, types: Sequence[int], persons: Sequence[int], since: datetime) -> Iterator[Json]:
    """Yield the activities of some types and persons since a moment."""
    token = paging_token(calls, since)
    for start in range(0, len(types), TYPES_A_CALL):
        for first in range(0, len(persons), PERSONS_A_CALL):
            some = persons[first : first + PERSONS_A_CALL]
            yield from read_on(calls, types[start : start + TYPES_A_CALL], token, some).activities


def spelled(at: datetime) -> str:
    """Return a time as Marketo's parameters want it: UTC, whole seconds; rounded down."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(activity: Document) -> Json:
    """Return an activity with its attributes as one JSON object, as exported files have them.

    Raises:
        MalformedAnswerError: it does not say what was done, when and by which person.
    """
    told = {a.text("apiName", "") or a.text("name"): a.values.get("value") for a in activity.parts("attributes")}
    needed = {name: activity.number(name) for name in ("leadId", "activityTypeId")}
    if activity.has("primaryAttributeValueId"):
        needed["primaryAttributeValueId"] = activity.number("primaryAttributeValueId")
    about = {"attributes": json.dumps(told, ensure_ascii=False, sort_keys=True)}
    return {**activity.values, **needed, "activityDate": activity.text("activityDate"), **about}


def fates_since(calls: Calls, start: datetime) -> dict[int, Fate]:
    """Return the persons that are no more since a moment that the shared feed does not reach."""
    token = paging_token(calls, start)
    found = [activity for types in ((MERGE, SFDC_MERGE), ()) for activity in read_on(calls, types, token).activities]
    return fates(found)


def changed_persons(activities: Iterable[Json]) -> set[int]:
    """Return the ids of persons of whom something changed, deleted ones perhaps included."""
    return {int(a["leadId"]) for a in activities if a["activityTypeId"] in OF_PERSONS}


def fates(activities: Iterable[Json]) -> dict[int, Fate]:
    """Return the persons that are no more. One that was merged away is not deleted, whatever else is told of it."""
    found: dict[int, Fate] = {}
    for activity in activities:
        kind, at = activity["activityTypeId"], str(activity["activityDate"])
        if kind == DELETE:
            found.setdefault(int(activity["leadId"]), Fate(at, None))
        elif kind in (MERGE, SFDC_MERGE):
            winner = int(activity["leadId"])
            for loser in _numbers(json.loads(activity["attributes"]).get("Merge IDs")):
                if loser != winner:
                    found[loser] = Fate(at, winner)
    return found


def united(activities: Iterable[Json]) -> dict[int, set[int]]:
    """Return who was merged into whom in the end: the losers by winner."""
    into = {loser: fate.into for loser, fate in fates(activities).items() if fate.into}
    found: dict[int, set[int]] = {}
    for loser in into:
        winner, seen = into[loser], {loser}
        while winner in into and winner not in seen:
            seen.add(winner)
            winner = into[winner]
        found.setdefault(winner, set()).add(loser)
    return found


def changed_members(activities: Iterable[Json]) -> dict[int, set[int]]:
    """Return the persons whose membership changed, by program."""
    found: dict[int, set[int]] = {}
    for activity in activities:
        if activity["activityTypeId"] in (CHANGE_STATUS, CHANGE_MEMBER) and activity.get("primaryAttributeValueId"):
            found.setdefault(int(activity["primaryAttributeValueId"]), set()).add(int(activity["leadId"]))
    return found


def _numbers(value: Any) -> Iterator[int]:
    return map(int, _NUMBER.findall(str(value or "")))
