"""The newest of refresh tokens that rotate, where each process and machine that works with the lake sees it.

An app whose tokens rotate gives a new one with every login and knows the old one no longer, so that two logins at the
same time, or one that is forgotten, lock everybody out. So a login holds the token for itself, and the new one is kept
before it is used: in a file beside the catalog that only its owner may read, or, of a catalog in PostgreSQL, in a table
of its own there. Settings and `.env` keep the first one, and are never written to.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import duckdb
from filelock import FileLock, Timeout

from sync_pipeline import private, redactor
from sync_pipeline.lake.connection import is_postgres, libpq, load_extension
from sync_pipeline.lake.sql import literal

WAIT_SECONDS = 600.0  # a login takes as long as a request at most
SCHEMA = "sync_pipeline_private"
TABLE = f"{SCHEMA}.refresh_token"
LOCK = 7_236_001  # any number: PostgreSQL's advisory locks have no names


class Tokens(Protocol):
    """Where the newest tokens are; `held` raises OSError where that is out of reach."""

    def held(self, app: str, first: str) -> AbstractContextManager[Slot]:
        """Hold the token of an app for one login.

        Args:
            app: what tells the app from others.
            first: the token of the settings; another one than before makes a new beginning.
        """


@dataclass
class Slot:
    """The token to log in with; `keep` has the one that comes in its place safe when it returns."""

    token: str = field(repr=False)
    store: _Store = field(repr=False)
    app: str
    first: str = field(repr=False)

    def keep(self, token: str) -> None:
        redactor.keep(token)
        if token != self.token:
            self.store.write(self.app, _mark(self.first), token)
            self.token = token


class _Store(Protocol):
    def read(self, app: str) -> tuple[str, str] | None: ...

    def write(self, app: str, mark: str, token: str) -> None: ...


def _mark(first: str) -> str:
    """Return what tells by which token of the settings a kept one began."""
    return hashlib.sha256(first.encode()).hexdigest()


def _slot(store: _Store, app: str, first: str) -> Slot:
    kept = store.read(app)
    newest = kept[1] if kept and kept[0] == _mark(first) else first
    redactor.keep(newest)
    return Slot(newest, store, app, first)


def tokens(catalog: str) -> Tokens:
    """Return where the tokens of the lake with this catalog are."""
    return TokenTable(catalog) if is_postgres(catalog) else TokenFile(Path(f"{catalog}.tokens"))


class TokenFile:
    """Tokens in a file of JSON, mode 0600, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    @contextmanager
    def held(self, app: str, first: str) -> Iterator[Slot]:
        if not self._path.parent.exists():
            private.make_folder(self._path.parent)
        try:
            with FileLock(f"{self._path}.lock", timeout=WAIT_SECONDS, mode=private.FILE):
                self._replace(self._all())  # before the old token is spent: a full disk shows now
                yield _slot(self, app, first)
        except Timeout as error:
            raise OSError(None, "another login has held it for ten minutes", str(self._path)) from error

    def read(self, app: str) -> tuple[str, str] | None:
        found = self._all().get(app)
        return (found[0], found[1]) if found else None

    def write(self, app: str, mark: str, token: str) -> None:
        self._replace({**self._all(), app: [mark, token]})

    def _all(self) -> dict[str, list[str]]:
        try:
            found = json.loads(self._path.read_text("utf-8"))
            return {str(app): [str(mark), str(token)] for app, (mark, token) in found.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError):
            raise OSError(None, "it is damaged: remove it and log in anew", str(self._path)) from None

    def _replace(self, all_: dict[str, list[str]]) -> None:
        draft = self._path.with_name(f"{self._path.name}.part")
        draft.unlink(missing_ok=True)
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, private.FILE), "w", encoding="utf-8"
        ) as out:
            json.dump(all_, out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class TokenTable:
    """Tokens in a table beside the catalog in PostgreSQL, for whose schema analysts need no rights."""

    def __init__(self, catalog: str) -> None:
        self._catalog = catalog

    @contextmanager
    def held(self, app: str, first: str) -> Iterator[Slot]:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as con:
            try:
                load_extension(con, "postgres_scanner")
                con.execute(f"attach {literal(libpq(self._catalog))} as kept (type postgres)")
                con.execute("begin")  # which holds the lock to its end, and does nothing else
                con.execute(f"from postgres_query('kept', 'select pg_advisory_xact_lock({LOCK})::text')").fetchall()
                rows = _Rows(con.cursor())
                rows.make()
                slot = _slot(rows, app, first)
            except duckdb.Error as error:
                raise _refused(error) from None
            yield slot


class _Rows:
    """The table, by a connection whose statements each see what others have committed, and commit themselves."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def make(self) -> None:
        self._run(f"create schema if not exists {SCHEMA}")
        self._run(f"revoke all on schema {SCHEMA} from public")
        self._run(f"create table if not exists {TABLE} (app text primary key, mark text not null, token text not null)")

    def read(self, app: str) -> tuple[str, str] | None:
        query = f"select mark, token from {TABLE} where app = {literal(app)}"
        found = self._con.execute(f"from postgres_query('kept', {literal(query)})").fetchone()
        return (str(found[0]), str(found[1])) if found else None

    def write(self, app: str, mark: str, token: str) -> None:
        try:
            self._run(
                f"insert into {TABLE} values ({literal(app)}, {literal(mark)}, {literal(token)}) "
                "on conflict (app) do update set mark = excluded.mark, token = excluded.token"
            )
        except duckdb.Error as error:
            raise _refused(error) from None

    def _run(self, statement: str) -> None:
        self._con.execute(f"call postgres_execute('kept', {literal(statement)})")


def _refused(error: duckdb.Error) -> OSError:
    """Return the error without its words: they may hold a password, or the token itself."""
    return OSError(None, f"PostgreSQL refused ({type(error).__name__})", "the catalog in PostgreSQL")
