"""The pipeline as its users run it: a process for each command, with a lake of its own below a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from sync_pipeline.lake import Lake, table
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.model import Object
from sync_pipeline.sandbox import Org


@dataclass(frozen=True)
class Pipeline:
    """Commands run in `folder`, where the settings' own defaults put the lake; `settings` are environment variables."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "sync_pipeline", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.settings}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def sync(self, *arguments: str) -> dict[str, Any]:
        """Run a cycle that must succeed; return what `--json` says of each object.

        Raises:
            RuntimeError: it did not succeed; the message is what it said.
        """
        done = self.run("sync", "--json", *arguments)
        if done.returncode:
            raise RuntimeError(done.stderr)
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["objects"]
        return told

    @property
    def catalog(self) -> Path:
        return self._data / "catalog.sqlite"

    @property
    def files(self) -> Path:
        return self._data / "files"

    @property
    def _data(self) -> Path:
        return self.folder / "data" / ("veeva" if self.settings.get("CRM") == "veeva" else "")

    def lake(self, *, read_only: bool = True) -> Lake:
        return Lake.open(str(self.catalog), str(self.files), read_only=read_only)


def kill(process: subprocess.Popen[str]) -> bool:
    """Kill a process as a power cut would; False if it had ended by itself."""
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def differences(
    org: Org, lake: Lake, obj: Object, *, without: Collection[str] = (), before: datetime | None = None
) -> list[str]:
    """Return what differs between the records of an org, deleted ones included, and their mirror.

    Every field that the mirror keeps is compared by value; an empty list means that nothing is lost, doubled or other.
    What is gone from the org for good must be marked as deleted in the mirror.

    Args:
        without: fields that are not compared.
        before: only records that the org stamped before are compared, and none needs to be marked.
    """
    with lake.reading() as con:
        kept = {name: kind for name, kind in table.fields_kept(con, obj).items() if name not in without}
        if not kept:
            return [f"{obj.name} has no mirror"]
        casts = commas(f"cast({quoted(name)} as {kind}) as {quoted(name)}" for name, kind in kept.items())
        con.register("told", told(org, obj.source, list(kept)))
        key, names = quoted(obj.key), [n for n in kept if n != obj.key]
        each = [f"t.{quoted(n)} is distinct from m.{quoted(n)}" for n in names]
        each.append(f"{'t.' + quoted('IsDeleted') if 'IsDeleted' in kept else 'false'} is distinct from (m.gone)")
        found = con.execute(f"""
            with org as (select {casts} from told),
            t as (from org {f"where {quoted(obj.stamp)} < {literal(before)}" if before else ""}),
            m as (select *, {quoted(table.DELETED_AT)} is not null as gone from {table.full_name(*obj.table)}),
            pairs as (select {commas(f"count(*) filter ({one})" for one in each)} from t join m on t.{key} = m.{key})
            select
                (select count(*) from t anti join m using ({key})),
                (select count(*) - count(distinct {key}) from m),
                (select count(*) from m anti join org using ({key}) where not gone),
                pairs.*
            from pairs
        """).fetchone()
    lost, doubled, unmarked, *different = found or (0, 0, 0)
    said = {"lost": lost, "doubled": doubled, "gone but not marked": 0 if before else unmarked}
    return [f"{obj.name}: {count} records {what}" for what, count in said.items() if count] + [
        f"{obj.name}.{n}: {c} values differ" for n, c in zip([*names, table.DELETED_AT], different, strict=True) if c
    ]


def told(org: Org, source: str, fields: list[str]) -> pa.Table:
    """Return what the org itself holds, past everything that a client sees."""
    with org.cursor() as cursor:
        return cursor.execute(f"select {commas(quoted(f) for f in fields)} from {org.truth(source)}").to_arrow_table()


def doubled_changes(lake: Lake, obj: Object) -> int:
    """Return how many changes are noted more than once: of one moment, one kind and to the same values.

    One moment alone is not enough: Marketo stamps a merge that is told anew, with the winner's winner, as it was.
    """
    same = f"{quoted(obj.key)}, _changed_at, _change, _after::varchar"
    [(count,)] = lake.rows(f"select count(*) - count(distinct ({same})) from {table.full_name(*obj.changes_table)}")
    return int(count)


def untold_records(lake: Lake, obj: Object) -> int:
    """Return how many records of the mirror have no change that brought them, or more than one."""
    key = quoted(obj.key)
    [(count,)] = lake.rows(
        f"with came as (select {key}, count(*) filter (where _change = 'insert') as inserts "
        f"from {table.full_name(*obj.changes_table)} group by all) "
        f"select count(*) from {table.full_name(*obj.table)} left join came using ({key}) "
        "where coalesce(inserts, 2) > 1"
    )
    return int(count)
