"""What every connector must do, as one class of tests; each connector's tests inherit it and bring a system."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa
import pytest

from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.extract import Connector, Extract
from sync_pipeline.model import Object, Window

FIELDS = ("Id", "Name", "Description", "IsDeleted", "SystemModstamp")


class System(Protocol):
    """The system behind a connector, as a test needs it."""

    obj: Object
    connector: Connector

    def insert(self, name: str, description: str | None = None) -> str: ...

    def delete(self, record_id: str) -> None: ...

    def pass_seconds(self, seconds: float) -> None: ...

    def now(self) -> datetime: ...


def table(extract: Extract) -> pa.Table:
    return pa.Table.from_batches([batch for page in extract.pages() for batch in page.read()])


def values(extract: Extract, *names: str) -> list[tuple[str | None, ...]]:
    """Return the extracted values of these fields, in order; empty where no page came."""
    if not (batches := [batch for page in extract.pages() for batch in page.read()]):
        return []
    found = pa.Table.from_batches(batches).select(list(names)).to_pylist()
    return sorted(tuple(r[n] for n in names) for r in found)


class ConnectorContract(ABC):
    @pytest.fixture
    @abstractmethod
    def system(self) -> System: ...

    def window(self, system: System, start: datetime | None = None) -> Window:
        return Window(start, system.now() + timedelta(seconds=1))

    def test_values_come_as_text_and_an_empty_one_as_null(self, system: System) -> None:
        system.insert("NA", "a\nb ü")
        system.insert("null", None)
        extract = system.connector.extract(system.obj, FIELDS, self.window(system))
        assert extract.expected == 2
        assert values(extract, "Name", "Description", "IsDeleted") == [
            ("NA", "a\nb ü", "false"),
            ("null", None, "false"),
        ]
        assert set(table(extract).schema.types) == {pa.string()}
        assert tuple(table(extract).schema.names) == FIELDS

    def test_a_window_has_its_start_and_not_its_end(self, system: System) -> None:
        start = system.now()
        system.insert("at the start")
        system.pass_seconds(1)
        system.insert("at the end")
        window = Window(start, start + timedelta(seconds=1))
        extract = system.connector.extract(system.obj, FIELDS, window)
        assert (values(extract, "Name"), extract.expected) == ([("at the start",)], 1)

    def test_a_window_holds_deleted_records_too_and_the_living_are_told_apart(self, system: System) -> None:
        system.insert("alive")
        system.delete(system.insert("gone"))
        connector, obj = system.connector, system.obj
        told = values(connector.extract(obj, FIELDS, self.window(system)), "Name", "IsDeleted")
        assert told == [("alive", "false"), ("gone", "true")]
        assert values(connector.extract_alive(obj, ("Id", "Name")), "Name") == [("alive",)]
        assert connector.count(obj) == 1

    def test_records_are_found_by_id_deleted_or_not(self, system: System) -> None:
        wanted = [system.insert(f"{i}") for i in range(3)]
        system.delete(wanted[0])
        system.insert("other")
        nobody = wanted[0][:3] + "0" * 12 + "AAA"
        extract = system.connector.extract_ids(system.obj, FIELDS, [*wanted, nobody])
        assert values(extract, "Name") == [("0",), ("1",), ("2",)]

    def test_an_empty_window_has_no_pages(self, system: System) -> None:
        extract = system.connector.extract(system.obj, FIELDS, self.window(system))
        assert (list(extract.pages()), extract.expected) == ([], 0)

    def test_a_page_can_be_read_again(self, system: System) -> None:
        for i in range(5):
            system.insert(f"{i}")
        extract = system.connector.extract(system.obj, FIELDS, self.window(system))
        for page in extract.pages():
            assert pa.Table.from_batches(page.read()).equals(pa.Table.from_batches(page.read()))
        names = [page.name for page in extract.pages()]
        assert len(names) == len(set(names))

    def test_a_field_that_is_not_there_is_refused_by_name(self, system: System) -> None:
        system.insert("x")
        with pytest.raises(RejectedError, match="Shoe_Size__c") as refused:
            table(system.connector.extract(system.obj, (*FIELDS, "Shoe_Size__c"), self.window(system)))
        assert refused.value.code == "INVALID_FIELD"

    def test_an_object_that_is_not_there_is_refused(self, system: System) -> None:
        with pytest.raises(RejectedError):
            system.connector.describe("No_Such_Thing__c")

    def test_describe_tells_the_fields_and_their_types(self, system: System) -> None:
        described = system.connector.describe(system.obj.source)
        assert described.names >= set(FIELDS)
        assert [getattr(described.field(n), "type", None) for n in ("Id", "IsDeleted", "SystemModstamp")] == [
            "id",
            "boolean",
            "datetime",
        ]
        assert system.obj.source in system.connector.names()

    def test_a_result_that_is_not_known_cannot_be_resumed(self, system: System) -> None:
        assert system.connector.resume(system.obj, FIELDS, "") is None
        assert system.connector.resume(system.obj, FIELDS, "7505g00000000AAAAA") is None

    def test_a_metered_view_counts_its_own_calls(self, system: System) -> None:
        system.connector.describe(system.obj.source)
        view = system.connector.metered()
        assert view.usage().calls == 0
        view.describe(system.obj.source)
        before = system.connector.usage()
        assert view.usage().calls == 1
        assert system.connector.usage() == before

    def test_the_organization_has_one_long_id_and_the_time_is_utc(self, system: System) -> None:
        assert len(system.connector.organization_id()) == 18
        assert system.connector.organization_id() == system.connector.metered().organization_id()
        assert system.connector.now().utcoffset() == timedelta(0)
