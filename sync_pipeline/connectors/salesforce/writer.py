"""Writing to Salesforce or Veeva: few records by sObject Collections, many by Bulk API 2.0, the answers in order.

What passes (locks, limits, time-outs) is tried again in ever smaller calls; what may have been created is never sent
again by itself (GEN-16).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

from sync_pipeline.connectors.bounds import Chain
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import AmbiguousError, ConnectorError, UnknownOutcomeError
from sync_pipeline.connectors.extract import CLOCK_JITTER, Usage
from sync_pipeline.connectors.records import Answer, Operation, Record, Verdict
from sync_pipeline.connectors.salesforce import convert, soql
from sync_pipeline.connectors.salesforce.collections import Task
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.convert import Converted, convert_lead
from sync_pipeline.connectors.salesforce.write_run import Run
from sync_pipeline.connectors.writes import one_by_one
from sync_pipeline.model import Object

# Fields that name a parent which Salesforce locks while a child is written.
PARENTS = ("AccountId", "ParentId", "CampaignId", "OpportunityId", "ContactId", "LeadId", "WhatId", "WhoId")


class SalesforceWriter:
    """A `Writer` to the org of a connector; safe to share between threads."""

    def __init__(
        self,
        org: Salesforce,
        *,
        ingest_from: int = 2_000,
        assign_leads: bool = True,
        converted_status: str = "Closed - Converted",
        first_wait: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a writer.

        Args:
            ingest_from: number of records from which they are written by Bulk API 2.0.
            assign_leads: whether new leads without an owner get theirs from the active assignment rule
                (SPEC 31, decision 40). Their owners are sent no e-mail (CONN-19): REST has no header that asks for it.
            converted_status: the status of leads that are converted into a contact because Marketo merged both.
            first_wait: seconds before what passed is tried again; doubled each time.
        """
        self._org = org
        self._ingest_from = ingest_from
        self._assign_leads = assign_leads
        self._converted_status = converted_status
        self._first_wait = first_wait
        self._sleep = sleep

    def now(self) -> datetime:
        """Return the org's time, aware UTC."""
        return self._org.now()

    def metered(self) -> Self:
        """Return a view of this writer, with the same login, that counts its own calls."""
        view = copy.copy(self)
        view._org = self._org.metered()
        return view

    def usage(self) -> Usage:
        """Return the calls and bytes of the org's connector so far."""
        return self._org.usage()

    def user_id(self) -> str:
        """Return the id of the sync user, who makes and changes what is written."""
        return self._org.user_id()

    def author(self) -> str:
        """Return the same: it is the user whom changed records name."""
        return self._org.user_id()

    def write(self, obj: Object, operation: Operation, records: Sequence[Record], key: str = "") -> list[Answer]:
        """See `Writer`. An upsert's records hold the key among their values.

        Records are sent in the order of their parents, so that few batches meet at one; among the children of one
        parent, and where no record names one, the caller's order stands.
        """
        if operation in (Operation.MERGE, Operation.CONVERT):
            return one_by_one(records, lambda record: self._unite(obj, operation, record))
        run = Run(self._org, records, self._first_wait, self._sleep)
        places = sorted(range(len(records)), key=lambda place: _parents(records[place]))
        try:
            for assign in (True, False):
                some = [p for p in places if self._is_assigned(obj, operation, records[p]) == assign]
                task = Task(obj.source, operation, key, {"Sforce-Auto-Assign": str(assign).upper()})
                # By Bulk API a rule is asked for by its id, which not every user may look up: such leads go by REST.
                run.write(task, some, by_bulk=len(some) >= self._ingest_from and not assign)
        except UnknownOutcomeError:
            raise
        except ConnectorError as error:
            run.stop(error)
        return run.answers

    def _unite(self, obj: Object, operation: Operation, record: Record) -> Answer:
        loser, winner = record.id or "", record.into or ""
        if record.values:
            into = replace(obj, source="Contact") if operation is Operation.CONVERT else obj
            for answer in self.write(into, Operation.UPDATE, [Record(winner, record.values)]):
                if answer.verdict is not Verdict.ACCEPTED:
                    return answer
        if operation is Operation.MERGE:
            convert.merge(self._org, obj.source, winner, loser)
        else:
            contact = self._org.read(self._org.resource(f"sobjects/Contact/{quote(winner)}?fields=AccountId"))
            account = contact.text("AccountId", "") or None
            convert.convert_lead(self._org, loser, self._converted_status, account_id=account, contact_id=winner)
        return Answer(Verdict.ACCEPTED, winner)

    def _is_assigned(self, obj: Object, operation: Operation, record: Record) -> bool:
        is_new_lead = operation is Operation.CREATE and obj.source == "Lead"
        return self._assign_leads and is_new_lead and not record.values.get("OwnerId")

    def find(self, obj: Object, record: Record, by: Iterable[str], since: datetime) -> str | None:
        """Look for a record whose creation was lost: made by the sync user since then, with equal values.

        The clocks need not agree to the second (`CLOCK_JITTER`). Deleted records count: what was created and deleted
        meanwhile is not to be created again. A create whose connection broke may still run on the server: look again
        later before it is given up.

        Args:
            by: the fields whose values are compared, as SOQL does (letter case does not count): texts, numbers and
                truth values, no long texts. Few that identify a record are better than all: what the org changes on
                its own, in a trigger, would hide it.

        Raises:
            AmbiguousError: several fit.
        """
        values = [f"{soql.name(name)} = {soql.literal(record.values.get(name))}" for name in by]
        found = [one.key("Id") for one in self._made(obj, ("Id",), since, values)]
        if len(found) > 1:
            raise AmbiguousError("SEVERAL_FOUND", f"{len(found)} records of {obj.source} fit what was sent", found)
        return found[0] if found else None

    def made(self, obj: Object, fields: Sequence[str], since: datetime) -> Iterator[dict[str, Any]]:
        """Yield fields of all records that the sync user made at `since` or later, deleted ones too."""
        for one in self._made(obj, ("Id", *fields), since):
            yield {**one.values, "Id": one.key("Id")}

    def _made(
        self, obj: Object, fields: Sequence[str], since: datetime, also: Sequence[str] = ()
    ) -> Iterator[Document]:
        own = f"CreatedById = {soql.literal(self._org.user_id())}"
        # Salesforce keeps the seconds of a creation, not its milliseconds.
        then = f"CreatedDate >= {soql.stamp((since - CLOCK_JITTER).replace(microsecond=0))}"
        path = self._org.resource(
            f"queryAll?q={quote(soql.select(fields, obj.source, ' and '.join([own, then, *also])))}"
        )
        chain: Chain | None = None
        while path:
            told = self._org.read(path)
            records = told.parts("records", required=True)
            yield from records
            chain = chain or self._org.chain(f"GET {path.partition('?')[0]}", told.number("totalSize"))
            path = chain.follow(told.text("nextRecordsUrl"), len(records)) if told.has("nextRecordsUrl") else ""

    def convert(
        self,
        lead_id: str,
        converted_status: str,
        *,
        account_id: str | None = None,
        opportunity_name: str | None = None,
        owner_id: str | None = None,
        send_mail: bool = False,
    ) -> Converted:
        """Convert one lead; see `convert_lead`."""
        return convert_lead(
            self._org, lead_id, converted_status, account_id=account_id, opportunity_name=opportunity_name,
            owner_id=owner_id, send_mail=send_mail,
        )  # fmt: skip


def _parents(record: Record) -> tuple[str, ...]:
    return tuple(str(record.values.get(name) or "") for name in PARENTS)
