"""A lake belongs to one org and one subscription: pointed at others, nothing is read, written or moved (GEN-18)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sync_pipeline.assembly import runs as assembly
from sync_pipeline.assembly import systems
from sync_pipeline.connectors.errors import FatalError
from sync_pipeline.lake import Lake, ledger
from sync_pipeline.mirror import runs
from sync_pipeline.model import FAILED
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.settings import Settings
from sync_pipeline_tests.activity_log.test_systems import Both
from sync_pipeline_tests.lake.conftest import lake, new_catalog

__all__ = ["lake", "new_catalog"]


@pytest.fixture
def both(lake: Lake, tmp_path: Path) -> Iterator[Both]:
    with ExitStack() as opened:
        both = Both(opened, lake, tmp_path / "landing")
        both.org.insert("Lead", [{"LastName": "Byron", "Company": "x", "Email": "ada@x.example"}])
        both.cycle()
        both.org.insert("Lead", [{"LastName": "Waits", "Company": "x", "Email": "waits@x.example"}])
        yield both


WORK: dict[str, Callable[[Settings, Lake, systems.Systems], object]] = {
    "pass": lambda given, lake, over: assembly.pass_over(given, lake, over),
    "activities": lambda given, lake, over: assembly.log_activities(given, lake, over),
    "flow": lambda given, lake, over: assembly.flow(given, lake, over),
    "unsubscribes": lambda given, lake, _: assembly.exchange_unsubscribes(given, lake, whole=True),
    "reminders": lambda given, lake, _: assembly.exchange_reminders(given, lake),
}


def test_each_sandbox_is_an_org_and_a_subscription_of_its_own(tmp_path: Path) -> None:
    with Org.open(tmp_path / "a.duckdb") as one, Org.open() as other:
        mine = one.organization_id
        assert mine != other.organization_id
    with Org.open(tmp_path / "a.duckdb") as again:
        assert again.organization_id == mine
    with Subscription.open() as first, Subscription.open() as second:
        ids = {MarketoSandbox(found).env()["MARKETO_CLIENT_ID"] for found in (first, second)}
        assert len(ids) == 2


def other_system(system: str, org: Org, subscription: Subscription) -> Sandbox | MarketoSandbox:
    return Sandbox(org) if system == "salesforce" else MarketoSandbox(subscription)


@pytest.mark.parametrize("system", ["salesforce", "marketo"])
def test_other_systems_are_refused_before_anything_is_read_or_moved(both: Both, system: str) -> None:
    """GEN-18."""
    with ExitStack() as opened:
        org = opened.enter_context(Org.open(clock=both.clock))
        subscription = opened.enter_context(Subscription.open(clock=both.clock))
        org.insert("Lead", [{"LastName": "Stranger", "Company": "y"}])
        elsewhere = opened.enter_context(other_system(system, org, subscription))
        named = {name.lower(): value for name, value in elsewhere.env().items()}
        given = Settings(_env_file=None, **{**both.given, **named})  # type: ignore[arg-type]
        before = both.lake.rows(f"from {ledger.table('watermark')} order by all")
        both.clock.pass_seconds(300)
        over = systems.Systems(given, both.lake)
        objects = [one for one in both.objects if one.system == system]
        done = runs.sync(systems.source(given, both.lake, system, over=over), objects)
        assert done.status == FAILED
        assert "OTHER_ORGANIZATION: this lake mirrors organization" in done.message
        for name, work in WORK.items():
            if system == "marketo" and name in ("unsubscribes", "reminders"):
                continue  # which are the CRM's affair
            with pytest.raises(FatalError, match="OTHER_ORGANIZATION"):
                work(given, both.lake, systems.Systems(given, both.lake))
        assert both.lake.rows(f"from {ledger.table('watermark')} order by all") == before
        logins = ("/services/oauth2/", "/services/Soap/u/", "/identity/")
        assert [one.path for one in elsewhere.log.entries if not one.path.startswith(logins)] == []
    both.cycle()
    assert [row["email"] for row in both.subscription.rows("select email from lead order by id")] == [
        "ada@x.example",
        "waits@x.example",
    ]
