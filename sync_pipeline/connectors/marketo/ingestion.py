"""The Data Ingestion API: a thousand new records a call, taken in later, with no answer to each (MK-REST-20).

Only subscriptions of the Performance Tier have it. It has a quota of its own. What it refuses later it tells nobody
here, so only new records go this way, which are known again by their keys once they are read, and each of them once:
a record that does not show up is sent by the ordinary call, which says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from urllib.parse import quote

from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.connectors.marketo.answers import Json
from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.connectors.marketo.kinds import LEAD, MEMBER, STANDARD
from sync_pipeline.connectors.marketo.members import LEAD as PERSON_ID
from sync_pipeline.connectors.marketo.members import PROGRAM, STATUS
from sync_pipeline.connectors.records import Answer, Record, Verdict
from sync_pipeline.connectors.writes import UNSEEN
from sync_pipeline.model import Object

MOST = 1_000  # records of a call
COMPANY = "company"
TAKEN = Answer(Verdict.ACCEPTED, code=UNSEEN, message="taken in later; a reading tells what came of it")

Ordinary = Callable[[Sequence[Record]], list[Answer]]


def is_taken(obj: Object) -> bool:
    """Tell whether new records of an object can go this way: persons, companies, members, custom objects."""
    return obj.source in (LEAD, COMPANY, MEMBER) or obj.source not in STANDARD


def write(calls: Calls, url: str, obj: Object, records: Sequence[Record], key: str, ordinary: Ordinary) -> list[Answer]:
    """Write new records, and return an answer to each, in order.

    Args:
        url: the address of the API.
        key: the field by which a person is found.
        ordinary: writes what was sent this way before, and what the API refuses as a whole.
    """
    fresh = [place for place, record in enumerate(records) if not record.again and _is_whole(obj, record)]
    answers: list[Answer | None] = [None] * len(records)
    try:
        for start in range(0, len(fresh), MOST):
            places = fresh[start : start + MOST]
            path, body = _request(obj, [records[place] for place in places], key)
            calls.ingest(url, path, body)
            for place in places:
                answers[place] = TAKEN
    except ConnectorError:
        pass  # no part of the product's tier, its own quota is used up, out of order: the ordinary call answers
    rest = [place for place, answer in enumerate(answers) if answer is None]
    for place, answer in zip(rest, ordinary([records[place] for place in rest]) if rest else [], strict=True):
        answers[place] = answer
    return [answer or TAKEN for answer in answers]


def _is_whole(obj: Object, record: Record) -> bool:
    """Tell whether a record has all that this API needs: a member's status is one of the program's."""
    return obj.source != MEMBER or bool(record.values.get(STATUS))


def _request(obj: Object, records: Sequence[Record], key: str) -> tuple[str, Json]:
    """Return the path below the subscription's, and the body."""
    rows = [{name: value for name, value in record.values.items() if value is not None} for record in records]
    if obj.source == LEAD:
        partition = {"partitionName": records[0].partition} if records[0].partition else {}
        return "persons", {**partition, "dedupeFields": {"field1": key}, "persons": rows}
    if obj.source == COMPANY:
        return "companies", {"action": "createOrUpdate", "dedupeBy": "dedupeFields", "input": rows}
    if obj.source == MEMBER:
        return "programmembers", {"programs": list(_programs(rows))}
    return f"customobjects/{quote(obj.source, safe='')}", {"dedupeBy": "dedupeFields", "customObjects": rows}


def _programs(rows: Sequence[Json]) -> Iterator[Json]:
    def step(row: Json) -> tuple[int, str]:
        return int(row[PROGRAM]), str(row[STATUS])

    for (program, status), members in groupby(sorted(rows, key=step), key=step):
        own = [{k: v for k, v in row.items() if k not in (PROGRAM, STATUS)} for row in members]
        own = [{**row, PERSON_ID: int(row[PERSON_ID])} for row in own]
        yield {"programId": program, "status": status, "members": own}
