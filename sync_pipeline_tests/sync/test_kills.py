"""Cycles that write both ways, killed at any moment: both systems end equal, and nothing is made twice (law 4).

`KILLS=100` is the long run; every kill is a real one of a real process, at a random moment.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from sync_pipeline.connectors.marketo import Credentials, Marketo
from sync_pipeline.connectors.writes import Operation, Record, Verdict
from sync_pipeline.sandbox import Org, Sandbox, Schema
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.veeva import CALL, set_up
from sync_pipeline_tests.crashes import Killer
from sync_pipeline_tests.marketo import declared
from sync_pipeline_tests.pipeline import Pipeline

KILLS = int(os.environ.get("KILLS", "1"))
SYNC = ("sync",)
PEOPLE = 12


@dataclass
class Leaping:
    """A clock that runs as the world's does, and leaps where a test cannot wait."""

    ahead: timedelta = timedelta(days=-1)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def leap(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Kind:
    """A CRM with people: their objects by the prefix of their ids, what each needs, and their fields.

    `calls` are an object and its field for a person, and what it is in Marketo; "" where there are none.
    """

    objects: Mapping[str, str]
    given: Mapping[str, Mapping[str, str]]
    title: str
    email: str
    calls: tuple[str, str, str] = ("", "", "")
    schema: Callable[[], Schema] = Schema.standard


SALESFORCE = Kind({"003": "Contact", "00Q": "Lead"}, {"Lead": {"Company": "Acme"}}, "Title", "Email")
OF_CALLS = ("Call2_vod__c", "Account_vod__c", CALL)
VEEVA = Kind({"001": "Account"}, {}, "PersonTitle", "PersonEmail", OF_CALLS, Schema.veeva)


@dataclass
class Company:
    """Sellers in one system and marketers in the other edit the same people, each side a field of its own."""

    kind: Kind
    org: Org
    subscription: Subscription
    marketo: Marketo
    random: Random
    titles: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)

    def hire(self, number: int) -> None:
        """Add people to the CRM, of each kind and with doubled addresses, and call on each where that is known."""
        start, objects, (calls, on, _) = len(self.titles), self.kind.objects.values(), self.kind.calls
        mails = [f"p{(start + n) // 2}@x.example" for n in range(number)]
        people = [{"LastName": f"P{start + n}", self.kind.email: mail} for n, mail in enumerate(mails)]
        for place, name in enumerate(objects):
            some = [{**person, **self.kind.given.get(name, {})} for person in people[place :: len(objects)]]
            hired = self.org.insert(name, some)
            self.titles |= dict.fromkeys(hired, "")
            if calls:
                self.calls |= zip(self.org.insert(calls, [{on: one} for one in hired]), hired, strict=True)

    def work(self, round_number: int) -> None:
        """Edit some people on either side."""
        for crm_id in self.random.sample(sorted(self.titles), 4):
            self.titles[crm_id] = f"title {round_number}"
            self.org.update(self.kind.objects[crm_id[:3]], crm_id, {self.kind.title: self.titles[crm_id]})
        for crm_id, person in self.random.sample(sorted(self.persons().items()), 4):
            self.phones[crm_id] = f"phone {round_number}"
            written = Record(str(person["id"]), {"phone": self.phones[crm_id]})
            (answer,) = self.marketo.write(declared("person"), Operation.UPDATE, [written])
            assert answer.verdict is Verdict.ACCEPTED

    def persons(self) -> dict[str, dict[str, object]]:
        rows = self.subscription.rows('from lead where "externalPersonId" is not null')
        return {str(row["externalPersonId"]): row for row in rows}

    def faults(self) -> list[str]:
        """Return what was doubled, lost or left different."""
        named = Counter(str(row["externalPersonId"]) for row in self.subscription.rows("from lead"))
        found = [f"{crm_id} was made {count} times" for crm_id, count in named.items() if count > 1]
        found += [f"{crm_id} was not made" for crm_id in self.titles if not named[crm_id]]
        for crm_id, person in self.persons().items():
            record = self.org.record(self.kind.objects[crm_id[:3]], crm_id) or {}
            wanted = (self.titles[crm_id] or None, self.phones.get(crm_id))
            for side, has in (
                ("crm", (record[self.kind.title], record["Phone"])),
                ("marketo", (person["title"], person["phone"])),
            ):
                if tuple(value or None for value in has) != wanted:
                    found.append(f"{crm_id} is {has} in {side}, not {wanted}")
        return found + self.faults_of_calls()

    def faults_of_calls(self) -> list[str]:
        if not self.calls:
            return []
        people = {person["id"]: crm_id for crm_id, person in self.persons().items()}
        rows = self.subscription.rows(f'select "veevaId", "leadId" from "{self.kind.calls[2]}"')
        has = Counter((str(row["veevaId"]), people.get(row["leadId"])) for row in rows)
        return [f"calls are {has}, not {self.calls}"] if has != Counter(self.calls.items()) else []


@pytest.fixture
def clock() -> Leaping:
    return Leaping()


@pytest.fixture(params=[SALESFORCE, VEEVA], ids=["salesforce", "veeva"])
def world(request: pytest.FixtureRequest, clock: Leaping, tmp_path: Path) -> Iterator[tuple[Company, Pipeline]]:
    with ExitStack() as opened:
        org = opened.enter_context(Org.open(None, request.param.schema(), clock))
        subscription = opened.enter_context(Subscription.open(clock=clock))
        if request.param.calls:
            set_up(subscription)
        salesforce = opened.enter_context(Sandbox(org))
        sandbox = opened.enter_context(MarketoSandbox(subscription))
        env = sandbox.env()
        marketer = Marketo(Credentials(sandbox.url, env["MARKETO_CLIENT_ID"], env["MARKETO_CLIENT_SECRET"]))
        settings = {
            **salesforce.env(),
            **env,
            "MARKETO_FIRST_DAY": (clock() - timedelta(days=1)).date().isoformat(),
            "MARKETO_POLL_SECONDS": "0.1",
            "WRITE_BACK": "apply",
        }
        yield Company(request.param, org, subscription, marketer, Random(5)), Pipeline(tmp_path, settings)


@pytest.mark.bench
def test_whenever_a_cycle_is_killed_both_systems_agree_in_the_end_and_nobody_is_made_twice(
    world: tuple[Company, Pipeline], clock: Leaping
) -> None:
    """GEN-16 of a Salesforce org and of a Veeva one, VV-GEN-6."""
    company, pipeline = world
    killer = Killer(pipeline, Random(11))
    company.hire(PEOPLE)
    clock.leap(60)
    killer.finish(SYNC)
    number = 0
    while killer.kills < KILLS:
        company.work(number)
        if number % 3 == 0:
            company.hire(2)
        clock.leap(60)
        killer.start_and_kill(SYNC)
        number += 1
        if number % 10 == 0:
            settle(killer, clock)
            assert company.faults() == [], f"after {killer.kills} kills"
    settle(killer, clock)
    assert company.faults() == []


def settle(killer: Killer, clock: Leaping) -> None:
    """Run cycles until everything that was begun has reached both systems."""
    for _ in range(3):
        clock.leap(400)
        killer.finish(SYNC)
