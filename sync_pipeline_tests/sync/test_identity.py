"""Who is one with whom: the same as it was told in SQL, on random histories; and the rule of the survivor, row by row.

`IDENTITY_HISTORIES=1000000 pytest ...test_identity.py` is the long run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sync_pipeline.catalog.pairings import pairings
from sync_pipeline.connectors.records import Verdict
from sync_pipeline.lake import ledger, table
from sync_pipeline.model import Pairing
from sync_pipeline.sync.identity import merges, succession
from sync_pipeline.sync.identity.clusters import left_of
from sync_pipeline.sync.identity.facts import MERGE, read_losers, read_people
from sync_pipeline.sync.identity.succession import Settling
from sync_pipeline.sync.sides import CRM
from sync_pipeline_tests.plain import PlainLake
from sync_pipeline_tests.sync import identity_in_sql
from sync_pipeline_tests.sync.identity_histories import BEGAN, CONTACT, LEAD, Rows, histories

HISTORIES = int(os.environ.get("IDENTITY_HISTORIES", "2000"))
AT_ONCE = 1000
NAMED = {p.name: p for p in pairings("salesforce") if p.name in (LEAD, CONTACT)}
LINK = ("pairing", "crm_id", "marketo_object", "marketo_id", "linked_at", "ended_at", "ended_because", "heir_pairing",
        "heir_id")  # fmt: skip
ENDING = {
    **{name: ledger.TABLES["link"][name] for name in LINK}, "to_pairing": "varchar", "to_id": "varchar",
    "winner": "varchar", "twin": "varchar", "in_marketo": "boolean", "in_winner": "boolean", "because": "varchar",
    "goes_on": "boolean", "in_another": "boolean", "hands_on": "boolean",
}  # fmt: skip
HEIRS = "heir_pairing, heir_id, next_pairing, if(next_pairing is null, null, next_crm_id), "
HEIRS += "if(next_pairing is null, null, next_marketo_id)"
OLD = f"select crm_id, marketo_id, linked_at, because, {HEIRS}, if(by_both, winner, null), by_both, "
OLD += "if(by_winner, other_pairing, null), if(by_winner, other, null) from settled order by all"
NEW = f"select crm_id, marketo_id, linked_at, because, {HEIRS}, "
NEW += "if(unites, winner, null), unites, "
NEW += "sharer_pairing, sharer_id from settled order by all"


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give a lake with the mirrors that identity is told from, without any record."""
    lake = PlainLake(tmp_path_factory.mktemp("identity"))
    with lake.transaction() as con:
        for name, more in ((LEAD, ("IsConverted boolean", "ConvertedContactId varchar")), (CONTACT, ())):
            kinds = ("Id varchar", "IsDeleted boolean", "MasterRecordId varchar", *more)
            _mirror(con, NAMED[name].crm, dict(kind.split() for kind in kinds))
        marketo = NAMED[LEAD].marketo
        keys = dict.fromkeys({p.key for p in NAMED.values()}, "varchar")
        _mirror(con, marketo, {marketo.key: "bigint", **keys, marketo.master: "bigint"})
    with lake.reading() as con:
        yield con


def _mirror(con: Any, obj: Any, kinds: dict[str, str]) -> None:
    table.create_mirror(con, obj, kinds)


def fill(con: Any, rows: Rows, pairing: Pairing) -> None:
    """Put the histories in place of those before."""
    marketo = pairing.marketo
    _put(con, ledger.table("link"), LINK, rows.link)
    _put(
        con, table.full_name(*marketo.table), (marketo.key, pairing.key, table.DELETED_AT, marketo.master), rows.person
    )
    for name, own in rows.crm.items():
        columns = ("Id", table.DELETED_AT, "MasterRecordId", "ConvertedContactId")
        wide = len(columns) - (name == CONTACT)
        _put(con, table.full_name(*NAMED[name].crm.table), columns[:wide], [row[:wide] for row in own])
    refused = [(str(i), pairing.name, CRM, MERGE, crm_id) for i, (crm_id,) in enumerate(rows.refused)]
    _put(con, ledger.table("outbox"), ("write_id", "pairing", "side", "operation", "crm_id"), refused)
    _put(
        con, ledger.table("write_result"), ("write_id", "verdict"), [(row[0], str(Verdict.REJECTED)) for row in refused]
    )
    kinds = ", ".join(f"{name} {kind}" for name, kind in ENDING.items())
    con.execute(f"create or replace temp table ending ({kinds})")
    _put(con, "ending", tuple(ENDING), rows.ending)
    con.execute(f"create or replace temp table changed as select distinct crm_id as id from {ledger.table('link')}")


def _put(con: Any, name: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    con.execute(f"delete from {name}")
    if rows:
        con.register("put", pa.table([pa.array(one) for one in zip(*rows, strict=True)], names=list(columns)))
        con.execute(f"insert into {name} by name from put")
        con.unregister("put")


@pytest.mark.parametrize("name", [LEAD, CONTACT])
@pytest.mark.parametrize("part", range(max(1, HISTORIES // (2 * AT_ONCE))))
def test_survivors_and_unions_are_those_that_sql_told(con: duckdb.DuckDBPyConnection, name: str, part: int) -> None:
    pairing = NAMED[name]
    fill(con, histories(part, AT_ONCE, name), pairing)
    known = Settling(tuple(NAMED.values()), "run", BEGAN)

    identity_in_sql.find_successions(con, pairing, known)
    before = con.execute(OLD).fetchall()
    con.execute("drop table settled")
    succession._find_successions(con, pairing, known)
    assert con.execute(NEW).fetchall() == before

    every = "from met order by all"
    losers = f"select * from {ledger.table('link')} where pairing = '{name}' and heir_id is not null"
    identity_in_sql.meet(con, pairing, NAMED, losers)
    columns = ", ".join(merges.CANDIDATE.columns)
    before = con.execute(f"select {columns} {every}").fetchall()
    people = read_people(con, pairing, {row[7] for row in before if row[7]})
    # The SQL looked at the survivor's own person even where Marketo had merged it away: then nothing was merged.
    before = [(*row[:7], row[7] and left_of(row[7], people), *row[8:]) for row in before]
    con.execute("drop table met")
    merges._find_candidates(con, pairing, NAMED, read_losers(con, pairing))
    assert sorted(con.execute(f"select {columns} {every}").fetchall(), key=str) == sorted(before, key=str)
