"""Which fields are mapped, as things are now: those declared, those chosen, and custom ones called alike. Pure.

A mapping is never stored: it follows from declarations, settings and what both systems say, so what is shown is what is
in force (FIELD-20).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from sync_pipeline.catalog.consent import is_consent
from sync_pipeline.catalog.mappings_account import of_person
from sync_pipeline.catalog.marketo import COMPANY, PERSON
from sync_pipeline.catalog.pairings import plain
from sync_pipeline.lake.ledger import Notice
from sync_pipeline.lake.types import UNREADABLE_TYPES
from sync_pipeline.model import Chosen, Describe, Direction, Field, Pairing, Rule
from sync_pipeline.model import Mapping as FieldMapping
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.mapping.custom_objects import UnfitError

Told = Mapping[tuple[str, str], Describe]  # what the systems say of their objects, by (system, source)
ARROWS = {Direction.CRM_TO_MARKETO: "→", Direction.MARKETO_TO_CRM: "←", Direction.BOTH: "⇄"}
DIRECTIONS = {Rule.CRM_ONLY: Direction.CRM_TO_MARKETO, Rule.MARKETO_ONLY: Direction.MARKETO_TO_CRM}


@dataclass(frozen=True)
class Choice:
    """What an operator may choose of mappings.

    Attributes:
        fields: mappings of one's own, by pairing.
        alike: whether custom fields that both systems call alike are mapped without being named (FIELD-1).
        consent: fields of consent besides the declared ones, see `catalog.consent`.
        sales_opt_out: one more of the CRM, which the sales tool ticks; it need not be synced (SIA-UNS-3).
    """

    fields: Mapping[str, Sequence[Chosen]]
    alike: bool = True
    consent: Collection[str] = ()
    sales_opt_out: str = ""


NOTHING = Choice({})


def mapped(pairing: Pairing, told: Told, choice: Choice = NOTHING) -> Pairing:
    """Return the pairing with the mappings in force.

    Raises:
        UnfitError: a chosen mapping is none that can be.
    """
    crm = told[pairing.crm.system, pairing.crm.source]
    mappings = list(pairing.mappings)
    for one in choice.fields.get(pairing.name, ()):
        mappings = _with(pairing, mappings, one, crm)
    if choice.alike and pairing.widened_as:
        marketo = told[pairing.marketo.system, pairing.marketo.source]
        company = told.get((COMPANY.system, COMPANY.source)) if pairing.marketo.source == PERSON.source else None
        # A person shows its company's fields too, but takes no values for them (SF-ACCOUNT-12).
        marketo = marketo.without(company.names) if company else marketo
        mappings += _alike(pairing, mappings, crm, marketo)
    own = (*choice.consent, f"{pairing.name}.{choice.sales_opt_out}")
    return replace(pairing, mappings=tuple(replace(m, consent=is_consent(pairing.name, m, own)) for m in mappings))


def unmet(pairing: Pairing, choice: Choice) -> list[Notice]:
    """Return a notice for each field of consent that an operator named and that no mapping of its pairing has."""
    ends = {name.lower() for m in pairing.mappings for name in (m.crm, m.marketo) if name}
    named = (field.partition(".") for field in choice.consent)
    return [
        Notice("unmapped_field", name, f"{of}.{name} is a field of consent that is not synced: see SYNC_FIELDS")
        for of, _, name in named
        if of.lower() == pairing.name.lower() and name.lower() not in ends
    ]


def _with(pairing: Pairing, mappings: list[FieldMapping], one: Chosen, crm: Describe) -> list[FieldMapping]:
    """Return the mappings with one that was chosen, in place of those of either field."""
    old = next((m for m in mappings if m.crm == one.crm), None)
    keys = {pairing.key, *pairing.keys}
    if one.marketo in keys or (old and (old.refers_to or old.steps or old.marketo in {None, *keys})):
        raise UnfitError(
            f"SYNC_FIELDS: {pairing.name}.{one.crm}={one.marketo}: what ties records together stays as it is"
        )
    own = _own_rule(pairing, one.crm)
    if one.rule not in (None, own) and own is Rule.CRM_ONLY:
        raise UnfitError(
            f"SYNC_FIELDS: {pairing.name}.{one.crm} flows to Marketo only, whatever its rule (SF-ACCOUNT-1)"
        )
    said, field = (old.rule if old else None), crm.field(one.crm)
    rule = one.rule or said or (_rule(pairing, field) if field else own)
    label = old.label if old else one.crm
    absent = old.absent if old else ""
    kept = [m for m in mappings if m.crm != one.crm and (not one.marketo or m.marketo != one.marketo)]
    direction = DIRECTIONS.get(rule, Direction.BOTH)
    chosen = FieldMapping(one.crm, one.marketo or None, label, direction, pairing.marketo.name, rule, absent=absent)
    return [*kept, chosen]


def _own_rule(pairing: Pairing, crm_field: str) -> Rule:
    """Return the rule of a field that has none: of an account's fields a person's alone go both ways (VV-PA-6)."""
    is_persons = pairing.merges and pairing.crm.rule is Rule.CRM_ONLY and of_person(crm_field)
    return Rule.CRM_WINS if is_persons else pairing.crm.rule


def _rule(pairing: Pairing, crm: Field) -> Rule:
    """Return the same, as far as the CRM lets it be: what it computes or keeps from the sync user flows one way."""
    return _own_rule(pairing, crm.name) if crm.updateable and not crm.calculated else Rule.CRM_ONLY


def _alike(
    pairing: Pairing, mappings: Collection[FieldMapping], crm: Describe, marketo: Describe
) -> Iterator[FieldMapping]:
    """Yield the mappings of custom fields by their names (FIELD-17: of a lead and a contact to the same field)."""
    ours, used = {m.crm for m in mappings}, {m.marketo.lower() for m in mappings if m.marketo}
    used |= {name.lower() for name in (pairing.key, *pairing.keys)}
    theirs: dict[str, Field] = {}
    for field in marketo.fields:
        theirs.setdefault(plain(field.name), field)
    for field in marketo.fields:
        if field.name.endswith(f"_{pairing.widened_as}"):
            theirs[plain(field.name.removesuffix(f"_{pairing.widened_as}"))] = field
    # Of an account that is a person two fields may be called alike: the person's own is the person's.
    for field in sorted(crm.fields, key=lambda f: f.name.endswith("__pc") != pairing.merges):
        other = theirs.get(plain(field.name))
        if other is None or other.name.lower() in used:
            continue
        if not field.custom or field.by_reader or field.name in ours or field.type in UNREADABLE_TYPES:
            continue
        rule = _rule(pairing, field)
        if other.managed or not other.updateable:
            if rule is Rule.CRM_ONLY:
                continue
            rule = Rule.MARKETO_ONLY
        used.add(other.name.lower())
        direction = DIRECTIONS.get(rule, Direction.BOTH)
        yield FieldMapping(field.name, other.name, other.label, direction, pairing.marketo.name, rule)


def lacking(fit: Pairing, crm: Describe) -> list[Field]:
    """Return the custom fields of the CRM that the sync user can see and that no field of Marketo is mapped to."""
    ours = {m.crm for m in fit.mappings}
    return [
        field
        for field in crm.fields
        if fit.widened_as
        and field.custom
        and not field.by_reader
        and field.name not in ours
        and field.type not in UNREADABLE_TYPES
    ]


@dataclass(frozen=True)
class Mapped:
    """A mapped field as it is synced now, or why it is not.

    `because` is `declared`, `chosen` (by SYNC_FIELDS) or `by name`.
    """

    object: str
    crm: str
    marketo: str = ""
    direction: str = ""
    rule: str = ""
    because: str = ""
    said: str = ""
    picklist: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if name != "picklist"}


def lines(
    declared: Pairing, fit: Pairing, compared: tuple[Sequence[Compared], Sequence[Notice]], chosen: Collection[str]
) -> Iterator[Mapped]:
    """Yield what the mapping of a pairing is, in the order of its fields.

    Args:
        compared: its fields as both systems have them, and what is told of the others.
        chosen: fields of the CRM whose mapping an operator chose.
    """
    fields, notices = compared
    as_declared = [replace(mapping, consent=False) for mapping in declared.mappings]
    synced = {source.name: field for field in fields for source in field.sources}
    lacking = {notice.field: notice.message for notice in notices}
    for mapping in fit.mappings:
        own = "declared" if replace(mapping, consent=False) in as_declared else "by name"
        because = "chosen" if mapping.crm in chosen else own
        field = synced.get(mapping.crm)
        rule = field.rule if field else fit.rule(mapping)
        arrow = ARROWS[DIRECTIONS.get(rule, Direction.BOTH)]
        if mapping.marketo is None:
            said = "not synced" if mapping.crm in chosen else f"{mapping.label}: kept in our links"
            yield Mapped(declared.name, mapping.crm, because=because, said=said)
            continue
        said = _state(field) if field else lacking.get(mapping.crm) or lacking.get(mapping.marketo, "")
        values = field.picklist if field else ()
        yield Mapped(declared.name, mapping.crm, mapping.marketo, arrow, rule, because, said, values)


def with_common_values(found: Iterable[Mapped], of: Mapping[str, str]) -> Iterator[Mapped]:
    """Yield the same; a field of Marketo that several restricted picklists feed tells which values all of them take.

    Others can be filled in Marketo, and one of the records refuses them (FIELD-10).

    Args:
        of: Marketo's object by pairing.
    """
    found = list(found)
    taken: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
    for one in found:
        if one.picklist and one.direction != ARROWS[Direction.CRM_TO_MARKETO]:
            taken.setdefault((of[one.object], one.marketo), {})[one.object] = frozenset(one.picklist)
    for one in found:
        lists = taken.get((of[one.object], one.marketo), {})
        common = frozenset.intersection(*lists.values()) if lists else frozenset()
        if one.object not in lists or all(values == common for values in lists.values()):
            yield one
            continue
        shared = ", ".join(value for value in one.picklist if value in common) or "none"
        alone = ", ".join(value for value in one.picklist if value not in common)
        said = f"values of {' and '.join(lists)} in common: {shared}" + (
            f"; of {one.object} alone: {alone}" if alone else ""
        )
        yield replace(one, said="; ".join(filter(None, (one.said, said))))


def _state(field: Compared) -> str:
    """Return what is special about a field just now; empty if nothing is."""
    told = [f"{one.name} was read of no record before {one.since:%Y-%m-%d %H:%M}"
            for one in (*field.sources, field.marketo) if one.since]  # fmt: skip
    if field.consent:
        told.append("consent: without an agreed value an opt-out wins")
    if field.remapped:
        told.append("mapped anew: what was agreed on before does not count")
    return "; ".join(told)
