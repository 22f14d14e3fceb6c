"""Which people and records are still to be merged, as ended links ask for it. Pure: no database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sync_pipeline.sync.identity.clusters import BEGINNING, Link, Person, Record, closure, current, left_of
from sync_pipeline.sync.identity.end_reasons import MARKETO_MERGED


@dataclass(frozen=True, slots=True)
class MergeCandidate:
    """An ended link and a record that goes on for its own, directly or in the end.

    Attributes:
        person: the loser's, or the one that Marketo left of it meanwhile.
        survivor_person: what Marketo left of the survivor's person; None if it has none yet.
        survivor_since: when it was linked to it.
        is_last: whether this link may have the person merged: of several that had it, only the last one may, and none
            if the person goes on as another record's.
    """

    loser: Link
    person: str
    survivor: Record
    survivor_person: str | None
    survivor_since: datetime | None
    is_last: bool


def merge_candidates(
    losers: Sequence[Link],
    became: Iterable[tuple[Record, Record]],
    links: Collection[Link],
    people: Mapping[str, Person],
) -> list[MergeCandidate]:
    """Return who goes on for each loser, with the people of both: those are one, and so are the records (MERGE-17).

    Args:
        losers: links that ended for a successor, of one pairing.
        became: which record became which other one, as ended links and the CRM tell.
        links: all of the survivors' and of the losers' people, and those of the latter's records that Marketo ended.
        people: those of the losers and survivors, and all that they were merged into.
    """
    following: dict[Record, list[Record]] = defaultdict(list)
    for record, successor in became:
        following[record].append(successor)
    starts: dict[Record, list[Record]] = defaultdict(list)
    for loser in losers:
        if loser.successor:
            starts[loser.record].append(loser.successor)
    survivors = {record: {*first, *closure(first, following)} for record, first in starts.items()}
    held, linked, last = current(links), {link.record for link in links}, _last_owners(losers, links)
    found = []
    for loser in losers:
        person = left_of(loser.person, people)
        is_last = person != loser.person or last.get(loser.person) == loser.record
        for survivor in survivors.get(loser.record, ()):
            link = held.get(survivor)
            if link or survivor not in linked:  # it has a link, or never had one: its person is yet to come
                its, since = (left_of(link.person, people), link.linked_at) if link else (None, None)
                found.append(MergeCandidate(loser, person, survivor, its, since, is_last))
    return found


def _last_owners(losers: Iterable[Link], links: Iterable[Link]) -> dict[str, Record]:
    """Return for each loser's person the record that had it last, unless another one has it now.

    That Marketo merged a person with another one is no change of owner: such links do not count, nor do those that
    were there before.
    """
    asked, every = {loser.person for loser in losers}, set(links)
    owned = [link for link in every if link.person in asked]
    united = {(link.record, link.ended_at) for link in every if link.because == MARKETO_MERGED}
    successors = {link.successor for link in owned if link.successor}
    shared: dict[str, datetime] = {}
    for link in owned:
        if link.linked_at == link.ended_at:
            shared[link.person] = max(link.linked_at, shared.get(link.person, BEGINNING))
    owners: dict[str, list[Link]] = defaultdict(list)
    for link in owned:
        by_union = (link.record, link.linked_at) in united or link.record in successors
        if link.ended_at is not None or not (by_union or link.linked_at < shared.get(link.person, BEGINNING)):
            owners[link.person].append(link)
    last = {}
    for person, some in owners.items():
        some.sort(key=lambda link: link.record)
        latest = max(some, key=lambda link: link.recency)
        if latest.ended_at is not None:
            last[person] = latest.record
    return last
