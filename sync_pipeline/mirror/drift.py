"""What a changed schema means for a mirror: columns to add or widen, and what an operator should be told.

Pure. Nothing is ever dropped: a field that vanishes keeps its column and its last values (FIELD-8), a renamed one
looks like a new field beside a vanished one (FIELD-7), and a changed type is widened so that old values fit (FIELD-6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync_pipeline.lake.ledger import Notice
from sync_pipeline.lake.types import column_type, wider
from sync_pipeline.model import Field


@dataclass(frozen=True)
class Drift:
    """`added` and `widened` give the column type by field name."""

    added: Mapping[str, str]
    widened: Mapping[str, str]
    notices: tuple[Notice, ...]


def drift(kept: Mapping[str, str], fields: Iterable[Field], vanished_before: frozenset[str] = frozenset()) -> Drift:
    """Compare the mirror's columns with the fields now readable.

    Args:
        kept: the mirror's columns and types, without our own; empty for a mirror not made yet.
        fields: what describe says now, for the sync user.
        vanished_before: fields already reported as vanished, not to be reported again.
    """
    described = {f.name: column_type(f) for f in fields}
    known = {name.lower(): name for name in kept}  # SQL names differ in more than case
    added = {name: kind for name, kind in described.items() if name.lower() not in known}
    widened = {
        known[name.lower()]: wider(kept[known[name.lower()]], kind)
        for name, kind in described.items()
        if name.lower() in known and wider(kept[known[name.lower()]], kind) != kept[known[name.lower()]]
    }
    lower = {name.lower() for name in described}
    vanished = [n for n in kept if n.lower() not in lower and n not in vanished_before]
    if not kept:
        return Drift(added, {}, ())
    return Drift(added, widened, tuple(_notices(added, widened, kept, vanished)))


def _notices(
    added: Mapping[str, str], widened: Mapping[str, str], kept: Mapping[str, str], vanished: Iterable[str]
) -> Iterable[Notice]:
    for name, kind in added.items():
        yield Notice("new_field", name, f"{name} ({kind}) is new; it fills with the next update of each record")
    for name, kind in widened.items():
        yield Notice("widened_field", name, f"{name} was {kept[name]} and is now {kind}; no value was lost")
    for name in vanished:
        yield Notice("vanished_field", name, f"{name} can no longer be read; its last values stay in the mirror")
