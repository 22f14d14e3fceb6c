"""A Veeva org and a Marketo subscription in their sandboxes, through both real connectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from sync_pipeline import catalog
from sync_pipeline.assembly import runs, systems
from sync_pipeline.catalog import veeva
from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.lake import Lake
from sync_pipeline.model import SUCCEEDED
from sync_pipeline.sandbox import Schema
from sync_pipeline.sandbox.marketo import Subscription
from sync_pipeline.sandbox.marketo.population.veeva import CALL, MESSAGE, set_up
from sync_pipeline.sandbox.marketo.records import custom_objects
from sync_pipeline.sandbox.marketo.records.fields import Field
from sync_pipeline.settings import Settings
from sync_pipeline_tests.sandbox.conftest import Clock
from sync_pipeline_tests.sync.test_systems import Both

FLAG, TYPE = "crmDeleted", "Professional_vod"
CUSTOM = {"Address_vod__c": "addressVod_c", "Call2_Detail_vod__c": "call2DetailVod_c"}


def add_object(subscription: Subscription, name: str, link: Mapping[str, str], field: str) -> None:
    """Add a custom object as a marketer would, with one field besides key and link."""
    custom_objects.create(subscription, name, name, f"{name}s", None)
    fields: list[Mapping[str, object]] = [
        {"name": "veevaId", "displayName": "Veeva Id", "dataType": "string", "isDedupeField": True},
        {"name": "belongsTo", "displayName": "Belongs To", "dataType": "link", "relatedTo": link},
        {"name": field, "displayName": field, "dataType": "string"},
    ]
    custom_objects.add_fields(subscription, name, fields)
    custom_objects.approve(subscription, name)


@pytest.fixture
def both(real_lake: Lake, tmp_path: Path) -> Iterator[Both]:
    kept = veeva.Kept(Clock().at.date())
    people = catalog.veeva_pairings([TYPE], (CALL, MESSAGE), kept, deleted_field=FLAG)
    custom = catalog.custom_pairings(CUSTOM, CUSTOM.values(), "veeva")
    with ExitStack() as opened:
        both = Both(opened, real_lake, tmp_path / "landing", (*people, *custom), Schema.veeva(), [veeva.RECORD_TYPE])
        subscription = both.system.subscription
        set_up(subscription)
        subscription.add_fields("lead", [Field(FLAG, "Veeva is Deleted", "boolean", subscription.next_field_id())])
        add_object(subscription, CUSTOM["Address_vod__c"], {"name": "lead", "field": "id"}, "cityVod")
        add_object(subscription, CUSTOM["Call2_Detail_vod__c"], {"name": CALL, "field": "veevaId"}, "typeVod")
        yield both


def test_a_person_account_lives_on_both_sides_with_its_calls_and_custom_objects(both: Both) -> None:
    """VV-GEN-3, VV-GEN-4 and 6, VV-PA-2 and 5, VV-PA-12, VV-PA-14 to 16, VV-CALL-1, VV-CALL-5 and 7, VV-CO-1 and 2.

    Users: VV-USER-1. What Veeva refuses is in the person's log, and no activity of Veeva's is synced: VV-TASK-2.
    """
    org, rows = both.org, both.system.subscription.rows
    mail = "seller@crm.example"
    (seller,) = org.insert("User", [{"LastName": "Seller", "Email": mail, "Username": mail}])
    ann, twin = org.insert("Account", [{"LastName": name, "OwnerId": seller} for name in ("Lee", "Li")])
    (clinic,) = org.insert("Account", [{"Name": "Clinic"}])
    today = both.clock.at.date()
    (call, _) = org.insert(
        "Call2_vod__c",
        [{"Account_vod__c": one, "Call_Date_vod__c": today, "Status_vod__c": "Saved_vod"} for one in (twin, clinic)],
    )
    (message,) = org.insert("Call2_Key_Message_vod__c", [{"Call2_vod__c": call, "Reaction_vod__c": "Positive"}])
    (address,) = org.insert("Address_vod__c", [{"Account_vod__c": ann, "City_vod__c": "Ulm"}])
    (detail,) = org.insert("Call2_Detail_vod__c", [{"Call2_vod__c": call, "Type_vod__c": "Paid_Detail_vod"}])
    done = both.cycle()
    assert {name: synced.said for name, synced in done.items()} == dict.fromkeys(done, "")

    assert {row["externalCompanyId"] for row in rows("from company")} == {ann, twin}
    person, other = both.person(ann)["id"], both.person(twin)["id"]
    assert (both.person(ann)["externalSalesPersonId"], both.person(ann)["isPersonAccount"]) == (seller, True)
    told = rows(f'select "veevaId", "leadId", "callDate", "callStatus", "isParentCall" from "{CALL}"')
    assert [tuple(row.values()) for row in told] == [(call, other, today, "Saved_vod", 1)]
    told = rows(f'select "veevaId", "callId", reaction from "{MESSAGE}"')
    assert [tuple(row.values()) for row in told] == [(message, call, "Positive")]
    has_call = "select marketo_id, call_id, in_marketo from lake.people.call where status = 'Saved_vod' and is_parent"
    assert both.lake.rows(has_call) == [(str(other), call, True)]
    has_message = "select marketo_id, call_id, call_key_message_id, in_marketo from lake.people.call_key_message"
    assert both.lake.rows(f"{has_message} where reaction = 'Positive'") == [(str(other), call, message, True)]
    assert both.lake.rows(f"{has_message} where reaction = 'Negative'") == []
    (row,) = rows(f'select "veevaId", "belongsTo", "cityVod" from "{CUSTOM["Address_vod__c"]}"')
    assert tuple(row.values()) == (address, person, "Ulm")
    (row,) = rows(f'select "veevaId", "belongsTo" from "{CUSTOM["Call2_Detail_vod__c"]}"')
    assert tuple(row.values()) == (detail, call)

    org.rules.validate("Account", lambda record: "6" in (record.get("Phone") or ""), "No sixes, please")
    both.cycle()
    both.system.update(person, phone="666", title="Dr")
    org.update("Account", ann, {"PersonTitle": "Professor"})
    done = both.cycle()
    assert done["person_account"].rejected == 1
    refused = "select message from lake.sync.error where record_id = ? and resolved_at is null"
    assert both.lake.rows(refused, [ann]) == [("No sixes, please",)]
    assert both.person(ann)["title"] == "Professor"

    both.system.marketo.make_activity_types(ACTIVITY_TYPES)
    env = {**both.sandbox.env(), **both.system.sandbox.env()}
    settings = Settings(_env_file=None, **{name.lower(): value for name, value in env.items()})  # type: ignore[arg-type]
    status, _ = runs.log_activities(settings, both.lake, systems.Systems(settings, both.lake))
    logged = rows('select "leadId", "primaryAttributeValue" as what from activity where "activityTypeId" > 100000')
    assert (status, [tuple(row.values()) for row in logged]) == (SUCCEEDED, [(person, "Sync Error")])
    with org.cursor() as cursor:
        assert cursor.execute('from "Task"').fetchall() == []

    org.merge("Account", ann, [twin])
    both.clock.pass_seconds(timedelta(hours=1).total_seconds())  # custom objects of Marketo are read hourly
    for _ in range(2):
        both.cycle()
    assert not rows("from lead where id = ?", [other])
    assert [row["leadId"] for row in rows(f'from "{CALL}"')] == [person]

    org.delete("Account", [ann])
    both.cycle()
    assert both.person(ann)[FLAG] is True
