"""Where read pages wait on disk until one transaction takes them all in.

A page of a first load holds records of every month, and a month-partitioned insert of such pages would write
thousands of small files. So each page is split by month when it lands, and the lake reads the landing month by month:
every partition is written once, memory stays bounded by a page, and a process that died goes on at the page it missed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sync_pipeline import private
from sync_pipeline.model import Window

NO_MONTH = "none"
_MONTH_FILE = re.compile(r"[0-9-]{7}|none")
ROWS = ""  # no field has this name
# A page's months are written out together when so much of it waits in memory.
WAITING_BYTES = 64 << 20
# Months are inserted together until they fill so much of the disk. Pages are not compressed: of a million contacts,
# even lz4 took a third of the time of landing them.
GROUP_BYTES = 40 << 20
# A month that fills more is inserted in parts: the memory of an insert grows with what it takes in, so that without
# this five million records needed twice the memory of one million. Maintenance merges the files it costs.
MONTH_BYTES = 56 << 20


class LandingError(Exception):
    """What landed on disk does not fit what is read now."""


@dataclass(frozen=True)
class Manifest:
    """What a landing holds: the window that was asked for, the fields in order, and how to ask for more pages."""

    window: Window
    fields: tuple[str, ...]
    token: str

    def to_json(self) -> str:
        start = self.window.start.isoformat() if self.window.start else None
        return json.dumps(
            {"start": start, "end": self.window.end.isoformat(), "fields": self.fields, "token": self.token}
        )

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        raw = json.loads(text)
        start = datetime.fromisoformat(raw["start"]) if raw["start"] else None
        window = Window(start, datetime.fromisoformat(raw["end"]))
        return cls(window, tuple(raw["fields"]), raw["token"])


@dataclass
class Landing:
    """The pages of one object that were read and are not in the lake yet.

    `stamp` names the text field whose first seven characters are the month.
    """

    folder: Path
    stamp: str
    _pages: dict[str, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for page in self.folder.glob("page-*"):
            if not page.name.endswith(".part"):
                self._pages[page.name] = Counter(json.loads((page / "filled.json").read_text("utf-8")))

    @property
    def manifest(self) -> Manifest | None:
        """What an earlier process began to land here; None where there is nothing, or nothing readable."""
        try:
            return Manifest.from_json((self.folder / "manifest.json").read_text("utf-8"))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, manifest: Manifest) -> None:
        """Empty the landing and note what will be in it."""
        self.clear()
        private.make_folder(self.folder)
        draft = self.folder / "manifest.part"
        draft.write_text(manifest.to_json(), "utf-8")
        draft.replace(self.folder / "manifest.json")

    def has(self, page: str) -> bool:
        return f"page-{page}" in self._pages

    def add(self, page: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Write a page of text batches, split by month; it counts only once it is there whole. Returns its rows."""
        part = self.folder / f"page-{page}.part"
        _remove_page(part)
        private.make_folder(part)
        months = _MonthFiles(part)
        filled = Counter[str]({ROWS: 0})
        try:
            for batch in batches:
                filled[ROWS] += batch.num_rows
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    filled[name] += batch.num_rows - column.null_count
                months.add(batch, self.stamp)
        finally:
            months.close()
        (part / "filled.json").write_text(json.dumps(filled), "utf-8")
        part.replace(self.folder / f"page-{page}")
        self._pages[f"page-{page}"] = filled
        return filled[ROWS]

    def schema(self) -> pa.Schema | None:
        """Return the schema of the landed pages (text columns), or None if no row landed."""
        first = next(iter(self._files()), None)
        if first is None:
            return None
        with pa.ipc.open_file(str(first)) as reader:
            return reader.schema

    def reader(self) -> pa.RecordBatchReader:
        """Return all landed rows, month after month, as one stream.

        Raises:
            LandingError: nothing landed, or the pages differ in their fields.
        """
        schema = self.schema()
        if schema is None:
            raise LandingError(f"nothing landed in {self.folder}")
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema, self._files()))

    def readers(self) -> Iterator[pa.RecordBatchReader]:
        """Return all landed rows as several streams, each of one month or of a few months of moderate size.

        A partitioned insert holds every partition it has met in memory until it ends; inserted a few months at a time
        it takes half the time and memory. Only a month with which a stream would exceed `MONTH_BYTES` is in several,
        all others stay one file a partition.
        """
        schema, group, size = self.schema(), list[Path](), 0
        for path in self._files():
            most = GROUP_BYTES if group and path.name != group[-1].name else MONTH_BYTES
            if size >= most:
                yield pa.RecordBatchReader.from_batches(schema, self._batches(schema, group))
                group, size = [], 0
            group.append(path)
            size += path.stat().st_size
        if group:
            yield pa.RecordBatchReader.from_batches(schema, self._batches(schema, group))

    def key_table(self, key: str) -> pa.Table:
        """Return one column of the landing, in memory: ids are small."""
        schema = self.schema()
        if schema is None:
            return pa.table({key: pa.array([], pa.string())})
        return pa.Table.from_batches([batch.select([key]) for batch in self._batches(schema, self._files())])

    def filled(self) -> Counter[str]:
        """Return the number of values that are not null by field, and of rows under `ROWS`."""
        total = Counter[str]({ROWS: 0})
        for filled in list(self._pages.values()):  # a copy: other threads add pages meanwhile
            total.update(filled)
        return total

    @property
    def rows(self) -> int:
        """Number of records landed so far."""
        return sum(filled[ROWS] for filled in list(self._pages.values()))

    def clear(self) -> None:
        """Remove the pages and what tells of them; a file that no landing makes stays, and its folder with it."""
        for page in self.folder.glob("page-*"):
            _remove_page(page)
        for name in ("manifest.json", "manifest.part"):
            (self.folder / name).unlink(missing_ok=True)
        _remove_if_empty(self.folder)
        self._pages.clear()

    def _files(self) -> list[Path]:
        found = [path for page in self._pages for path in (self.folder / page).glob("*.arrow")]
        return sorted(found, key=lambda path: (path.name, path.parent.name))

    def _batches(self, schema: pa.Schema, paths: Iterable[Path]) -> Iterator[pa.RecordBatch]:
        for path in paths:
            with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
                if reader.schema.names != schema.names:
                    raise LandingError(f"the pages in {self.folder} were read with different fields")
                for i in range(reader.num_record_batches):
                    yield reader.get_batch(i)


def _remove_page(folder: Path) -> None:
    for file in (*folder.glob("*.arrow"), folder / "filled.json"):
        if _MONTH_FILE.fullmatch(file.stem) or file.name == "filled.json":
            file.unlink(missing_ok=True)
    _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


class _MonthFiles:
    """One Arrow file a month below a page's folder, each written in batches of a good size."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._waiting_bytes = 0
        self._writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}

    def add(self, batch: pa.RecordBatch, stamp: str) -> None:
        for month, piece in split_by_month(batch, stamp):
            self._waiting.setdefault(month, []).append(piece)
        self._waiting_bytes += batch.nbytes
        if self._waiting_bytes >= WAITING_BYTES:
            self._write()

    def _write(self) -> None:
        for month, pieces in self._waiting.items():
            table = pa.Table.from_batches(pieces).combine_chunks()
            if month not in self._writers:
                path = str(self._folder / f"{month}.arrow")
                self._writers[month] = pa.ipc.new_file(path, table.schema)
            self._writers[month].write_table(table)
        self._waiting.clear()
        self._waiting_bytes = 0

    def close(self) -> None:
        try:
            self._write()
        finally:
            for writer in self._writers.values():
                writer.close()


def split_by_month(batch: pa.RecordBatch, stamp: str) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the batch's rows by the month (`2024-03`) of their `stamp` text; rows without one come as `none`."""
    if batch.num_rows == 0:
        return
    if stamp not in batch.schema.names:
        yield NO_MONTH, batch
        return
    months = pc.fill_null(pc.utf8_slice_codeunits(batch.column(stamp), 0, 7), NO_MONTH)
    order = pc.sort_indices(months)
    months, batch = months.take(order), batch.take(order)
    start = 0
    for run in pc.value_counts(months).to_pylist():  # one entry a month, not a row
        yield _file_name(run["values"]), batch.slice(start, run["counts"])
        start += run["counts"]


def _file_name(month: Any) -> str:
    return month if len(month) == 7 and month.replace("-", "").isdigit() else NO_MONTH
