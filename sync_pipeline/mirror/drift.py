"""What a changed schema means for a mirror: columns to add or widen, and what an operator should be told.

Pure. Nothing is ever dropped: a field that vanishes keeps its column and its last values (FIELD-8), a renamed one
looks like a new field beside a vanished one (FIELD-7), and a changed type is widened so that old values fit (FIELD-6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync_pipeline.lake.ledger import Notice
from sync_pipeline.lake.types import column_type, wider
from sync_pipeline.model import Field


@dataclass(frozen=True)
class Drift:
    """`added` and `widened` give the column type by field name.

    `unread` fields are those whose values in the mirror are none, or are of before: each comes with the next update of
    its record (FIELD-4). `whole` columns keep as doubles, as an older version made them, numbers that are whole.
    """

    added: Mapping[str, str]
    widened: Mapping[str, str]
    notices: tuple[Notice, ...]
    unread: frozenset[str] = frozenset()
    whole: tuple[str, ...] = ()


def drift(kept: Mapping[str, str], fields: Iterable[Field], before: Sequence[Field] = ()) -> Drift:
    """Compare the mirror's columns with the fields now readable.

    Args:
        kept: the mirror's columns and types, without our own; empty for a mirror not made yet.
        fields: what describe says now, for the sync user.
        before: what it said last, so that nothing is told twice; a changed label is nothing (FIELD-5).
    """
    described = {f.name: f for f in fields}
    known = {name.lower(): name for name in kept}  # SQL names differ in more than case
    added = {name: column_type(f) for name, f in described.items() if name.lower() not in known}
    if not kept:
        return Drift(added, {}, ())
    widened = {}
    for name, f in described.items():
        if (column := known.get(name.lower())) and (kind := wider(kept[column], column_type(f))) != kept[column]:
            widened[column] = kind
    was = {f.name.lower(): f for f in before}
    here = {name.lower() for name in described}
    vanished = [name for name in kept if name.lower() not in here and (not was or name.lower() in was)]
    back = [name for name in described if was and name.lower() in known and name.lower() not in was]
    pairs = [(was[name.lower()], f) for name, f in described.items() if name.lower() in was]
    notices = (
        *(Notice("new_field", n, f"{n} ({k}) is new; it fills with the next update of each record")
          for n, k in added.items()),
        *(Notice("new_field", n, f"{n} can be read again; it fills anew with the next update of each record")
          for n in back),
        *_retyped(pairs),
        *(Notice("retyped_field", new.name, f"{new.name} is told to be whole, but has numbers with a fraction; they "
                 "are kept")
          for old, new in pairs if new.fractional and not old.fractional),
        *(Notice("vanished_field", n, f"{n} can no longer be read; its last values stay in the mirror")
          for n in vanished),
        *_picked(pairs),
    )  # fmt: skip
    converted = {new.name for old, new in pairs if wider(column_type(old), column_type(new)) != column_type(new)}
    whole = tuple(
        column
        for old, new in pairs
        if (column := known.get(new.name.lower()))
        and (kept[column], column_type(old), column_type(new)) == ("DOUBLE", "BIGINT", "BIGINT")
    )
    return Drift(added, widened, notices, frozenset(added) | frozenset(back) | converted, whole)


def _retyped(pairs: Iterable[tuple[Field, Field]]) -> Iterator[Notice]:
    """Yield a warning for each changed type (FIELD-6); what the system made of the values shows record by record."""
    for old, new in pairs:
        if old.type != new.type:
            fits = wider(column_type(old), column_type(new)) == column_type(new)
            then = "no value was lost" if fits else "what does not fit is empty from its record's next update on"
            yield Notice("retyped_field", new.name, f"{new.name} was {old.type} and is now {new.type}; {then}")


def _picked(pairs: Iterable[tuple[Field, Field]]) -> Iterator[Notice]:
    """Yield a notice for each picklist with new values; those that are gone are left to the user (FIELD-9)."""
    for old, new in pairs:
        if values := [value for value in new.picklist if value not in old.picklist]:
            told = ", ".join(values)
            yield Notice(
                "new_picklist_value", new.name, f"{new.name} has new values: {told}; Marketo's forms lack them"
            )
