"""Everything fails, at servers that repeat whatever they were sent; no secret is in anything that was written."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote_plus

import duckdb
import pytest

from sync_pipeline.lake import Lake
from sync_pipeline_tests.lake.postgres import AVAILABLE, Postgres

MARK = "hush"  # in every secret; no other text has it
SECRETS = {
    "SALESFORCE_CLIENT_SECRET": "hush-app/+1",
    "SALESFORCE_SECURITY_TOKEN": "hushtoken1234",
    "MARKETO_CLIENT_SECRET": "hush service&1",
    "HTTP_TOKEN": "hush-door-of-many-letters",
    "AWS_ACCESS_KEY_ID": "hushstoreid",
    "AWS_SECRET_ACCESS_KEY": "hush/store+key",
}
PASSWORD = "hush'pass\"wörd 1"
TOKEN = "00Dhush!token.of-a_session"
DAGSTER = """
    import dagster as dg
    from sync_pipeline.definitions import defs
    job = defs.resolve_job_def("cycle")
    month = job.partitions_def.get_last_partition_key()
    done = job.execute_in_process(instance=dg.DagsterInstance.get(), raise_on_error=False, partition_key=month)
    assert not done.success
    job.execute_in_process(instance=dg.DagsterInstance.get(), partition_key=month)
"""
COMMANDS = {
    "sync": ["-m", "sync_pipeline", "sync", "--json"],
    "check": ["-m", "sync_pipeline", "check"],
    "flow": ["-m", "sync_pipeline", "flow", "sync-person", "ada@x.example"],
    "plan": ["-m", "sync_pipeline", "plan", "--json"],
    "status": ["-m", "sync_pipeline", "status"],
    "errors": ["-m", "sync_pipeline", "errors"],
    "attach": ["-m", "sync_pipeline", "sql", "--attach"],
    "query": ["-m", "sync_pipeline", "sql", "--json", "from sync.notice"],
    "tidy": ["-m", "sync_pipeline", "lake", "tidy"],
    "dagster": ["-c", "\n".join(line.strip() for line in DAGSTER.splitlines())],
}


class Echo(BaseHTTPRequestHandler):
    """Repeats in its error whatever it was sent; gives tokens if it is told to."""

    gives_tokens = False
    told: Callable[[], None] = staticmethod(lambda: None)

    def do_GET(self) -> None:
        self.do_POST()

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        said = f"{self.path} {dict(self.headers)} {body} {unquote_plus(body)} {html.unescape(body)}"
        type(self).told()
        is_login = self.path.endswith("/token")
        if is_login and self.gives_tokens:
            here = f"http://{self.headers['Host']}"
            answer = {"access_token": TOKEN, "instance_url": here, "expires_in": 3599, "scope": said}
            self._send(200, json.dumps(answer))
        elif "/Soap/" in self.path:
            inner = f"<faultcode>INVALID_LOGIN</faultcode><faultstring>{html.escape(said)}</faultstring>"
            self._send(500, f"<e><sf:exceptionMessage>{html.escape(said)}</sf:exceptionMessage>{inner}</e>", "text/xml")
        elif is_login:
            self._send(400, json.dumps({"error": "invalid_grant", "error_description": said}))
        elif "/rest/" in self.path:
            errors = [{"code": "610", "message": f"access_token={TOKEN} {said}"}]
            self._send(200, json.dumps({"requestId": "1", "success": False, "errors": errors}))
        else:
            self._send(400, json.dumps([{"errorCode": "UNKNOWN", "message": said, "fields": []}]))

    def _send(self, status: int, body: str, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def echo(gives_tokens: bool = False, told: Callable[[], None] = lambda: None) -> Iterator[str]:
    handler = type("Handler", (Echo,), {"gives_tokens": gives_tokens, "told": staticmethod(told)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Firm:
    """A folder with all that a process writes, and what it printed."""

    def __init__(self, folder: Path, url: str, **changed: str) -> None:
        (folder / "dagster").mkdir()
        self.folder, self.said = folder, ""
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LAKE_", "SALESFORCE_"))},
            **SECRETS,
            "SALESFORCE_LOGIN_URL": url,
            "SALESFORCE_CLIENT_ID": "the-app",
            "MARKETO_URL": url,
            "MARKETO_CLIENT_ID": "the-service",
            "LAKE_CATALOG": str(folder / "catalog.sqlite"),
            "LAKE_DATA": str(folder / "files"),
            "LAKE_LANDING": str(folder / "landing"),
            "DAGSTER_HOME": str(folder / "dagster"),
            "LAKE_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path])),
            **changed,
        }

    def run(self, *names: str) -> None:
        for name in names:
            done = subprocess.run(
                [sys.executable, *COMMANDS[name]], capture_output=True, text=True, cwd=self.folder,
                env=self.environment, timeout=240, check=False,
            )  # fmt: skip
            self.said += f"\n--- {name}\n{done.stdout}{done.stderr}"

    def written(self) -> Iterator[tuple[str, str]]:
        """Yield everything that was written, by what it is."""
        yield "printed", self.said
        for path in self.folder.rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes().decode("utf-8", "replace")
        if (self.folder / "catalog.sqlite").exists() and "s3:" not in self.environment["LAKE_DATA"]:
            with Lake.open(str(self.folder / "catalog.sqlite"), str(self.folder / "files"), read_only=True) as lake:
                for (table,) in lake.rows("select table_name from duckdb_tables() where schema_name = 'sync'"):
                    yield table, str(lake.rows(f'from lake.sync."{table}"'))

    def leaks(self) -> list[str]:
        return [
            f"{what}: {text[max(0, at - 200) : at + 60]}"
            for what, text in self.written()
            for at in [text.lower().find(MARK)]
            if at >= 0
        ]


LOGINS = {
    "client credentials": {},
    "password": {"SALESFORCE_USERNAME": "u@x.example", "SALESFORCE_PASSWORD": PASSWORD},
    "refresh token": {"SALESFORCE_REFRESH_TOKEN": "5Aephush.refresh/token=="},
    "private key": {"SALESFORCE_USERNAME": "u@x.example", "SALESFORCE_PRIVATE_KEY_FILE": "key.pem"},
}


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_that_repeats_what_it_was_sent(tmp_path: Path, login: str) -> None:
    with echo() as url:
        firm = Firm(tmp_path, url, **LOGINS[login])
        firm.run("sync")
    assert "***" in firm.said or login == "private key"
    assert firm.leaks() == []


def test_a_system_that_repeats_what_it_was_sent(tmp_path: Path) -> None:
    with echo(gives_tokens=True) as url:
        firm = Firm(tmp_path, url)
        firm.run("sync", "flow", "query", "errors", "dagster")
    assert "***" in firm.said
    assert firm.leaks() == []


def test_the_test_finds_what_leaks(tmp_path: Path) -> None:
    firm = Firm(tmp_path, "http://127.0.0.1:1")
    (tmp_path / "dagster" / "log").write_text(f"the token is {TOKEN}")
    assert len(firm.leaks()) == 1


def test_an_object_store_that_refuses_the_key(tmp_path: Path) -> None:
    with echo() as url:
        store = {"DUCKDB_S3_ENDPOINT": url.removeprefix("http://"), "DUCKDB_S3_USE_SSL": "false", "AWS_REGION": "x"}
        firm = Firm(tmp_path, url, LAKE_DATA="s3://bucket/files?s3_secret_access_key=hush-in-address", **store)
        firm.run("sync", "status", "attach")
    assert firm.leaks() == []


@pytest.mark.skipif(not AVAILABLE, reason="PostgreSQL's programs are not here")
def test_postgresql_refuses_the_password_or_stops_in_mid_cycle(tmp_path: Path) -> None:
    def folder(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    with Postgres(PASSWORD) as server:
        words = server.words(PASSWORD.replace("'", "\\'"))
        asked: list[int] = []

        def stop() -> None:
            asked.append(1)
            if len(asked) == 1:
                server.stop()

        with echo(gives_tokens=True) as url:
            refused = Firm(folder("refused"), url, LAKE_CATALOG=server.words("hushed wrong one"))
            refused.run("sync", "dagster")
            works = Firm(folder("works"), url, LAKE_CATALOG=words)
            works.run("sync", "attach")
        with echo(gives_tokens=True, told=stop) as url:
            works.environment |= {"SALESFORCE_LOGIN_URL": url, "MARKETO_URL": url}
            works.run("sync", "dagster", "status")
    assert asked
    assert "PostgreSQL" in refused.said
    for firm in (refused, works):
        assert firm.leaks() == []
    statement = next(line for line in works.said.splitlines() if line.startswith("attach "))
    assert "user=sync" in statement
    assert "password" not in statement.partition("(")[0]


@pytest.mark.skipif(not AVAILABLE, reason="PostgreSQL's programs are not here")
def test_the_statement_without_a_password_opens_the_lake_with_one_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Postgres("hush-of-the-catalog") as server, echo() as url:
        firm = Firm(tmp_path, url, LAKE_CATALOG=server.words())
        firm.run("sync", "attach")
        statement = next(line for line in firm.said.splitlines() if line.startswith("attach "))
        con = duckdb.connect()
        for name in ("postgres_scanner", "ducklake"):
            package = Path(str(__import__(f"duckdb_extension_{name}").__file__)).parent
            con.execute(f"load '{package}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
        monkeypatch.setenv("PGPASSWORD", "hush-of-the-catalog")
        con.execute(statement)
        assert con.execute("select count(*) > 0 from lake.sync.run").fetchone() == (True,)
        con.close()
    assert firm.leaks() == []
