"""One DuckDB database of a sandbox: a cursor per thread, one writer at a time, transactions, settings, one clock.

What lies in it is told by `store.py` (Salesforce) and `marketo/records/subscription.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

import duckdb

_LEDGER = """
create schema if not exists sandbox;
create table if not exists sandbox.sequence (object varchar primary key, next bigint not null);
create table if not exists sandbox.setting (name varchar primary key, value varchar not null);
"""


def quote(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a string as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def utc_now() -> datetime:
    return datetime.now(UTC)


class OtherFileError(Exception):
    """A file that a sandbox was told to use is something else's; nothing of it was changed."""


def _refuse_others(connection: duckdb.DuckDBPyConnection, path: Path, kind: str) -> None:
    names = "select schema_name || '.' || table_name from duckdb_tables() where not internal"
    tables = {name for (name,) in connection.execute(names).fetchall()}
    found = kind if not tables else "database of something else"
    if "sandbox.setting" in tables:
        row = connection.execute("select value from sandbox.setting where name = 'kind'").fetchone()
        # One of before the kinds: only a subscription has drafts of custom objects.
        found = row[0] if row else "subscription" if "sandbox.draft" in tables else "org"
    if found != kind:
        raise OtherFileError(f"{path} is a {found}, not a sandbox's {kind}; name another file")


class _Shared:
    """A transaction's one connection, handed out as if it were a cursor of one's own: leaving it does not close it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        """Stay open: the transaction goes on."""


class Database:
    """A connection shared by the threads of one server."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, clock: Callable[[], datetime]) -> None:
        self.writing = threading.RLock()  # DuckDB refuses two writers of one record instead of queueing them
        self._connection = connection
        self._joined = threading.local()  # the connection of the transaction that this thread is in
        self._clock = clock

    @staticmethod
    def connect(path: Path | None, memory_limit: str, kind: str) -> duckdb.DuckDBPyConnection:
        """Return a connection to a file (created when missing), or to a new database in memory.

        Args:
            kind: what the file holds, `org` or `subscription`.

        Raises:
            OtherFileError: it holds something else.
        """
        connection = duckdb.connect(str(path) if path else ":memory:", config={"memory_limit": memory_limit})
        try:
            if path:
                _refuse_others(connection, path, kind)
            connection.execute("set global TimeZone = 'UTC'")
            connection.execute(_LEDGER)
            connection.execute("insert or ignore into sandbox.setting values ('kind', ?)", [kind])
        except BaseException:
            connection.close()
            raise
        if path:
            path.chmod(0o600)
        return connection

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a cursor of its own, or within a transaction that one's; not to be shared between threads."""
        joined = getattr(self._joined, "connection", None)
        if joined is not None:
            return cast(duckdb.DuckDBPyConnection, _Shared(joined))
        return self.connection()

    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return a connection that is part of no transaction and outlives the one that this thread may be in."""
        return self._connection.cursor()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what this thread writes in the block one: it all stays, or after an exception nothing of it does.

        A transaction within another is part of it.
        """
        if getattr(self._joined, "connection", None) is not None:
            yield
            return
        with self.writing, self._connection.cursor() as connection:
            connection.begin()
            self._joined.connection, self._joined.at = connection, self.now()
            try:
                yield
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            finally:
                self._joined.connection = self._joined.at = None

    def now(self) -> datetime:
        """Return the present, aware UTC, in whole seconds as both systems stamp records; a transaction has one."""
        at: datetime | None = getattr(self._joined, "at", None)
        return at or self._clock().astimezone(UTC).replace(microsecond=0)

    def setting(self, name: str, first: Callable[[], str]) -> str:
        """Return a value kept with the records; `first` makes it when it is not there yet."""
        with self.writing, self.cursor() as cursor:
            row = cursor.execute("select value from sandbox.setting where name = ?", [name]).fetchone()
            if row:
                return str(row[0])
            value = first()
            cursor.execute("insert into sandbox.setting values (?, ?)", [name, value])
            return value

    def reserve(self, name: str, count: int) -> int:
        """Return the first of `count` numbers of a sequence that nobody else will get; the first ever is 1."""
        with self.writing, self.cursor() as cursor:
            row = cursor.execute("select next from sandbox.sequence where object = ?", [name]).fetchone()
            first = int(row[0]) if row else 1
            cursor.execute("insert or replace into sandbox.sequence values (?, ?)", [name, first + count])
            return first
