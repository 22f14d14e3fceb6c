"""What a batch of writes must know of the records already there: each question is asked once for the whole batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sync_pipeline.sandbox.core.database import quote
from sync_pipeline.sandbox.salesforce.org.describe import Json
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.org.schema import SObject

SEEN, HIDDEN, DELETED = "seen", "hidden", "deleted"


def states(org: Org, found: SObject, ids: Collection[str], user: str | None) -> dict[str, str]:
    """Return of each record that exists whether the user sees it, may not, or finds it in the recycle bin."""
    if not ids:
        return {}
    deleted = "r.IsDeleted" if "IsDeleted" in found.columns else "false"
    sql = (
        f"select r.Id, case when {deleted} then '{DELETED}' when seen.Id is null then '{HIDDEN}' else '{SEEN}' end"
        f" from {quote(found.name)} as r left join {org.relation(found.name, user)} as seen on seen.Id = r.Id"
        " where r.Id in (select unnest(?))"
    )
    with org.cursor() as cursor:
        return dict(cursor.execute(sql, [list(ids)]).fetchall())


def records(org: Org, found: SObject, ids: Collection[str], fields: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Return the stored values of records by id: those of `fields`, else all."""
    listed = ", ".join(map(quote, ["Id", *fields])) if fields is not None else "*"
    with org.cursor() as cursor:
        cursor.execute(f"select {listed} from {org.truth(found.name)} where Id in (select unnest(?))", [list(ids)])
        names = [column[0] for column in cursor.description or ()]
        return {row[names.index("Id")]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def key(field: Json, value: Any) -> Any:
    """Return a value as comparisons of unique and external-id fields see it."""
    return value.lower() if isinstance(value, str) and not field["caseSensitive"] else value


def holders(org: Org, found: SObject, field: Json, values: Iterable[Any]) -> dict[Any, list[str]]:
    """Return the ids of the living records that hold each value (by its `key`)."""
    wanted = list({key(field, value) for value in values if value is not None})
    if not wanted:
        return {}
    text = isinstance(wanted[0], str) and not field["caseSensitive"]
    column = f"lower({quote(field['name'])})" if text else quote(field["name"])
    alive = " and not IsDeleted" if "IsDeleted" in found.columns else ""
    sql = f"select {column}, Id from {org.truth(found.name)} where {column} in (select unnest(?)){alive} order by Id"
    of_value: dict[Any, list[str]] = defaultdict(list)
    with org.cursor() as cursor:
        for value, record in cursor.execute(sql, [wanted]).fetchall():
            of_value[value].append(record)
    return dict(of_value)


def alike(org: Org, found: SObject, fields: Sequence[str], tuples: Collection[tuple[str, ...]]) -> dict[Any, list[str]]:
    """Return the ids of the living records whose text fields hold one of the (lower-case) tuples."""
    first = {"name": fields[0], "caseSensitive": False}
    candidates = holders(org, found, first, [one[0] for one in tuples])
    rows = records(org, found, [record for ids in candidates.values() for record in ids], fields)
    of_tuple: dict[Any, list[str]] = defaultdict(list)
    for record, row in rows.items():
        of_tuple[tuple(str(row[name] or "").lower() for name in fields)].append(record)
    return {one: sorted(of_tuple[one]) for one in tuples if one in of_tuple}
