"""What may happen in an org that is mirrored, of Salesforce or of Veeva."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import requests
from hypothesis import note
from hypothesis import strategies as st

from sync_pipeline.sandbox.salesforce.faults import KINDS
from sync_pipeline.sandbox.salesforce.rules.convert import Conversion, convert
from sync_pipeline_tests import courses
from sync_pipeline_tests.courses import Course, Happening, faults, happening
from sync_pipeline_tests.mirrored_org import CALL, MESSAGE, MirroredOrg, MirroredVeeva
from sync_pipeline_tests.sandbox.conftest import Client, log_in

SETTINGS: dict[str, dict[str, st.SearchStrategy[Any]]] = courses.SETTINGS | {
    "error": {"code": st.sampled_from(["QUERY_TIMEOUT", "UNKNOWN_EXCEPTION", "INVALID_SESSION_ID"])},
    "quota": {"calls": st.integers(0, 6)},
    "field_gone": {"field": st.just("Spare__c")},
    "field_new": {"field": st.just("Extra__c")},
}
KINDS_OF_EDITS = ["create", "update", "touch", "delete", "undelete", "delete for good", "merge", "convert"]
DRIFTS = st.sampled_from(["string", "double", "boolean", "dropped", "hidden", "shown", "wider", "wider"])


def of(edited: Collection[str]) -> st.SearchStrategy[Happening]:
    """Draw what may happen to records of these objects, and to all."""
    source, which = st.sampled_from(sorted(edited)), st.integers(0, 30)
    edits = st.tuples(
        st.sampled_from(KINDS_OF_EDITS),
        source,
        which,
        st.sampled_from([1, 1, 3, 250]),  # how many
        st.sampled_from(["x", None, "NA", "null", 'a "b"\nc', "Ü" * 40, "0", "true", "é\t"]),
    )
    return st.one_of(
        happening("edit", edits=st.lists(edits, min_size=1, max_size=3)),
        happening("edit", edits=st.lists(edits, min_size=1, max_size=3)),
        happening("update_by_rest", which=which, source=source),
        happening("pass_seconds", seconds=st.sampled_from([1, 1, 2, 5, 40, 700, 8_000])),
        happening("drift", kind=DRIFTS, source=source, which=which),
        st.sampled_from(sorted(KINDS)).flatmap(lambda kind: faults(kind, SETTINGS.get(kind, {}))),
        happening("clear"),
    )


WIDER = {"int": "double", "double": "string"}


class OrgCourse(Course):
    """A course of edits, merges, conversions and changes of the schema.

    Attributes:
        edited: the objects whose records are edited, each with a field for it, and the one that a client edits.
        merged: those whose records can be merged.
    """

    mirrored = MirroredOrg
    edited: ClassVar[Mapping[str, tuple[str, str]]] = {
        "Account": ("Phone", "Name"),
        "Contact": ("Email", "LastName"),
        "Lead": ("Email", "LastName"),
        "Thing__c": ("Note__c", "Name"),
    }
    merged: ClassVar[tuple[str, ...]] = ("Account", "Contact", "Lead")
    happenings = of(edited)
    pair: MirroredOrg

    def ready(self) -> None:
        self.org = self.pair.org
        self.client: Client = log_in(self.pair.sandbox)
        self.fields = iter(range(1000))

    # What happens in the org

    def records(self, source: str, condition: str = "true") -> list[str]:
        with self.org.cursor() as cursor:
            found = cursor.execute(f'select Id from "{source}" where {condition} order by Id').fetchall()
        return [record for (record,) in found]

    def some(self, source: str, which: int, count: int = 1, condition: str = "not IsDeleted") -> list[str]:
        """Return up to `count` neighbours of those that meet the condition."""
        found = self.records(source, condition)
        start = which % len(found) if found else 0
        return found[start : start + count]

    def edit(self, edits: list[tuple[str, str, int, int, str | None]]) -> None:
        """Some edits of one moment, of some neighbouring records each."""
        for kind, source, which, count, value in edits:
            if kind == "create":
                self.org.insert(source, [{**self.given(source, which), **self.named(source, value)}])
            elif kind == "update":
                field, _ = self.edited[source]
                found = self.some(source, which, count, "true")
                self.org.change(source, {record: {field: value} for record in found}, {})
            elif kind == "touch":
                self.org.touch(source, self.some(source, which, count, "true"))
            elif kind == "delete":
                self.org.delete(source, self.some(source, which, min(count, 2)))
            elif kind == "undelete":
                self.org.undelete(source, self.some(source, which, condition="IsDeleted"))
            elif kind == "delete for good":
                self.org.hard_delete(source, self.some(source, which, condition="true"))
            elif kind == "merge":
                self.merge(source if source in self.merged else "Account", which)
            else:
                self.convert(which, into_account=count == 1)

    def merge(self, source: str, which: int) -> None:
        winner, *losers = self.some(source, which, 3) or [""]
        if losers:
            self.org.merge(source, winner, losers)

    def convert(self, which: int, into_account: bool) -> None:
        account = next(iter(self.some("Account", which)), None) if into_account else None
        for lead in self.some("Lead", which, condition="not IsDeleted and not IsConverted"):
            convert(self.org, Conversion(lead, "Closed - Converted", account, without_opportunity=True))

    def update_by_rest(self, which: int, source: str) -> None:
        """A client's edit, which the org may refuse: then nothing has happened."""
        for record in self.some(source, which):
            try:
                self.client.send("PATCH", f"sobjects/{source}/{record}", json=self.named(source, f"rest {which}"))
            except requests.RequestException as error:
                note(f"refused: {type(error).__name__}")

    # Its schema

    def drift(self, kind: str, source: str, which: int) -> None:
        if kind == "dropped" and "Spare__c" in self.org.schema["Thing__c"].fields:
            self.org.drop_field("Thing__c", "Spare__c")
            self.drifted.add(("Thing__c", "Spare__c"))
        elif kind in ("hidden", "shown") and source in ("Account", "Lead"):
            (self.org.hide_field if kind == "hidden" else self.org.show_field)(source, "Phone")
            self.drifted.add((source, "Phone"))
        elif kind == "wider":
            self.widen_field(which)
        elif kind in ("string", "double", "boolean"):
            name = f"New{next(self.fields)}__c"
            self.org.add_field(source, {"name": name, "type": kind})
            self.drifted.add((source, name))

    def widen_field(self, which: int) -> None:
        """A field gets a wider type, and a record a value that only fits that."""
        wider = WIDER.get(self.org.schema["Thing__c"].fields["Count__c"]["type"])
        if wider:
            self.org.retype_field("Thing__c", "Count__c", wider)
            value = {"double": 2.5, "string": "lots"}[wider]
            self.drifted.add(("Thing__c", "Count__c"))
            self.org.change("Thing__c", {r: {"Count__c": value} for r in self.some("Thing__c", which)}, {})

    # What goes wrong on the way

    def fault(self, kind: str, times: int, skip: int, told: dict[str, Any]) -> None:
        super().fault(kind, times, skip, told)
        if kind == "field_gone":
            self.drifted.add(("Thing__c", "Spare__c"))
        elif kind == "field_new":
            self.drifted |= {(source, "Extra__c") for source in self.edited}
        if kind == "same_stamp":  # stamps that lie long back are lost, so the writes that it is for come at once
            for _ in range(times + skip):
                self.org.insert("Account", [{"Name": "same"}])

    def clear(self) -> None:
        super().clear()
        self.client = log_in(self.pair.sandbox)

    def lost_fields(self) -> set[tuple[str, str]]:
        """Fields that the sync user can no longer read."""
        seen = {
            (source, name)
            for source in self.edited
            for name in set(self.org.schema[source].fields) - self.org.hidden_fields(source, self.org.user_id)
        }
        return self.drifted - seen

    def given(self, source: str, which: int) -> dict[str, str]:
        """Return what a new record needs besides its name."""
        return {"Company": "Co"} if source == "Lead" else {}

    def named(self, source: str, name: str | None) -> dict[str, str]:
        return {self.edited[source][1]: name or "nobody"}


class VeevaCourse(OrgCourse):
    """The same with person accounts, one or the other of whose halves is edited, calls, and what was said in them."""

    mirrored = MirroredVeeva
    edited: ClassVar[Mapping[str, tuple[str, str]]] = {
        "Account": ("Phone", "LastName"),
        CALL: ("Next_Call_Notes_vod__c", "Next_Call_Notes_vod__c"),
        MESSAGE: ("Key_Message_Name_vod__c", "Key_Message_Name_vod__c"),
        "Thing__c": ("Note__c", "Name"),
    }
    merged = ("Account",)
    happenings = of(edited)

    def convert(self, which: int, into_account: bool) -> None:
        """Nobody is converted (VV-PA-8); instead the contact in a person account is edited."""
        for contact in self.some("Contact", which, condition="not IsDeleted and IsPersonAccount"):
            self.org.change("Contact", {contact: {"Email": f"c{which}@x.example"}}, {})

    def given(self, source: str, which: int) -> dict[str, str]:
        to, field = {CALL: ("Account", "Account_vod__c"), MESSAGE: (CALL, "Call2_vod__c")}.get(source, ("", ""))
        parents = self.some(to, which) if to else []
        return {field: parents[0]} if parents else {}
