"""A whole Veeva org through the same pipeline: every record and value arrives, and follows."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from sync_pipeline.assembly import declarations
from sync_pipeline.assembly.systems import Systems
from sync_pipeline.lake.sql import commas, quoted
from sync_pipeline.mirror import preflight
from sync_pipeline.mirror.preflight import Severity
from sync_pipeline.model import Object
from sync_pipeline.orchestration.resources import SyncResource
from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline.sandbox.salesforce.org import persons
from sync_pipeline.sandbox.salesforce.population.live import edit
from sync_pipeline.sandbox.salesforce.population.populate import populate, veeva_sizes
from sync_pipeline.settings import Settings
from sync_pipeline_tests.pipeline import differences, told
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.test_npsp import run_job

PEOPLE = 300
CUSTOM = "Address_vod__c,Call2_Detail_vod__c"  # one level from the account, and two


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def org(clock: Clock) -> Iterator[Org]:
    with Org.open(None, Schema.veeva(), clock) as org:
        populate(org, PEOPLE, 11)
        clock.pass_seconds(60)
        yield org


@pytest.fixture(scope="module")
def sandbox(org: Org) -> Iterator[Sandbox]:
    with Sandbox(org) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def sync(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> SyncResource:
    folder = tmp_path_factory.mktemp("veeva")
    return SyncResource(
        overrides={
            **{name.lower(): value for name, value in sandbox.env().items()},
            "lake_catalog": str(folder / "catalog.sqlite"),
            "lake_data": str(folder / "files"),
            "lake_landing": str(folder / "landing"),
            "sync_custom_objects": CUSTOM,
        }
    )


@pytest.fixture(scope="module")
def objects(sync: SyncResource) -> tuple[Object, ...]:
    return declarations.objects(sync.settings())


@pytest.fixture(scope="module")
def loaded(sync: SyncResource, objects: tuple[Object, ...]) -> SyncResource:
    """The first load, through Dagster."""
    assert run_job("cycle", sync, objects).success
    return sync


def test_every_record_and_value_of_a_veeva_org_arrives_through_dagster(
    loaded: SyncResource, org: Org, objects: tuple[Object, ...]
) -> None:
    """VV-GEN-2."""
    sizes = veeva_sizes(PEOPLE)
    with loaded.lake(read_only=True) as lake:
        for obj in objects:
            assert differences(org, lake, obj) == []
        for name, source in (("call", "Call2_vod__c"), ("call_key_message", "Call2_Key_Message_vod__c")):
            assert lake.rows(f"select count(*) from lake.veeva.{name}") == [(sizes[source],)]


def test_both_halves_of_a_person_are_in_one_row(loaded: SyncResource, org: Org) -> None:
    """VV-PA-2: what its contact holds is in the account's mirror, so no mirror of contacts is needed."""
    both = persons.pairs(org.schema["Account"].columns, org.schema["Contact"].columns)
    fields = {ours: theirs for ours, theirs in both.items() if ours.startswith("Person") or ours.endswith("__pc")}
    assert len(fields) > 30
    with loaded.lake(read_only=True) as lake, lake.reading() as con:
        con.register("half", told(org, "Contact", ["Id", "IsPersonAccount", *fields.values()]))
        differ = " or ".join(f"m.{quoted(a)} is distinct from h.{quoted(c)}" for a, c in fields.items())
        found = con.execute(
            f"select count(*), count(*) filter ({differ}), count(m.PersonEmail), count(m.mkto71_Lead_Score__pc)"
            " from lake.veeva.account m join half h on h.Id = m.PersonContactId where h.IsPersonAccount"
        ).fetchone()
    assert found is not None
    (people, different, *filled) = found
    assert (people, different) == (persons_of(org), 0)
    assert all(filled)


def persons_of(org: Org) -> int:
    with org.cursor() as cursor:
        (count,) = cursor.execute('select count(*) from "Account" where IsPersonAccount').fetchone() or (0,)
    return int(count)


def test_calls_lead_from_their_attendees_to_the_header_and_to_the_people(loaded: SyncResource) -> None:
    """VV-CALL-6: an analyst joins mirrors alone."""
    with loaded.lake(read_only=True) as lake:
        [(attendees, headers)] = lake.rows(
            "select count(*), count(distinct header.Id) from lake.veeva.call attendee "
            "join lake.veeva.call header on header.Id = attendee.Parent_Call_vod__c "
            "join lake.veeva.account person on person.Id = attendee.Account_vod__c "
            "where person.IsPersonAccount and attendee.Is_Parent_Call_vod__c = 0 and header.Is_Parent_Call_vod__c = 1"
        )
    calls = veeva_sizes(PEOPLE)["Call2_vod__c"]
    assert (attendees, headers) == (calls // 8 * 3, calls // 8)


def test_a_quiet_cycle_is_one_call_an_object(
    loaded: SyncResource, sandbox: Sandbox, clock: Clock, objects: tuple[Object, ...]
) -> None:
    """VV-GEN-2."""
    clock.pass_seconds(60)
    sandbox.log.clear()
    assert run_job("cycle", loaded, objects).success
    assert sandbox.log.count("*/query*") == len(objects)
    with loaded.lake(read_only=True) as lake:
        last = "(select run_id from lake.sync.run order by ended_at desc limit 1)"
        assert lake.rows(f"select sum(inserted + updated + deleted) from lake.sync.job where run_id = {last}") == [(0,)]


def test_nothing_of_what_is_refused_is_read(loaded: SyncResource, sandbox: Sandbox) -> None:
    """VV-GEN-5: the org has leads, contacts, opportunities and tasks, and the sync user sees them."""
    with loaded.lake(read_only=True) as lake:
        tables = {name for (name,) in lake.rows("select table_name from duckdb_tables() where schema_name = 'veeva'")}
    assert "account" in tables
    assert tables & {"lead", "contact", "opportunity", "campaign", "task", "event"} == set()


def test_the_mirror_follows_what_the_staff_does(
    loaded: SyncResource, org: Org, clock: Clock, objects: tuple[Object, ...]
) -> None:
    clock.pass_seconds(60)
    kinds = {(done.object, done.kind) for done in edit(org, 150, 4)}
    assert {("Contact", "updated"), ("Account", "merged"), ("Call2_vod__c", "deleted")} <= kinds
    clock.pass_seconds(60)
    assert run_job("cycle", loaded, objects).success
    with loaded.lake(read_only=True) as lake:
        assert [found for obj in objects for found in differences(org, lake, obj)] == []
        seen = {name for (name,) in lake.rows(f"select distinct _change from ({changes(objects)})")}
    assert seen >= {"insert", "update", "delete", "merge"}


def changes(objects: tuple[Object, ...]) -> str:
    tables = (f"select _change from lake.{commas(['.'.join(map(quoted, obj.changes_table))])}" for obj in objects)
    return " union all ".join(tables)


def test_no_sync_begins_before_the_professionals_are_chosen(sync: SyncResource) -> None:
    """VV-PA-1, SPEC 31 decision 31."""
    unset = Settings(**{**sync.overrides, "veeva_professional_types": ""})  # type: ignore[arg-type]
    assert declarations.undecided(unset).startswith("account: VEEVA_PROFESSIONAL_TYPES must name the record types")
    assert declarations.undecided(sync.settings()) == ""
    assert declarations.undecided(Settings(crm="salesforce")) == ""


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("", "the record types that take part are not chosen; the sync user sees Professional_vod, Business_"),
        ("Professional_vod, Profesional", "no record type is called Profesional; the sync user sees Professional_vod"),
    ],
)
def test_the_check_names_the_orgs_own_record_types(sync: SyncResource, chosen: str, said: str) -> None:
    given = Settings(**{**sync.overrides, "veeva_professional_types": chosen})  # type: ignore[arg-type]
    found = preflight.check(Systems(given).crm, declarations.objects(given))
    (error,) = (finding for finding in found.findings if finding.severity is Severity.ERROR)
    assert error.object == "account"
    assert error.message.startswith(said)


def test_the_check_tells_what_is_visible_and_refused(sync: SyncResource) -> None:
    """VV-GEN-5."""
    given = sync.settings()
    found = preflight.check(Systems(given).crm, declarations.objects(given))
    assert [f for f in found.findings if f.severity is Severity.ERROR] == []
    notes = {f.object: f.message for f in found.findings if f.severity is Severity.NOTE}
    assert notes.keys() >= {"Lead", "Contact", "Opportunity", "Campaign", "Task", "Event"}
    assert all(message.startswith("visible, but not synced: ") for message in notes.values())


def test_the_check_tells_what_veevas_set_up_asks_for_and_the_sync_user_has_not(sync: SyncResource, org: Org) -> None:
    """VV-CONN-2 and 3: a profile without Edit Tasks, calls that cannot be read, contacts not deleted, no account type.

    Nothing is asked for what the sync of Veeva never does, such as converting leads.
    """
    with org.cursor() as cursor:
        (access,) = cursor.execute('select Id from "UserPermissionAccess"').fetchone() or ("",)
    denied = dict.fromkeys(("PermissionsEditTask", "PermissionsConvertLeads"), False)
    contact = org.schema["Contact"].describe
    org.update("UserPermissionAccess", access, denied)
    org.hide_field("Account", "Type")
    contact |= {"deletable": False}
    given = sync.settings()
    try:
        found = preflight.check(Systems(given).crm, declarations.objects(given))
    finally:
        org.update("UserPermissionAccess", access, dict.fromkeys(denied, True))
        org.show_field("Account", "Type")
        contact |= {"deletable": True}
    said = [f"{f.object}: {f.message}" for f in found.findings if f.severity is not Severity.NOTE]
    assert "Summer '27" in said[0]  # who logs in by the legacy login is told first
    assert said[1:3] == [
        "veeva: the sync user has not the permission Edit Tasks: no task is made, and nothing logged as one",
        "veeva: the sync user may not delete records of Contact: such writes will be refused (CONN-5)",
    ]
    assert "account: fields not visible to the sync user: Type" in said
    assert not any("Convert" in one or "Lead" in one for one in said if one.startswith("veeva"))


def test_assets_are_those_of_veeva(sync: SyncResource, objects: tuple[Object, ...]) -> None:
    from sync_pipeline.orchestration.jobs import definitions

    graph = definitions(objects, sync.settings()).resolve_asset_graph()
    node = graph.get(dg.AssetKey(["veeva", "call"]))
    assert (node.group_name, node.kinds) == ("veeva", {"veeva", "duckdb", "parquet"})
