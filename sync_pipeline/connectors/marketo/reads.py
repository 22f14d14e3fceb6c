"""Reading records by filter: persons and others 300 keys a call, members by program, programs page by page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

import pyarrow as pa

from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.extract import Page
from sync_pipeline.connectors.marketo.answers import Json
from sync_pipeline.connectors.marketo.calls import Calls
from sync_pipeline.connectors.marketo.feed import Fate
from sync_pipeline.connectors.marketo.kinds import (
    DELETED,
    FATE,
    MEMBERSHIP,
    MERGED_INTO,
    MOST,
    NOT_THERE,
    PROGRAM,
    kind_of,
)
from sync_pipeline.connectors.marketo.rows import batch

OWN = frozenset({MEMBERSHIP.name, *(field.name for field in FATE)})
PROGRAMS_A_PAGE = 200


def page(name: str, read: Callable[[], Iterable[Json]], fields: Sequence[str]) -> Page:
    """Return a page whose records are asked for when it is read."""

    def batches() -> Iterator[pa.RecordBatch]:
        found = batch(read(), fields)
        if found.num_rows:
            yield found

    return Page(name, batches)


def by_keys(
    calls: Calls, source: str, fields: Sequence[str], keys: Sequence[str], by: str, priced: Collection[int] = ()
) -> Iterator[Page]:
    """Give the records whose field `by` has one of these values, 300 values a page; what is not there is left out.

    Args:
        priced: the programs that come with their costs.
    """
    path = "/rest/asset/v1/programs.json" if source == PROGRAM else kind_of(source).resource
    wanted = {} if source == PROGRAM else {"fields": [name for name in fields if name not in OWN]}
    for start in range(0, len(keys), MOST):
        asked = {"filterType": by, "filterValues": list(keys[start : start + MOST]), **wanted}
        read = partial(whole_programs, priced=priced) if source == PROGRAM else _records
        yield page(f"{by}-{start:08d}", partial(read, calls, path, asked), fields)


def by_filter(calls: Calls, path: str, asked: Mapping[str, object]) -> Iterator[Document]:
    """Give all records of a query, page by page."""
    token, chain = "", calls.chain(f"GET {path}")
    while True:
        told = calls.get(path, {**asked, "nextPageToken": token or None})
        records = told.parts("result")
        yield from records
        if not (token := told.text("nextPageToken", "")):
            return
        chain.follow(token, len(records))


def _records(calls: Calls, path: str, asked: Mapping[str, object]) -> Iterator[Json]:
    """Give the values of all records of a query; they are named by describe."""
    return (dict(record.values) for record in by_filter(calls, path, asked))


def programs(calls: Calls, path: str, asked: Mapping[str, object]) -> Iterator[Document]:
    """Give all programs of a query; the asset calls count from an offset, and answer with a warning where none is."""
    offset, chain = 0, calls.chain(f"GET {path}")
    while True:
        found = calls.get(path, {**asked, "maxReturn": PROGRAMS_A_PAGE, "offset": offset}).parts("result")
        yield from found
        if len(found) < PROGRAMS_A_PAGE:
            return
        chain.follow(f"from {found[0].number('id')}", len(found))  # an offset that is ignored brings the same again
        offset += PROGRAMS_A_PAGE


def whole_programs(
    calls: Calls, path: str, asked: Mapping[str, object], priced: Collection[int] = ()
) -> Iterator[Json]:
    """Give the programs of a query, each with the names of its channel's statuses in the order of their steps.

    Lists leave costs out, so each of those `priced` costs a call of its own.
    """
    steps: dict[str, list[str]] | None = None
    for program in programs(calls, path, asked):
        steps = statuses(calls) if steps is None else steps
        costs = _costs(calls, number) if (number := program.number("id")) in priced else {}
        yield {**program.values, "statuses": steps.get(program.text("channel", ""), []), **costs}


def _costs(calls: Calls, program: int) -> Json:
    told = calls.get(f"/rest/asset/v1/program/{program:d}.json").parts("result")
    costs = [cost for one in told for cost in one.parts("costs")]
    total = sum(one.amount("cost") for one in costs) if costs else None
    return {"costs": [dict(one.values) for one in costs] or None, "periodCost": total}


def statuses(calls: Calls) -> dict[str, list[str]]:
    """Return the names of the statuses of each channel in order, without that of who is no member."""
    return {
        channel.text("name"): [
            status.text("name")
            for status in sorted(channel.parts("progressionStatuses"), key=lambda status: status.number("step"))
            if status.number("step") > 0
        ]
        for channel in programs(calls, "/rest/asset/v1/channels.json", {})
    }


def programs_of(calls: Calls, person: int) -> list[int]:
    """Return the programs that a person is a member of: no activity tells which memberships a merge hands over."""
    path = f"/rest/v1/leads/{person:d}/programMembership.json"
    try:
        return [told.number("id") for told in by_filter(calls, path, {}) if told.values]
    except RejectedError as error:
        if error.code not in NOT_THERE:
            raise
        return []  # merged or deleted in the meantime, which the feed tells too


def members(calls: Calls, fields: Sequence[str], wanted: Mapping[int, Iterable[int]], at: str) -> Iterator[Page]:
    """Give the memberships of these persons by program; one that is not there is told as deleted at `at`."""
    path = "/rest/v1/programs/{program}/members.json"
    names = list(dict.fromkeys([*(name for name in fields if name not in OWN), "leadId", "programId"]))
    for program, leads in sorted(wanted.items()):
        keys = sorted(leads)
        for start in range(0, len(keys), MOST):
            some = keys[start : start + MOST]
            asked = {"filterType": "leadId", "filterValues": some, "fields": names}

            def read(program: int = program, some: list[int] = some, asked: Json = asked) -> Iterator[Json]:
                rows = by_filter(calls, path.format(program=program), asked)
                found = {row.number("leadId"): row.values for row in rows}
                for lead in some:
                    key = {MEMBERSHIP.name: f"{program}-{lead}"}
                    if lead in found:
                        yield {**found[lead], **key}
                    else:
                        yield {**key, "programId": program, "leadId": lead, "updatedAt": at, DELETED: True}

            yield page(f"{program}-{start:08d}", read, fields)


def gone(fates: Mapping[int, Fate], fields: Sequence[str], id_field: str, stamp: str) -> Page:
    """Return the page of persons that are no more: their id, when, and the person they were merged into."""
    rows = [{id_field: person, stamp: fate.at, DELETED: True, MERGED_INTO: fate.into} for person, fate in fates.items()]
    return page("gone", lambda: rows, fields)
