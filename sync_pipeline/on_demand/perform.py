"""Carrying out what was asked for: at once, while a cycle runs or is switched off (GEN-7, GEN-8), once (GEN-16).

A request never holds the lake while it waits for a system: it writes in short transactions of its own, before
something is sent and after. Two requests about one person take turns (DEDUP-6).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sync_pipeline import faults
from sync_pipeline.connectors.errors import AmbiguousError, ConnectorError, RejectedError
from sync_pipeline.identifiers import IdentifierError
from sync_pipeline.lake import Lake, LakeError, LakeInUseError, ledger
from sync_pipeline.model import FAILED, SUCCEEDED, Counts, Pairing
from sync_pipeline.on_demand.actions import Outcome, Request, RequestError, Status, request_from_json
from sync_pipeline.on_demand.journal import Journal, closed, commit, half_done
from sync_pipeline.on_demand.lookups import UnknownNameError
from sync_pipeline.on_demand.person import People, PersonError
from sync_pipeline.on_demand.running import Running
from sync_pipeline.on_demand.sides import Sides
from sync_pipeline.sync.policy import SyncPolicy

LANES = 64  # people who share a lane wait for one another; each lane is a lock file
WAIT_SECONDS = 60.0
OBJECT = "flow"  # under which the calls of requests are on record


@dataclass(frozen=True)
class Rules:
    """What an operator may choose.

    Attributes:
        defaults: by field of a new lead, what stands in for an empty value, on the first push only (CONN-18).
        doubles: whether a contact that is sent to a queue becomes a second lead, as in the original (decision 19).
        sync: what is chosen for the cycles, which holds here too.
    """

    defaults: dict[str, str] = field(default_factory=dict)
    doubles: bool = False
    sync: SyncPolicy = field(default_factory=SyncPolicy)


class Flow:
    """The flow actions of one lake's two systems; safe to share between threads."""

    def __init__(
        self,
        lake: Lake,
        sides: Sides,
        pairings: Iterable[Pairing],
        rules: Rules | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make them; nothing is sent before the first request.

        Args:
            pairings: those of contacts and of leads; others are left aside.
        """
        self._lake = lake
        self._sides = sides
        self._rules = rules or Rules()
        self._pairings = tuple(pairings)
        self._sleep = sleep

    def run(self, request: Request, wait_seconds: float = WAIT_SECONDS) -> Outcome:
        """Carry out a request, or the rest of one that was interrupted; the same request again gets the same answer.

        An outcome that is not `final` asks for the same request again: a system is out of reach or busy, or may still
        be at work on what was sent. What an interrupted request has begun, the next cycle finishes (`settle`).
        """
        journal = self._journal(request)
        if journal.is_another:
            said = "this request id was used for another request"
            return Outcome(request.id, Status.FAILED, code="REQUEST_ID_USED", message=said)
        if journal.outcome:
            return journal.outcome
        sides, started = self._sides.metered(), self._sides.crm.now()
        outcome = self._run(request, journal, sides, wait_seconds)
        self._note_calls(outcome, request, sides, started)
        return outcome

    def _run(self, request: Request, journal: Journal, sides: Sides, wait_seconds: float) -> Outcome:
        people = People(self._lake, sides, self._pairings, self._rules.sync)
        try:
            journal.marketo_id = journal.marketo_id or people.marketo_id(request.person)
            lane = f"person-{int(journal.marketo_id) % LANES:02d}"
            with self._lake.one_at_a_time(lane, wait_seconds):
                return self._in_lane(request, journal.marketo_id, people, sides)
        except (PersonError, UnknownNameError, RejectedError, AmbiguousError) as error:
            return self._failed(request, journal.marketo_id, error.code, error.message)
        except IdentifierError as error:  # an id that a system or the lake names
            return self._failed(request, journal.marketo_id, "UNREADABLE_ID", str(error))
        except ConnectorError as error:
            return self._put_off(request, journal.marketo_id, error.code, error.message)
        except LakeInUseError:
            return self._put_off(request, journal.marketo_id, "BUSY", "another request about this person is under way")
        except LakeError as error:
            return self._put_off(request, journal.marketo_id, "LAKE", str(error))
        except Exception as error:
            said = faults.noted(error, f"flow {request.action}")
            return self._put_off(request, journal.marketo_id, faults.UNFORESEEN, said)

    def settle(self) -> list[Outcome]:
        """Finish the requests that were interrupted half-way, for a cycle to begin with; those under way are left."""
        outcomes = []
        for request_id, asked in unsettled(self._lake):
            try:
                outcomes.append(self.run(request_from_json(request_id, asked), wait_seconds=0))
            except RequestError as error:  # worded by an older version, which took what is not one person
                outcomes.append(Outcome(request_id, Status.FAILED, code="UNREADABLE_REQUEST", message=str(error)))
        return outcomes

    def _journal(self, request: Request) -> Journal:
        with self._lake.reading() as con:
            return Journal.read(con, request)

    def _in_lane(self, request: Request, marketo_id: str, people: People, sides: Sides) -> Outcome:
        journal = self._journal(request)  # somebody may have carried it out while this one waited
        journal.marketo_id = marketo_id
        running = Running(self._lake, sides, people, journal, self._rules.defaults, self._sleep)
        return journal.outcome or running.finish(self._rules.doubles)

    def _failed(self, request: Request, marketo_id: str, code: str, message: str) -> Outcome:
        journal = self._journal(request)
        journal.marketo_id = marketo_id
        outcome = Outcome(request.id, Status.FAILED, marketo_id, journal.crm_id, journal.record_id, code, message)
        commit(self._lake, journal, lambda _: None, [closed(outcome, self._sides.crm.now())], self._sleep)
        return outcome

    def _put_off(self, request: Request, marketo_id: str, code: str, message: str) -> Outcome:
        crm_id = self._journal(request).crm_id
        return Outcome(request.id, Status.FAILED, marketo_id, crm_id, None, code, message, final=False)

    def _note_calls(self, outcome: Outcome, request: Request, sides: Sides, started: datetime) -> None:
        """Put on record what a request cost of the day's calls, as a job of each system (LIM-4)."""
        ended, pairing = sides.crm.now(), self._pairings[0]
        status = FAILED if outcome.status is Status.FAILED else SUCCEEDED
        jobs = [
            (
                request.id, pairing.object(side).system, OBJECT, request.action, status, started, ended, None, None,
                *Counts(calls=calls, seconds=(ended - started).total_seconds()).as_dict().values(), outcome.code,
            )
            for side, calls in sides.calls().items()
        ]  # fmt: skip
        commit(self._lake, Journal(request), lambda con: ledger.insert(con, "job", jobs), [], self._sleep)


def unsettled(lake: Lake) -> list[tuple[str, str]]:
    """Return id and wording of the requests that were interrupted half-way, or are under way."""
    with lake.reading() as con:
        return half_done(con)
