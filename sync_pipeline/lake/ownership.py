"""Whose a folder is: the lake's id in its catalog, and the same id in a file of every folder that it writes to.

A lake merges, replaces and deletes files. Before it does anything it proves that the folder is its own (law 11). A
folder without the file is taken over once: where it is empty, or where it holds what this very lake knows as its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

import duckdb

from sync_pipeline import private
from sync_pipeline.lake.errors import OwnershipError
from sync_pipeline.lake.sql import literal

MARK = "lake-id.txt"
_TEXT = "{}\nThis folder belongs to the lake with this id. Keep the file: without it the lake refuses the folder.\n"
_ID = re.compile(r"[0-9a-f-]{36}(?=\n)")

Connection = duckdb.DuckDBPyConnection


class Folder:
    """A folder on this machine, by its path."""

    def __init__(self, address: str | Path, own: Iterable[Path] = ()) -> None:
        """Look at a folder.

        Args:
            own: paths whose files are the lake's own wherever they lie: its catalog, with all that begins like it.
        """
        self.address = str(address)
        self._path = Path(address).resolve()
        self._own = tuple(str(path.resolve()) for path in own)

    def mark(self) -> str | None:
        """Return the id of the lake that the folder is of, or of one of those around it."""
        folders = (self._path, *self._path.parents)
        return next((found for folder in folders if (found := _id(_text(folder), folder))), None)

    def write_mark(self, lake_id: str) -> None:
        """Make the folder this lake's, unless another process has just made it another's."""
        private.make_parents(self._path / MARK)
        draft = self._path / f".{MARK}.{lake_id}"
        draft.write_text(_TEXT.format(lake_id), "utf-8")
        with suppress(FileExistsError):  # a link is whole at once, and never takes another's place
            os.link(draft, self._path / MARK)
        draft.unlink()

    def files(self) -> Iterator[str]:
        """Yield the files in it that may be somebody's, as paths below it."""
        for where, _, names in os.walk(self._path):
            for name in names:
                path = Path(where, name)
                if not name.startswith(".") and path != self._path / MARK and not str(path).startswith(self._own):
                    yield path.relative_to(self._path).as_posix()

    def has(self, path: str) -> bool:
        return (self._path / path).exists()


class StoredFolder(Folder):
    """A folder of an object store, which DuckDB reads and writes."""

    def __init__(self, address: str, con: Connection) -> None:
        super().__init__(address.rstrip("/"))
        self._con = con

    def mark(self) -> str | None:
        scheme, _, path = self.address.partition("://")
        folders = [f"{scheme}://{folder}" for folder in (path, *map(str, PurePosixPath(path).parents)) if folder != "."]
        return next((found for folder in folders if (found := self._mark_in(folder))), None)

    def _mark_in(self, folder: str) -> str | None:
        if not self._is_there(f"{folder}/{MARK}"):
            return None
        row = self._con.execute(f"select content from read_text({literal(f'{folder}/{MARK}')})").fetchone()
        return _id(row[0] if row else None, folder)

    def write_mark(self, lake_id: str) -> None:
        said = f"select unnest(string_split({literal(_TEXT.format(lake_id).strip())}, chr(10)))"
        target = literal(f"{self.address}/{MARK}")
        self._con.execute(f"copy ({said}) to {target} (format csv, header false, delimiter '|', quote '')")

    def files(self) -> Iterator[str]:
        for path in self._found(f"{self.address}/**"):
            name = path.removeprefix(self.address).lstrip("/")
            if name and name != MARK:
                yield name

    def has(self, path: str) -> bool:
        return self._is_there(f"{self.address}/{path}")

    def _is_there(self, path: str) -> bool:
        # Only a pattern makes DuckDB look; of a plain name it says that it is there.
        return bool(self._found(f"{path[:-1]}[{path[-1]}]"))

    def _found(self, pattern: str) -> list[str]:
        return [path for (path,) in self._con.execute(f"select file from glob({literal(pattern)})").fetchall()]


def claim(name: str, folder: Folder, lake_id: str, known: Callable[[], Iterable[str]]) -> None:
    """Make sure that a folder is this lake's; one without a mark gets it, if `refuse_strangers` lets it.

    Raises:
        OwnershipError: it is another lake's, or holds what this lake did not make.
    """
    if folder.mark() is None:
        refuse_strangers(name, folder, list(known()))
        folder.write_mark(lake_id)
    if (mark := folder.mark()) != lake_id:
        raise OwnershipError(
            f"{name} {folder.address} belongs to the lake with the id {mark}, and the catalog is that of {lake_id}. "
            f"Set LAKE_CATALOG to the catalog of that lake, or {name} to a folder of its own"
        )


def refuse_strangers(name: str, folder: Folder, known: Sequence[str]) -> None:
    """Refuse a folder without a mark that has other files than this lake's.

    Args:
        name: the setting that names the folder, for the message.
        known: paths below the folder that the catalog knows; empty for a lake that has none, or is yet to be made.

    Raises:
        OwnershipError: the folder has files, and the catalog knows none; or it has none of those that it knows.
    """
    if known:
        if not any(map(folder.has, known)):
            raise OwnershipError(
                f"{name} {folder.address} has none of the files that the catalog knows: set {name} to the folder that "
                "has them"
            )
    elif stranger := next(folder.files(), None):
        raise OwnershipError(
            f"{name} {folder.address} holds files that are not this lake's, {stranger} among them. If they are another "
            f"lake's, put back the catalog that belongs to them; otherwise set {name} to a folder that is empty"
        )


def refuse_lakes(name: str, folder: Folder) -> None:
    """Refuse a folder for a lake that is yet to be made: where there is one already, or anything else.

    Raises:
        OwnershipError: the folder has a mark, or files.
    """
    if mark := folder.mark():
        raise OwnershipError(
            f"{name} {folder.address} belongs to the lake with the id {mark}, and the catalog is new. Put back the "
            f"catalog of that lake, or set {name} to a folder that is empty"
        )
    refuse_strangers(name, folder, ())


def _text(folder: Path) -> str | None:
    try:
        return (folder / MARK).read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError):
        return ""


def _id(text: str | None, folder: object) -> str | None:
    if text is None:
        return None
    found = _ID.match(text)
    if not found:  # a guard that cannot read its input refuses
        raise OwnershipError(f"{folder}/{MARK} cannot be read, or holds no id: put back a copy of it")
    return found[0]
