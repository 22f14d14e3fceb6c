"""Random histories of links, people and merges, consistent or not, as rows of the tables that tell who is who."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sync_pipeline.sync.identity.end_reasons import (
    CONVERTED,
    DELETED,
    EXPIRED,
    FILTERED,
    MARKETO_DELETED,
    MARKETO_MERGED,
    MERGED,
    REMOVED,
    UNSEEN,
)

LEAD, CONTACT = "lead", "contact"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
HANDED_ON = (MERGED, CONVERTED, MARKETO_MERGED)
OTHER_ENDS = (DELETED, UNSEEN, FILTERED, EXPIRED, REMOVED, MARKETO_DELETED)
Row = tuple[object, ...]


@dataclass
class Rows:
    """Rows of many histories that have no record or person in common, by table."""

    link: list[Row] = field(default_factory=list)
    person: list[Row] = field(default_factory=list)
    ending: list[Row] = field(default_factory=list)
    crm: dict[str, list[Row]] = field(default_factory=lambda: {LEAD: [], CONTACT: []})
    refused: list[Row] = field(default_factory=list)


class History:
    """Up to five leads, contacts and people each, and whatever may be told of them."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.chance, self.at = chance, BEGAN
        sizes = [chance.randint(1, 4) for _ in range(3)]
        self.records = {
            LEAD: [f"L{number:07}{i}" for i in range(sizes[0])],
            CONTACT: [f"C{number:07}{i}" for i in range(sizes[1])],
        }
        self.people = [number * 10 + i for i in range(1, sizes[2] + 1)]

    def stamp(self) -> datetime:
        """Return a time that no other link has."""
        self.at += timedelta(seconds=1)
        return self.at

    def is_so(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def record(self, pairing: str) -> str:
        return self.chance.choice(self.records[pairing])

    def other(self, pairing: str) -> tuple[str, str]:
        """Return a record that one of this pairing may have become."""
        to = CONTACT if pairing == CONTACT or self.is_so() else LEAD
        return to, self.record(to)

    def links(self) -> Iterator[Row]:
        """Yield links, at most one of each record and person being open."""
        opened = set[str]()
        for _ in range(self.chance.randint(1, 7)):
            pairing = self.chance.choice((LEAD, CONTACT))
            record, person, since = self.record(pairing), str(self.chance.choice(self.people)), self.stamp()
            if self.is_so(0.4) and record not in opened:
                opened.add(record)
                yield pairing, record, "person", person, since, None, None, None, None
            elif self.is_so(0.6):
                at_once = self.is_so(0.2)
                ended = since if at_once else self.stamp()
                heir = self.other(pairing) if self.is_so(0.8) else (None, None)
                yield pairing, record, "person", person, since, ended, self.chance.choice(HANDED_ON), *heir
            else:
                because = self.chance.choice(OTHER_ENDS)
                yield pairing, record, "person", person, since, self.stamp(), because, None, None

    def persons(self) -> Iterator[Row]:
        """Yield what the mirror tells of the people that it has read: id, key, deleted, merged into."""
        for person in self.people:
            if self.is_so(0.85):
                into = (
                    self.chance.choice([p for p in self.people if p != person] or [None]) if self.is_so(0.4) else None
                )
                deleted = self.at if self.is_so(0.8 if into else 0.15) else None
                key = self.record(self.chance.choice((LEAD, CONTACT))) if self.is_so(0.4) else None
                yield person, key, deleted, into

    def told(self, pairing: str) -> Iterator[Row]:
        """Yield what the CRM tells of its records: id, deleted, the winner of a merge, the contact of a conversion."""
        for record in self.records[pairing]:
            if self.is_so(0.8):
                master = self.record(pairing) if self.is_so(0.3) else None
                contact = self.record(CONTACT) if pairing == LEAD and self.is_so(0.3) else None
                yield record, self.at if master or self.is_so(0.1) else None, master, contact

    def endings(self, pairing: str, links: list[Row]) -> Iterator[Row]:
        """Yield what ends links of one pairing: one row a record, as `find_ends` tells it."""
        seen = set[object]()
        for link in self.chance.sample(links, len(links)):
            of, record, *_, ended_because, _, _ = link
            if of != pairing or record in seen or self.is_so(0.2):
                continue
            seen.add(record)
            because = self.chance.choice((*HANDED_ON, *HANDED_ON, DELETED, FILTERED, None))
            goes_on, in_another = because in (MERGED, CONVERTED), because == MARKETO_MERGED
            to = self.other(pairing) if goes_on or self.is_so(0.1) else (None, None)
            winner = str(self.chance.choice(self.people)) if in_another or self.is_so(0.2) else None
            twin = self.record(CONTACT) if pairing == LEAD and self.is_so(0.2) else None
            alive, winner_alive = self.is_so(0.7), winner is not None and self.is_so(0.7)
            hands_on = because != ended_because and (goes_on or in_another)
            yield (*link, *to, winner, twin, alive, winner_alive, because, goes_on, in_another, hands_on)


def histories(seed: int, count: int, pairing: str) -> Rows:
    """Return so many histories; `ending` is of the links of one pairing."""
    chance, rows = random.Random(seed), Rows()
    for number in range(count):
        history = History(number, chance)
        links = list(history.links())
        rows.link += links
        rows.person += history.persons()
        for name in (LEAD, CONTACT):
            rows.crm[name] += history.told(name)
        rows.ending += history.endings(pairing, links)
        for name in (LEAD, CONTACT):
            rows.refused += [(history.record(name),) for _ in range(history.is_so(0.15))]
    return rows
