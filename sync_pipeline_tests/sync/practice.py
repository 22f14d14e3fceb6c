"""A Veeva org of which nothing but accounts, calls and users matters, and a subscription beside it, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

from sync_pipeline import catalog
from sync_pipeline.catalog import veeva
from sync_pipeline.catalog.salesforce import names
from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.marketo import answers
from sync_pipeline.connectors.records import Value
from sync_pipeline.lake import Lake
from sync_pipeline.model import Describe, Field, Object, Pairing
from sync_pipeline.sandbox import Schema
from sync_pipeline.sandbox.marketo import Subscription
from sync_pipeline.sandbox.marketo.api.records_http import described as described_by
from sync_pipeline.sandbox.marketo.population.veeva import CALL, MESSAGE, set_up
from sync_pipeline_tests.mirror.copies import at
from sync_pipeline_tests.sync.many import described
from sync_pipeline_tests.sync.peopled import Peopled

TODAY = at(0).date()
HALF_A_YEAR = timedelta(days=185)
PROFESSIONAL, OFFICE, HOSPITAL = "Professional_vod", "Office", "Hospital_vod"
ACCOUNT, CALLS, MESSAGES = (obj.source for obj in (veeva.ACCOUNT, veeva.CALL, veeva.CALL_KEY_MESSAGE))
# Of each object some fields that flow one way, and all that make a link; the whole mapping takes thrice the time.
FEW = frozenset(
    names(
        "Id OwnerId IsDeleted Name Industry IsPersonAccount LastName Phone PersonTitle PersonEmail Email "
        "PersonHasOptedOutOfEmail PersonLeadSource Account_vod__c Call_Date_vod__c Status_vod__c Call2_vod__c "
        "Reaction_vod__c"
    )
)
ENDS = (
    Field("isDeleted", "boolean", updateable=False),
    Field("mergedInto", "integer", updateable=False),
    Field(Peopled.flag, "boolean"),
)


def pairings(today: date, fields: Iterable[str] = ()) -> tuple[Pairing, ...]:
    """Return Veeva's pairings, of all mapped fields or of some."""
    declared = catalog.veeva_pairings([PROFESSIONAL], (CALL, MESSAGE), veeva.Kept(today), deleted_field=Peopled.flag)
    only = set(fields)
    return tuple(replace(p, mappings=tuple(m for m in p.mappings if not only or m.crm in only)) for p in declared)


def of_subscription() -> dict[str, Describe]:
    """Return what a subscription that is set up for Veeva says of persons, companies and its objects for calls."""
    with Subscription.open() as subscription:
        set_up(subscription)
        told = {name: described_by(subscription.objects[name]) for name in ("lead", CALL, MESSAGE)}
    fields = {name: tuple(answers.record_fields(Document(one))) for name, one in told.items()}
    return {name: Describe(name, (*found, *(ENDS if name == "lead" else ()))) for name, found in fields.items()}


def of_org(mapped: Iterable[Pairing], objects: Iterable[Object]) -> dict[str, Describe]:
    """Return what the org says of its objects, as far as the pairings need it."""
    needed = {m.crm for p in mapped for m in p.mappings} | {f for obj in objects for f in obj.required}
    schema = Schema.veeva()
    told = {obj.source: described(obj, schema) for obj in objects}
    return {name: one.without(one.names - needed) for name, one in told.items()}


class Practice(Peopled):
    """A Veeva org: people are accounts of one record type, and calls on them go to Marketo for six months."""

    sources = (ACCOUNT,)
    title = "PersonTitle"
    two_way: ClassVar = {
        "lastName": "LastName",
        "phone": "Phone",
        "unsubscribed": "PersonHasOptedOutOfEmail",
        "leadSource": "PersonLeadSource",
    }

    def __init__(self, lake: Lake, folder: Path, fields: Iterable[str] = FEW) -> None:
        self.fields, self.today = tuple(fields), TODAY
        paired = pairings(TODAY, self.fields)
        crm = (veeva.USER, veeva.ACCOUNT, veeva.CALL, veeva.CALL_KEY_MESSAGE)
        told = {**of_subscription(), **(of_org(paired, crm) if self.fields else {})}
        super().__init__(lake, folder, paired, told, [veeva.RECORD_TYPE], Schema.veeva())
        self.types = {
            name: self.crm["RecordType"].edit(DeveloperName=name, SobjectType="Account")
            for name in (PROFESSIONAL, OFFICE, HOSPITAL)
        }

    def age(self, today: date) -> None:
        self.today = today
        self.pairings = pairings(today, self.fields)

    def account(self, kind: str = PROFESSIONAL, **values: str) -> str:
        is_person = kind != HOSPITAL
        told: dict[str, Value] = {"Name": "Ann Lee", "IsDeleted": False, "IsPersonAccount": is_person, **values}
        if is_person:
            told |= {"LastName": "Lee", "PersonContactId": "003000000000009AAA", "PersonHasOptedOutOfEmail": False}
        made = self.crm[ACCOUNT].edit(RecordTypeId=self.types[kind])
        self.crm[ACCOUNT].records[made].update(told)
        return made

    def call(self, account: str, day: str = "2026-01-20", made: str = "2026-01-20", **values: str) -> str:
        return self.crm[CALLS].edit(
            Account_vod__c=account, Call_Date_vod__c=day, CreatedDate=f"{made}T08:00:00.000Z", **values
        )

    def calls(self) -> list[tuple[object, ...]]:
        """Return the calls in Marketo, each with the account of the person it belongs to."""
        people = {str(person): account for person, account in self.marketo_values("lead", "id", "externalPersonId")}
        return [(call, people.get(str(person))) for call, person in self.marketo_values(CALL, "veevaId", "leadId")]

    # What the laws need

    def hire(self, source: str) -> str:
        return self.account()

    def takes_part(self, source: str, crm_id: str) -> bool:
        return self.crm[source].records[crm_id]["RecordTypeId"] == self.types[PROFESSIONAL]

    def left(self) -> set[str]:
        return {i for i in self.crm[ACCOUNT].living if not self.takes_part(ACCOUNT, i)}

    def merge(self, source: str, loser: str, winner: str) -> None:
        """Both systems hand over what hangs on the loser."""
        super().merge(source, loser, winner)
        calls, field = (self.marketo[CALL], "leadId") if source == "lead" else (self.crm[CALLS], "Account_vod__c")
        for call in [i for i, one in calls.living.items() if str(one.get(field)) == loser]:
            calls.edit(call, **{field: winner})

    def visit(self, who: int, when: int) -> None:
        """Call on somebody, on a day of which some are soon six months ago, or are it already."""
        account = self.pick_any(ACCOUNT, who)
        if account:
            day = (TODAY - timedelta(days=50 * when + 5)).isoformat()
            call = self.call(account, day, made=day, Status_vod__c="Saved_vod")
            self.crm[MESSAGES].edit(Call2_vod__c=call, Reaction_vod__c="Positive")

    def submit(self, which: int, number: int) -> None:
        if call := self.pick_any(CALLS, which):
            self.crm[CALLS].edit(call, Status_vod__c=("Saved_vod", "Submitted_vod")[number % 2])

    def hand_over(self, which: int, who: int) -> None:
        """A call turns out to have been on somebody else."""
        call, account = self.pick_any(CALLS, which), self.pick(ACCOUNT, who)
        if call and account:
            self.crm[CALLS].edit(call, Account_vod__c=account)

    def cancel(self, which: int, number: int) -> None:
        """Delete a call with its messages, or bring one back with them."""
        system, messages = self.crm[CALLS], self.crm[MESSAGES]
        if number % 2 and system.dead:
            call = sorted(system.dead)[which % len(system.dead)]
            system.undelete(call)
            for message in [i for i in messages.dead if messages.records[i]["Call2_vod__c"] == call]:
                messages.undelete(message)
        elif call := self.pick_any(CALLS, which) or "":
            system.delete(call)
            for message in [i for i, one in messages.living.items() if one["Call2_vod__c"] == call]:
                messages.delete(message)

    def retire(self, who: int, number: int) -> None:
        """Somebody is no professional any more, or is one again."""
        accounts = sorted(self.crm[ACCOUNT].living)
        if accounts:
            kind = (PROFESSIONAL, OFFICE)[number % 2]
            self.crm[ACCOUNT].edit(accounts[who % len(accounts)], RecordTypeId=self.types[kind])

    def wait(self, months: int, _: int) -> None:
        self.age(self.today + timedelta(days=30 * months))

    scenes = (visit, visit, submit, hand_over, cancel, retire, wait)

    def pick_any(self, source: str, number: int) -> str | None:
        ids = sorted(self.crm[source].living)
        return ids[number % len(ids)] if ids else None

    def awry(self) -> list[str]:
        """Return what companies, calls and key messages of Marketo are missing, too many or other.

        What hangs on an account that is deleted, and so is nobody's in the end, is not looked at.
        """
        professionals = self.alive()
        known = self.crm[ACCOUNT].living
        of = {i: str(one["Account_vod__c"]) for i, one in self.crm[CALLS].records.items()}
        kept = {i: one for i, one in self.crm[CALLS].living.items() if of[i] in professionals and self.is_kept(one)}
        told = {i: str(one["Call2_vod__c"]) for i, one in self.crm[MESSAGES].records.items()}
        states: dict[object, Value] = {one[0]: one[1] for one in self.marketo_values(CALL, "veevaId", "callStatus")}
        wanted: dict[str, list[Any]] = {
            "companies": sorted((i, one["Name"]) for i, one in professionals.items()),
            "calls": sorted((i, of[i], one["Status_vod__c"]) for i, one in kept.items()),
            "messages": sorted((i, told[i]) for i in self.crm[MESSAGES].living if told[i] in kept),
        }
        found: dict[str, list[Any]] = {
            "companies": [one for one in self.companies() if one[0] in professionals],
            "calls": [(call, to, states[call]) for call, to in self.calls() if of[str(call)] in known],
            "messages": [one for one in self.messages() if of[told[one[0]]] in known],
        }
        return [f"{what}: {found[what]} instead of {wanted[what]}" for what in wanted if found[what] != wanted[what]]

    def companies(self) -> list[tuple[Any, ...]]:
        return self.marketo_values("company", "externalCompanyId", "company")

    def messages(self) -> list[tuple[Any, ...]]:
        return self.marketo_values(MESSAGE, "veevaId", "callId")

    def is_kept(self, call: Mapping[str, Value]) -> bool:
        """Tell whether a call is young enough: six months are 181 to 184 days, and no call is as old as that."""
        day = date.fromisoformat(str(call["Call_Date_vod__c"]))
        return self.today - day < HALF_A_YEAR and TODAY - day < HALF_A_YEAR
