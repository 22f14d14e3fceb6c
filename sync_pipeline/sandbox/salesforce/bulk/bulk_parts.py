"""The result of a bulk query on disk: parts of records' texts, made by DuckDB, cut into pages on demand.

No row passes through Python: DuckDB makes the texts, pages are byte ranges of the files they lie in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from sync_pipeline.sandbox.salesforce.bulk.bulk_lines import Lines
from sync_pipeline.sandbox.salesforce.org.org import Org
from sync_pipeline.sandbox.salesforce.slices import Slice
from sync_pipeline.sandbox.salesforce.soql.plan import Plan

PART_ROWS = 122_880  # a row group of DuckDB: a part reads only what it writes
PAGE_ROWS = 50_000  # of a page when the client sets no `maxRecords`
WRITERS = 2
BATCH_ROWS = 4 * 2048  # few enough that lines of long texts stay below the 2 GB of an Arrow string array


@dataclass(frozen=True)
class Part:
    """One file: `offsets` says where each row begins, and last where the file ends."""

    path: Path
    offsets: pa.Int64Array

    @property
    def rows(self) -> int:
        return len(self.offsets) - 1

    def offset(self, row: int) -> int:
        return int(self.offsets[row].as_py())


@dataclass(frozen=True)
class Page:
    """Rows `start` up to `end` of a result of `total` rows, with what stands before and after them."""

    start: int
    end: int
    total: int
    lines: Lines
    slices: tuple[Slice, ...]

    @property
    def size(self) -> int:
        return len(self.lines.header) + sum(s.end - s.start for s in self.slices) + len(self.lines.footer)

    def chunks(self) -> Iterator[bytes]:
        yield self.lines.header
        for part in self.slices:
            yield from part.chunks()
        yield self.lines.footer


class Result:
    """All parts of one result, in order."""

    def __init__(self, lines: Lines, parts: list[Part]) -> None:
        self.lines = lines
        self.parts = parts
        self.rows = sum(part.rows for part in parts)
        self.size = sum(part.offset(part.rows) for part in parts)

    def page(self, start: int, most: int | None, short_by: int = 0) -> Page:
        """Return the page of `most` rows that begins at row `start`; its body lacks the last `short_by` of them."""
        end = min(start + (most or PAGE_ROWS), self.rows)
        return Page(start, end, self.rows, self.lines, tuple(self._slices(start, end - short_by)))

    def _slices(self, start: int, end: int) -> Iterator[Slice]:
        first, before = 0, len(self.lines.between)
        for part in self.parts:
            low, high = max(start - first, 0), min(end - first, part.rows)
            if low < high:
                yield Slice(part.path, part.offset(low) + before, part.offset(high))
                before = 0
            first += part.rows


def write_result(
    org: Org, plan: Plan, folder: Path, lines: Lines, progress: Callable[[int], None], within: str = "true"
) -> Result:
    """Run a flat plan, further conditioned, into parts below `folder`.

    `progress` hears of each part's rows and may stop it.
    """
    parts: dict[int, Part] = {}

    def write(connection: duckdb.DuckDBPyConnection, number: int, condition: str) -> None:
        found = connection.execute(plan.sql(f"{condition} and {within}", (lines.line,))).to_arrow_reader(BATCH_ROWS)
        parts[number] = _write_part(folder / f"{number:06}", found)
        progress(parts[number].rows)

    if plan.rows is None:
        with org.cursor() as connection:
            write(connection, 0, "true")
    else:
        _write_parts(org, plan, plan.rows, write)
    return Result(lines, [part for _, part in sorted(parts.items()) if part.rows])


def _write_part(path: Path, lines: pa.RecordBatchReader) -> Part:
    ends = [pa.array([0], pa.int64())]
    size = 0
    with path.open("wb") as file:
        for batch in lines:
            column = batch.column(0)
            _, offsets, characters = column.buffers()
            file.write(characters)
            starts = pa.Array.from_buffers(pa.int32(), len(column) + 1, [None, offsets])
            ends.append(pc.add(starts[1:].cast(pa.int64()), size))
            size += starts[-1].as_py()
    return Part(path, pa.chunked_array(ends).combine_chunks())


def _write_parts(org: Org, plan: Plan, rows: str, write: Callable[[duckdb.DuckDBPyConnection, int, str], None]) -> None:
    """Write part after part on a few connections that all see the org as it is now."""
    with org.writing:
        connections = [org.cursor() for _ in range(WRITERS)]
        last = 0
        for connection in connections:
            connection.execute("begin")
            found = connection.execute(f"select max(_row) from {org.relation(plan.object, None, True)}").fetchone()
            last = int(found[0]) if found and found[0] is not None else -1
    numbers = iter(range(last // PART_ROWS + 1))
    lock = threading.Lock()

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            first = number * PART_ROWS
            write(connection, number, f"{rows} >= {first} and {rows} < {first + PART_ROWS}")

    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(work, connections))
    finally:
        for connection in connections:
            connection.close()
