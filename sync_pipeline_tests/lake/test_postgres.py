"""A catalog in PostgreSQL is the same code with another address; what can be shown of it without a server."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from sync_pipeline.lake import Lake, LakeError
from sync_pipeline.lake.connection import attach_statement

WORDS = "postgres:host=127.0.0.1 port=1 dbname=lake user=sync password=hunter2"
URL = "postgresql://sync:hunter2@127.0.0.1:1/lake"


@pytest.mark.parametrize("catalog", [WORDS, URL])
def test_a_server_out_of_reach_is_told_without_the_password(catalog: str, tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="PostgreSQL cannot be opened") as caught:
        Lake.open(catalog, str(tmp_path / "files"))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_both_spellings_reach_the_library_as_it_wants_them() -> None:
    assert "ducklake:postgres:host=127.0.0.1 port=1" in attach_statement(WORDS, "files")
    assert "ducklake:postgres:postgresql://sync" in attach_statement(URL, "files")


def test_a_server_that_does_not_answer_is_given_up() -> None:
    assert "dbname=lake connect_timeout=30" in attach_statement("postgres:dbname=lake", "files")
    assert "/lake?connect_timeout=30" in attach_statement("postgresql://u@h/lake", "files")
    assert "?sslmode=require&connect_timeout=30" in attach_statement("postgresql://u@h/lake?sslmode=require", "files")
    assert "connect_timeout=5'" in attach_statement("postgres:dbname=lake connect_timeout=5", "files")
