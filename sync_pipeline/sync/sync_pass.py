"""One pass of the two-way sync over all pairings: decide, store, and where it is asked for, write and remember.

Reading comes before it (`mirror`), and does not depend on it: one system's outage never blocks the other's mirror.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Protocol

import duckdb

from sync_pipeline import faults
from sync_pipeline.catalog.views import custom_object_event
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.connectors.extract import Usage
from sync_pipeline.connectors.writes import Writer
from sync_pipeline.lake import Lake, LakeError, ledger, views
from sync_pipeline.lake.ledger import Notice
from sync_pipeline.model import Counts, Describe, Pairing
from sync_pipeline.sync.changed import is_quiet, marks
from sync_pipeline.sync.decision import adopt, crm_creates, recover_creates
from sync_pipeline.sync.decision.decide import decide
from sync_pipeline.sync.decision.spelling import AUTHOR
from sync_pipeline.sync.delivery import outbox
from sync_pipeline.sync.delivery.outbox import Sent
from sync_pipeline.sync.fitting import Fitting
from sync_pipeline.sync.identity import links
from sync_pipeline.sync.identity.succession import Settling, settle
from sync_pipeline.sync.mapping import history
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.mapping.custom_objects import UnfitError
from sync_pipeline.sync.pass_result import Synced
from sync_pipeline.sync.planning import brakes, limits, person_partitions, plan
from sync_pipeline.sync.planning.limits import RefusedError
from sync_pipeline.sync.planning.plan import Planned
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.sync.request import DecisionRequest
from sync_pipeline.sync.sides import CRM, MARKETO


class Side(Writer, Protocol):
    """A system that can be written to.

    `now` is its own clock, `usage` the calls it has been sent, and `author` the id under which its records name us as
    who changed them last, empty where they name nobody.
    """

    def now(self) -> datetime: ...

    def usage(self) -> Usage: ...

    def author(self) -> str: ...


@dataclass
class Pass:
    """One pass over `pairings`, in the order in which their records depend on one another (MK-REST-2).

    Attributes:
        sides: the systems to write to; None to plan only.
        described: what the systems say of their objects, by (system, source).
    """

    lake: Lake
    pairings: Sequence[Pairing]
    described: Mapping[tuple[str, str], Describe]
    run_id: str
    policy: SyncPolicy
    sides: Mapping[str, Side] | None = None
    _failed: dict[str, str] = field(default_factory=dict, init=False)  # pairings that cannot be decided, and why
    _unsent: set[str] = field(default_factory=set, init=False)  # pairings of which a side was out of reach
    _stopped: set[str] = field(default_factory=set, init=False)  # pairings that a limit stopped in this pass

    @cached_property
    def fitting(self) -> Fitting:
        return Fitting(self.lake, self.pairings, self.described, self.policy)

    def run(self, now: datetime) -> list[Synced]:
        """Decide on every pairing and write Marketo's side, parents first; then write the CRM's.

        A pairing that fails does not keep the others from being done (law 8).
        """
        with self.lake.transaction() as con:
            outbox.take_back(con, self.pairings, self.run_id, now)
        self._failed = self._settle(now)
        done: list[Synced] = []
        for pairing in self.pairings:
            done.append(self._to_marketo(pairing, [synced.pairing for synced in done], now))
        self._show_events([synced.pairing for synced in done])
        done = [self._to_crm(synced) for synced in done]
        self._release_used()
        return done

    def _settle(self, now: datetime) -> dict[str, str]:
        """Settle the links; return the pairings that nothing can be decided of, and why."""
        limits, released = self.policy.limits, self._released
        errors = settle(self.lake, Settling(self.fitting.mirrored, self.run_id, now, limits, released))
        for name, error in errors.items():
            if isinstance(error, RefusedError):
                self._stop(name, error, now)
        failed = {name: str(error) for name, error in errors.items()}
        for pairing in self.pairings:
            # What came of a lead that is not settled would be taken for a stranger, and become a second person.
            if pairing.becomes and pairing.name in errors:
                waits = f"waits for {pairing.name}, whose records may have turned into it"
                failed.setdefault(pairing.becomes[0], waits)
        return failed

    @cached_property
    def _released(self) -> brakes.Released:
        with self.lake.reading() as con:
            return brakes.released(con)

    def _stop(self, name: str, error: RefusedError, now: datetime) -> None:
        self._stopped.add(name)
        with self.lake.transaction() as con:
            brakes.note(con, name, error.excesses, self.run_id, now)

    def _release_used(self) -> None:
        """Forget what was stopped before and has been done now, or no longer comes up.

        What an outage kept from being sent is decided anew by the next pass, under the same release.
        """
        if self.sides and (done := self._released.keys() - self._stopped - self._failed.keys() - self._unsent):
            with self.lake.transaction() as con:
                brakes.clear(con, done)

    def _show_events(self, pairings: Sequence[Pairing]) -> None:
        """Make the views of what happens to custom objects, whose lookups were found in this pass (SF-CO-9)."""
        if shown := [custom_object_event(p) for p in pairings if p.custom and p.mappings]:
            with self.lake.transaction() as con:
                views.refresh(con, shown)

    def _to_marketo(self, pairing: Pairing, before: Sequence[Pairing], now: datetime) -> Synced:
        if obstacle := self.fitting.obstacle(pairing):
            return Synced(pairing, error=obstacle)
        if pairing.name in self._failed:
            return Synced(pairing, error=self._failed[pairing.name])
        notices: list[Notice] = []
        try:
            pairing = self.fitting.fitted(pairing, before)
            pairing, unfit = self._chosen(pairing, now)
            fields, notices = self.fitting.fields(pairing)
            notices = [*notices, *unfit]
            if misfit := person_partitions.misfit(self.policy.partitions, pairing, fields):
                return Synced(pairing, notices=notices, error=misfit)
            planned, misfits = self._decide(pairing, fields, now)
        except UnfitError as error:
            return Synced(pairing, notices=notices, error=str(error))
        except RefusedError as error:
            self._stop(pairing.name, error, now)
            return Synced(pairing, notices=notices, error=str(error))
        except (LakeError, duckdb.Error) as error:
            self._failed[pairing.name] = str(error)
            return Synced(pairing, notices=notices, error=str(error))
        except Exception as error:
            self._failed[pairing.name] = faults.noted(error, pairing.name)
            return Synced(pairing, notices=notices, error=self._failed[pairing.name])
        return self._send(Synced(pairing, planned, notices=notices, error="; ".join(misfits)), MARKETO, fields)

    def _chosen(self, pairing: Pairing, now: datetime) -> tuple[Pairing, list[Notice]]:
        """Begin and end what was chosen of a pairing's mappings; nothing is asked where nothing ever was."""
        if pairing.name not in self._ever_chosen and not any(mapping.chosen for mapping in pairing.mappings):
            return pairing, []
        return history.settle(self.lake, pairing, *self.fitting.describes(pairing), self.run_id, now)

    @cached_property
    def _ever_chosen(self) -> set[str]:
        with self.lake.reading() as con:
            return history.known(con)

    def _to_crm(self, synced: Synced) -> Synced:
        if not synced.planned.to_crm:
            return synced
        return self._send(synced, CRM, self.fitting.fields(synced.pairing)[0])

    def requests(self) -> Iterator[DecisionRequest]:
        """Yield what is asked about each pairing that is mirrored on both sides, and fits."""
        before: list[Pairing] = []
        for pairing in self.fitting.mirrored:
            try:
                with self.lake.reading() as con:
                    before.append(history.in_force(con, self.fitting.fitted(pairing, before)))
            except UnfitError:
                continue
            yield self._request(before[-1], self.fitting.fields(before[-1])[0])

    def _request(self, pairing: Pairing, fields: Sequence[Compared]) -> DecisionRequest:
        by_name = {p.name: p for p in self.fitting.mirrored if p.name not in self._failed}
        unread = [p.name for p in self.pairings if p.name not in by_name]
        return DecisionRequest(
            pairing,
            fields,
            self.run_id,
            self.policy,
            by_name,
            unread=unread,
            author=self._author if self.fitting.describes(pairing)[0].field(AUTHOR) else "",
        )

    @cached_property
    def _author(self) -> str:
        """Who writes to the CRM for us; empty where nothing is written, and where the CRM does not say."""
        with suppress(ConnectorError):
            return self.sides[CRM].author() if self.sides else ""
        return ""

    def _decide(self, pairing: Pairing, fields: Sequence[Compared], now: datetime) -> tuple[Planned, list[str]]:
        """Return what is planned, and what keeps given pairs from being linked or the plan from being carried out.

        Raises:
            RefusedError: the plan exceeds a limit, so that all stays as it was; a mere plan is shown all the same.
        """
        request, fed_by = self._request(pairing, fields), self.fitting.fed_by.get(pairing.name, {})
        if self.sides and (moved := [field for field in fields if fed_by.get(field.name) != field.fed_by]):
            with self.lake.reading() as con:  # before anything that was agreed on is forgotten
                self._draft(con, request)
            with self.lake.transaction() as con:
                links.remap(con, pairing, moved, now)
        with self.lake.reading() as con:
            pairs = adopt.unlinked(con, request)
            misfits = [f"{pair}: {misfit}" for pair, misfit in pairs.items() if misfit]
            quiet = is_quiet(con, pairing, marks(con)) and not crm_creates.are_there(con, request)
            if quiet and len(misfits) == len(pairs):
                return Planned(), misfits
        with self.lake.transaction() as con:
            recover_creates.find(con, request, now)
            adopt.adopt(con, request, now)
        try:
            with self.lake.transaction() as con:
                planned, stop = self._draft(con, request)
                plan.store(con, request, now, applied=self.sides is not None)
                if self.sides is None:
                    adopt.forget(con, request)
        except RefusedError:
            with self.lake.transaction() as con:
                adopt.forget(con, request)
            raise
        if stop:
            self._stop(pairing.name, stop, now)
        return planned, [*misfits, *([str(stop)] if stop else [])]

    def _draft(self, con: duckdb.DuckDBPyConnection, request: DecisionRequest) -> tuple[Planned, RefusedError | None]:
        """Decide and draft; a limit that is exceeded stops all but a mere plan."""
        decide(con, request)
        planned, name = plan.draft(con, request), request.pairing.name
        excesses = limits.exceeded(con, request, planned, self._released.get(name, {}))
        stop = RefusedError(request.pairing, excesses) if excesses else None
        if stop and self.sides:
            raise stop
        return planned, stop

    def _send(self, synced: Synced, side: str, fields: Sequence[Compared]) -> Synced:
        if self.sides is None:
            return synced
        to, error = self.sides[side], synced.error
        sent, before, start = Sent(), to.usage(), time.monotonic()
        try:
            sent = outbox.send(self.lake, synced.pairing, side, fields, to, self.run_id, to.now, self.fitting.mirrored)
        except (ConnectorError, LakeError, duckdb.Error) as failed:
            self._unsent.add(synced.pairing.name)
            error = f"{error}; {side}: {failed}" if error else f"{side}: {failed}"
        except Exception as failed:
            self._unsent.add(synced.pairing.name)
            said = faults.noted(failed, f"{synced.pairing.name} in {side}")
            error = f"{error}; {side}: {said}" if error else f"{side}: {said}"
        used = to.usage()
        spent = Counts(
            calls=used.calls - before.calls,
            bytes=used.bytes - before.bytes,
            seconds=round(time.monotonic() - start, 3),
        )
        return replace(synced, sent={**synced.sent, side: sent}, spent={**synced.spent, side: spent}, error=error)


def describes(lake: Lake, systems: Sequence[str]) -> dict[tuple[str, str], Describe]:
    """Return what the systems last said of their objects, as the mirrors remember it."""
    with lake.reading() as con:
        told = {system: ledger.remembered_describes(con, system) for system in systems}
    return {(system, source): found[0] for system, some in told.items() for source, found in some.items()}
