"""An org in memory and its mirror in a lake, for tests of whole runs: edit, run, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sync_pipeline import catalog
from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.cycle import Cycle
from sync_pipeline.mirror.source import Policy, Source
from sync_pipeline.model import Object
from sync_pipeline_tests.connectors.memory import Memory, Org
from sync_pipeline_tests.mirror.copies import numbers

ACCOUNT = catalog.by_name("account", catalog.objects("salesforce"))
POLICY = Policy(lag=timedelta(0), retry_wait=0.001)


class Followed:
    """One object of an org in memory, under a name of its own, so that many tests can share a lake."""

    def __init__(self, lake: Lake, folder: Path, policy: Policy = POLICY) -> None:
        number = next(numbers)
        self.obj: Object = replace(ACCOUNT, source=f"Account{number}", name=f"account_{number}")
        self.org = Org(self.obj.source)
        self.lake = lake
        self.source = Source(lake, Memory(self.org), folder, policy)

    def pass_seconds(self, seconds: float) -> None:
        self.org.at += timedelta(seconds=seconds)

    def cycle(self, seconds: float = 1, **options: Any) -> Cycle:
        """Let some time pass, so that the window's end lies behind all edits, and run a cycle."""
        self.pass_seconds(seconds)
        return runs.sync(self.source, [self.obj], **options)

    def mirror(self, *names: str) -> dict[str, Any]:
        """Return what the mirror keeps in these columns by id, bare where one column is asked for."""
        columns = ", ".join(f'"{name}"' for name in names or ("Name",))
        found = self.lake.rows(f"select Id, {columns} from {table.full_name(*self.obj.table)}")
        return {key: values[0] if len(values) == 1 else tuple(values) for key, *values in found}

    def alive(self) -> dict[str, str | None]:
        """Return the names of the records that the mirror does not mark as deleted, by id."""
        query = f"select Id, Name from {table.full_name(*self.obj.table)} where _deleted_at is null"
        return dict(self.lake.rows(query))

    def truth(self) -> dict[str, str | None]:
        return {str(r["Id"]): r.get("Name") for r in self.org.visible() if r["IsDeleted"] == "false"}

    def damage(self, assignment: str, record_id: str) -> None:
        with self.lake.transaction() as con:
            con.execute(f"update {table.full_name(*self.obj.table)} set {assignment} where Id = ?", [record_id])

    def lose(self, record_id: str) -> None:
        with self.lake.transaction() as con:
            con.execute(f"delete from {table.full_name(*self.obj.table)} where Id = ?", [record_id])

    def changes(self) -> list[tuple[str, str]]:
        query = f"select Id, _change from {table.full_name(*self.obj.changes_table)} order by _detected_at, Id"
        return self.lake.rows(query)

    def told(self, name: str, columns: str) -> list[tuple[Any, ...]]:
        """Return what a table of the ledger says of this object."""
        return self.lake.rows(f"select {columns} from {ledger.table(name)} where object = ?", [self.obj.name])

    @property
    def watermark(self) -> Any:
        return runs.watermarks(self.source).get(self.obj.name)

    def people(self, *names: str) -> Sequence[str]:
        return [self.org.insert(Name=name) for name in names]
