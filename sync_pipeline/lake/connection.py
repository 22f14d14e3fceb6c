"""Opening the lake, and the one way to write to it: a transaction that is all or nothing.

Readers never wait: the catalog is in WAL mode and a query keeps the snapshot it started with. Writers to an
embedded (SQLite) catalog take one file lock around the transaction, because concurrent commits to it fail.
"""

from __future__ import annotations

import importlib
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock, Timeout

from sync_pipeline import private, redactor
from sync_pipeline.lake import ledger, ownership
from sync_pipeline.lake.errors import LakeError, LakeInUseError, OwnershipError
from sync_pipeline.lake.ownership import Folder, StoredFolder
from sync_pipeline.lake.sql import literal
from sync_pipeline.lake.unfinished import Unfinished

NAME = "lake"
CONNECT_SECONDS = 30
METADATA = f"__ducklake_metadata_{NAME}"
Connection = duckdb.DuckDBPyConnection

# Up to so many rows of a change go into the catalog itself instead of a Parquet file of their own; maintenance
# moves them out in bulk. A cycle of a few edits then writes no file at all.
INLINE_ROWS = 100

# DuckDB hashes an extension's file (35 MB, 0.15 s) whenever it loads it, to verify the signature. Once a process is
# enough: the library stays in memory, and what is loaded later is what was verified.
_verified: set[str] = set()


def is_postgres(catalog: str) -> bool:
    return catalog.startswith(("postgres:", "postgresql:"))


def libpq(catalog: str) -> str:
    """Return what PostgreSQL's own library takes: a URL as it is, or the words after `postgres:`."""
    return catalog if "://" in catalog else catalog.partition(":")[2].strip()


def in_time(connection: str) -> str:
    """Return a connection string by which a server that does not answer is given up, unless it says when itself."""
    if "connect_timeout" in connection:
        return connection
    sign = " " if "://" not in connection else "&" if "?" in connection else "?"
    return f"{connection}{sign}connect_timeout={CONNECT_SECONDS}"


def attach_statement(catalog: str, data: str, read_only: bool = False) -> str:
    """Return the ATTACH statement with which any DuckDB client opens the lake under the name `lake`."""
    # Absolute, so that the statement works in any folder; overriding what the catalog remembers lets a lake be moved.
    folder = data if "://" in data else str(Path(data).absolute())
    options = [f"data_path {literal(folder)}", "override_data_path true"]
    if is_postgres(catalog):
        target = "ducklake:postgres:" + in_time(libpq(catalog))
    else:
        target = "ducklake:sqlite:" + str(Path(catalog).absolute())
        options.append("meta_busy_timeout 10000")
        if not read_only:
            options.append("meta_journal_mode 'WAL'")
    if read_only:
        options.append("read_only")
    return f"attach {literal(target)} as {NAME} ({', '.join(options)})"


def load_extension(con: Connection, name: str) -> None:
    """Load an extension from its wheel: nothing is downloaded at run time."""
    package = importlib.import_module(f"duckdb_extension_{name}")
    folder = Path(str(package.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    con.execute(f"load {literal(str(folder / f'{name}.duckdb_extension'))}")


class Lake:
    """An open lake. `cursor()` gives each thread its own connection; `transaction()` is the way to write."""

    def __init__(self, con: Connection, catalog: str, data: str, read_only: bool) -> None:
        self._con = con
        self._thread_lock = threading.RLock()
        self._file_lock = None if is_postgres(catalog) else FileLock(catalog + ".lock", timeout=600, mode=private.FILE)
        self.catalog = catalog
        self.data = data
        self.read_only = read_only

    @cached_property
    def id(self) -> str:
        """The name of this lake, which the folders that it writes to bear, too.

        DuckLake gives the first schema of every catalog one that no other has, and never changes it.
        """
        query = f"select schema_uuid::varchar from {METADATA}.ducklake_schema where schema_id = 0"
        return str(self.rows(query)[0][0])

    @cached_property
    def unfinished(self) -> Unfinished:
        """The record of transactions that have begun and not ended."""
        return Unfinished(Path(f"{self._beside}.writing"))

    @property
    def _beside(self) -> Path:
        """Where locks and records of this machine lie: beside the catalog, or, of one in PostgreSQL, by its id."""
        if is_postgres(self.catalog):
            return Path(tempfile.gettempdir(), f"sync-pipeline-{os.geteuid()}-{self.id}")
        return Path(self.catalog).absolute()

    @classmethod
    def open(
        cls,
        catalog: str,
        data: str,
        *,
        read_only: bool = False,
        memory_limit: str = "800MB",
        threads: int | None = None,
    ) -> Lake:
        """Open, or make, the lake whose catalog is a SQLite path or a `postgres:` connection string.

        Args:
            catalog: path of the SQLite file, or `postgres:dbname=... host=...`.
            data: folder or object-store URL of the Parquet files.
            memory_limit: what DuckDB may use before it spills to disk.
            threads: what DuckDB works with; None is one a processor.

        Raises:
            LakeError: the catalog is missing (read-only), damaged or out of reach, or the folder is not this lake's;
                it names the file.
        """
        if not is_postgres(catalog) and read_only and not Path(catalog).exists():
            raise LakeError(f"there is no lake at {catalog} yet: run a sync first")
        redactor.keep(*redactor.passwords(catalog), *redactor.passwords(data))
        extensions = _extensions(catalog, data)
        verified = extensions <= _verified
        con = duckdb.connect(config={"autoinstall_known_extensions": False, "allow_unsigned_extensions": verified})
        try:
            for name in extensions:
                load_extension(con, name)
            _verified.update(extensions)
            _prepare(con, data, memory_limit, threads)
            if not read_only:
                _make_private(con, catalog, data)
            con.execute(attach_statement(catalog, data, read_only))
        except (duckdb.Error, ImportError, OSError, sqlite3.Error) as error:
            con.close()
            raise _cannot_open(catalog, data, error) from None
        except OwnershipError:
            con.close()
            raise
        lake = cls(con, catalog, data, read_only)
        try:
            lake._prove_ownership()
        except BaseException:
            lake.close()
            raise
        return lake

    def _prove_ownership(self) -> None:
        """Make sure that the folder is this lake's; make what is missing of both, unless the lake is only read.

        Raises:
            OwnershipError: it is not, or the catalog is not of that folder.
        """
        folder = _folder(self._con, self.catalog, self.data)
        if self.read_only:
            if folder.mark():
                ownership.claim("LAKE_DATA", folder, self.id, tuple)
            return
        ownership.claim("LAKE_DATA", folder, self.id, partial(_known_files, self._con))
        if "://" not in self.data:
            private.tighten_folder(Path(self.data).absolute())
        with self.transaction() as cursor:
            if ledger.create(cursor):
                cursor.execute(f"call {NAME}.set_option('data_inlining_row_limit', {INLINE_ROWS})")

    def cursor(self) -> Connection:
        return self._con.cursor()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a cursor whose writes are committed together, or not at all if the block raises.

        Raises:
            LakeError: the commit was refused (a full disk, a locked catalog); nothing of it is in the lake.
        """
        with self._thread_lock, self._locked_file(), self._on_record():
            con = self.cursor()
            try:
                con.execute("begin transaction")
                yield con
                con.execute("commit")
            except BaseException as error:
                _roll_back(con)
                redactor.clean_exception(error)
                if isinstance(error, duckdb.Error | OSError):
                    raise LakeError(f"nothing was written to the lake: {_first_line(error)}") from error
                raise
            finally:
                con.close()

    @contextmanager
    def _locked_file(self) -> Iterator[None]:
        if self._file_lock is None:
            yield
            return
        try:
            with self._file_lock:
                yield
        except Timeout as error:
            raise LakeError(f"another process has held {self._file_lock.lock_file} for ten minutes") from error

    @contextmanager
    def _on_record(self) -> Iterator[None]:
        """Note that a transaction is at work: what it leaves behind if it dies can then be told from others' files."""
        if self.read_only:
            yield
            return
        with self.unfinished.one(is_alone=self._file_lock is not None):
            yield

    @contextmanager
    def only_pipeline(self, wait_seconds: float = 0) -> Iterator[None]:
        """Hold the lake for one pipeline; a second one that asks is told, at once or after `wait_seconds`.

        The lock is the operating system's: it ends with the process, however that ends. On a PostgreSQL catalog
        it guards one machine; Dagster's run concurrency guards the others.

        Raises:
            LakeInUseError: another pipeline holds it.
        """
        said = f"another pipeline is syncing into the lake {_named(self.catalog)}; this one leaves it alone"
        with self._held("pipeline", wait_seconds, said):
            yield

    @contextmanager
    def one_at_a_time(self, what: str, wait_seconds: float = 0) -> Iterator[None]:
        """Hold a lock of this name, beside any pipeline, for work that must not be done twice at once (DEDUP-6).

        Like that of `only_pipeline` it ends with the process, and guards one machine.

        Raises:
            LakeInUseError: another thread or process has held it all the time.
        """
        with self._held(what, wait_seconds, f"{what} is being worked on; try again in a moment"):
            yield

    @contextmanager
    def _held(self, name: str, wait_seconds: float, said: str) -> Iterator[None]:
        lock = self._lock(name)
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout as error:
            raise LakeInUseError(said) from error
        try:
            yield
        finally:
            lock.release()

    def in_use(self) -> bool:
        """Tell whether a pipeline is at work on this lake."""
        try:
            with self._lock("pipeline"):
                return False
        except Timeout:
            return True

    def _lock(self, name: str) -> FileLock:
        return FileLock(f"{self._beside}.{name}.lock", timeout=0, mode=private.FILE)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a cursor for queries of our own.

        Not while another thread of this process writes: with two transactions of one process, one of which makes
        tables, DuckLake now and then does not find a table that is there. Other processes read at any time.
        """
        with self._thread_lock:
            con = self.cursor()
            try:
                with redactor.cleaned():
                    yield con
            finally:
                con.close()

    def rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        with self.reading() as con:
            return con.execute(query, parameters).fetchall()

    def close(self) -> None:
        self._con.close()

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _extensions(catalog: str, data: str) -> set[str]:
    scanner = "postgres_scanner" if is_postgres(catalog) else "sqlite_scanner"
    return {"ducklake", scanner} | ({"httpfs"} if "://" in data else set())


def _folder(con: Connection, catalog: str, data: str) -> Folder:
    own = () if is_postgres(catalog) else (Path(catalog),)
    return StoredFolder(data, con) if "://" in data else Folder(data, own)


def _known_files(con: Connection) -> list[str]:
    """Return paths below the lake's folder of files that its catalog knows: the thousand newest."""
    found = con.execute(
        f"select s.path || t.path || f.path from {METADATA}.ducklake_data_file f "
        f"join (select distinct table_id, schema_id, path, path_is_relative from {METADATA}.ducklake_table) t "
        "using (table_id) "
        f"join (select distinct schema_id, path, path_is_relative from {METADATA}.ducklake_schema) s using (schema_id) "
        "where f.path_is_relative and t.path_is_relative and s.path_is_relative "
        "order by f.data_file_id desc limit 1000"
    )
    return [path for (path,) in found.fetchall()]


def _make_private(con: Connection, catalog: str, data: str) -> None:
    """Make what is missing of a lake's folders, and keep them from others; but make nothing beside strangers' files.

    Raises:
        OwnershipError: there is no lake in the catalog yet, and the folder is not empty.
    """
    if _is_new(con, catalog, data):
        ownership.refuse_lakes("LAKE_DATA", _folder(con, catalog, data))
    if not is_postgres(catalog):
        path = Path(catalog).absolute()
        private.make_parents(path)
        path.touch(mode=private.FILE)
        for file in (path, *path.parent.glob(f"{path.name}[-.]*")):
            private.tighten(file)
    if "://" not in data and not Path(data).exists():
        private.make_folder(Path(data).absolute())


def _is_new(con: Connection, catalog: str, data: str) -> bool:
    """Tell whether nothing is in the catalog yet.

    Raises:
        OwnershipError: there is something in it, and it is no lake.
    """
    if is_postgres(catalog):
        try:
            con.execute(f"{attach_statement(catalog, data).removesuffix(')')}, create_if_not_exists false)")
        except duckdb.InvalidInputException as error:
            if "creating a new DuckLake is explicitly disabled" in str(error):
                return True
            raise
        con.execute(f"detach {NAME}")
        return False
    path = Path(catalog).absolute()
    if not path.exists() or not path.stat().st_size:
        return True
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reading:
        tables = {name for (name,) in reading.execute("select name from sqlite_master where type = 'table'")}
    if tables and "ducklake_metadata" not in tables:
        raise OwnershipError(f"LAKE_CATALOG {catalog} is a database of something else: name a file of its own")
    return not tables


def _prepare(con: Connection, data: str, memory_limit: str, threads: int | None) -> None:
    if "://" not in data:
        con.execute(f"set temp_directory = {literal(str(Path(data).absolute().parent / 'spill'))}")
    con.execute("set timezone = 'UTC'")
    con.execute("set preserve_insertion_order = false")
    # Partitioned writes buffer so many rows a thread before they reach a file: memory stays bounded by it.
    con.execute("set partitioned_write_flush_threshold = 122880")
    con.execute(f"set memory_limit = {literal(memory_limit)}")
    if threads:
        con.execute(f"set threads = {threads:d}")


def _roll_back(con: Connection) -> None:
    with suppress(duckdb.Error):  # a failed commit has already ended the transaction
        con.execute("rollback")


def _cannot_open(catalog: str, data: str, error: Exception) -> LakeError:
    redactor.clean_exception(error)
    if "://" in data and "HTTP" in str(error):
        return LakeError(f"LAKE_DATA {data} cannot be reached: {_first_line(error)}")
    if is_postgres(catalog):
        return LakeError(f"the lake's catalog in PostgreSQL cannot be opened: {_first_line(error)}")
    return LakeError(
        f"the lake's catalog {catalog} cannot be opened: {_first_line(error)}. If the file is damaged, put back a copy "
        "of it, and keep LAKE_DATA as it is until then: without a catalog its files are of no use. Without any copy, "
        "name a new LAKE_CATALOG and an empty LAKE_DATA; links and agreed values are lost with the old ones."
    )


def _named(catalog: str) -> str:
    """Return the catalog without the password that a PostgreSQL string may hold."""
    return "in PostgreSQL" if is_postgres(catalog) else catalog


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
