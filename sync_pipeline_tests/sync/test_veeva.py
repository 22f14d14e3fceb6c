"""Veeva's declared mappings in the two-way sync: who becomes what in Marketo, and who never does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sync_pipeline import catalog
from sync_pipeline.catalog import veeva
from sync_pipeline.connectors import answers
from sync_pipeline.connectors.extract import Usage
from sync_pipeline.connectors.writes import Answer, Operation, Record, Verdict
from sync_pipeline.lake import Lake, table
from sync_pipeline.lake.types import column_type
from sync_pipeline.mirror.merge import Merge, merge
from sync_pipeline.model import Describe, Direction, Field, Object, Pairing
from sync_pipeline.sandbox import Schema
from sync_pipeline.sandbox.schema import describe_object
from sync_pipeline.sync.cycle import Pass, Rules, Side, Synced
from sync_pipeline_tests.lake.conftest import lake, new_catalog
from sync_pipeline_tests.mirror.copies import Text, at, landed

__all__ = ["lake", "new_catalog"]

PROFESSIONAL, OFFICE, HOSPITAL = "012000000000001AAA", "012000000000002AAA", "012000000000003AAA"
ANN, BOB, CLINIC = "001000000000001AAA", "001000000000002AAA", "001000000000003AAA"
STAMP = "2026-01-01T00:00:00.000Z"
SCHEMA = Schema.veeva()


def described(source: str) -> Describe:
    fields = describe_object(SCHEMA, source, "62.0")["fields"]
    return Describe(source, tuple(answers.field(f) for f in fields if f["type"] not in ("address", "location")))


def of_marketo(name: str, key: str, crm: Object) -> tuple[Object, Describe]:
    """Return a Marketo object that holds all that Veeva's object is mapped to, as text."""
    names = dict.fromkeys(m.marketo for m in crm.mappings if m.on == name and m.marketo)
    fields = (Field("id", "string"), Field("updatedAt", "datetime"), Field(key, "string"))
    mapped = tuple(Field(marketo, "string") for marketo in names if marketo != key)
    return Object("marketo", name, name, "", key="id", stamp="updatedAt"), Describe(name, (*fields, *mapped))


class Taking:
    """A side that accepts whatever is written to it."""

    def now(self) -> datetime:
        return at(2)

    def usage(self) -> Usage:
        return Usage(0, 0)

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        return [Answer(Verdict.ACCEPTED, f"{obj.name} {record.values[key]}", created=True) for record in records]


class World:
    """The mirrors of a Veeva org and of an empty Marketo, and the pairings that Veeva's declarations make."""

    def __init__(self, lake: Lake, folder: Path) -> None:
        self.lake, self.folder = lake, folder
        self.pairings: list[Pairing] = []
        self.described: dict[tuple[str, str], Describe] = {}
        self.veeva = {obj.name: obj for obj in catalog.objects("veeva")}
        for obj in self.veeva.values():
            self._mirror(obj, described(obj.source))
        alive = veeva.is_professional(["Professional_vod"])
        self._pair("account", "company", "externalCompanyId", "account", alive)
        self._pair("account", "person", "externalPersonId", "person_account", alive)
        self._pair("call", "call", "veevaId", "call", "true")
        self._pair("call_key_message", "call_key_message", "veevaId", "call_key_message", "true")

    def _pair(self, name: str, on: str, key: str, called: str, alive: str) -> None:
        crm = self.veeva[name]
        marketo, told = of_marketo(on, key, crm)
        mappings = tuple(mapping for mapping in crm.mappings if mapping.on == on)
        self.pairings.append(Pairing(crm, marketo, key, mappings, alive, called))
        self._mirror(marketo, told)

    def _mirror(self, obj: Object, told: Describe) -> None:
        self.described[obj.system, obj.source] = told
        with self.lake.transaction() as con:
            table.create_mirror(con, obj, {field.name: column_type(field) for field in told.fields})

    def take(self, name: str, *records: Text) -> None:
        """Take records into a mirror of Veeva's."""
        obj = self.veeva[name]
        types = {field.name: column_type(field) for field in self.described["veeva", obj.source].fields}
        page = [{"SystemModstamp": STAMP, **record} for record in records]
        landing = landed(self.folder / name, obj, [page], list(types))
        with self.lake.transaction() as con:
            merge(con, Merge(obj, types, "read", at(1)), landing)

    def plan(self, sides: Mapping[str, Side] | None = None) -> dict[str, Synced]:
        done = Pass(self.lake, self.pairings, self.described, "run", Rules(), sides).run(at(2))
        return {synced.pairing.name: synced for synced in done}

    def written(self, pairing: str) -> dict[str, Mapping[str, Any]]:
        """Return what is planned to be written, by CRM id."""
        return dict(self.lake.rows(f"select crm_id, fields from lake.sync.outbox where pairing = '{pairing}'"))


@pytest.fixture
def world(lake: Lake, tmp_path: Path) -> World:
    world = World(lake, tmp_path / "landing")
    world.take(
        "record_type",
        *(
            {"Id": record, "DeveloperName": name, "SobjectType": "Account"}
            for record, name in ((PROFESSIONAL, "Professional_vod"), (OFFICE, "Office"), (HOSPITAL, "Hospital_vod"))
        ),
    )
    person = {"IsPersonAccount": "true", "IsDeleted": "false", "Type": "Prospect"}
    world.take(
        "account",
        {"Id": ANN, "RecordTypeId": PROFESSIONAL, "LastName": "Lee", "Name": "Ann Lee", "PersonEmail": "ann@x.example",
         "Phone": "+49 1", "Description": "Note", "Industry": "Biotechnology", **person},
        {"Id": BOB, "RecordTypeId": OFFICE, "LastName": "Roe", "Name": "Bob Roe", **person},
        {"Id": CLINIC, "RecordTypeId": HOSPITAL, "Name": "Clinic", "IsPersonAccount": "false", "IsDeleted": "false"},
    )  # fmt: skip
    return world


def test_a_professional_becomes_one_company_and_one_person_and_nobody_else_anything(world: World) -> None:
    """VV-PA-1, VV-PA-2, VV-GEN-5."""
    done = world.plan()
    assert (done["account"].planned.creates, done["person_account"].planned.creates) == (1, 1)
    assert world.written("account").keys() == world.written("person_account").keys() == {ANN}


def test_each_half_carries_its_own_fields_and_both_the_shared_ones(world: World) -> None:
    """VV-PA-4, VV-PA-13; SPEC 31, decision 32: the phone is the person's and, one-way, the company's."""
    world.plan()
    company, person = world.written("account")[ANN], world.written("person_account")[ANN]
    assert company.items() >= {"company": "Ann Lee", "mainPhone": "+49 1", "mktoCompanyNotes": "Note"}.items()
    assert person.items() >= {"lastName": "Lee", "email": "ann@x.example", "phone": "+49 1"}.items()
    assert person.items() >= {"mktoPersonNotes": "Note", "externalCompanyId": ANN, "isPersonAccount": "true"}.items()
    assert "industry" in company
    assert "industry" not in person


def test_a_call_goes_along_with_its_person_and_that_of_a_hospital_does_not_wait_for_one(world: World) -> None:
    """VV-CALL-6, VV-CALL-7: a business account will never be in Marketo, so nothing is parked for it."""
    calls = {"a03000000000001AAA": ANN, "a03000000000002AAA": CLINIC}
    world.take("call", *({"Id": c, "Account_vod__c": a, "Call_Date_vod__c": "2026-05-01"} for c, a in calls.items()))
    taking = Taking()
    world.plan({"crm": taking, "marketo": taking})
    assert world.lake.rows("select pairing, crm_id from lake.sync.pending") == []
    people = {call: fields.get("leadId") for call, fields in world.written("call").items()}
    assert people == {"a03000000000001AAA": ANN, "a03000000000002AAA": None}


def test_nothing_but_a_persons_contact_fields_is_ever_written_to_veeva(world: World) -> None:
    """VV-GEN-3."""
    both = {(p.name, m.crm) for p in world.pairings for m in p.mappings if m.direction is not Direction.CRM_TO_MARKETO}
    assert {pairing for pairing, _ in both} == {"person_account"}
    told = described("Account")
    assert all(field.updateable for _, name in both if (field := told.field(name)) is not None)
