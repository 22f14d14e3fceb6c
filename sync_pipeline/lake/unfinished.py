"""The record of transactions that have begun and not ended: it tells what a process that died left behind.

DuckLake lists each Parquet file that no snapshot knows as an orphan, whoever made it. Ours are those that were made
while a transaction of ours was at work which never ended; DuckLake names its files by the time of their making.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

from sync_pipeline import private

LONGEST = timedelta(days=1) // timedelta(milliseconds=1)  # of a transaction of which nobody knows when it was over
_NAME = re.compile(r"[0-9]+-[0-9]+-[0-9]+(\.[0-9]+)?")
_ORPHAN = re.compile(r"ducklake-([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}(-delete)?\.parquet")
_numbers = count()


class Unfinished:
    """A folder with an empty file for each transaction at work.

    Its name begins with the time, in milliseconds, and ends with `.` and the time by which it was certainly over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def one(self, is_alone: bool) -> Iterator[None]:
        """Keep a transaction on record while the block runs; if the process dies, it stays on record.

        Args:
            is_alone: no other transaction can be at work: those on record have died.
        """
        if not self._folder.is_dir():
            private.make_folder(self._folder)
        now = _now()
        if is_alone:
            for found in self._records():
                if not found.path.suffix:
                    found.path.rename(found.path.with_suffix(f".{now}"))
        record = self._folder / f"{now}-{os.getpid()}-{next(_numbers)}"
        record.touch(mode=private.FILE)
        try:
            yield
        finally:
            record.unlink(missing_ok=True)

    def left(self, path: str) -> bool:
        """Tell whether a file that no snapshot knows was made by a transaction that never ended."""
        found = _ORPHAN.fullmatch(path.replace("\\", "/").rpartition("/")[2])
        if not found:
            return False
        made = int(found[1] + found[2], 16)  # the first 48 bits of a UUID of version 7
        return any(record.began <= made <= record.ended for record in self._records())

    def forget(self) -> None:
        """Drop what is too old for any of its files to be left after a tidying."""
        for found in self._records():
            if found.began < _now() - 3 * LONGEST:
                found.path.unlink(missing_ok=True)

    def _records(self) -> list[_Record]:
        try:
            return [_Record(path) for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        except FileNotFoundError:
            return []


class _Record:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.began = int(path.name.partition("-")[0])
        self.ended = int(path.suffix[1:]) if path.suffix else self.began + LONGEST


def _now() -> int:
    return time.time_ns() // 1_000_000
