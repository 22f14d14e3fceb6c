"""Courses of events in a system that is mirrored by cycles, some of which fail, or are killed: what all share."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from sync_pipeline.mirror import runs
from sync_pipeline.mirror.cycle import Cycle
from sync_pipeline.model import FAILED, SUCCEEDED, Object
from sync_pipeline_tests.mirrored import Mirrored
from sync_pipeline_tests.mortal import KilledError, Life

STANDING = ("late",)  # what hides a change for a while, until it is cleared
Happening = tuple[str, dict[str, Any]]
# What a kind of fault of every system needs to be told, or to be quick; the others come with their defaults.
SETTINGS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "status": {"status": st.sampled_from([429, 500, 502, 503])},
    "header": {
        "name": st.sampled_from(["Date", "Retry-After", "Content-Type", "Content-Encoding", "X-Request-Id"]),
        "value": st.sampled_from(["-0000", "9" * 30, "null", "text/html", "a\tb;", "Tue, 31 Feb 2026 25:61:00 GMT"]),
    },
    "slow": {"seconds": st.just(0.01)},
    "slow_job": {"seconds": st.just(0.01)},
    "drop": {"after_bytes": st.integers(0, 30_000)},
    "short_page": {"rows": st.integers(1, 3)},
}


def happening(name: str, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Happening]:
    """Draw the call of a course's method."""
    return st.tuples(st.just(name), st.fixed_dictionaries(given))


def faults(kind: str, settings: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Happening]:
    """Draw a fault; `settings` are what its kind needs to be told, or to be quick."""
    told = st.fixed_dictionaries(dict(settings))
    return happening("fault", kind=st.just(kind), times=st.integers(1, 8), skip=st.integers(0, 6), told=told)


def before() -> st.SearchStrategy[list[Happening]]:
    """Draw what goes before a run, as a whole: rules of their own would leave too few runs in a course."""
    return st.runner().flatmap(lambda course: st.lists(course.happenings, max_size=4))


def an_object() -> st.SearchStrategy[Object]:
    return st.runner().flatmap(lambda course: st.sampled_from(course.mirrored.objects))


class Course(RuleBasedStateMachine):
    """A course of events.

    Attributes:
        mirrored: the system.
        happenings: what may happen to it, of which it shall have the methods.
        drifted: fields, with their object's API name, of which a cycle brings only what is edited later.
        unshown: objects, by API name, of which something changed that no window shows.
    """

    mirrored: ClassVar[type[Mirrored]]
    happenings: ClassVar[st.SearchStrategy[Happening]]
    new_catalog: ClassVar[Path]

    @initialize(overlap=st.sampled_from([0, 30]), lag=st.sampled_from([0, 5]), loaded=st.booleans())
    def begin(self, overlap: int, lag: int, loaded: bool) -> None:
        self.pair = self.mirrored(self.new_catalog, timedelta(seconds=overlap), timedelta(seconds=lag))
        self.unseen_for = overlap + lag  # seconds that a record may stay unseen without being lost
        self.drifted: set[tuple[str, str]] = set()
        self.unshown: set[str] = set()
        self.late_until: datetime | None = None
        self.faulty = False
        self.ready()
        self.pass_seconds(lag + 1)
        if loaded:
            self.check(self.cycle_of(bulk=False))

    def ready(self) -> None:
        """The system is there; nothing has happened yet."""

    def teardown(self) -> None:
        if not hasattr(self, "pair"):
            return
        try:
            if sys.exception() is None:  # a course that broke off has told what is wrong
                self.end()
        finally:
            self.pair.close()

    def pass_seconds(self, seconds: int) -> None:
        self.pair.clock.pass_seconds(seconds)

    # What goes wrong on the way

    def fault(self, kind: str, times: int, skip: int, told: dict[str, Any]) -> None:
        if kind in STANDING:
            if not self.unseen_for:
                return  # without overlap and lag, what is late is lost: that is what they are for
            told = {"seconds": min(times * 5, self.unseen_for)}
        elif self.pair.sandbox.faults.kinds[kind].counts:
            told = {**told, "times": times, "skip": skip}
        self.pair.sandbox.faults.add(kind, **told)
        self.faulty = True
        event(f"fault {kind}")

    def clear(self) -> None:
        """All is well again, and the next day has come."""
        self.pair.sandbox.faults.clear()
        self.pair.new_day()
        self.late_until = self.pair.database.now()
        self.pair.new_process()
        self.faulty = False

    # The pipeline

    def cycle_of(self, bulk: bool, full: bool = False, life: Life | None = None) -> Cycle:
        return runs.sync(self.pair.source(bulk, life), self.pair.objects, full=full)

    def happen(self, before: list[Happening]) -> None:
        for name, given in before:
            getattr(self, name)(**given)

    @rule(before=before(), bulk=st.booleans(), full=st.sampled_from([False, False, False, True]))
    def cycle(self, before: list[Happening], bulk: bool, full: bool) -> None:
        self.happen(before)
        self.check(self.cycle_of(bulk, full))

    @rule(before=before(), bulk=st.booleans(), full=st.sampled_from([False, False, True]), calls=st.integers(0, 40))
    def killed_cycle(self, before: list[Happening], bulk: bool, full: bool, calls: int) -> None:
        self.happen(before)
        try:
            self.check(self.cycle_of(bulk, full, Life(calls)))
        except KilledError:
            event("killed")
            self.pair.new_process()

    @precondition(lambda self: not self.faulty)
    @rule(bulk=st.booleans(), obj=an_object())
    def cycle_that_one_object_refuses(self, bulk: bool, obj: Object) -> None:
        """Law 8: the others are done. What is read now and then only is due."""
        self.pass_seconds(int(obj.every.total_seconds()))
        done = self.cycle_of(bulk, life=Life(refuses=obj.source))
        self.check(done)
        assert [one.obj for one in done.done if one.status == FAILED] == [obj]

    @rule(before=before(), bulk=st.booleans())
    def compare(self, before: list[Happening], bulk: bool) -> None:
        self.happen(before)
        done = runs.compare_ids(self.pair.source(bulk), self.pair.objects)
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
            if done.obj.source not in self.unshown and not self.may_be_late(done.window.end):
                assert self.pair.differences(self.drifted, [done.obj], done.window.end) == []

    def may_be_late(self, end: datetime) -> bool:
        """Whether some record of a window that ends here may have been unseen when it was read."""
        kinds = {fault["kind"] for fault in self.pair.sandbox.faults.as_list()}
        return bool(kinds & {*STANDING, "same_stamp"}) or (self.late_until is not None and end <= self.late_until)

    def end(self) -> None:
        """Clean cycles bring everything but what no window shows; after that, nothing changes any more.

        The first one may go on with the window of one that broke off; the second brings what came since.
        """
        self.clear()
        for _ in range(2):
            self.pass_seconds(4_000)
            clean = self.cycle_of(bulk=False)
            assert (clean.status, clean.message) == (SUCCEEDED, "")
        shown = [obj for obj in self.pair.objects if obj.source not in self.unshown]
        assert self.pair.differences(self.drifted, shown, before=self.pair.database.now()) == []
        compared = runs.compare_ids(self.pair.source(), self.pair.objects)
        assert (compared.status, compared.message) == (SUCCEEDED, "")
        assert self.pair.differences(self.drifted, self.pair.objects) == []
        if self.drifted:
            full = self.cycle_of(bulk=True, full=True)
            assert (full.status, full.message) == (SUCCEEDED, "")
            assert self.pair.differences(self.lost_fields(), self.pair.objects) == []
        assert self.pair.open_errors() == []
        assert [one for obj in self.pair.objects for one in self.pair.undone(obj, self.drifted)] == []
        self.pass_seconds(4_000)
        before = self.pair.counts()
        again = self.cycle_of(bulk=False)
        assert (again.status, again.counts().read, again.counts().changed) == (SUCCEEDED, 0, 0)
        assert self.pair.counts() == before

    def lost_fields(self) -> set[tuple[str, str]]:
        """Return the drifted fields that no cycle can bring, however much it reads."""
        return self.drifted
