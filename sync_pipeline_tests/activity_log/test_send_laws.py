"""Whatever is lost on the way, each activity is logged exactly once: random courses of failures and kills."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipeline.activity_log import send
from sync_pipeline.activity_log.follow import Source, candidate, follow
from sync_pipeline.activity_log.send import Entry, Sent
from sync_pipeline.connectors.errors import RejectedError, RetryableError, UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Verdict
from sync_pipeline.lake import Lake
from sync_pipeline.lake.sql import literal
from sync_pipeline.model import Object
from sync_pipeline_tests.mortal import KilledError

# `LAWS_EXAMPLES=2000 pytest ...` is the long run.
EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "20"))
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
OBJ = Object("marketo", "activity", "activity", "")
numbers = count()
Failure = Callable[["MemoryLog"], None]


@dataclass
class MemoryLog:
    """A log that shows what it took only `late` after, and fails as `fails` says at each call, in turn."""

    obj: Object = OBJ
    at: datetime = BEGIN
    late: timedelta = timedelta(0)
    logged: list[tuple[datetime, str]] = field(default_factory=list)
    fails: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def add(self, entries: Sequence[Entry]) -> list[Answer]:
        """Fail before, in the midst of, or after having logged the entries; or refuse them."""
        how = self.fails.pop(0) if self.fails else ""
        if how in ("dies before", "refuses all", "away", "lost before"):
            self._fail(how)
        if how == "rejects":
            return [Answer(Verdict.REJECTED, code="1004", message="Lead not found")] * len(entries)
        if how == "waits":
            return [Answer(Verdict.RETRY, code="713", message="later")] * len(entries)
        arriving = entries[: len(entries) // 2] if how == "half, then lost" else entries
        self.logged += [(self.at, entry.activity_id) for entry in arriving]
        if how == "half, then lost":
            told: list[Answer | None] = [None] * len(entries)
            raise UnknownOutcomeError("LOST", "the answer was lost", told)
        if how:
            self._fail(how)
        return [Answer(Verdict.ACCEPTED, str(number)) for number, _ in enumerate(entries)]

    def _fail(self, how: str) -> None:
        if how.startswith("dies"):
            raise KilledError
        if how.startswith("lost"):
            raise UnknownOutcomeError("LOST", "the answer was lost")
        raise (RetryableError if how == "away" else RejectedError)("NO", "not now")

    def arrived(self, entries: Sequence[Entry], others: Collection[str]) -> Mapping[str, str]:
        seen = {one for at, one in self.logged if at + self.late <= self.at}
        return {entry.activity_id: "found" for entry in entries if entry.activity_id in seen}


def queue(lake: Lake, source: str, many: int, at: datetime) -> None:
    """Let so many activities be due; each source has a side of its own, so that tests can share a lake."""
    chosen = candidate(
        key="'k' || range",
        person="'1'",
        happened_at=literal(at),
        event="'Sync Error'",
        attributes="map {}::map(varchar, varchar)",
    )
    query = f"select {chosen} from range({many})"
    with lake.transaction() as con:
        follow(con, Source(source, source, source, query), "fill", at)


def run(lake: Lake, log: MemoryLog, source: str) -> Sent:
    """One run of a step, as a process of its own would do it: it may die."""
    run_id, found = f"run{next(numbers)}", Sent()
    with suppress(KilledError, RetryableError):
        found = send.settle(lake, source, log, run_id)
        found += send.send(lake, source, log, run_id, [source])
    return found


HOW = ("", "dies before", "dies after", "lost before", "lost after", "half, then lost", "away", "refuses all", "waits")
events = st.one_of(
    st.builds(lambda many: ("queue", many), st.integers(1, 9)),
    st.builds(lambda how: ("run", how), st.sampled_from(HOW)),
    st.builds(lambda minutes: ("pass", minutes), st.sampled_from([1, 5, 70])),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(late=st.sampled_from([0, 3, 50]), course=st.lists(events, max_size=12))
def test_each_activity_is_logged_exactly_once(quick_lake: Lake, late: int, course: list[tuple[str, int | str]]) -> None:
    """SIA-ACT-8, GEN-16, MK-REST-11: the law of restart, for what a system takes twice if it is sent twice."""
    source, log = f"source{next(numbers)}", MemoryLog(late=timedelta(minutes=late))
    queued = 0
    for what, value in [("queue", 3), *course]:
        if what == "queue":
            queued = max(queued, int(value))
            queue(quick_lake, source, queued, log.at)
        elif what == "pass":
            log.at += timedelta(minutes=int(value))
        else:
            log.fails = [str(value)]
            run(quick_lake, log, source)
    log.fails = []
    for _ in range(2):
        log.at += send.SETTLES + timedelta(minutes=1)
        run(quick_lake, log, source)
    assert Counter(one for _, one in log.logged) == Counter(
        one for (one,) in quick_lake.rows(f"select activity_id from lake.sync.activity where source = '{source}'")
    )
    assert len(log.logged) == queued
    assert run(quick_lake, log, source) == Sent()


def test_what_is_rejected_is_on_record_and_sent_again_only_on_request(quick_lake: Lake) -> None:
    """OPS-7, OPS-17, OPS-19, OPS-20."""
    source, log = f"source{next(numbers)}", MemoryLog(fails=["rejects"])
    queue(quick_lake, source, 2, log.at)
    assert run(quick_lake, log, source) == Sent(rejected=2)
    assert run(quick_lake, log, source) == Sent()
    told = quick_lake.rows(
        "select distinct object, operation, record_id, code from lake.sync.error where code = '1004'"
    )
    assert told == [("activity", "Update activities", "1", "1004")]
    with quick_lake.transaction() as con:
        assert send.send_again(con, ["2"], log.at) == 0
        assert send.send_again(con, ["1"], log.at) == 2
    assert quick_lake.rows("select * from lake.sync.error where code = '1004' and resolved_at is null") == []
    assert run(quick_lake, log, source) == Sent(accepted=2)


def test_a_lost_answer_ends_the_run_and_is_told(quick_lake: Lake) -> None:
    """Law 10."""
    source, log = f"source{next(numbers)}", MemoryLog(fails=["lost after"], late=timedelta(minutes=3))
    queue(quick_lake, source, 2, log.at)
    assert run(quick_lake, log, source) == Sent(unsure=2, error="LOST: the answer was lost")
    assert run(quick_lake, log, source) == Sent(unsure=2)
    log.at += timedelta(minutes=5)
    assert run(quick_lake, log, source) == Sent(accepted=2)
