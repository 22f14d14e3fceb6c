"""One request under way: what is decided, sent and remembered, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import duckdb

from sync_pipeline.catalog import flow_actions as names
from sync_pipeline.catalog import salesforce
from sync_pipeline.connectors.errors import RejectedError, RetryableError, UnknownOutcomeError
from sync_pipeline.connectors.records import Operation, Verdict
from sync_pipeline.connectors.salesforce.convert import Converted
from sync_pipeline.identifiers import CrmId
from sync_pipeline.lake import Lake
from sync_pipeline.on_demand import fresh, lookups, remember, steps, tokens
from sync_pipeline.on_demand.actions import Outcome, Status
from sync_pipeline.on_demand.fresh import Values
from sync_pipeline.on_demand.journal import OTHERS, Entry, Journal, closed, commit, made, planned, sending
from sync_pipeline.on_demand.person import People
from sync_pipeline.on_demand.sending import LOOKS, Sender
from sync_pipeline.on_demand.sides import Conversion, Sides
from sync_pipeline.on_demand.steps import Facts, Is, Member, Step, To
from sync_pipeline.on_demand.writes import Work, write_of

Connection = duckdb.DuckDBPyConnection
# Steps before which the plan need not be on record: repeated from the start they come to the same.
WAITING = (Step.CREATE, Step.DOUBLE, Step.PUSH, Step.ASSIGN, Step.TASK, Step.JOIN, Step.MOVE, Step.CONVERT)
VALUED = (Step.CREATE, Step.DOUBLE, Step.PUSH)  # steps that write what the person is
# Words for what is gone already where it was to be deleted: the CRM's, and Marketo's.
GONE = ("ENTITY_IS_DELETED", "1004")


class Running:
    """Carries one request on from where its journal ends; whoever makes one holds the person's lane."""

    def __init__(
        self,
        lake: Lake,
        sides: Sides,
        people: People,
        journal: Journal,
        defaults: Mapping[str, str],
        sleep: Callable[[float], None],
    ) -> None:
        self._lake = lake
        self._sides = sides
        self._people = people
        self._journal = journal
        self._defaults = defaults
        self._sleep = sleep
        self._request = journal.request
        self._sender = Sender(lake, sides, journal, sleep)

    def finish(self, doubles: bool) -> Outcome:
        """Do what is left to do and return what came of it.

        Raises:
            ConnectorError: a system is out of reach, busy, or its answer to a create was lost.
            PersonError, UnknownNameError: nobody, or nothing, is called that.
        """
        described = self._people.described(self._people.person)
        labels = {f.label.lower(): f.name for f in described.fields if f.label}
        texts = [self._request.text("subject"), self._request.text("description")]
        self._extra = tokens.fields(texts, labels)
        person = self._people.read(self._journal.marketo_id, self._extra)
        self._work = Work(
            self._request, person, self._people.lead, Values(), self._now(), defaults=self._defaults, labels=labels
        )
        if outcome := self._plan(doubles):
            return outcome
        for step in (self._journal.steps or ())[len(self._journal.over) :]:
            if outcome := self._convert() if step is Step.CONVERT else self._do(step):
                return outcome
        return self._journal.outcome or self._close(Status.DONE)

    # Deciding

    def _plan(self, doubles: bool) -> Outcome | None:
        """Look up what the request names, and store a plan unless there is one; return why there is nothing to do."""
        kind, member = self._look_up()
        if self._journal.steps is not None:
            return None
        person, request = self._work.person, self._request
        with self._lake.reading() as con:
            linked = bool(request.text("program")) and lookups.is_linked(con, request.text("program"))
        everywhere, veeva = request.flag("everywhere"), self._people.is_veeva
        facts = Facts(person.state, kind, member, everywhere, doubles, not linked, veeva)
        case = steps.case(request.action, facts)
        if Step.CREATE in case.steps and (known := self._people.alike(person)):
            self._work = replace(self._work, person=known)
            self._commit(lambda con: remember.recognised(con, self._work, self._now()))
            return self._plan(doubles)
        if not case.steps:
            return self._close(case.status, case.code, case.because)

        def end_link(con: Connection) -> None:
            if person.ended and Step.CREATE in case.steps:  # what is created becomes another link (DEL-2)
                remember.end(con, self._work, self._now())

        # Who dies before the first write has done nothing, so a plan to create waits for what is sent of it.
        self._journal.plan(planned(case.steps, self._now()))
        if person.ended or case.steps[0] not in WAITING:
            self._commit(end_link)
        return None

    def _look_up(self) -> tuple[To, Member]:
        with self._lake.reading() as con:
            kind, owner = lookups.owner(con, self._request.text("owner"), self._people.lead.crm.system)
            name = "" if self._people.is_veeva else self._request.text("campaign")
            campaign = lookups.campaign(con, name) if name else ""
        member, status = self._membership(campaign) if campaign else ("", None)
        self._work = replace(self._work, owner=owner, campaign=campaign, member=member)
        if not member:
            return kind, Member.NO
        return kind, Member.SAME if status == self._request.text("status") else Member.YES

    def _membership(self, campaign: str) -> tuple[str, str | None]:
        """Return id and status of the person's membership in a campaign; an empty id if there is none."""
        person = self._work.person
        if person.pairing is None or person.crm_id is None:
            return "", None
        obj, by = salesforce.CAMPAIGN_MEMBER, names.MEMBER_PERSON[person.pairing.crm.name]
        fields = (obj.key, names.MEMBER_CAMPAIGN, names.MEMBER_STATUS, obj.deleted, by)
        found = fresh.read(self._sides.org, obj, fields, CrmId(person.crm_id), by).to_pylist()
        living = (one for one in found if one[obj.deleted] != "true" and one[names.MEMBER_CAMPAIGN] == campaign)
        return next(((one[obj.key], one[names.MEMBER_STATUS]) for one in living), ("", None))

    # Doing

    def _do(self, step: Step) -> Outcome | None:
        self._prepare(step)
        write = write_of(step, self._work)
        if write is None:
            return self._close(Status.SKIPPED, "NOTHING_DIFFERS", self._refusals() or "both sides agree already")
        if missing := [f"{name} ({code})" for name, code in self._work.values.refused if name in self._needed(step)]:
            return self._close(Status.FAILED, "NOT_CREATED", f"Salesforce needs of a new record: {', '.join(missing)}")
        whole, sent = write, self._sender.send(step, write)
        write, answer = sent.write, sent.answer
        if answer.verdict is Verdict.RETRY:
            raise RetryableError(answer.code, answer.message)
        if answer.verdict is Verdict.REJECTED and not (write.operation is Operation.DELETE and answer.code in GONE):

            def refuse(con: Connection) -> None:
                remember.answered(con, self._work, write, answer, self._now())
                remember.declined(con, self._work, whole, sent.declined, self._now())

            self._commit(refuse)
            return self._close(Status.FAILED, answer.code, answer.message)
        done = replace(answer, verdict=Verdict.ACCEPTED, id=answer.id or write.record.id)
        told = tuple((name, blame.code) for name, blame in sent.declined.items())
        self._work = replace(self._work, values=replace(self._work.values, refused=(*self._work.values.refused, *told)))
        before = self._work
        if step is Step.CREATE:
            person = replace(before.person, pairing=self._people.lead, crm_id=done.id, crm=None)
            self._work = replace(before, person=person)

        def keep(con: Connection) -> None:
            remember.accepted(con, before, write, done, self._now())
            remember.declined(con, self._work, whole, sent.declined, self._now())

        self._made(step, done.id, keep)
        return None

    def _needed(self, step: Step) -> frozenset[str]:
        return self._work.values.needed if step in (Step.CREATE, Step.DOUBLE) else frozenset()

    def _prepare(self, step: Step) -> None:
        """Have at hand what the step writes."""
        person = self._work.person
        if step in VALUED:
            new = step is not Step.PUSH
            pairing = self._people.lead if new or person.pairing is None else person.pairing
            self._work = replace(self._work, values=self._people.to_crm(person, pairing, new))
        if step in (Step.TASK, Step.CONVERT) and person.crm is None:  # just created: who owns it only the org knows
            self._work = replace(self._work, person=self._people.read(person.marketo_id, self._extra))

    def _refusals(self) -> str:
        refused = ", ".join(f"{name} ({code})" for name, code in self._work.values.refused)
        return f"not written: {refused}" if refused else ""

    def _convert(self) -> Outcome | None:
        """Convert the lead; where the answer is lost, the lead itself tells what it became."""
        became: Converted | None = None
        if self._journal.sent is None or self._work.person.state is Is.LEAD:
            self._prepare(Step.CONVERT)
            lead = str(self._work.person.crm_id)
            self._commit(lambda _: None, sending(Step.CONVERT, {"lead": lead}, self._now()))
            try:
                became = self._sides.crm.convert(lead, self._request.text("status"), **self._wanted())
            except RejectedError as error:
                return self._close(Status.FAILED, error.code, error.message)
            except UnknownOutcomeError:
                self._sleep(LOOKS[-1])
        person = self._people.read(self._work.person.marketo_id)
        if person.state is not Is.CONTACT:
            raise UnknownOutcomeError("UNKNOWN_OUTCOME", "the lead may still be converted; ask again in a moment")
        self._work = replace(self._work, person=person)
        self._made(Step.CONVERT, became.opportunity_id if became else None)
        return None

    def _wanted(self) -> Conversion:
        request, record = self._request, self._work.person.record
        title = f"{record.get(names.COMPANY) or record.get(names.LAST_NAME)}-"  # as Salesforce's own dialog has it
        return {
            "account_id": request.text("account") or None,
            "opportunity_name": title if request.flag("opportunity") else None,
            "owner_id": self._work.owner or None,
            "send_mail": request.flag("notify"),
        }

    # Remembering

    def _made(self, step: Step, record_id: str | None, work: Callable[[Connection], None] = lambda _: None) -> None:
        """Put a step on record; with the last one the request is over."""
        entries = [made(step, record_id, self._now())]
        if len(self._journal.over) + 1 == len(self._journal.steps or ()):
            other = record_id if step in OTHERS else self._journal.record_id
            entries.append(closed(self._outcome(Status.DONE, other, message=self._refusals()), self._now()))
        self._commit(work, *entries)

    def _outcome(self, status: Status, record_id: str | None, code: str = "", message: str = "") -> Outcome:
        person = self._work.person
        return Outcome(self._request.id, status, person.marketo_id, person.crm_id, record_id, code, message)

    def _close(self, status: Status, code: str = "", message: str = "") -> Outcome:
        work, outcome = self._work, self._outcome(status, self._journal.record_id, code, message)

        def note(con: Connection) -> None:
            if status is Status.FAILED:
                remember.failed(con, work, code, message, self._now())

        self._commit(note, closed(outcome, self._now()))
        return outcome

    def _commit(self, work: Callable[[Connection], None], *entries: Entry) -> None:
        commit(self._lake, self._journal, work, entries, self._sleep)

    def _now(self) -> datetime:
        return self._sides.crm.now()
