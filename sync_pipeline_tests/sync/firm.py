"""A firm whose sellers work in a sandbox CRM and whose marketers work in a sandbox Marketo, on the same people.

Sellers give titles and marketers phones, sellers bring on one half of the campaign's members and marketers the other:
so the end is known, whatever the other side did meanwhile. Both merge people, and sellers convert leads.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, ClassVar

from sync_pipeline.connectors.marketo import Marketo
from sync_pipeline.connectors.records import Operation, Record, Verdict
from sync_pipeline.sandbox import Org, Schema
from sync_pipeline.sandbox.marketo import Subscription
from sync_pipeline.sandbox.marketo.population.veeva import CALL
from sync_pipeline.sandbox.marketo.records import life, members
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, PROGRAM
from sync_pipeline.sandbox.salesforce.rules.convert import Conversion, convert
from sync_pipeline_tests.marketo import declared

NUMBER = 1001  # of the program
STEPS = ("Invited", "Registered", "Attended")
QUALIFIED = "Closed - Converted"


@dataclass(frozen=True)
class Kind:
    """A CRM with people: their objects by the prefix of their ids, and their fields.

    `calls` are an object and its field for a person, and what it is in Marketo; "" where there are none.
    """

    objects: Mapping[str, str]
    title: str
    email: str
    calls: tuple[str, str, str] = ("", "", "")
    schema: Callable[[], Schema] = Schema.standard


SALESFORCE = Kind({"003": "Contact", "00Q": "Lead"}, "Title", "Email")
OF_CALLS = ("Call2_vod__c", "Account_vod__c", CALL)
VEEVA = Kind({"001": "Account"}, "PersonTitle", "PersonEmail", OF_CALLS, Schema.veeva)


@dataclass
class Firm:
    """The firm, and what must be true of its people in the end.

    Attributes:
        teams: everybody that both systems are to know, by the CRM's id, and which half they belong to.
        titles: what sellers last called them.
        phones: what marketers last noted.
        united: who was merged with somebody since both systems were last alike. A merge may fill what is empty on its
            side, which the rules then weigh against an edit on the other: either of the values may stay.
        steps: how far each member of the campaign has come.
        calls: whom each call was with.
        campaign: the campaign, "" where the firm has none.
    """

    kind: Kind
    org: Org
    subscription: Subscription
    marketo: Marketo
    random: Random
    campaign: str = ""
    teams: dict[str, int] = field(default_factory=dict)
    titles: dict[str, str | None] = field(default_factory=dict)
    phones: dict[str, str | None] = field(default_factory=dict)
    united: set[str] = field(default_factory=set)
    steps: dict[str, int] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        (self.employer,) = self.org.insert("Account", [{"Name": "Acme"}])

    def hire(self, number: int) -> None:
        """Add people to the CRM, of each kind and with doubled addresses, and call on each where that is known."""
        (calls, on, _), objects = self.kind.calls, sorted(self.kind.objects.values())
        needed = {"Lead": {"Company": "Acme"}, "Contact": {"AccountId": self.employer}}
        for place, person in zip(range(number), self.numbers, strict=False):
            name = objects[place % len(objects)]
            given = {"LastName": f"P{person}", self.kind.email: f"p{person // 2}@x.example"}
            (hired,) = self.org.insert(name, [given | needed.get(name, {})])
            self.teams[hired], self.titles[hired], self.phones[hired] = person // 2 % 2, None, None
            if calls:
                self.calls[self.org.insert(calls, [{on: hired}])[0]] = hired

    def work(self, day: int) -> None:
        """Edit some people on either side, let others join or go on, and unite two who are one."""
        for crm_id in self.random.sample(sorted(self.teams), 4):
            self.titles[crm_id] = f"title {day}"
            self.org.update(self.source(crm_id), crm_id, {self.kind.title: self.titles[crm_id]})
        for crm_id, person in self.some_persons(4):
            self.phones[crm_id] = f"phone {day}"
            (answer,) = self.marketo.write(
                declared("person"), Operation.UPDATE, [Record(str(person), {"phone": self.phones[crm_id]})]
            )
            assert answer.verdict is Verdict.ACCEPTED
        if self.campaign:
            self.sell()
            self.promote()
        self.random.choice(self.unions)(self)

    def source(self, crm_id: str) -> str:
        return self.kind.objects[crm_id[:3]]

    def persons(self) -> dict[str, int]:
        """Return the number in Marketo of everybody who names a record of the CRM."""
        rows = self.subscription.rows('from lead where "externalPersonId" is not null order by id')
        return {str(row["externalPersonId"]): row["id"] for row in rows}

    def some_persons(self, number: int, team: int | None = None) -> list[tuple[str, int]]:
        """Return some of the people whom Marketo knows already and nobody has united with others meanwhile."""
        known = [one for one in self.persons().items() if self.teams.get(one[0], -1) in (team, self.teams.get(one[0]))]
        return self.random.sample(known, min(number, len(known)))

    def sell(self) -> None:
        """Invite people in the CRM, and bring on members there."""
        for crm_id in self.of_team(0, 3):
            of = "LeadId" if self.source(crm_id) == "Lead" else "ContactId"
            sql = f"select Id from CampaignMember where not IsDeleted and {of} = ?"
            with self.org.cursor() as cursor:
                found = cursor.execute(sql, [crm_id]).fetchone()
            self.steps[crm_id] = min(self.steps.get(crm_id, -1) + 1, len(STEPS) - 1)
            status = STEPS[self.steps[crm_id]]
            if found:
                self.org.update("CampaignMember", found[0], {"Status": status})
            else:
                self.org.insert("CampaignMember", [{"CampaignId": self.campaign, of: crm_id, "Status": status}])

    def promote(self) -> None:
        """Let people join in Marketo, and go on there."""
        program = members.program(self.subscription, NUMBER)
        for crm_id, person in self.some_persons(3, team=1):
            self.steps[crm_id] = min(self.steps.get(crm_id, -1) + 1, len(STEPS) - 1)
            members.set_status(self.subscription, program, STEPS[self.steps[crm_id]], [person], Author())

    def of_team(self, team: int, number: int, source: str = "") -> list[str]:
        """Return some people of a half, and of one kind where it is named."""
        fit = sorted(one for one, of in self.teams.items() if of == team and source in ("", self.source(one)))
        return self.random.sample(fit, min(number, len(fit)))

    def merge_records(self) -> None:
        """Merge two records in the CRM, as sellers do."""
        source = self.random.choice(sorted(self.kind.objects.values()))
        two = self.of_team(self.random.randrange(2), 2, source)
        if len(two) == 2:
            self.org.merge(source, two[0], two[1:])
            self.unite(*two)

    def merge_persons(self) -> None:
        """Merge two persons in Marketo, as marketers do; in the CRM a contact beats a lead (MERGE-13)."""
        two = self.some_persons(2, team=self.random.randrange(2))
        if len(two) == 2:
            (winner, person), (loser, other) = two
            life.merge(self.subscription, person, [other], Author(), in_crm=False)
            beaten = self.source(winner) == "Lead" and self.source(loser) == "Contact"
            self.unite(*((loser, winner) if beaten else (winner, loser)))

    def qualify(self) -> None:
        """Convert a lead into a new contact, or into one there is."""
        team = self.random.randrange(2)
        for lead in self.of_team(team, 1, "Lead"):
            contact = next(iter(self.of_team(team, self.random.randrange(2), "Contact")), None)
            became = convert(self.org, Conversion(lead, QUALIFIED, self.employer, contact)).contact
            if contact:
                self.unite(contact, lead)
            else:
                known: tuple[dict[str, Any], ...] = (self.teams, self.titles, self.phones, self.steps)
                for told in known:
                    if lead in told:
                        told[became] = told.pop(lead)
                self.united |= {became} if lead in self.united else set()

    unions: ClassVar = (merge_records, merge_persons, qualify)

    def unite(self, winner: str, loser: str) -> None:
        """Note that two are one from now on."""
        del self.teams[loser]
        self.united.add(winner)
        if loser in self.steps:
            self.steps[winner] = max(self.steps.pop(loser), self.steps.get(winner, 0))
        self.calls |= {call: winner for call, one in self.calls.items() if one == loser}

    def faults(self) -> list[str]:
        """Return what was doubled, lost or left different; cycles have run until nothing was left to do."""
        named = Counter(str(row["externalPersonId"]) for row in self.subscription.rows("from lead"))
        found = [f"{crm_id} was made {count} times" for crm_id, count in named.items() if count > 1]
        found += [f"{crm_id} is no person" for crm_id in self.teams if not named[crm_id]]
        found += [f"{crm_id} is a person still" for crm_id in named if crm_id not in self.teams]
        if (alive := self.alive()) != set(self.teams):
            found.append(f"the CRM lacks {set(self.teams) - alive} and has {alive - set(self.teams)}")
        for crm_id, number in self.persons().items():
            (person,) = self.subscription.rows("select title, phone from lead where id = ?", [number])
            record = self.org.record(self.source(crm_id), crm_id) or {}
            for name, has, known in (
                ("title", record[self.kind.title], self.titles),
                ("phone", record["Phone"], self.phones),
            ):
                if crm_id in self.united:
                    known[crm_id] = has
                wanted = known.get(crm_id)
                if not (has or None) == (person[name] or None) == wanted:
                    found.append(f"{name} of {crm_id} is {has} in the CRM, {person[name]} in Marketo, not {wanted}")
        self.united.clear()
        return found + self._faults_of_members() + self._faults_of_calls()

    def alive(self) -> set[str]:
        """Return the records of the CRM that are people."""
        found = set[str]()
        with self.org.cursor() as cursor:
            for name in self.kind.objects.values():
                there = "IsPersonAccount" if name == "Account" else "not IsConverted" if name == "Lead" else "true"
                rows = cursor.execute(f"select Id from {name} where not IsDeleted and {there}").fetchall()
                found |= {record for (record,) in rows}
        return found

    def _faults_of_members(self) -> list[str]:
        if not self.campaign:
            return []
        wanted = Counter((crm_id, STEPS[step]) for crm_id, step in self.steps.items())
        named = {number: crm_id for crm_id, number in self.persons().items()}
        rows = self.subscription.rows('select "leadId", "statusName" from "programMember"')
        joined = Counter((named.get(row["leadId"], ""), row["statusName"]) for row in rows)
        sql = "select coalesce(ContactId, LeadId), Status from CampaignMember where not IsDeleted"
        with self.org.cursor() as cursor:
            known: Counter[tuple[str, str]] = Counter(cursor.execute(sql).fetchall())
        sides = (("the program", joined), ("the campaign", known))
        return [f"{where} has {has - wanted}, lacks {wanted - has}" for where, has in sides if has != wanted]

    def _faults_of_calls(self) -> list[str]:
        if not self.calls:
            return []
        people = {number: crm_id for crm_id, number in self.persons().items()}
        rows = self.subscription.rows(f'select "veevaId", "leadId" from "{self.kind.calls[2]}"')
        has = Counter((str(row["veevaId"]), people.get(row["leadId"])) for row in rows)
        return [f"calls are {has}, not {self.calls}"] if has != Counter(self.calls.items()) else []


def link(org: Org, subscription: Subscription) -> str:
    """Make a program and a campaign of like statuses; return the campaign's id."""
    (campaign,) = org.insert("Campaign", [{"Name": "Fair"}])
    org.insert("CampaignMemberStatus", [{"CampaignId": campaign, "Label": step} for step in STEPS])
    times = dict.fromkeys(("createdAt", "updatedAt"), subscription.present())
    steps = [{"name": n, "step": 10 * i, "success": i == len(STEPS)} for i, n in enumerate(("Not in Program", *STEPS))]
    channel = {"id": 1, "name": "Webinar", "programType": "event", "statuses": json.dumps(steps), **times}
    subscription.insert(CHANNEL, [channel])
    subscription.insert(PROGRAM, [{"id": NUMBER, "name": "Fair", "type": "Event", "channel": "Webinar", **times}])
    return campaign
