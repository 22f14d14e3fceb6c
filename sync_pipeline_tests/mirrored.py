"""A small system behind its real server, its mirror in a lake, and what must be true between the two."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sync_pipeline.connectors.extract import Connector
from sync_pipeline.lake import Lake, ledger, table
from sync_pipeline.mirror import runs
from sync_pipeline.mirror.source import Policy, Source
from sync_pipeline.model import Object
from sync_pipeline.sandbox.core.database import Database
from sync_pipeline.sandbox.core.service import Service
from sync_pipeline_tests.lake.conftest import open_lake
from sync_pipeline_tests.mortal import Life, Mortal
from sync_pipeline_tests.sandbox.conftest import Clock


class Mirrored(ABC):
    """A system with a lake of its own. Close it.

    Attributes:
        objects: what is mirrored of it.
        database: what its server holds, past all that clients see.
    """

    objects: Sequence[Object]
    database: Database
    sandbox: Service

    def __init__(self, new_catalog: Path, overlap: timedelta, lag: timedelta) -> None:
        self._open = ExitStack()
        self.folder = Path(self._open.enter_context(TemporaryDirectory(prefix="mirrored-")))
        shutil.copy(new_catalog, self.folder)
        self.clock = Clock()
        self.serve(self._open)
        self.lake: Lake = self._open.enter_context(open_lake(self.folder))
        self.policy = Policy(
            overlap, lag, describe_age=timedelta(minutes=10), retry_wait=0.001, most_deletes=1.0, page_threads=1
        )
        self.new_process()

    @abstractmethod
    def serve(self, stack: ExitStack) -> None:
        """Set database and sandbox, running until the stack is closed."""

    @abstractmethod
    def new_process(self) -> None:
        """Forget what only lives in a process: sessions, what the last answers told."""

    @abstractmethod
    def new_day(self) -> None:
        """Let the system's quotas begin anew."""

    @abstractmethod
    def connector(self, bulk: bool) -> Connector:
        """Return this process's connector; `bulk`: one that reads every window by the system's bulk way."""

    @abstractmethod
    def unlike(self, obj: Object, without: Collection[str], before: datetime | None) -> list[str]:
        """Return what differs between the records of one object and their mirror; see `differences`."""

    def differences(
        self,
        without: Collection[tuple[str, str]] = (),
        objects: Sequence[Object] | None = None,
        before: datetime | None = None,
    ) -> list[str]:
        """Return what differs between the system and its mirror.

        Args:
            without: fields that are not compared, by API name with that of their object.
            objects: those that are compared; all without.
            before: only records that the system stamped before are compared, and none needs to be marked as gone.
        """
        found: list[str] = []
        for obj in self.objects if objects is None else objects:
            found += self.unlike(obj, {field for source, field in without if source == obj.source}, before)
        return found

    def close(self) -> None:
        self._open.close()

    def source(self, bulk: bool = False, life: Life | None = None) -> Source:
        connector = Mortal(self.connector(bulk), self.database, life or Life())
        return Source(self.lake, connector, self.folder / "landing", self.policy)

    # What must be true

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return the number of records and of changes by object."""
        found = {}
        for obj in self.objects:
            tables = (table.full_name(*name) for name in (obj.table, obj.changes_table))
            [counted] = self.lake.rows(f"select {', '.join(f'(select count(*) from {name})' for name in tables)}")
            found[obj.name] = counted
        return found

    def watermarks(self) -> dict[str, Any]:
        return runs.watermarks(self.source())

    def open_errors(self) -> list[tuple[Any, ...]]:
        return self.lake.rows(f"select object, code, field from {ledger.table('error')} where resolved_at is null")

    def undone(self, obj: Object, without: Collection[tuple[str, str]] = ()) -> list[str]:
        """Take the changes of a mirror back, the last one first; return what does not fit.

        Changes that lead from the mirror back to nothing lead, the other way round, from nothing to the mirror: that is
        laws 5 and 6. Values a record is born with are told by the mirror alone, which is why they are not replayed.
        """
        drifted = {field for source, field in without if source == obj.source}
        key = f'"{obj.key}"'
        casts = [f'"{n}"::varchar as "{n}"' for n in self._fields(obj) if n not in drifted and n != obj.key]
        rows = self._dicts(f"select {key}, _deleted_at is not null as gone, {', '.join(casts)} from {{}}", obj.table)
        told = self._dicts(
            f"select {key}, _change, _before, _after from {{}} order by _detected_at, rowid", obj.changes_table
        )
        of_record = defaultdict[str, list[dict[str, Any]]](list)
        for change in told:
            of_record[change[obj.key]].append(change)
        return [f"{obj.name}: {one}" for row in rows for one in _undo(row, of_record[row[obj.key]])]

    def _fields(self, obj: Object) -> list[str]:
        with self.lake.reading() as con:
            return list(table.fields_kept(con, obj))

    def _dicts(self, query: str, name: tuple[str, str]) -> list[dict[str, Any]]:
        with self.lake.reading() as con:
            con.execute(query.format(table.full_name(*name)))
            names = [column[0] for column in con.description or ()]
            return [dict(zip(names, row, strict=True)) for row in con.fetchall()]


def _undo(state: dict[str, Any], changes: list[dict[str, Any]]) -> list[str]:
    """Take a record's changes back; return what does not fit its state at the time."""
    wrong = []
    for number, change in reversed(list(enumerate(changes))):
        kind, is_first = change["_change"], number == 0
        leaves = {"insert": False, "undelete": False, "delete": True, "merge": True}.get(kind, state["gone"])
        if (
            state["gone"] != leaves
            or (kind == "insert") > is_first
            or (kind in ("update", "undelete") and is_first)
            or any(state[name] != value for name, value in (change["_after"] or {}).items() if name in state)
        ):
            wrong.append(f"change {number} of {len(changes)}, {kind}, does not lead to what came of it")
        state["gone"] = not leaves if kind != "update" else leaves
        state |= {name: value for name, value in (change["_before"] or {}).items() if name in state}
    return wrong if changes else ["a record has no change that brought it"]
