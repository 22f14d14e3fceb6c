"""What analytics engineers see: partitioned assets with metadata, red runs that say what was not done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg
import pytest

from sync_pipeline.orchestration.checks import COUNT, FROM_THE_LAKE
from sync_pipeline_tests.orchestration.conftest import FIRST_MONTH, Deployment, deployed

CONTACT, ACCOUNT = dg.AssetKey(["salesforce", "contact"]), dg.AssetKey(["salesforce", "account"])


def people(deployment: Deployment, count: int) -> list[str]:
    ids = deployment.org.insert("Contact", [{"LastName": f"Müller {n}"} for n in range(count)])
    deployment.clock.pass_seconds(60)
    return ids


def metadata(deployment: Deployment, key: dg.AssetKey) -> dict[str, object]:
    event = deployment.instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Give a deployment of three people after its first cycle, for tests that make no more and damage nothing."""
    with deployed(tmp_path_factory.mktemp("loaded")) as deployment:
        people(deployment, 3)
        assert deployment.run("cycle").success
        yield deployment


def test_the_first_cycle_fills_every_month_of_the_partition_bar(loaded: Deployment) -> None:
    months = loaded.definitions.resolve_job_def("cycle").partitions_def
    assert months is not None
    assert loaded.instance.get_materialized_partitions(CONTACT) == set(months.get_partition_keys())


def test_a_cycle_shows_counts_cost_and_columns(loaded: Deployment) -> None:
    with loaded.lake() as lake:
        [(contact,)] = lake.rows("select min(Id) from lake.salesforce.contact")
    loaded.org.update("Contact", contact, {"Title": "Leiterin"})
    loaded.clock.pass_seconds(60)
    assert loaded.run("cycle").success
    shown = metadata(loaded, CONTACT)
    assert (shown["updated"], shown["inserted"], shown["API calls"], shown["dagster/row_count"]) == (1, 0, 1, 3)
    schema = shown["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    column = next(c for c in schema.columns if c.name == "HasOptedOutOfEmail")
    assert (column.type, column.description) == ("BOOLEAN", "Email Opt Out (boolean)")


def test_an_object_that_cannot_be_read_leaves_the_others_done_and_the_run_red(deployment: Deployment) -> None:
    people(deployment, 2)
    deployment.org.hide_object("Campaign")
    result = deployment.run("cycle")
    assert not result.success
    failed = next(e for e in result.all_events if e.is_step_failure)
    assert "campaign" in str(failed.step_failure_data.user_failure_data)
    assert metadata(deployment, CONTACT)["inserted"] == 2
    assert deployment.instance.get_latest_materialization_event(dg.AssetKey(["salesforce", "campaign"])) is None


def test_an_object_that_cannot_be_read_is_red_itself_and_the_others_are_counted(deployment: Deployment) -> None:
    """Law 8, law 10: in the run that meets it, and by the checks alone afterwards."""
    people(deployment, 2)
    assert deployment.run("cycle").success
    campaign = dg.AssetKey(["salesforce", "campaign"])
    deployment.org.hide_object("Campaign")
    months = deployment.definitions.resolve_job_def("cycle").partitions_def
    assert months is not None
    job = deployment.definitions.resolve_implicit_global_asset_job_def()
    result = job.get_subset(asset_selection={CONTACT, campaign}).execute_in_process(
        instance=deployment.instance, raise_on_error=False, partition_key=months.get_last_partition_key()
    )
    assert not result.success
    seen = found(result.get_asset_check_evaluations())
    assert seen[CONTACT, "read"].passed
    assert (seen[campaign, "read"].passed, seen[campaign, "read"].severity) == (False, dg.AssetCheckSeverity.ERROR)
    for judged in (seen, judge(deployment, "counts")):
        assert (judged[CONTACT, COUNT].passed, judged[campaign, COUNT].passed) == (True, False)


def test_a_range_of_months_is_one_run_and_repairs_what_was_damaged(deployment: Deployment) -> None:
    ids = people(deployment, 4)
    deployment.run("cycle")
    overrides = deployment.overrides
    with deployment.sync.lake() as lake, lake.transaction() as con:
        con.execute("delete from lake.salesforce.contact where Id = ?", [ids[0]])
        con.execute("update lake.salesforce.contact set LastName = 'damaged' where Id = ?", [ids[1]])
    deployment.org.hard_delete("Contact", [ids[2]])
    months = deployment.definitions.resolve_job_def("cycle").partitions_def
    assert months is not None
    ends = {
        "dagster/asset_partition_range_start": FIRST_MONTH,
        "dagster/asset_partition_range_end": months.get_last_partition_key() or "",
    }
    job = deployment.definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=deployment.instance, asset_selection=[CONTACT], tags=ends, raise_on_error=False
    )
    assert result.success, overrides
    with deployment.lake() as lake:
        kept = dict(lake.rows("select Id, LastName from lake.salesforce.contact where _deleted_at is null"))
        assert kept == {ids[0]: "Müller 0", ids[1]: "Müller 1", ids[3]: "Müller 3"}
        assert lake.rows("select Id, IsDeleted from lake.salesforce.contact where _deleted_at is not null") == [
            (ids[2], False)
        ]


def test_hard_deletes_are_found_by_the_weekly_comparison(deployment: Deployment) -> None:
    ids = people(deployment, 12)
    deployment.run("cycle")
    deployment.org.hard_delete("Contact", [ids[5]])
    assert deployment.run("cycle").success
    with deployment.lake() as lake:
        assert lake.rows("select count(*) from lake.salesforce.contact where _deleted_at is not null") == [(0,)]
    assert deployment.run("reconcile").success
    with deployment.lake() as lake:
        found = lake.rows("select Id from lake.salesforce.contact where _deleted_at is not null")
    assert found == [(ids[5],)]


def test_the_checks_pass_on_a_clean_mirror_and_name_what_is_wrong(deployment: Deployment) -> None:
    people(deployment, 3)
    judged = judge(deployment, "cycle") | judge(deployment, "counts")
    assert {key: e.description for key, e in judged.items() if not e.passed} == {}
    assert {name for key, name in judged if key == CONTACT} == {*FROM_THE_LAKE, COUNT}
    deployment.org.hide_field("Contact", "Email")
    deployment.org.insert("Contact", [{"LastName": f"neu {n}"} for n in range(5)])
    deployment.overrides["sync_describe_seconds"] = "0"
    deployment.clock.pass_seconds(60)
    with deployment.sync.lake() as lake, lake.transaction() as con:
        con.execute("insert into lake.salesforce.contact from lake.salesforce.contact")
    judged = judge(deployment, "cycle") | judge(deployment, "counts")
    assert "Email" in (judged[CONTACT, "no_lost_fields"].description or "")
    assert not judged[CONTACT, "no_lost_fields"].passed
    assert not judged[CONTACT, "unique_key"].passed
    assert not judged[CONTACT, COUNT].passed
    assert judged[ACCOUNT, "unique_key"].passed


def test_checks_can_be_asked_for_alone(loaded: Deployment) -> None:
    calls = loaded.sandbox.log.count("*/query*")
    job = loaded.definitions.resolve_implicit_global_asset_job_def()
    key = dg.AssetCheckKey(CONTACT, "unique_key")
    result = job.get_subset(asset_selection=set(), asset_check_selection={key}).execute_in_process(
        instance=loaded.instance
    )
    [evaluation] = result.get_asset_check_evaluations()
    assert evaluation.passed
    assert loaded.sandbox.log.count("*/query*") == calls


def judge(deployment: Deployment, job: str) -> dict[tuple[dg.AssetKey, str], dg.AssetCheckEvaluation]:
    return found(deployment.run(job).get_asset_check_evaluations())


def found(some: Sequence[dg.AssetCheckEvaluation]) -> dict[tuple[dg.AssetKey, str], dg.AssetCheckEvaluation]:
    return {(e.asset_key, e.check_name): e for e in some}


def test_upkeep_is_an_asset_whose_metadata_tell_what_it_did(loaded: Deployment) -> None:
    assert loaded.run("tidy").success
    shown = metadata(loaded, dg.AssetKey(["sync", "lake_files"]))
    assert set(shown) >= {"files_before", "files_after", "snapshots_before", "snapshots_after"}
