"""A PostgreSQL server of one's own, on loopback, made by PostgreSQL's programs; it asks for a password."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

USER = "sync"


def program(name: str) -> str | None:
    """Return the path of a program of PostgreSQL's, if it is on this machine."""
    found = shutil.which(name)
    others = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(others[-1]) if others else found


AVAILABLE = all(map(program, ("initdb", "postgres")))


class Postgres:
    """A server with one database, `lake`; `with` serves it until the block ends, or `stop` is called."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def words(self, password: str | None = None) -> str:
        """Return LAKE_CATALOG as words."""
        given = password or self.password
        return f"postgres:host=127.0.0.1 port={self.port} dbname=postgres user={USER} password='{given}'"

    def __enter__(self) -> Self:
        _own(self.folder)
        secret = self.folder / "password"
        secret.write_text(self.password)
        _own(secret)
        cluster = str(self.folder / "cluster")
        _run("initdb", "-D", cluster, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")
        self._process = subprocess.Popen(
            [str(program("postgres")), "-D", cluster, "-p", str(self.port), "-k", "", "-h", "127.0.0.1", "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_as_postgres(),
            cwd=self.folder,
        )
        while True:
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            assert self._process.poll() is None

    def stop(self) -> None:
        """Stop at once, as a server does that loses its power."""
        if self._process:
            self._process.send_signal(3)
            self._process.wait(30)
            self._process = None

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)


def _run(name: str, *arguments: str) -> None:
    subprocess.run(
        [str(program(name)), *arguments], check=True, capture_output=True, preexec_fn=_as_postgres(), timeout=120
    )


def _as_postgres() -> Callable[[], None] | None:
    """Return what makes a child another user: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("postgres")

    def change() -> None:
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    return change


def _own(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(path, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
