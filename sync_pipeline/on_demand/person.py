"""A person as it is this minute on both sides, and what of it belongs into the CRM: mirrors are minutes old (GEN-7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from sync_pipeline.catalog import flow_actions as names
from sync_pipeline.catalog.marketo import COMPANY
from sync_pipeline.identifiers import CrmId, EmailAddress, Identifier, IdentifierError, MarketoId
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.sql import quoted
from sync_pipeline.lake.table import DELETED_AT, columns, full_name
from sync_pipeline.model import Describe, Object, Pairing
from sync_pipeline.on_demand import fresh
from sync_pipeline.on_demand.fresh import Values
from sync_pipeline.on_demand.sides import Sides
from sync_pipeline.on_demand.steps import Is
from sync_pipeline.sync.identity.email_match import ADDRESS, AMBIGUOUS, mail_field
from sync_pipeline.sync.mapping.compared import Compared, compared
from sync_pipeline.sync.mapping.custom_objects import UnfitError
from sync_pipeline.sync.mapping.effective import mapped
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.sync.request import DecisionRequest

Text = Mapping[str, str | None]
HOPS = 5  # merges and conversions that are followed


class PersonError(LookupError):
    """Nobody can be acted upon; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Person:
    """A person as read this minute.

    Attributes:
        marketo: one row of text, by Marketo's field names.
        pairing: which object it is in the CRM, None if it is in none.
        crm: one row of text, or none.
        ended: why a link there was no longer counts; empty if none ended.
    """

    marketo_id: str
    marketo: pa.Table
    pairing: Pairing | None = None
    crm_id: str | None = None
    crm: pa.Table | None = None
    ended: str = ""

    @property
    def values(self) -> Text:
        return fresh.first(self.marketo)

    @property
    def record(self) -> Text:
        return fresh.first(self.crm) if self.crm is not None else {}

    @property
    def state(self) -> Is:
        if self.pairing is None:
            return Is.ABSENT
        return Is.LEAD if self.pairing.crm.source == "Lead" else Is.CONTACT


class People:
    """Reads people of one lake's two systems for one request, which knows the schemas as they were when it began."""

    def __init__(self, lake: Lake, sides: Sides, pairings: Iterable[Pairing], policy: SyncPolicy) -> None:
        self._lake = lake
        self._sides = sides
        self.pairings = {pairing.name: pairing for pairing in pairings}
        self._policy = policy
        self._told: dict[str, Describe] = {}
        self._fields: dict[str, list[Compared]] = {}

    @property
    def lead(self) -> Pairing:
        """The pairing in which people are created; that of Veeva's person accounts, where nobody is."""
        return self.pairings.get("lead") or next(iter(self.pairings.values()))

    @property
    def is_veeva(self) -> bool:
        return self.lead.crm.system == "veeva"

    @property
    def person(self) -> Object:
        return self.lead.marketo

    def marketo_id(self, who: Identifier) -> str:
        """Return Marketo's id of the one person with this id on either side, or with this e-mail address.

        Raises:
            PersonError: no person has it, or several have.
        """
        if isinstance(who, MarketoId):
            return who
        if isinstance(who, EmailAddress):
            return self._only_one(who, ADDRESS)
        linked = self._lake.rows(
            f"select distinct marketo_id from {ledger.table('link')} where crm_id = ? and marketo_object = ? "
            "and ended_at is null",
            [str(who), self.person.name],
        )
        if len(linked) > 1:
            raise PersonError("SEVERAL_PERSONS", f"{len(linked)} people in Marketo are linked to this record")
        return MarketoId(linked[0][0]) if linked else self._only_one(who, self.lead.key)

    def _only_one(self, value: Identifier, by: str) -> str:
        key = self.person.key
        found = fresh.read(self._sides.marketo, self.person, [key, by], value, by).column(key).to_pylist()
        if not found:
            raise PersonError("NO_SUCH_PERSON", f"no person in Marketo has this value of {by}")
        if len(found) > 1:
            raise PersonError("SEVERAL_PERSONS", f"{len(found)} people in Marketo share it: {', '.join(found)}")
        return MarketoId(found[0])

    def read(self, marketo_id: str, extra: Iterable[str] = ()) -> Person:
        """Read a person in Marketo and, if it is there, in the CRM: a call each.

        Args:
            extra: fields of Marketo to read besides the mapped ones.

        Raises:
            PersonError: there is no such person, or its record in the CRM cannot be seen.
        """
        wanted = {f.marketo.name for p in self.pairings.values() for f in self.fields(p)} | set(extra)
        obj = self.person
        names_ = list(dict.fromkeys([obj.key, obj.stamp, self.lead.key, *sorted(wanted)]))
        found = fresh.read(self._sides.marketo, obj, names_, MarketoId(marketo_id))
        if not found.num_rows:
            raise PersonError("NO_SUCH_PERSON", "Marketo has no person of this id")
        person = Person(marketo_id, found)
        linked = self._linked(marketo_id) or self._by_key(person.values.get(self.lead.key))
        return self._followed(person, *linked) if linked else person

    def _linked(self, marketo_id: str) -> tuple[Pairing, str] | None:
        rows = self._lake.rows(
            f"select pairing, crm_id from {ledger.table('link')} where marketo_id = ? and marketo_object = ? "
            "and ended_at is null order by pairing",
            [marketo_id, self.person.name],
        )
        return next(((self.pairings[name], crm_id) for name, crm_id in rows if name in self.pairings), None)

    def _by_key(self, key: str | None) -> tuple[Pairing, str] | None:
        """Return what the id in Marketo's own field says, where the link is still missing."""
        pairing = self.pairings.get(names.PERSON_PREFIXES.get((key or "")[:3], ""))
        return (pairing, CrmId(key)) if key and pairing else None

    def _followed(self, person: Person, pairing: Pairing, crm_id: str) -> Person:
        """Return the person with its living record: that into which it was merged or converted (SF-LEAD-12)."""
        for _ in range(HOPS):
            wanted = {f.crm.name for f in self.fields(pairing)}
            told = self.described(pairing.crm).names
            own = {pairing.crm.deleted, pairing.crm.master, names.OWNER, names.PERSON_CONTACT}
            own |= {names.CONVERTED, names.CONVERTED_CONTACT}
            fields = sorted(({pairing.crm.key, pairing.crm.stamp} | wanted | own) & told)
            found = fresh.read(self._sides.org, pairing.crm, fields, CrmId(crm_id))
            if not found.num_rows:
                return self._unseen(person, pairing, crm_id)
            record = fresh.first(found)
            if record.get(pairing.crm.deleted) == "true":
                if master := record.get(pairing.crm.master):
                    crm_id = master
                    continue
                return Person(person.marketo_id, person.marketo, ended="deleted in the CRM")
            if record.get(names.CONVERTED) == "true" and (contact := record.get(names.CONVERTED_CONTACT)):
                pairing, crm_id = self.pairings["contact"], contact
                continue
            return Person(person.marketo_id, person.marketo, pairing, crm_id, found)
        raise PersonError("TOO_MANY_MERGES", f"the record was merged or converted more than {HOPS} times")

    def _unseen(self, person: Person, pairing: Pairing, crm_id: str) -> Person:
        """Tell a record that is gone from one that the sync user can no longer see, which is not gone (GEN-5)."""
        obj = pairing.crm
        with self._lake.reading() as con:
            query = f"from {full_name(*obj.table)} where {quoted(obj.key)} = ? and {quoted(DELETED_AT)} is not null"
            gone = columns(con, *obj.table) and con.execute(query, [crm_id]).fetchone()
        if gone:
            return Person(person.marketo_id, person.marketo, ended="deleted in the CRM")
        raise PersonError(
            "NOT_VISIBLE", f"the sync user cannot see {obj.source} {crm_id}, to which the person is linked"
        )

    def alike(self, person: Person) -> Person | None:
        """Return who a person is in the CRM by its e-mail address, where that is chosen and nobody else is meant.

        Raises:
            PersonError: somebody else may be meant, and nobody is to be created then (DEDUP-8).
        """
        if self._policy.match == "never" or not person.values.get(ADDRESS):
            return None
        try:
            mail = EmailAddress(person.values[ADDRESS])
        except IdentifierError:
            if self._policy.match == "strict":
                raise PersonError(AMBIGUOUS, "its e-mail address in Marketo is not one plain address") from None
            return None
        people = fresh.read(self._sides.marketo, self.person, [self.person.key], mail, ADDRESS).num_rows
        found = [(pairing, one) for pairing in self.pairings.values() for one in self._with_address(pairing, mail)]
        if people == 1 and len(found) == 1 and not self._is_somebody(found[0][1]):
            return self._followed(person, *found[0])
        if found and self._policy.match == "strict":
            raise PersonError(AMBIGUOUS, f"{people} people and {len(found)} records have this e-mail address")
        return None

    def _with_address(self, pairing: Pairing, mail: EmailAddress) -> list[str]:
        obj, by = pairing.crm, mail_field(pairing)
        if not by:
            return []
        wanted = {obj.key, obj.deleted, names.CONVERTED} & self.described(obj).names
        found = fresh.read(self._sides.org, obj, sorted(wanted), mail, by).to_pylist()
        return [one[obj.key] for one in found if "true" not in (one.get(obj.deleted), one.get(names.CONVERTED))]

    def _is_somebody(self, crm_id: str) -> bool:
        return bool(self._lake.rows(f"from {ledger.table('link')} where crm_id = ? and ended_at is null", [crm_id]))

    # What the systems say of their objects, as the mirrors remember it

    def described(self, obj: Object) -> Describe:
        if obj.title not in self._told:
            with self._lake.reading() as con:
                found = ledger.remembered_describes(con, obj.system, obj.source)
            if obj.source not in found:
                raise PersonError("NOT_MIRRORED", f"{obj.title} was never read: run a sync first")
            self._told[obj.title] = found[obj.source][0]
        return self._told[obj.title]

    def fields(self, pairing: Pairing) -> list[Compared]:
        if pairing.name not in self._fields:
            told = self.described(pairing.crm), self.described(pairing.marketo)
            with self._lake.reading() as con:
                company = ledger.remembered_describes(con, COMPANY.system, COMPANY.source).get(COMPANY.source)
                fed_by = ledger.fed_by(con).get(pairing.name)
            besides = {(COMPANY.system, COMPANY.source): company[0]} if company else {}
            known = {(o.system, o.source): t for o, t in zip((pairing.crm, pairing.marketo), told, strict=True)}
            try:
                in_force = mapped(pairing, {**besides, **known}, self._policy.mapping)
            except UnfitError as error:
                raise PersonError("UNFIT_MAPPING", str(error)) from None
            self._fields[pairing.name] = compared(in_force, *told, self._policy.blocked, fed_by)[0]
        return self._fields[pairing.name]

    def to_crm(self, person: Person, pairing: Pairing, new: bool = False) -> Values:
        """Return what of a person belongs into its record, or into a new one."""
        told = self.described(pairing.crm), self.described(pairing.marketo)
        request = DecisionRequest(pairing, self.fields(pairing), "", self._policy, read_from=fresh.TABLES)
        with self._lake.reading() as con:
            return fresh.to_crm(con, request, None if new else person.crm, person.marketo, told)
