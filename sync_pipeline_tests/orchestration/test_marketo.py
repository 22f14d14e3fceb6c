"""Marketo's objects as assets beside the CRM's, or alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from sync_pipeline.assembly import systems
from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests.orchestration.conftest import Deployment

PERSON = dg.AssetKey(["marketo", "person"])


@pytest.fixture
def both(deployment: Deployment) -> Iterator[Deployment]:
    with Subscription.open(clock=deployment.clock) as subscription, MarketoSandbox(subscription) as sandbox:
        at = subscription.present() - timedelta(days=1)
        subscription.insert(subscription.lead, [{"id": 1, "email": "ann@x.example", "createdAt": at, "updatedAt": at}])
        more = {name.lower(): value for name, value in sandbox.env().items()}
        more |= {
            "marketo_poll_seconds": "0.1",
            "marketo_first_day": f"{deployment.clock.at - timedelta(days=40):%Y-%m-%d}",
        }
        yield replace(deployment, overrides={**deployment.overrides, **more})


def test_a_cycle_materialises_the_assets_of_both_systems(both: Deployment) -> None:
    both.org.insert("Account", [{"Name": "Acme"}])
    both.clock.pass_seconds(60)
    done = both.run("cycle")
    assert done.success
    found = both.instance.get_latest_materialization_event(PERSON)
    assert found is not None
    assert found.asset_materialization is not None
    assert found.asset_materialization.metadata["inserted"].value == 1
    assert both.instance.get_latest_materialization_event(dg.AssetKey(["salesforce", "account"]))
    checks = {e.check_name for e in done.get_asset_check_evaluations() if e.asset_key == PERSON}
    assert checks == {"read", "unique_key", "fresh", "no_lost_fields", "no_old_errors"}
    with both.lake() as lake:
        assert lake.rows("select id, email from lake.marketo.person") == [(1, "ann@x.example")]


def test_an_outage_of_marketo_makes_the_run_red_and_leaves_the_crms_mirrors_fresh(both: Deployment) -> None:
    both.clock.pass_seconds(60)
    done = replace(both, overrides={**both.overrides, "marketo_client_secret": "wrong"}).run("cycle")
    assert not done.success
    assert both.instance.get_latest_materialization_event(dg.AssetKey(["salesforce", "lead"]))
    assert both.instance.get_latest_materialization_event(PERSON) is None


def test_marketo_alone_has_its_assets_and_no_count_to_compare(both: Deployment) -> None:
    alone = {k: v for k, v in both.overrides.items() if not k.startswith("salesforce")}
    definitions = replace(both, overrides=alone).definitions
    keys = {key.path[0] for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {"marketo", "sync", "actions"}
    assert definitions.resolve_job_def("cycle")


def shown(both: Deployment, *path: str) -> dict[str, Any]:
    """Return the metadata of an asset's last materialisation, as plain values."""
    found = both.instance.get_latest_materialization_event(dg.AssetKey(path))
    assert found is not None
    assert found.asset_materialization is not None
    return {name: value.value for name, value in found.asset_materialization.metadata.items()}


def test_a_cycle_plans_and_then_writes_with_the_same_numbers(both: Deployment) -> None:
    """OPS-1, law 2: the plan shows kinds, reasons and ids, but no value; the pass that applies it does as it says."""
    ada, _ = both.org.insert("Contact", [{"LastName": "Ada"}, {"LastName": "Bea"}])
    both.org.insert("Task", [{"WhoId": ada, "Subject": "Call Ada"}])
    systems.Systems(both.sync.settings()).marketo.make_activity_types(ACTIVITY_TYPES)
    both.clock.pass_seconds(60)
    assert both.run("cycle").success
    planned, links = shown(both, "sync", "plan"), shown(both, "sync", "link")
    assert (planned["create in Marketo"], planned["dagster/row_count"], links["written to Marketo"]) == (3, 3, 0)
    fields = "externalPersonId, externalSalesPersonId, lastName"
    assert f"| contact | marketo | create | new to Marketo | 2 | {fields} |" in planned["by reason"]
    assert "Ada" not in "".join(map(str, planned.values()))

    applied = replace(both, overrides={**both.overrides, "write_back": "apply"})
    done = applied.run("cycle")
    assert done.success
    again, links = shown(both, "sync", "plan"), shown(both, "sync", "link")
    assert {**again, "for example": ""} == {**planned, "for example": ""}
    assert (links["written to Marketo"], links["rejected"], links["dagster/row_count"]) == (3, 0, 3)
    judged = {
        e.check_name: e.passed for e in done.get_asset_check_evaluations() if e.asset_key.path == ["sync", "link"]
    }
    assert judged == {"no_orphan_links": True, "no_old_write_errors": True}
    with both.lake() as lake:
        found_links = lake.rows("select pairing, count(*) from lake.sync.link group by all order by 1")
        assert found_links == [("contact", 2), ("user", 1)]
        assert lake.rows("select status from lake.sync.run where kind = 'two-way'") == [("Succeeded",)]
    logged = shown(both, "sync", "activity")
    assert (logged["crm_activity taken in"], logged["logged, marketo"], logged["rejected, marketo"]) == (1, 1, 0)
    compared = applied.run("drift")
    assert [(e.check_name, e.passed) for e in compared.get_asset_check_evaluations()] == [("no_drift", True)]


def test_the_plan_alone_writes_nothing_whatever_the_settings_say(both: Deployment) -> None:
    both.clock.pass_seconds(60)
    assert both.run("cycle").success
    applied = replace(both, overrides={**both.overrides, "write_back": "apply"})
    job = applied.definitions.resolve_implicit_global_asset_job_def()
    done = job.execute_in_process(instance=both.instance, asset_selection=[dg.AssetKey(["sync", "plan"])])
    assert done.success
    assert shown(both, "sync", "plan")["create in Marketo"] == 1
    with both.lake() as lake:
        assert lake.rows("select count(*) from lake.sync.write_result") == [(0,)]
