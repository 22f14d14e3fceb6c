"""What a link hands on that ends by a merge or a conversion: who survives, and with which person. Pure: no database.

| what happened | the survivor | what becomes of the link |
|---|---|---|
| the CRM made its record one with another that has a person | the other record | it ends, the people are to be merged |
| ... with another that has none, or whose person is gone | the other record | it moves there with its person |
| ... but a person waits there whose making was not answered | the other record | it ends, the people are to be merged |
| ... and the other's person goes only later | the other record | it moves there then, with its person |
| ... and its own person is gone, too | the other record | it ends |
| Marketo made its person one with one that has no record | its own record | it moves to the person that is left |
| ... that has a record of an earlier pairing (a lead) | its own record | it moves, the lead is looked at again |
| ... that has no other record, and the CRM deleted its own | its own record | it moves there, and ends as deleted |
| ... that has another record | the other record | it ends, the records are to be merged |

A record that was itself made one with the ended link's record survives nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sync_pipeline.sync.identity.clusters import BEGINNING, Link, Person, Reach, Record, current, left_of
from sync_pipeline.sync.identity.end_reasons import GONE, MARKETO_MERGED, PASSED


@dataclass(frozen=True, slots=True)
class End:
    """Why a link ends by a merge or a conversion.

    Attributes:
        link: as it was before.
        because: `MERGED` or `CONVERTED` of what the CRM did, `MARKETO_MERGED` of what Marketo did, one of `GONE`
            where the record is gone from the CRM besides.
        into: the record that the CRM says its record became.
        winner: the person at the end of Marketo's merges of its person.
        twin: the record of the pairing that its own becomes, where that has an open link with the same person.
    """

    link: Link
    because: str
    into: Record | None = None
    winner: str | None = None
    person_is_alive: bool = True
    winner_is_alive: bool = False
    twin: Record | None = None

    @property
    def id(self) -> str:
        return self.link.record.id

    @property
    def was_known(self) -> bool:
        """Whether the link has ended so before."""
        return self.link.because == self.because

    @property
    def is_gone(self) -> bool:
        """Whether the CRM's record is gone, so that it takes nothing that is due to another one."""
        return self.because in GONE


@dataclass(frozen=True)
class Surroundings:
    """What is known around the ends of one pairing's links.

    Attributes:
        links: those of the records that the ends name (`End.into`), and those of the winners.
        people: those of these links, and all that they were merged into; one that is not read yet lacks.
        became: of records of the same pairing, which became which other one, directly.
        named: the records that a living person without any link names in its key, as its making was not answered.
        refused: ids of records whose merge the CRM was asked for and refused: each is a record of its own again.
        earlier: the pairings whose records turn into those of this one, as leads do into contacts.
    """

    links: Collection[Link] = ()
    people: Mapping[str, Person] = field(default_factory=dict)
    became: Collection[tuple[str, str]] = ()
    named: Collection[Record] = ()
    refused: Collection[str] = ()
    earlier: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Succession:
    """What a link hands on as it ends.

    Attributes:
        because: why it ends.
        successor: the record that it ends for; None where its own record goes on.
        moves_to: the record and the person of the link that takes its place; None where there is none.
        unites: whether Marketo made its person one with another, while the CRM made its record one with the successor.
        sharer: the record whose link the winner has too, which is to be looked at.
    """

    end: End
    because: str
    successor: Record | None
    moves_to: tuple[Record, str] | None = None
    unites: bool = False
    sharer: Record | None = None


def successions(ends: Iterable[End], around: Surroundings) -> list[Succession]:
    """Return what each end hands on.

    Of several records whose people Marketo merged into one that is free, the first by id gets it, one that is gone
    after all others; the rest wait until that is so.
    """
    able, of_person = _able(around), _by_person(around.links)
    leads = Reach(around.became)
    found: list[Succession] = []
    taken: set[str] = set()
    for end in sorted(ends, key=lambda end: (end.is_gone, end.id)):
        other = _other(end, around, able, of_person, leads)
        if end.because in PASSED:
            handed_on = _handed_on(end, other, around)
            if not end.was_known or (handed_on.moves_to and end.into not in able):
                found.append(handed_on)
        elif end.winner is not None and _gets_winner(end, other, around):
            if end.winner not in taken:
                taken.add(end.winner)
                moves_to = (end.link.record, end.winner)
                found.append(Succession(end, MARKETO_MERGED, None, moves_to, sharer=other))
        elif not end.is_gone:
            found.append(_joined(end, other or end.twin))
        elif not end.was_known:
            found.append(Succession(end, end.because, None))
    return found


def _gets_winner(end: End, other: Record | None, around: Surroundings) -> bool:
    """Tell whether a record goes on with the person that Marketo left of its own and others."""
    if other is None:
        return end.twin is None
    return not end.is_gone and other.pairing in around.earlier


def _handed_on(end: End, other: Record | None, around: Surroundings) -> Succession:
    """Return what is handed on to what its record became: the person where that has none, else only the name."""
    known = other or end.twin
    there = end.person_is_alive or end.winner_is_alive
    moves = known is None and there and end.into is not None and end.into not in around.named
    moves_to = (end.into, end.link.person) if moves and end.into else None
    return Succession(end, end.because, end.into, moves_to, unites=known is not None and end.winner_is_alive)


def _joined(end: End, known: Record | None) -> Succession:
    """Return what a record hands on whose person is another record's now: the name of that one."""
    successor = Record(known.pairing, end.into.id if end.into else known.id) if known else None
    return Succession(end, end.because, successor)


def _other(
    end: End,
    around: Surroundings,
    able: Collection[Record],
    of_person: Mapping[str, Sequence[Link]],
    leads: Reach,
) -> Record | None:
    """Return the record that has a link already, of those that an end is for; one that leads back here is none."""
    if end.because in PASSED:
        is_able = end.into is not None and end.into in able and not leads.reaches(end.into.id, end.id)
        return end.into if is_able else None
    sharing = [
        link
        for link in of_person.get(end.winner or "", ())
        if link.record.id != end.id
        and (_shares(link, around) or (end.is_gone and link.lasts))
        and not leads.reaches(link.record.id, end.id)
    ]
    sharing.sort(key=lambda link: link.record.id)
    sharing.sort(key=lambda link: (link.ended_at or BEGINNING, link.linked_at), reverse=True)
    sharing.sort(key=lambda link: (link.ended_at is not None, link.record.pairing in around.earlier))
    return sharing[0].record if sharing else None


def _shares(link: Link, around: Surroundings) -> bool:
    """Tell whether a winner's link counts: an open one, or one whose record became another.

    The latter's person is then joined to that record's, and given to no other one.
    """
    passed = link.because in PASSED and link.successor is not None
    return link.ended_at is None or (passed and link.record.pairing not in around.earlier)


def _able(around: Surroundings) -> set[Record]:
    """Return the records that can go on for another: those with a lasting link and a person that is left.

    So can a record that Marketo merged away itself: what joins it is joined to its winner.
    """
    merged = {
        link.record
        for link in around.links
        if link.because == MARKETO_MERGED and link.successor and link.record.id not in around.refused
    }
    return merged | {record for record, link in current(around.links).items() if _has_person(link, around)}


def _has_person(link: Link, around: Surroundings) -> bool:
    """Tell whether a person is left of a link's, however Marketo merged it."""
    person = around.people.get(left_of(link.person, around.people))
    return link.ended_at is None if person is None else person.is_alive  # one that was made just now is not read yet


def _by_person(links: Iterable[Link]) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        found[link.person].append(link)
    return found
