"""How a client's script is heard."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.errors import DifferenceError, SkipError
from interop.salesforce.operations import STEPS
from interop.salesforce.stage import OrgStage
from interop.spoken import spoken
from sync_pipeline.sandbox import Org, Sandbox

SCRIPT = """
import os, sys
if sys.argv[1] == "describe":
    print('["Lead", {"name": "Id", "type": "%s"}]' % os.environ["TYPE"])
if sys.argv[1] == "query":
    sys.exit("the first line\\nApiError: refused\\n  at the end")
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[OrgStage]:
    (tmp_path / "speak.py").write_text(SCRIPT)
    with Org.open() as org, Sandbox(org) as sandbox:
        yield OrgStage(tmp_path, tmp_path, {}, org, sandbox)


def attempt(stage: OrgStage, operation: str, **unable: str) -> str:
    operations = spoken(
        STEPS, lambda tools: [sys.executable, tools / "speak.py"], lambda tools: {"TYPE": "id"}, unable=unable
    )
    return operations[operation](stage)


def test_fields_that_a_describe_leaves_out_are_named(stage: OrgStage) -> None:
    with pytest.raises(DifferenceError, match=r"Lead is described without.*AnnualRevenue"):
        attempt(stage, "describe")


def test_of_what_a_failed_client_says_the_error_comes_first_and_all_is_kept(stage: OrgStage) -> None:
    with pytest.raises(DifferenceError) as failed:
        attempt(stage, "query, page by page")
    first, *others = str(failed.value).splitlines()
    assert first == "exit 1: ApiError: refused"
    assert others == ["the first line", "ApiError: refused", "  at the end"]


def test_a_client_that_says_nothing_has_failed(stage: OrgStage) -> None:
    with pytest.raises(DifferenceError, match="said nothing"):
        attempt(stage, "create, update, upsert, delete")


def test_what_a_client_cannot_do_is_skipped_with_the_reason(stage: OrgStage) -> None:
    with pytest.raises(SkipError, match="its own fault"):
        attempt(stage, "create, update, upsert, delete", write="its own fault")
