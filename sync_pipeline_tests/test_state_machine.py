"""Whatever happens to an org and on the way to it, its mirror ends equal to it: laws 1, 4, 5, 6, 8 and 10.

A run of `SYNC_PIPELINE_COURSES=500` courses is the large one (docs/laws.md).
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from hypothesis import HealthCheck, event, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from sync_pipeline.mirror import runs
from sync_pipeline.mirror.cycle import Cycle
from sync_pipeline.model import FAILED, SUCCEEDED, Object
from sync_pipeline.sandbox.convert import Conversion, convert
from sync_pipeline.sandbox.faults import KINDS
from sync_pipeline_tests.mirrored import OBJECTS, Mirrored
from sync_pipeline_tests.mortal import KilledError, Life
from sync_pipeline_tests.sandbox.conftest import Client, log_in

COURSES = int(os.environ.get("SYNC_PIPELINE_COURSES", "2"))
STEPS = 5
MERGED = ("Account", "Contact", "Lead")
EDITED = (*MERGED, "Thing__c")
# What a kind of fault needs to be told, or to be quick; kinds that are not named here come with their defaults.
SETTINGS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "status": {"status": st.sampled_from([429, 500, 502, 503])},
    "error": {"code": st.sampled_from(["QUERY_TIMEOUT", "UNKNOWN_EXCEPTION", "INVALID_SESSION_ID"])},
    "slow": {"seconds": st.just(0.01)},
    "slow_job": {"seconds": st.just(0.01)},
    "drop": {"after_bytes": st.integers(0, 30_000)},
    "short_page": {"rows": st.integers(1, 3)},
    "quota": {"calls": st.integers(0, 6)},
    "field_gone": {"field": st.just("Spare__c")},
    "field_new": {"field": st.just("Extra__c")},
}
STANDING = ("late",)  # in force until it is cleared; there is nothing to count
DRIFTING = {"field_gone": {("Thing__c", "Spare__c")}, "field_new": {(source, "Extra__c") for source in EDITED}}
EDITS = st.tuples(
    st.sampled_from(["create", "update", "touch", "delete", "undelete", "delete for good", "merge", "convert"]),
    st.sampled_from(EDITED),
    st.integers(0, 30),  # which record
    st.sampled_from([1, 1, 3, 250]),  # how many
    st.sampled_from(["x", None, "NA", "null", 'a "b"\nc', "Ü" * 40, "0", "true", "é\t"]),
)
SOURCE, WHICH = st.sampled_from(EDITED), st.integers(0, 30)
DRIFTS = st.sampled_from(["string", "double", "boolean", "dropped", "hidden", "shown", "wider", "wider"])


def happening(name: str, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(name), st.fixed_dictionaries(given))


def faults(kind: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    told = st.fixed_dictionaries(SETTINGS.get(kind, {}))
    return happening("fault", kind=st.just(kind), times=st.integers(1, 8), skip=st.integers(0, 6), told=told)


# What goes before a run, drawn as a whole: rules of their own would leave too few runs in a course.
HAPPENINGS = st.lists(
    st.one_of(
        happening("edit", edits=st.lists(EDITS, min_size=1, max_size=3)),
        happening("edit", edits=st.lists(EDITS, min_size=1, max_size=3)),
        happening("update_by_rest", which=WHICH, source=SOURCE),
        happening("pass_seconds", seconds=st.sampled_from([1, 1, 2, 5, 40, 700, 8_000])),
        happening("drift", kind=DRIFTS, source=SOURCE, which=WHICH),
        st.sampled_from(sorted(KINDS)).flatmap(faults),
        happening("clear"),
    ),
    max_size=4,
)
WIDER = {"int": "double", "double": "string"}


class Course(RuleBasedStateMachine):
    """A course of events in an org that is mirrored by cycles, some of which fail, or are killed."""

    new_catalog: Path

    @initialize(overlap=st.sampled_from([0, 30]), lag=st.sampled_from([0, 5]), loaded=st.booleans())
    def begin(self, overlap: int, lag: int, loaded: bool) -> None:
        self.pair = Mirrored(self.new_catalog, timedelta(seconds=overlap), timedelta(seconds=lag))
        self.org = self.pair.org
        self.unseen_for = overlap + lag  # seconds that a record may stay unseen without being lost
        self.drifted: set[tuple[str, str]] = set()  # of these a cycle brings only what is edited later
        self.late_until: datetime | None = None
        self.faulty = False
        self.client: Client = log_in(self.pair.sandbox)
        self.fields = iter(range(1000))
        self.pass_seconds(lag + 1)
        if loaded:
            self.check(self.cycle_of(bulk=False))

    def teardown(self) -> None:
        if not hasattr(self, "pair"):
            return
        try:
            if sys.exception() is None:  # a course that broke off has told what is wrong
                self.end()
        finally:
            self.pair.close()

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
                self.org.insert(source, [{**({"Company": "Co"} if source == "Lead" else {}), **named(source, value)}])
            elif kind == "update":
                field = {"Thing__c": "Note__c", "Account": "Phone"}.get(source, "Email")
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
                self.merge(source if source in MERGED else "Account", which)
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
                self.client.send("PATCH", f"sobjects/{source}/{record}", json=named(source, f"rest {which}"))
            except requests.RequestException as error:
                note(f"refused: {type(error).__name__}")

    def pass_seconds(self, seconds: int) -> None:
        self.pair.clock.pass_seconds(seconds)

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
        if kind in STANDING:
            if not self.unseen_for:
                return  # without overlap and lag, what is late is lost: that is what they are for
            told = {"seconds": min(times * 5, self.unseen_for)}
        else:
            told = {**told, "times": times, "skip": skip}
        self.pair.sandbox.faults.add(kind, **told)
        self.drifted |= DRIFTING.get(kind, set())
        self.faulty = True
        if kind == "same_stamp":  # stamps that lie long back are lost, so the writes that it is for come at once
            for _ in range(times + skip):
                self.org.insert("Account", [{"Name": "same"}])
        event(f"fault {kind}")

    def clear(self) -> None:
        """All is well again, and the next day has come."""
        self.pair.sandbox.faults.clear()
        self.pair.sandbox.sessions.new_day()
        self.late_until = self.org.now()
        self.pair.new_process()
        self.client = log_in(self.pair.sandbox)
        self.faulty = False

    # The pipeline

    def cycle_of(self, bulk: bool, full: bool = False, life: Life | None = None) -> Cycle:
        return runs.sync(self.pair.source(bulk, life), OBJECTS, full=full)

    def happen(self, before: list[tuple[str, dict[str, Any]]]) -> None:
        for name, given in before:
            getattr(self, name)(**given)

    @rule(before=HAPPENINGS, bulk=st.booleans(), full=st.sampled_from([False, False, False, True]))
    def cycle(self, before: list[Any], bulk: bool, full: bool) -> None:
        self.happen(before)
        self.check(self.cycle_of(bulk, full))

    @rule(before=HAPPENINGS, bulk=st.booleans(), full=st.sampled_from([False, False, True]), calls=st.integers(0, 40))
    def killed_cycle(self, before: list[Any], bulk: bool, full: bool, calls: int) -> None:
        self.happen(before)
        try:
            self.check(self.cycle_of(bulk, full, Life(calls)))
        except KilledError:
            event("killed")
            self.pair.new_process()

    @precondition(lambda self: not self.faulty)
    @rule(bulk=st.booleans(), obj=st.sampled_from(OBJECTS))
    def cycle_that_one_object_refuses(self, bulk: bool, obj: Object) -> None:
        """Law 8: the others are done."""
        done = self.cycle_of(bulk, life=Life(refuses=obj.source))
        self.check(done)
        assert [one.obj for one in done.done if one.status == FAILED] == [obj]

    @rule(before=HAPPENINGS, bulk=st.booleans())
    def compare(self, before: list[Any], bulk: bool) -> None:
        self.happen(before)
        done = runs.compare_ids(self.pair.source(bulk), OBJECTS)
        assert (done.status == SUCCEEDED) or done.message

    def check(self, cycle: Cycle) -> None:
        """What was not done is said, and its watermark waits; what was done is in the mirror (laws 6, 8, 10)."""
        marks = self.pair.watermarks()
        event(f"cycle {cycle.status}")
        assert (cycle.message == "") == (cycle.status == SUCCEEDED)
        for done in cycle.done:
            if done.status == FAILED or done.window is None:
                assert done.error
                continue
            assert marks[done.obj.name] >= done.window.end
            if not self.may_be_late(done.window.end):
                assert self.pair.differences(self.drifted, [done.obj], done.window.end) == []

    def may_be_late(self, end: datetime) -> bool:
        """Whether some record of a window that ends here may have been unseen when it was read."""
        kinds = {fault["kind"] for fault in self.pair.sandbox.faults.as_list()}
        return bool(kinds & {*STANDING, "same_stamp"}) or (self.late_until is not None and end <= self.late_until)

    def end(self) -> None:
        """A clean cycle brings everything but what no window shows; after that, nothing changes any more."""
        self.clear()
        self.pass_seconds(4_000)
        first = self.cycle_of(bulk=False)
        assert (first.status, first.message) == (SUCCEEDED, "")
        assert self.pair.differences(self.drifted, before=self.org.now()) == []
        compared = runs.compare_ids(self.pair.source(), OBJECTS)
        assert (compared.status, compared.message) == (SUCCEEDED, "")
        assert self.pair.differences(self.drifted) == []
        if self.drifted:
            full = self.cycle_of(bulk=True, full=True)
            assert (full.status, full.message) == (SUCCEEDED, "")
            assert self.pair.differences(self.gone_fields()) == []
        assert self.pair.open_errors() == []
        assert [one for obj in OBJECTS for one in self.pair.undone(obj, self.drifted)] == []
        self.pass_seconds(4_000)
        before = self.pair.counts()
        again = self.cycle_of(bulk=False)
        assert (again.status, again.counts().read, again.counts().changed) == (SUCCEEDED, 0, 0)
        assert self.pair.counts() == before

    def gone_fields(self) -> set[tuple[str, str]]:
        """Fields that the sync user can no longer read."""
        seen = {
            (source, name)
            for source in EDITED
            for name in set(self.org.schema[source].fields) - self.org.hidden_fields(source, self.org.user_id)
        }
        return self.drifted - seen


def named(source: str, name: str | None) -> dict[str, str]:
    return {"LastName" if source in ("Contact", "Lead") else "Name": name or "nobody"}


def test_whatever_happens_the_mirror_ends_equal_to_the_org(new_catalog: Path) -> None:
    class ThisCourse(Course):
        pass

    ThisCourse.new_catalog = new_catalog
    run_state_machine_as_test(
        ThisCourse,
        settings=settings(
            max_examples=COURSES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
