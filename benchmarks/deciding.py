"""What a decision costs: ten thousand changed contacts, two thousand of them in conflict, among many links."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import orgs
from benchmarks.bars import Bar, at_most, stated
from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.types import column_type
from sync_pipeline.model import Describe, Field, Mapping, Object, Pairing, Rule, Window
from sync_pipeline.sync.planning.plan import Planned
from sync_pipeline.sync.policy import Limits, SyncPolicy
from sync_pipeline.sync.sync_pass import Pass

SMALL, LARGE = 100_000, 1_000_000
CHANGED, CONFLICTS = 10_000, 2_000
SECONDS, RATIO = 5, 2
NAMES = tuple(f"Field{n}__c" for n in range(30))
NOW = datetime(2026, 11, 1, tzinfo=UTC)

CONTACT = Object("salesforce", "Contact", "contact", "", rule=Rule.CRM_WINS)
PERSON = Object("marketo", "person", "person", "", key="id", stamp="updatedAt")
TEXTS = tuple(Field(name, "string", length=255) for name in NAMES)
DESCRIBED = {
    ("salesforce", "Contact"): Describe("Contact", (Field("Id", "id"), Field("SystemModstamp", "datetime"), *TEXTS)),
    ("marketo", "person"): Describe(
        "person",
        (Field("id", "integer"), Field("updatedAt", "datetime"), Field("externalPersonId", "string"), *TEXTS),
    ),
}
PAIRING = Pairing(CONTACT, PERSON, "externalPersonId", tuple(Mapping(name, name, name) for name in NAMES))


def deciding() -> Iterator[Bar]:
    """Measure the same decision among few and many links: a plan, which decides everything and writes nothing."""
    spent = {count: _spent(count) for count in (SMALL, LARGE)}
    for count, (seconds, cpu) in spent.items():
        yield stated(f"deciding on {CHANGED:,} of {count:,} links", f"{seconds:.1f} s ({cpu:.1f} CPU s)")
    yield at_most("... among the many", spent[LARGE][0], SECONDS, " s")
    yield at_most("... ratio of CPU, many to few", spent[LARGE][1] / spent[SMALL][1], RATIO, "x")


def _spent(count: int) -> tuple[float, float]:
    """Return the wall and CPU seconds of one plan.

    Raises:
        RuntimeError: it did not come to the expected numbers.
    """
    with orgs.new_folder() as folder:
        at = Path(folder)
        with Lake.open(str(at / "catalog.sqlite"), str(at / "files")) as lake:
            link(lake, count)
            _change(lake, count)
            began, cpu = time.monotonic(), time.process_time()
            (done,) = Pass(lake, [PAIRING], DESCRIBED, "run", SyncPolicy(Limits(share=1.0))).run(NOW)
            spent = time.monotonic() - began, time.process_time() - cpu
    if done.planned != (wanted := Planned(touched=CHANGED, to_marketo=CHANGED, conflicts=CONFLICTS)):
        raise RuntimeError(f"planned {done.planned}, not {wanted}")
    return spent


def link(lake: Lake, count: int) -> None:
    """Make so many contacts, the persons they are, and links that agree on all fields."""
    values = commas(f"'value ' || (i * {n + 7} % 1000) as {name}" for n, name in enumerate(NAMES))
    agreed = f"map_from_entries([{commas(f'{{k: {literal(name)}, v: {name}}}' for name in NAMES)}])"
    long_ago = literal(NOW - timedelta(days=30))
    with lake.transaction() as con:
        for obj in (CONTACT, PERSON):
            fields = DESCRIBED[obj.system, obj.source].fields
            table.create_mirror(con, obj, {field.name: column_type(field) for field in fields})
        ledger.move_watermarks(con, [(obj, Window(None, NOW - timedelta(days=30))) for obj in (CONTACT, PERSON)], NOW)
    made = f"(select '003' || lpad(i::varchar, 15, '0') as crm_id, i, {values} from range({count}) r(i))"
    stamp = f"{long_ago} - to_minutes(i % 500000)"
    for into, columns in (
        (table.full_name(*CONTACT.table), f"crm_id as Id, {stamp} as SystemModstamp, {commas(NAMES)}"),
        (
            table.full_name(*PERSON.table),
            f'i as id, {stamp} as "updatedAt", crm_id as "externalPersonId", {commas(NAMES)}',
        ),
    ):
        with lake.transaction() as con:
            con.execute(f"insert into {into} by name select {columns}, {long_ago} as _synced_at from {made}")
    with lake.transaction() as con:
        con.execute(
            f"insert into {ledger.table('link')} by name select 'contact' as pairing, crm_id, 'person' as "
            f"marketo_object, i::varchar as marketo_id, {long_ago} as linked_at, {agreed} as agreed from {made}"
        )
        ledger.insert(con, "condition", [("contact", PAIRING.alive)])
        ledger.insert(con, "decided", [("contact", side, NOW - timedelta(days=1)) for side in ("crm", "marketo")])


def _change(lake: Lake, count: int) -> None:
    """Change a field of so many contacts, and of some the same one of the person."""
    step = count // CHANGED
    for obj, key, number in ((CONTACT, "Id", CHANGED), (PERSON, "id", CONFLICTS)):
        mirror = table.full_name(*obj.table)
        of = f"i % {step} = 0 and i < {number * step}"
        of = of.replace("i ", "right(Id, 15)::bigint " if obj is CONTACT else "id ")
        with lake.transaction() as con:
            con.execute(f"update {mirror} set {NAMES[0]} = '{obj.name} changed' where {of}")
        with lake.transaction() as con:
            con.execute(
                f"insert into {table.full_name(*obj.changes_table)} by name select {key}, 'update' as _change, "
                f"{literal(NOW)} as _changed_at, {literal(NOW)} as _detected_at from {mirror} where {of}"
            )
