"""Custom objects: what goes where, as both systems describe their own object (SPEC 10). Pure.

Nothing of them is declared but their names, in the settings: fields follow from names, keys and links from what Marketo
says of its object. API names only, so the language of the sync user never matters (SF-CO-10).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sync_pipeline.catalog.directions import to_marketo
from sync_pipeline.catalog.pairings import plain
from sync_pipeline.model import Describe, Field, Mapping, Pairing

MOST_FIELDS = 50  # of a type that the API may fill (SF-CO-13)
OF_MARKETO = frozenset({"marketoGUID", "createdAt", "updatedAt"})


class UnfitError(Exception):
    """A pairing cannot be synced as it stands; the message tells what would have to be there, or chosen otherwise."""


def fitted(pairing: Pairing, crm: Describe, marketo: Describe, parents: Sequence[Pairing]) -> Pairing:
    """Return the pairing with its key and mappings.

    Args:
        parents: the pairings that come before it, whose records it may belong to.

    Raises:
        UnfitError: Marketo's type lacks a key or a link, or has more fields than can be filled.
    """
    key = _key(pairing, marketo)
    fields = [f for f in marketo.fields if f.name not in OF_MARKETO and f.name != key]
    links = [link for field in fields for link in _links(field, crm, parents)]
    if not links:
        raise UnfitError(
            f"{pairing.marketo.source} has no link field for a person, a company or a custom object that is synced to "
            f"which a field of {pairing.crm.source} refers (SF-CO-2, SF-CO-11)"
        )
    by_name = {plain(field.name): field for field in crm.fields if not field.by_reader}
    alike = [
        to_marketo(by_name[plain(f.name)].name, f.name, f.label, pairing.marketo.name)
        for f in fields
        if not f.reference_to and plain(f.name) in by_name
    ]
    if (number := len({m.marketo for m in (*links, *alike)})) > MOST_FIELDS:
        raise UnfitError(
            f"{pairing.marketo.source}: {number} fields are more than the {MOST_FIELDS} that Marketo takes"
        )
    return replace(pairing, key=key, mappings=(*links, *alike))


def _key(pairing: Pairing, marketo: Describe) -> str:
    """Return the field that holds the CRM's id: the only one by which Marketo finds records of the type."""
    keys = [field for field in marketo.fields if field.identifies and field.name not in OF_MARKETO]
    if len(keys) != 1 or keys[0].type != "string" or keys[0].reference_to:
        told = ", ".join(field.name for field in keys) or "none"
        raise UnfitError(
            f"{pairing.marketo.source} needs one deduplication field, a text of its own that holds the id of "
            f"{pairing.crm.source}; it has: {told}"
        )
    return keys[0].name


def _links(field: Field, crm: Describe, parents: Sequence[Pairing]) -> Iterator[Mapping]:
    """Yield how a link field is filled: by each lookup of the CRM to what it links to; the first that is set counts.

    A link may lead to Marketo's own number or to the field that carries the CRM's id.
    """
    for target in field.reference_to:
        source, _, by = target.partition(".")
        led = [p for p in parents if p.marketo.source == source and by in (p.key, "id")]
        for lookup in crm.fields:
            names = [p.name for p in led if p.crm.source in lookup.reference_to]
            if names:
                yield to_marketo(lookup.name, field.name, field.label, refers_to=" ".join(names))
