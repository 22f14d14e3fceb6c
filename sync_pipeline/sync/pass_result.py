"""What a pass came to for each pairing, and putting it on record: a run with its jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.ledger import Notice
from sync_pipeline.model import FAILED, INCOMPLETE, SUCCEEDED, Counts, Pairing, worst
from sync_pipeline.sync.delivery.outbox import Sent
from sync_pipeline.sync.planning.plan import Planned
from sync_pipeline.sync.sides import CRM, MARKETO


@dataclass(frozen=True)
class Synced:
    """What one pass came to for a pairing.

    Attributes:
        sent, spent: by side, what became of the writes, and the calls, bytes and seconds they took (LIM-4).
        error: why something was not done (law 10).
    """

    pairing: Pairing
    planned: Planned = field(default_factory=Planned)
    sent: Mapping[str, Sent] = field(default_factory=dict)
    spent: Mapping[str, Counts] = field(default_factory=dict)
    notices: Sequence[Notice] = ()
    error: str = ""

    @property
    def rejected(self) -> int:
        return sum(sent.rejected for sent in self.sent.values())

    @property
    def waiting(self) -> int:
        """Writes that the next pass tries again."""
        return sum(sent.retry for sent in self.sent.values())

    @property
    def refused(self) -> int:
        """Fields that were not written: refused before they were sent, or declined by the system."""
        return self.planned.refused + sum(sent.declined for sent in self.sent.values())

    @property
    def status(self) -> str:
        if self.error:
            return FAILED
        return INCOMPLETE if self.rejected or self.waiting or self.refused else SUCCEEDED

    @property
    def said(self) -> str:
        """What was not done; empty if all was."""
        if self.error:
            return f"{self.pairing.name}: {self.error}"
        numbers = {"rejected": self.rejected, "to be tried again": self.waiting, "fields refused": self.refused}
        told = ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)
        return f"{self.pairing.name}: {told}" if told else ""


def record(lake: Lake, run_id: str, done: Sequence[Synced], started: datetime, ended: datetime) -> str:
    """Put the pass on record as a run with a job per pairing and side (OPS-1 to 5); return its status.

    It is green only if everything was done: a refused or rejected write makes it incomplete (law 10).
    """
    status = worst(synced.status for synced in done)
    message = "; ".join(synced.said for synced in done if synced.said)
    with lake.transaction() as con:
        jobs = [job for synced in done for job in _jobs(run_id, synced, started, ended)]
        ledger.insert(con, "job", jobs)
        ledger.insert(con, "run", [(run_id, "two-way", started, ended, status, message)])
        for synced in done:
            ledger.add_new_notices(con, run_id, synced.pairing.crm, synced.notices, ended)
    return status


def _jobs(run_id: str, synced: Synced, started: datetime, ended: datetime) -> Iterator[tuple[object, ...]]:
    planned = synced.planned
    for side, sent in synced.sent.items():
        obj = synced.pairing.object(side)
        new = min(planned.creates, sent.accepted) if side == MARKETO else 0
        counts = Counts(
            read=planned.touched,
            inserted=new,
            updated=sent.accepted - new,
            skipped=planned.skipped,
            failed=sent.rejected + sent.declined + (planned.refused if side == CRM else 0),
        )
        counts += synced.spent[side]
        operation = "Push new" if new and new == sent.accepted else "Push updates"
        yield (
            run_id, obj.system, obj.name, operation, synced.status, started, ended, None, None,
            *counts.as_dict().values(), synced.said,
        )  # fmt: skip
