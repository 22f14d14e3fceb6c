"""What a Marketo client read or wrote, set value by value against the subscription's own tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from interop.errors import DifferenceError
from interop.rows import Row, Value, compare
from sync_pipeline.sandbox.core.database import quote, text
from sync_pipeline.sandbox.marketo import Subscription
from sync_pipeline.sandbox.marketo.records.tables import ACTIVITY, LIST_MEMBER, PROGRAM, STATIC_LIST

GONE = "isDeleted"  # what a client says of a record that it deleted
MEMBER = "member"  # list and person, as one key
KEYS = {"activity": "marketoGUID", "listMember": MEMBER, "programMember": MEMBER}
_PLAIN = {table.name: table.columns for table in (ACTIVITY, LIST_MEMBER, PROGRAM, STATIC_LIST)}
_MADE = {  # what a client tells in one value, or under another name than the table has
    "activity": [Value("marketoGUID", "varchar", "id::varchar")],
    "listMember": [Value(MEMBER, "varchar", """concat("listId", '-', "leadId")""")],
    "programMember": [Value(MEMBER, "varchar", """concat("programId", '-', "leadId")""")],
}


def described(subscription: Subscription, name: str, fields: Sequence[Row]) -> str:
    """Say how many fields of an object were described, each with the attributes that the client has picked.

    Raises:
        DifferenceError: a field, or an attribute, is missing, too much or other.
    """
    known = subscription.objects[name].fields
    if odd := known.keys() ^ {field["name"] for field in fields}:
        raise DifferenceError(f"{name} is described without, or with unknown, {', '.join(sorted(odd))}")
    for field in fields:
        found = known[field["name"]]
        own = {"displayName": found.label, "dataType": found.type, "readOnly": found.read_only}
        if differ := [key for key, value in own.items() if key in field and field[key] != value]:
            raise DifferenceError(f"{name}.{field['name']}: the subscription has other {', '.join(differ)}")
    return f"{len(fields)} fields of {name}"


def equal(
    subscription: Subscription,
    name: str,
    rows: Sequence[Row],
    fields: Iterable[str] = (),
    where: str = "true",
    spelled: Callable[[str], str] = lambda sql: sql,
) -> str:
    """Say how many records were read: all of them, and in all fields, or in those named, as the subscription has them.

    Args:
        where: which records of the table all of them are.
        spelled: what the way to the client makes of a text, given and returned as SQL.

    Raises:
        DifferenceError: a record or a field is missing, too much, or has another value.
    """
    known = _values(subscription, name)
    known = {n: replace(v, sql=spelled(v.sql)) if v.type == "varchar" else v for n, v in known.items()}
    wanted = list(fields or subscription.objects[name].fields)
    for row in rows:
        if missing := set(wanted) - row.keys():
            raise DifferenceError(f"{name} came without {', '.join(sorted(missing))}")
    values, source = [known[field] for field in wanted], f"{quote(name)} where {where}"
    compare(subscription, name, key_of(subscription, name), values, rows, source)
    return f"{len(rows):,} {name} x {len(wanted)} fields"


def arrived(subscription: Subscription, name: str, rows: Sequence[Row]) -> str:
    """Say how many records were written, each as the subscription has it in the fields that its row names.

    Raises:
        DifferenceError: nothing was written, the subscription has something else, or still what was deleted.
    """
    if not rows:
        raise DifferenceError(f"no {name} was written")
    key, known = key_of(subscription, name), _values(subscription, name)
    kept, gone = [r for r in rows if not r.get(GONE)], [r for r in rows if r.get(GONE)]
    for some in _alike(kept):
        source = f"{quote(name)} where {_is_one_of(known[key], some)}"
        compare(subscription, name, key, [known[field] for field in some[0] if field != GONE], some, source)
    still = subscription.rows(f"select 1 from {quote(name)} where {_is_one_of(known[key], gone)}") if gone else []
    if still:
        raise DifferenceError(f"{name}: {len(still)} of {len(gone)} deleted records are still there")
    return f"{len(kept):,} {name}" + (f" and {len(gone):,} deleted" if gone else "")


def in_file(sql: str) -> str:
    """Return a text as a reader of an export has it who takes the word null for nothing, quoted or not."""
    return f"nullif({sql}, 'null')"


def key_of(subscription: Subscription, name: str) -> str:
    """Return the field that tells an object's records apart."""
    return KEYS.get(name) or (subscription.objects[name].id_field if name in subscription.objects else "id")


def _alike(rows: Iterable[Row]) -> list[list[Row]]:
    """Return rows in groups that name the same fields."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.values())


def _is_one_of(key: Value, rows: Iterable[Row]) -> str:
    return f"({key.sql})::varchar in ({', '.join(text(str(row[key.name])) for row in rows)})"


def _values(subscription: Subscription, name: str) -> Mapping[str, Value]:
    """Return the values of an object by name; Marketo has no empty texts, only null."""
    columns = subscription.objects[name].columns if name in subscription.objects else _PLAIN[name]
    plain = [
        Value(column, kind, f"nullif({quote(column)}, '')" if kind == "varchar" else quote(column))
        for column, kind in columns.items()
    ]
    return {value.name: value for value in [*plain, *_MADE.get(name, ())]}
