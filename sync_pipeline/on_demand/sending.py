"""Sending one write of a request once: a create whose answer was lost is found again, not repeated (GEN-16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sync_pipeline.connectors.errors import AmbiguousError, RetryableError, UnknownOutcomeError
from sync_pipeline.connectors.records import Answer, Blame, Operation, Record, Verdict
from sync_pipeline.connectors.writes import left_out
from sync_pipeline.lake import Lake
from sync_pipeline.model import Pairing
from sync_pipeline.on_demand import remember
from sync_pipeline.on_demand.journal import Entry, Journal, commit, sending
from sync_pipeline.on_demand.sides import Sides
from sync_pipeline.on_demand.steps import Step
from sync_pipeline.on_demand.writes import Write
from sync_pipeline.sync.delivery import unconfirmed_creates
from sync_pipeline.sync.delivery.outbox import AGAIN
from sync_pipeline.sync.delivery.unconfirmed_creates import STILL_RUNNING
from sync_pipeline.sync.sides import CRM

LOOKS = (0.0, 1.0, 2.0)  # seconds before each look for a record whose creation was not answered


@dataclass(frozen=True)
class Sent:
    """The write as it was sent last, what was said of it, and the fields that it was left without."""

    write: Write
    answer: Answer
    declined: Mapping[str, Blame] = field(default_factory=dict)


class Sender:
    """Sends the writes of one request, whose journal it keeps."""

    def __init__(self, lake: Lake, sides: Sides, journal: Journal, sleep: Callable[[float], None]) -> None:
        self._lake = lake
        self._sides = sides
        self._journal = journal
        self._sleep = sleep

    def send(self, step: Step, write: Write) -> Sent:
        """Send a write, and again without the fields that the system blames; return what it said of the last.

        A create that was sent before is looked for first.

        Raises:
            UnknownOutcomeError: what was to be created may still be; nothing is to be created again for a while.
            AmbiguousError: several records fit what was sent.
        """
        if write.operation is Operation.CREATE:
            if found := self._sent_before(step, write):
                sent = self._journal.sent.content if self._journal.sent else None
                left = [name for name in write.optional if isinstance(sent, Mapping) and name not in sent]
                return Sent(write.without(left), Answer(Verdict.ACCEPTED, found, created=True))
            if step is Step.CREATE and write.pairing:
                self._let_cycles_finish(write.pairing)
        declined: dict[str, Blame] = {}
        for _ in range(1 + AGAIN):
            answer = self._send_once(step, write)
            blamed = left_out(write.record.values, answer, write.record.values.keys() - write.optional)
            declined |= blamed
            rest = write.without(blamed)
            if not (blamed and rest.record.values):
                break
            write = rest
        return Sent(write, answer, declined)

    def _send_once(self, step: Step, write: Write) -> Answer:
        to = self._sides.crm if write.side == CRM else self._sides.marketo
        if write.operation is not Operation.CREATE:
            return to.write(write.obj, write.operation, [write.record])[0]
        note = sending(step, write.record.values, self._sides.crm.now())
        commit(self._lake, self._journal, lambda _: None, [note], self._sleep)
        try:
            return to.write(write.obj, write.operation, [write.record])[0]
        except UnknownOutcomeError:
            for wait in LOOKS:
                self._sleep(wait)
                if found := self._find(write, note):
                    return Answer(Verdict.ACCEPTED, found, created=True)
            raise

    def _let_cycles_finish(self, pairing: Pairing) -> None:
        mine = f"from ({unconfirmed_creates.under_way(pairing)}) where marketo_id = ?"
        if self._lake.rows(mine, [self._journal.marketo_id]):
            raise RetryableError("BUSY", "a cycle is creating the lead, as a member of a linked program needs it")

    def _sent_before(self, step: Step, write: Write) -> str | None:
        """Return what an interrupted try of this step created, None if it certainly created nothing.

        Raises:
            UnknownOutcomeError: the server may still be at work on it.
        """
        sent = self._journal.sent
        if sent is None or sent.step is not step:
            return None
        found = self._find(write, sent)
        if found is None and self._sides.crm.now() - sent.at < STILL_RUNNING:
            raise UnknownOutcomeError("UNKNOWN_OUTCOME", "what was sent may still be created; ask again in two minutes")
        return found

    def _find(self, write: Write, sent: Entry) -> str | None:
        """Look for what was created: of several that fit, the one that nothing else has made."""
        values = dict(sent.content) if isinstance(sent.content, Mapping) else {}
        by = [name for name in write.found_by if name in values]
        try:
            found = self._sides.crm.find(write.obj, Record(None, values), by, sent.at)
            ids = [found] if found else []
        except AmbiguousError as error:
            ids = list(error.ids)
        with self._lake.reading() as con:
            own = remember.unclaimed(con, ids)
        if len(own) > 1:
            raise AmbiguousError("SEVERAL_FOUND", f"several records fit what was sent: {', '.join(own)}", own)
        return own[0] if own else None
