"""People with a field of consent for every channel and every rule, and all ways to meet without an agreed value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from sync_pipeline.catalog.mappings_person import UNSUBSCRIBED
from sync_pipeline.connectors.records import Value
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.model import Chosen, Describe, Field, Rule
from sync_pipeline.model import Mapping as FieldMapping
from sync_pipeline.sync.identity.links import end
from sync_pipeline.sync.inspection.backfill import backfill, field_of
from sync_pipeline.sync.inspection.drift import drift, repair
from sync_pipeline.sync.mapping.effective import Choice
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline_tests.sync.lives import CONTACT, LEAD, PERSON, Lives, paired
from sync_pipeline_tests.sync.peopled import Peopled

# Declared, or consent because one end is; named by a setting; and one for each rule, named by a setting too.
CHANNELS = {
    "HasOptedOutOfEmail": UNSUBSCRIBED,
    "DoNotCall": "phoneOptOut",
    "HasOptedOutOfFax": "faxOptOut",
    "Own_No__c": "doNotCall",
    "Sales_Opt_Out__c": "salesOptOut",
}
BY_RULE = {f"No_{rule}__c": f"no_{rule}" for rule in Rule}
CONSENT = {**CHANNELS, **BY_RULE}
RULES = {f"No_{rule}__c": rule for rule in Rule}
BY_SETTING = ("Sales_Opt_Out__c", *BY_RULE.values())
CRM_FIELDS = tuple(Field(name, "boolean", nillable=False) for name in CONSENT if name != "HasOptedOutOfEmail")
MARKETO_FIELDS = tuple(Field(name, "boolean") for name in CONSENT.values() if name != UNSUBSCRIBED)


class Consenting(Lives):
    """Leads, contacts and people who can say no by each of `CONSENT`."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        self.of_contacts, self.of_leads = paired()
        sides = {
            "Contact": Describe("Contact", (*CONTACT, *CRM_FIELDS)),
            "Lead": Describe("Lead", (*LEAD, *CRM_FIELDS)),
            "lead": Describe("lead", (*PERSON, *MARKETO_FIELDS)),
        }
        Peopled.__init__(self, lake, folder, (self.of_contacts, self.of_leads), sides)
        self.contacts, self.leads = self.crm["Contact"], self.crm["Lead"]
        self.numbers = count()
        self.considered = dict(CONSENT)
        self.consenting()

    def consenting(self, mapped: bool = True, match: str = "unique") -> None:
        """Let the fields of consent be synced, or none of them."""
        fields = [
            Chosen(crm, marketo if mapped else "", RULES.get(crm) if mapped else None)
            for crm, marketo in CONSENT.items()
        ]
        names = [pairing.name for pairing in self.pairings]
        consent = [f"{name}.{field}" for name in names for field in BY_SETTING]
        choice = Choice(dict.fromkeys(names, fields), consent=consent)
        self.rules = SyncPolicy(mapping=choice, match="never" if match == "never" else "unique")

    def both(self, met: Met) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return the values of a record and of its person."""
        return (self.contacts.records | self.leads.records)[met.crm], self.people.records[met.marketo]

    def says(self, side: str, no: bool = True) -> dict[str, bool]:
        return dict.fromkeys(CONSENT if side == "crm" else CONSENT.values(), no)

    def record(self, no: bool, source: str = "Contact", **values: str) -> str:
        name = f"P{next(self.numbers)}"
        given: dict[str, Value] = {"LastName": name, "Email": f"{name}@x.example", **values, **self.says("crm", no)}
        return self.crm[source].edit(None, **given)

    def stranger(self, no: bool, of: str = "", **values: str) -> str:
        """Make a person who has the address of a record, or one of its own."""
        email = self.contacts.records.get(of, self.leads.records.get(of, {})).get("Email")
        return self.people.edit(None, lastName="Lee", email=email, **values, **self.says("marketo", no))

    def linked(self, no: bool, source: str = "Contact") -> tuple[str, str]:
        """Make a record and the person that it is, who agree."""
        crm_id = self.record(no, source)
        self.go_on()
        found = self.person(crm_id)
        self.people.edit(found, **self.says("marketo", no))  # also what flows to the CRM only
        self.go_on()
        return crm_id, found

    def go_on(self) -> None:
        """Let what was done reach the other side, and be read there."""
        self.cycle()
        self.cycle()

    def decided(self) -> None:
        """Let the changes that were read count as decided on, as if a pass had overlooked them."""
        self.read()
        with self.lake.transaction() as con:
            marks = [(p.name, side, self.now()) for p in self.pairings for side in ("crm", "marketo")]
            ledger.insert(con, "decided", marks)


@dataclass(frozen=True)
class Met:
    """A record and a person who are one in the end; each side says no, or not."""

    crm: str
    marketo: str
    no_in_crm: bool = False
    no_in_marketo: bool = False


Way = Callable[[Consenting], Iterable[Met]]


def by_address(world: Consenting) -> Iterable[Met]:
    for source in ("Contact", "Lead"):
        ours, theirs = world.record(True, source), world.record(False, source)
        yield Met(ours, world.stranger(False, ours), no_in_crm=True)
        yield Met(theirs, world.stranger(True, theirs), no_in_marketo=True)


def by_key(world: Consenting) -> Iterable[Met]:
    """As after a lake was lost: people carry ids, and nothing is known of them."""
    ours, theirs = world.record(True), world.record(False)
    yield Met(ours, world.stranger(False, externalPersonId=ours), no_in_crm=True)
    yield Met(theirs, world.stranger(True, externalPersonId=theirs), no_in_marketo=True)


def _unmapped(world: Consenting) -> tuple[Met, Met]:
    """Return links whose fields of consent are not mapped, and differ."""
    world.consenting(mapped=False)
    ours, theirs = world.record(False), world.record(False)
    world.go_on()
    first, second = world.person(ours), world.person(theirs)
    world.contacts.edit(ours, **world.says("crm"))
    world.people.edit(second, **world.says("marketo"))
    world.go_on()
    return Met(ours, first, no_in_crm=True), Met(theirs, second, no_in_marketo=True)


def mapped_later(world: Consenting) -> Iterable[Met]:
    met = _unmapped(world)
    world.consenting()
    world.move("touched")
    return met


def touched_in_marketo(world: Consenting) -> Iterable[Met]:
    met = _unmapped(world)
    world.consenting()
    for one in met:
        world.people.edit(one.marketo, phone="7")
    return met


def remapped(world: Consenting) -> Iterable[Met]:
    """What was agreed on is of another field of the CRM."""
    (ours, first), (theirs, second) = world.linked(True), world.linked(True)
    with world.lake.transaction() as con:  # as if these had fed them so far
        con.execute(f"update {ledger.table('fed_by')} set crm = 'Former' || crm")
    world.contacts.edit(theirs, **world.says("crm", False))
    world.people.edit(first, **world.says("marketo", False))
    return Met(ours, first, no_in_crm=True), Met(theirs, second, no_in_marketo=True)


def seen_later(world: Consenting) -> Iterable[Met]:
    """The sync user sees the fields of both sides from now on, and reads each with its record's next update."""
    met = _unmapped(world)
    world.consenting()
    world.minute += 1
    for key, told in world.described.items():
        names = {*CONSENT, *CONSENT.values()}
        fields = (replace(f, since=world.now()) if f.name in names else f for f in told.fields)
        world.described[key] = replace(told, fields=tuple(fields))
    world.go_on()
    world.move("touched")
    for person in world.people.living:
        world.people.edit(person, phone="7")
    return met


def chosen_later(world: Consenting) -> Iterable[Met]:
    """SF-CAMP-15: of chosen fields only what changes from then on flows; here nothing, or what clears an opt-out."""
    met = list(_unmapped(world))
    more = list(_unmapped(world))
    own = [FieldMapping(c, m, c, rule=RULES.get(c), chosen=True, consent=True) for c, m in CONSENT.items()]
    world.rules = SyncPolicy()
    kept = [m for m in world.of_contacts.mappings if m.crm not in CONSENT]
    world.pairings = (replace(world.of_contacts, mappings=(*kept, *own)), world.of_leads)
    world.cycle()
    world.move("touched")
    for one in more:  # ticked and cleared again: the last change is a "no" taken back, but not the other side's
        side = (world.contacts, one.crm, "crm") if one.no_in_marketo else (world.people, one.marketo, "marketo")
        side[0].edit(side[1], **world.says(side[2], False), **{"Phone" if side[2] == "crm" else "phone": "9"})
    return [*met, *more]


def backfilled(winner: str | None) -> Way:
    def way(world: Consenting) -> Iterable[Met]:
        """Never agreed on, or agreed on and taken back by the side that is to win, which was overlooked."""
        met = list(_unmapped(world))
        world.consenting()
        world.cycle()
        if winner:
            crm_id, person = world.linked(True)
            side = (world.contacts, crm_id) if winner == "crm" else (world.people, person)
            side[0].edit(side[1], **world.says(winner, False))
            world.decided()
            met.append(Met(crm_id, person, no_in_crm=winner == "marketo", no_in_marketo=winner == "crm"))
        world.considered = {}
        questions = {q.pairing.name: q for q in world.next_pass().requests()}
        question = questions[world.of_contacts.name]
        for crm in CONSENT:
            only = {Rule.CRM_ONLY: "crm", Rule.MARKETO_ONLY: "marketo"}.get(RULES.get(crm, Rule.NEWEST))
            if winner in (None, only) or only is None:
                world.considered[crm] = CONSENT[crm]
                field = field_of(question, crm, winner)
                backfill(world.lake, question, field, winner, world.now())
        return met

    return way


def repaired(winner: str) -> Way:
    def way(world: Consenting) -> Iterable[Met]:
        """Overlooked: the person said no, or took back a no that both had agreed on."""
        (theirs, second), (ours, first) = world.linked(False), world.linked(True)
        world.people.edit(second, **world.says("marketo"))
        world.people.edit(first, **world.says("marketo", False))
        world.decided()
        (question,) = (q for q in world.next_pass().requests() if q.pairing.name == world.of_contacts.name)
        with world.lake.transaction() as con:
            assert {one.field for one in drift(con, question)} >= set(CHANNELS.values())
            repair(con, question, winner, world.now())
        flows = {name for name, rule in RULES.items() if rule not in (Rule.CRM_ONLY, Rule.MARKETO_ONLY)}
        # Of what flows one way nothing is repaired.
        world.considered = {crm: marketo for crm, marketo in CONSENT.items() if crm in CHANNELS or crm in flows}
        return Met(ours, first, no_in_crm=True), Met(theirs, second, no_in_marketo=True)

    return way


def undeleted(world: Consenting) -> Iterable[Met]:
    """Both had said no; while the contact lay in the bin the person took it back, or the other way round."""
    (ours, first), (theirs, second), (late, third) = world.linked(True), world.linked(True), world.linked(False)
    for one in (ours, theirs, late):
        world.contacts.delete(one)
    world.go_on()
    world.people.edit(first, **world.says("marketo", False))
    world.people.edit(third, **world.says("marketo"))
    world.go_on()
    for one in (ours, theirs, late):
        world.contacts.undelete(one)
    world.contacts.edit(theirs, **world.says("crm", False))
    yield Met(ours, first, no_in_crm=True)
    yield Met(theirs, second, no_in_marketo=True)
    yield Met(late, third, no_in_marketo=True)


def filtered(world: Consenting) -> Iterable[Met]:
    """The same while a filter left the contact out."""
    (ours, first), (theirs, second) = world.linked(True), world.linked(True)
    declared = world.pairings
    world.pairings = tuple(replace(p, alive=f"({p.alive}) and false") for p in declared)
    world.go_on()
    world.people.edit(first, **world.says("marketo", False))
    world.contacts.edit(theirs, **world.says("crm", False))
    world.go_on()
    world.pairings = declared
    yield Met(ours, first, no_in_crm=True)
    yield Met(theirs, second, no_in_marketo=True)


def made_anew(world: Consenting) -> Iterable[Met]:
    """DEL-4: the person was deleted in Marketo, and comes again with the next change of its contact."""
    world.consenting(match="never")
    crm_id, person = world.linked(True)
    world.people.delete(person)
    world.go_on()
    world.contacts.edit(crm_id, Phone="7")
    world.go_on()
    yield Met(crm_id, world.person(crm_id), no_in_crm=True)


def moved_on_demand(world: Consenting) -> Iterable[Met]:
    """A link that a request ended: the person meets the record as a stranger."""
    (ours, first), (theirs, second) = world.linked(True), world.linked(True)
    world.minute += 1
    for person in (first, second):
        with world.lake.transaction() as con:
            end(con, world.of_contacts.marketo, person, "deleted in Marketo", world.now())
    world.people.delete(first)
    world.people.delete(second)
    world.contacts.edit(ours)
    world.contacts.edit(theirs, **world.says("crm", False))
    yield Met(ours, world.stranger(False, externalPersonId=ours), no_in_crm=True)
    yield Met(theirs, world.stranger(True, externalPersonId=theirs), no_in_marketo=True)


def united_in_crm(how: str, known: bool) -> Way:
    def way(world: Consenting) -> Iterable[Met]:
        """A record becomes one with another one, which was a person already (`known`) or not."""
        source = "Lead" if how == "converted" else "Contact"
        for no, loser_no in ((True, False), (False, True)):
            loser, person = world.linked(loser_no, source)
            winner, other = world.linked(no) if known else (world.record(no), person)
            _unite(world, how, loser, winner)
            world.go_on()
            yield Met(winner, other, no_in_crm=no, no_in_marketo=loser_no or (known and no))

    return way


def _unite(world: Consenting, how: str, loser: str, winner: str) -> None:
    if how == "converted":
        world.convert(loser, winner)
    else:
        world.contacts.edit(winner)
        world.contacts.delete(loser, winner)


def changed_by_a_merge(world: Consenting) -> Iterable[Met]:
    """Both had agreed on a no, which whoever merged two contacts did not choose."""
    (winner, person), (loser, _) = world.linked(True), world.linked(False)
    world.contacts.edit(winner, **world.says("crm", False))
    world.contacts.delete(loser, winner)
    yield Met(winner, person, no_in_marketo=True)


def united_in_marketo(source: str, known: bool) -> Way:
    def way(world: Consenting) -> Iterable[Met]:
        """A person is merged into another one, which is somebody in the CRM (`known`) or not."""
        for no, loser_no in ((True, False), (False, True)):
            loser, person = world.linked(loser_no, source)
            if known:
                winner, other = world.linked(no)
                world.people.merge(person, other)
                yield Met(winner, other, no_in_crm=True, no_in_marketo=no)
            else:
                other = world.stranger(no)
                world.people.merge(person, other)
                yield Met(loser, other, no_in_crm=loser_no, no_in_marketo=no)

    return way


WAYS: Mapping[str, Way] = {
    "by address": by_address,
    "by key": by_key,
    "mapped later": mapped_later,
    "mapped later, touched in Marketo": touched_in_marketo,
    "remapped": remapped,
    "seen later": seen_later,
    "chosen later": chosen_later,
    **{f"backfilled from {winner}": backfilled(winner) for winner in (None, "crm", "marketo")},
    **{f"repaired, {winner} wins": repaired(winner) for winner in ("crm", "marketo")},
    "undeleted": undeleted,
    "filtered": filtered,
    "made anew": made_anew,
    "ended on demand": moved_on_demand,
    **{
        f"{how} into {'a person' if known else 'a record'}": united_in_crm(how, known)
        for how in ("merged", "converted")
        for known in (True, False)
    },
    "merged, with another choice": changed_by_a_merge,
    **{
        f"the {source}'s person merged into {'another one' if known else 'a stranger'}": united_in_marketo(
            source, known
        )
        for source in ("Contact", "Lead")
        for known in (True, False)
    },
}
