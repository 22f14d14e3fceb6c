"""The mapped fields of a pairing as the two systems have them now: what is compared, how, and what may be written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sync_pipeline.lake.ledger import Notice
from sync_pipeline.lake.types import TEXT, column_type
from sync_pipeline.model import Describe, Field, Pairing, Rule
from sync_pipeline.model import Mapping as FieldMapping
from sync_pipeline.sync.mapping.canonical import INTEGER, common

# What Marketo's types hold where describe gives no length: short texts characters, long ones bytes (FIELD-25).
LENGTH_OF = dict.fromkeys(("string", "email", "phone", "url"), 255)
# A part of such a value would be another one: another address, number or choice. So it is never cut.
UNCUT = frozenset({"email", "phone", "url", "picklist", "multipicklist", "combobox", "reference", "id"})
BYTES_OF = {"text": 30_000, "textarea": 30_000}


@dataclass(frozen=True)
class Compared:
    """A mapped field that both systems have.

    `rule` is the one in force: the mapping's own, or the object's. `blocked` fields may
    be filled from the CRM but never overwritten (FIELD-15). `is_key` fields are those by which Marketo tells one record
    from another: they are part of every new record, and describe calls them read-only. Where several fields of the CRM
    fill one of Marketo (a lead or a contact), the first that is set counts; `others` are those after `crm`. A field
    that `stays` cannot be emptied in Marketo. Of one that is `remapped` what was agreed on is of another field of the
    CRM: both sides meet for the first time (FIELD-19). By one of `consent` a person says no (law 13).
    """

    crm: Field
    marketo: Field
    rule: Rule
    refers_to: tuple[str, ...] = ()
    blocked: bool = False
    absent: str = ""
    is_key: bool = False
    others: tuple[Field, ...] = ()
    steps: str = ""
    stays: bool = False
    since: datetime | None = None
    remapped: bool = False
    consent: bool = False

    @property
    def name(self) -> str:
        """Marketo's name: the one under which the agreed value is kept, since several CRM objects share it."""
        return self.marketo.name

    @property
    def kind(self) -> str:
        """The column type in which the two are compared."""
        if self.refers_to:
            return TEXT
        # Marketo's percentage is a whole number, whatever the CRM's is (SPEC 31, decision 38).
        marketo = INTEGER if self.marketo.type == "percent" else column_type(self.marketo)
        return common(column_type(self.crm), marketo)

    @property
    def places(self) -> int | None:
        """The digits after the point that both sides keep of a number; None where neither tells, as Marketo never."""
        told = [one.scale for one in (*self.sources, self.marketo) if one.precision and not one.fractional]
        return min(told, default=None)

    @property
    def respelled(self) -> bool:
        """Whether an older version may have noted another form of the agreed value: all types had their own text."""
        kinds = {column_type(one) for one in (*self.sources, self.marketo)}
        return not self.refers_to and (len(kinds) > 1 or "DOUBLE" in kinds)

    @property
    def sources(self) -> tuple[Field, ...]:
        """The fields of the CRM that fill it."""
        return (self.crm, *self.others)

    @property
    def fed_by(self) -> str:
        """The names of those, as the ledger keeps them."""
        return ",".join(source.name for source in self.sources)

    @property
    def is_checkbox_of_consent(self) -> bool:
        return self.consent and self.kind == "BOOLEAN"

    @property
    def by_own_id(self) -> bool:
        """Whether Marketo refers to its own ids in it, not to the CRM's."""
        return bool(self.refers_to) and column_type(self.marketo) == "BIGINT"

    @property
    def marketo_writable(self) -> bool:
        return not self.marketo.managed and (self.marketo.updateable or self.is_key or bool(self.steps))

    @property
    def crm_writable(self) -> bool:
        return self.crm.updateable and not self.crm.calculated

    @property
    def crm_required(self) -> bool:
        return not self.crm.nillable and self.crm.type != "boolean"

    @property
    def is_needed(self) -> bool:
        """Whether the CRM takes no new record without it."""
        return self.crm_required and not self.crm.defaulted

    @property
    def is_cut(self) -> bool:
        """Whether what is too long may be cut: a text, and no number."""
        return self.kind == TEXT and UNCUT.isdisjoint((self.crm.type, self.marketo.type))

    @property
    def picklist(self) -> tuple[str, ...]:
        """The only values that the CRM takes; empty where it takes any."""
        return self.crm.picklist if self.crm.type == "picklist" and self.crm.restricted else ()

    @property
    def marketo_length(self) -> int:
        return self.marketo.length or LENGTH_OF.get(self.marketo.type, 0)

    @property
    def marketo_bytes(self) -> int:
        return 0 if self.marketo.length else BYTES_OF.get(self.marketo.type, 0)

    @property
    def shared_length(self) -> int:
        """The most characters that both sides can hold; 0 where neither sets a limit."""
        limits = [length for length in (self.crm.length, self.marketo_length) if length]
        return min(limits, default=0) if self.is_cut else 0


def compared(
    pairing: Pairing,
    crm: Describe,
    marketo: Describe,
    blocked: Collection[str] = (),
    fed_by: Mapping[str, str] | None = None,
) -> tuple[list[Compared], list[Notice]]:
    """Return the fields that both systems have, and a notice for each mapped field that one of them lacks (FIELD-26).

    Args:
        blocked: Marketo names of the fields that the CRM may only fill.
        fed_by: by Marketo's name, the fields of the CRM that the agreed values are of, see `Compared.fed_by`.
    """
    found: list[Compared] = []
    notices: list[Notice] = []
    theirs = {field.name.lower(): field for field in marketo.fields}
    for mapping in pairing.mappings:
        if mapping.marketo is None or mapping.marketo == pairing.key:
            continue
        ours, other = crm.field(mapping.crm), theirs.get(mapping.marketo.lower())
        if ours is None and mapping.optional:
            continue
        if ours is None or other is None:
            notices.append(_missing(mapping, pairing, ours is None))
            continue
        if (place := next((i for i, one in enumerate(found) if one.name == other.name), None)) is not None:
            first = found[place]
            refers_to = tuple(dict.fromkeys((*first.refers_to, *mapping.refers_to)))
            consent = first.consent or mapping.consent
            found[place] = replace(first, others=(*first.others, ours), refers_to=refers_to, consent=consent)
            continue
        found.append(
            Compared(
                ours,
                other,
                pairing.rule(mapping),
                mapping.refers_to,
                other.name in blocked,
                mapping.absent,
                mapping.marketo in pairing.keys,
                steps=mapping.steps,
                stays=mapping.stays,
                since=mapping.since,
                consent=mapping.consent,
            )
        )
    key, id_ = theirs.get(pairing.key.lower()), crm.field(pairing.crm.key)
    if pairing.merges and key and id_:  # a person that goes on under another record's link carries that one's id
        found.append(Compared(id_, key, Rule.CRM_ONLY))
    before = fed_by or {}
    return [replace(one, remapped=before.get(one.name, one.fed_by) != one.fed_by) for one in found], notices


def _missing(mapping: FieldMapping, pairing: Pairing, in_crm: bool) -> Notice:
    where = pairing.crm.source if in_crm else f"Marketo's {pairing.marketo.name}"
    name = mapping.crm if in_crm else str(mapping.marketo)
    said = f"{where} has no field {name} that this user can see: {mapping.label} is not synced"
    return Notice("unmapped_field", name, said)
