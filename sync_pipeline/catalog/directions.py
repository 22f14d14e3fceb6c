"""How a one-way field is written down; a two-way field is a plain `Mapping`.

Each direction carries the only rule that can hold for it, so `mapping.rule or object.rule` is always the rule
in force. `label` is Marketo's own label throughout: the word marketing users know the field by.
"""

from __future__ import annotations

from sync_pipeline.model import Direction, Mapping, Rule


def to_marketo(
    crm: str, marketo: str | None, label: str, on: str = "person", refers_to: str = "", absent: str = ""
) -> Mapping:
    """Return the mapping of a field that only ever flows from the CRM to Marketo.

    Args:
        refers_to: names of pairings, with blanks between them.
        absent: what stands in Marketo for an empty value.
    """
    names = tuple(refers_to.split())
    return Mapping(crm, marketo, label, Direction.CRM_TO_MARKETO, on, Rule.CRM_ONLY, names, absent)


def to_crm(crm: str, marketo: str | None, label: str, on: str = "person") -> Mapping:
    """Return the mapping of a field that only ever flows from Marketo to the CRM."""
    return Mapping(crm, marketo, label, Direction.MARKETO_TO_CRM, on, Rule.MARKETO_ONLY)


def system(crm: str, label: str, on: str = "person") -> Mapping:
    """Return the mapping of a value that Marketo shows but no API can write; our own tables carry it."""
    return to_marketo(crm, None, label, on)
