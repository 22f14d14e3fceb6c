"""The people feed, the duplicates and what a sales tool tells, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sync_pipeline.cli import main
from sync_pipeline_tests.lake.conftest import open_lake
from sync_pipeline_tests.sales_insight.org import Mirrored


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    env = {"LAKE_CATALOG": str(folder / "catalog.sqlite"), "LAKE_DATA": str(folder / "files")}
    return CliRunner().invoke(main, arguments, env=env)


def told(folder: Path, *arguments: str) -> dict[str, object]:
    result = run(folder, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_the_feed_is_previewed_started_refreshed_and_looked_at(folder: Path) -> None:
    """SIA-FEED-14, SIA-FEED-15."""
    with open_lake(folder) as lake:
        mirrored = Mirrored(lake)
        for person in (1, 2):
            mirrored.linked(person, email="Same@example.com", firstName="Żółć")
    early = run(folder, "feed", "refresh")
    assert (early.exit_code, "has not been started" in early.stderr) == (1, True)
    assert told(folder, "feed", "status") == {"started": False}
    assert "firstName" not in run(folder, "feed", "preview").stdout
    found = told(folder, "feed", "preview", "--sample", "1")
    assert (found["people"], found["without_user"], len(list(found["sample"]))) == (2, 0, 1)  # type: ignore[call-overload]
    assert told(folder, "feed", "start")["changes"] == {"insert": 2}
    with open_lake(folder) as lake:
        lake.rows("select 1")
        with lake.transaction() as con:
            con.execute("update lake.marketo.person set title = 'New', _synced_at = now() where id = 1")
    shown = run(folder, "feed", "refresh")
    assert (shown.stdout, shown.exit_code) == ("1 people looked at: 1 update; 2 are in the feed\n", 0)
    assert told(folder, "feed", "status")["changes"] == {"insert": 2, "update": 1}
    doubles = told(folder, "duplicates")
    assert (doubles["groups"], doubles["new"], doubles["scopes"]) == (1, 1, {"marketo": 1, "crm": 1, "across": 0})
    assert "1  marketo: two people or more in Marketo" in run(folder, "duplicates").stdout


def test_without_mirrors_the_message_says_what_to_do(folder: Path) -> None:
    open_lake(folder).close()
    result = run(folder, "feed", "preview")
    assert (result.exit_code, "run a sync of both systems first" in result.stderr) == (1, True)


def test_warnings_go_to_the_other_stream(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIA-FEED-16."""
    monkeypatch.setenv("ACTIONS_CAPACITY", "1")
    with open_lake(folder) as lake:
        mirrored = Mirrored(lake)
        for person in (1, 2):
            mirrored.linked(person)
    result = run(folder, "feed", "start")
    assert (result.exit_code, "note: 2 people qualify" in result.stderr) == (0, True)


def test_a_file_of_activities_is_taken_once_and_what_is_refused_is_told(folder: Path) -> None:
    (folder / "told.csv").write_text(
        "activity_id,kind,happened_at,email\na,reply,2026-01-01T00:00:00Z,x@example.com\nb,fax,2026-01-01,x@example.com\n"
    )
    first = run(folder, "activities", "import", "told.csv")
    assert (first.exit_code, first.stdout) == (1, "1 new, 0 taken before, 1 reasons to refuse others\n")
    assert "b: kind is none of send_email" in first.stderr
    again = run(folder, "activities", "import", "told.csv", "--json")
    assert (json.loads(again.stdout)["new"], json.loads(again.stdout)["known"]) == (0, 1)
    wrong = run(folder, "activities", "import", "told.csv", "--unsubscribes")
    assert (wrong.exit_code, "unsubscribe has no activity_id, kind" in wrong.stderr) == (1, True)
