"""What commands write to: never over what others have there, and for the owner alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from sync_pipeline.catalog.views import View
from sync_pipeline.cli import main
from sync_pipeline.commands import ui
from sync_pipeline.lake import Lake, LakeError, views
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.core.serve import NAMES, write_env
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests.lake.conftest import open_lake

pytestmark = pytest.mark.matrix

CYCLE = """
import dagster as dg
from sync_pipeline.definitions import defs
job = defs.resolve_job_def("cycle")
month = job.partitions_def.get_last_partition_key()
assert job.execute_in_process(instance=dg.DagsterInstance.get(), partition_key=month).success
"""
ENV = "SALESFORCE_LOGIN_URL=https://acme.my.salesforce.com\nSALESFORCE_CLIENT_SECRET=precious\n"


def database(path: Path) -> None:
    with closing(duckdb.connect(path)) as con:
        con.execute("create table mine as select 42 as a")


def org(path: Path) -> None:
    Org.open(path).close()


def subscription(path: Path) -> None:
    Subscription.open(path).close()


def text(path: Path) -> None:
    path.write_text(ENV)


def an_address(path: Path) -> None:
    path.write_text("http://127.0.0.1:1\nand more")


PLACES: dict[str, tuple[list[str], list[Callable[[Path], None]]]] = {
    "populate": (["sandbox", "populate", "--people", "20", "--org"], [database, subscription, text, org]),
    "serve": (["sandbox", "serve", "--org"], [database, subscription, text]),
    "marketo populate": (["sandbox", "marketo", "populate", "--people", "20", "--subscription"], [database, org, text]),
    "marketo serve": (["sandbox", "marketo", "serve", "--subscription"], [database, org, text]),
    "both": (["sandbox", "serve", "--org", "new.duckdb", "--people", "20", "--marketo", "--subscription"],
             [database, org, text]),
    "env file": (["sandbox", "serve", "--org", "new.duckdb", "--people", "20", "--env-file"], [text, an_address]),
    "env file of marketo": (["sandbox", "marketo", "serve", "--subscription", "new.duckdb", "--people", "20",
                             "--env-file"], [text, an_address]),
    "address": (["serve", "--port", "0", "--url-file"], [text, an_address]),
}  # fmt: skip


def values(path: Path) -> object:
    """Return what a file holds; of a database its tables, as DuckDB notes in a file that it was opened."""
    try:
        with closing(duckdb.connect(path, read_only=True)) as con:
            tables = con.execute("select schema_name, table_name, estimated_size from duckdb_tables()").fetchall()
            return sorted(tables)
    except duckdb.Error:
        return path.read_bytes()


@pytest.mark.parametrize(("place", "foreign"), [(name, make) for name, (_, all_) in PLACES.items() for make in all_])
def test_a_file_of_others_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, foreign: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "theirs"
    foreign(path)
    if foreign is org and place == "populate":
        with Org.open(path) as own:
            own.insert("Lead", [{"LastName": "Ada", "Company": "Acme"}])
    before = values(path)
    done = CliRunner().invoke(main, [*PLACES[place][0], str(path)], env={"HTTP_TOKEN": "a token of many letters"})
    assert done.exit_code in (1, 2)
    assert "theirs" in done.stderr.replace("\n", "")
    assert values(path) == before


def test_settings_that_a_sandbox_wrote_are_replaced_and_others_never(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    with Sandbox(Org.open()) as sandbox, MarketoSandbox(Subscription.open()) as marketo:
        given = sandbox.env() | marketo.env()
        assert given.keys() <= NAMES
        write_env(path, sandbox.env())
        path.chmod(0o644)
        write_env(path, given)
        assert "MARKETO_URL" in path.read_text()
        assert path.stat().st_mode & 0o077 == 0
        written = path.read_text()
        for line in (
            "WRITE_BACK=apply",
            "SALESFORCE_LOGIN_URL=https://acme.my.salesforce.com",
            "MARKETO_URL=https://x",
        ):
            path.write_text(f"{written}{line}\n")
            with pytest.raises(Exception, match="no sandbox wrote"):
                write_env(path, given)
            assert path.read_text() == f"{written}{line}\n"


def test_dagsters_own_settings_that_somebody_changed_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    ui.HOME.mkdir(parents=True)
    (ui.HOME / "dagster.yaml").write_text("storage: mine\n")
    monkeypatch.setattr(ui, "_dagster", lambda *_: 0)
    credentials = {"SALESFORCE_CLIENT_ID": "a", "SALESFORCE_CLIENT_SECRET": "of-the-app-2"}
    done = CliRunner().invoke(main, ["ui"], env=credentials)
    assert "stays as it is" in done.stdout
    assert (ui.HOME / "dagster.yaml").read_text() == "storage: mine\n"
    (ui.HOME / "dagster.yaml").unlink()
    CliRunner().invoke(main, ["ui"], env=credentials)
    assert (ui.HOME / "dagster.yaml").read_text() == Path("dagster.yaml").read_text()


@pytest.mark.parametrize("made", ["view", "table"])
def test_a_view_of_an_analysts_own_is_not_replaced(tmp_path: Path, made: str) -> None:
    ours = View("sync", "mine", "one", (), "select 1 as a")
    with open_lake(tmp_path) as lake:
        with lake.transaction() as con:
            con.execute(f"create {made} lake.sync.mine as select 42 as a")
        with lake.transaction() as con:
            assert views.refresh(con, [ours]) == []
        assert lake.rows("from lake.sync.mine") == [(42,)]
        with lake.transaction() as con:
            con.execute(f"drop {made} lake.sync.mine")
            assert views.refresh(con, [ours]) == ["sync.mine"]
        with lake.transaction() as con:
            assert views.refresh(con, [View("sync", "mine", "two", (), "select 2 as a")]) == ["sync.mine"]
        assert lake.rows("from lake.sync.mine") == [(2,)]


def open_to_others(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder)} {path.stat().st_mode & 0o777:o}"
        for path in sorted(folder.rglob("*"))
        if path.stat().st_mode & 0o077
    ]


@pytest.fixture
def generous() -> Iterator[None]:
    """Let everybody read what is made, as most machines do."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_all_that_a_cycle_writes_is_for_its_owner_alone(tmp_path: Path, generous: None) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    (tmp_path / "dagster.yaml").chmod(0o600)
    environment = {**os.environ, "LAKE_THREADS": "1", "DAGSTER_HOME": str(tmp_path / "data" / "dagster")}

    def run(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    run("-m", "sync_pipeline", "sandbox", "populate", "--people", "20", "--org", "data/sandbox/org.duckdb")
    with Org.open() as org, Sandbox(org) as sandbox:
        org.insert("Lead", [{"LastName": f"Lead {i}", "Company": "Acme"} for i in range(200)])
        environment |= {**sandbox.env(), "SYNC_LAG_SECONDS": "0"}
        run("-m", "sync_pipeline", "sync", "--objects", "user,account,lead")
        run("-m", "sync_pipeline", "lake", "tidy")
        (tmp_path / "data" / "dagster").mkdir(mode=0o700)
        run("-c", CYCLE)
    assert list((tmp_path / "data" / "files").rglob("*.parquet"))
    assert open_to_others(tmp_path) == []


def test_a_lake_that_others_could_read_is_tightened_when_it_is_opened(tmp_path: Path, generous: None) -> None:
    with open_lake(tmp_path) as lake, lake.transaction() as con:
        con.execute("create table lake.sync.many as select range as a from range(1000)")
    for path in tmp_path.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    open_lake(tmp_path, read_only=True).close()
    assert open_to_others(tmp_path) != []
    open_lake(tmp_path).close()
    assert [path for path in open_to_others(tmp_path) if ".lock" not in path] == []


def test_a_folder_that_is_refused_keeps_its_modes(tmp_path: Path, generous: None) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "letter.parquet").write_text("dear")
    before = open_to_others(tmp_path)
    with pytest.raises(LakeError):
        Lake.open(str(tmp_path / "new.sqlite"), str(theirs))
    open_lake(tmp_path).close()
    with pytest.raises(LakeError):
        Lake.open(str(tmp_path / "catalog.sqlite"), str(theirs))
    assert [path for path in open_to_others(tmp_path) if "theirs" in path] == before


def test_the_umask_is_the_owners_alone_in_the_command_line(tmp_path: Path, generous: None) -> None:
    CliRunner().invoke(main, ["status"], env={"LAKE_CATALOG": str(tmp_path / "none")})
    assert os.umask(0o077) == 0o077
