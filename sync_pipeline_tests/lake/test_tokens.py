"""A refresh token that rotates is never lost: not between processes, machines, or a login and the next."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync_pipeline.connectors.errors import CredentialsError, FatalError
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials, OwnTokens
from sync_pipeline.connectors.salesforce.login import Tokens as Kept
from sync_pipeline.lake.tokens import TokenFile, TokenTable, tokens
from sync_pipeline.sandbox import Sandbox
from sync_pipeline_tests.connectors.conftest import app_credentials, org, sandbox

__all__ = ["org", "sandbox"]


@pytest.fixture
def given(sandbox: Sandbox) -> Credentials:
    sandbox.faults.add("rotate")
    token = sandbox.sessions.refresh_token(sandbox.org.user_id)
    return Credentials(**app_credentials(sandbox), refresh_token=token)


def log_in(given: Credentials, kept: Kept) -> str:
    """Log in as a new process would, which remembers nothing."""
    return Salesforce(given, first_wait=0.001, tokens=kept).organization_id()


def test_a_token_that_rotates_is_followed_from_login_to_login(given: Credentials, tmp_path: Path) -> None:
    for _ in range(4):
        assert log_in(given, tokens(str(tmp_path / "lake" / "catalog.sqlite")))


def test_within_one_process_it_is_followed_without_a_lake(given: Credentials, sandbox: Sandbox) -> None:
    connector = Salesforce(given, first_wait=0.001)
    for _ in range(3):
        sandbox.sessions.expire_all()
        assert connector.names()


def test_without_a_place_for_it_the_second_login_is_refused_and_says_why(given: Credentials) -> None:
    log_in(given, OwnTokens())
    with pytest.raises(CredentialsError, match=r"expired access/refresh token.*tokens rotate.*sync-pipeline login"):
        log_in(given, OwnTokens())


def test_the_file_is_its_owners_alone_and_so_is_its_folder(given: Credentials, tmp_path: Path) -> None:
    catalog = tmp_path / "new" / "catalog.sqlite"
    log_in(given, tokens(str(catalog)))
    file = Path(f"{catalog}.tokens")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (file.parent, *file.parent.iterdir())}
    assert modes == {"new": 0o700, "catalog.sqlite.tokens": 0o600, "catalog.sqlite.tokens.lock": 0o600}
    assert str(given.refresh_token) not in file.read_text("utf-8")


def test_another_token_in_the_settings_is_a_new_beginning(given: Credentials, sandbox: Sandbox, tmp_path: Path) -> None:
    kept = TokenFile(tmp_path / "tokens")
    log_in(given, kept)
    sandbox.sessions.end(json.loads((tmp_path / "tokens").read_text("utf-8")).popitem()[1][1])
    with pytest.raises(CredentialsError):
        log_in(given, kept)
    again = Credentials(**app_credentials(sandbox), refresh_token=sandbox.sessions.refresh_token(sandbox.org.user_id))
    assert log_in(again, kept) == log_in(again, kept)


def test_a_token_that_does_not_rotate_is_left_where_it_is(sandbox: Sandbox, tmp_path: Path) -> None:
    given = Credentials(**app_credentials(sandbox), refresh_token=sandbox.sessions.refresh_token(sandbox.org.user_id))
    log_in(given, TokenFile(tmp_path / "tokens"))
    assert json.loads((tmp_path / "tokens").read_text("utf-8")) == {}


@pytest.mark.parametrize("damage", ["no json", "[1]", '{"x": 5}'])
def test_a_damaged_file_is_told_and_the_old_token_is_not_spent(
    given: Credentials, sandbox: Sandbox, tmp_path: Path, damage: str
) -> None:
    (tmp_path / "tokens").write_text(damage, "utf-8")
    with pytest.raises(FatalError, match=r"TOKEN_STORE: .*tokens: it is damaged: remove it"):
        log_in(given, TokenFile(tmp_path / "tokens"))
    assert sandbox.log.count("*/oauth2/token") == 0


def test_a_folder_that_cannot_be_written_to_is_told_before_the_old_token_is_spent(
    given: Credentials, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(FatalError, match="TOKEN_STORE"):
        log_in(given, TokenFile(tmp_path / "file" / "below"))
    assert sandbox.log.count("*/oauth2/token") == 0


def in_turns(given: Credentials, places: list[Kept]) -> list[str]:
    """Let all log in at the same time, as processes and machines would; return what went wrong."""
    wrong: list[str] = []

    def one(kept: Kept) -> None:
        try:
            for _ in range(3):
                log_in(given, kept)
        except Exception as error:
            wrong.append(str(error))

    threads = [threading.Thread(target=one, args=(kept,)) for kept in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_logins_at_the_same_time_take_turns(given: Credentials, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add("slow", path="*/oauth2/token", times=None, seconds=0.02)
    assert in_turns(given, [TokenFile(tmp_path / "tokens") for _ in range(4)]) == []


PROCESS = """
import sys
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.lake.tokens import tokens
url, app, secret, token, catalog = sys.argv[1:]
for _ in range(3):
    Salesforce(Credentials(url, app, secret, refresh_token=token), tokens=tokens(catalog)).organization_id()
"""


def test_processes_at_the_same_time_take_turns(given: Credentials, tmp_path: Path) -> None:
    words = [given.login_url, given.client_id, given.client_secret, given.refresh_token, str(tmp_path / "catalog")]
    command = [sys.executable, "-c", PROCESS, *map(str, words)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=120)[1] for process in running] == [""] * 3


def test_the_new_token_is_safe_before_it_is_used(given: Credentials, sandbox: Sandbox, tmp_path: Path) -> None:
    """A process that dies after its login, before anything else, leaves the next one able to log in."""
    kept = TokenFile(tmp_path / "tokens")
    sandbox.faults.add("status", path="*/userinfo", status=500, times=None)
    with pytest.raises(Exception, match="HTTP_500"):
        log_in(given, kept)
    sandbox.faults.remove(2)
    assert log_in(given, TokenFile(tmp_path / "tokens"))


# --- a catalog in PostgreSQL


@contextmanager
def postgres() -> Iterator[str]:
    import os

    where = os.environ.get("TEST_POSTGRES")
    if not where:
        pytest.skip("TEST_POSTGRES names no server, such as 'host=127.0.0.1 user=postgres dbname=postgres'")
    yield f"postgres:{where}"


def test_with_a_catalog_in_postgresql_every_machine_sees_the_newest_token(given: Credentials) -> None:
    with postgres() as catalog:
        assert isinstance(tokens(catalog), TokenTable)
        assert in_turns(given, [TokenTable(catalog) for _ in range(3)]) == []
        assert log_in(given, TokenTable(catalog))


def test_a_postgresql_that_is_not_there_is_told_without_its_password(given: Credentials, sandbox: Sandbox) -> None:
    kept = TokenTable("postgres:host=127.0.0.1 port=1 dbname=lake user=sync password=hunter2")
    with pytest.raises(FatalError, match=r"TOKEN_STORE: .*PostgreSQL refused") as told:
        log_in(given, kept)
    assert "hunter2" not in str(told.value)
    assert sandbox.log.count("*/oauth2/token") == 0
