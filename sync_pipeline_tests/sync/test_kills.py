"""Cycles that write both ways, killed at any moment: both systems end equal, and nothing is made twice (law 4).

Sellers and marketers edit, merge and convert the same people meanwhile, and let them join a campaign and go on in it.

`KILLS=100` is the long run; every kill is a real one of a real process, at a random moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from sync_pipeline.connectors.marketo import Credentials, Marketo
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.population.veeva import set_up
from sync_pipeline_tests.crashes import Killer
from sync_pipeline_tests.pipeline import Pipeline
from sync_pipeline_tests.sync.firm import NUMBER, SALESFORCE, VEEVA, Firm, link

KILLS, SEED = (int(os.environ.get(name, default)) for name, default in (("KILLS", "1"), ("SEED", "5")))
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


@pytest.fixture
def clock() -> Leaping:
    return Leaping()


@pytest.fixture(params=[SALESFORCE, VEEVA], ids=["salesforce", "veeva"])
def world(request: pytest.FixtureRequest, clock: Leaping, tmp_path: Path) -> Iterator[tuple[Firm, Pipeline]]:
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
        campaign = "" if request.param.calls else link(org, subscription)
        if campaign:
            settings["SYNC_CAMPAIGNS"] = f"{NUMBER}={campaign}"
        yield Firm(request.param, org, subscription, marketer, Random(SEED), campaign), Pipeline(tmp_path, settings)


@pytest.mark.bench
def test_whenever_a_cycle_is_killed_both_systems_agree_in_the_end_and_nobody_is_made_twice(
    world: tuple[Firm, Pipeline], clock: Leaping
) -> None:
    """GEN-16 of a Salesforce org and of a Veeva one; MERGE-1 to 3, CONV-2 and 3, SF-CAMP-4, SF-CAMP-22, VV-GEN-6."""
    firm, pipeline = world
    killer = Killer(pipeline, Random(SEED + 6))
    firm.hire(PEOPLE)
    clock.leap(60)
    killer.finish(SYNC)
    number = 0
    while killer.kills < KILLS:
        firm.work(number)
        firm.hire(2)
        clock.leap(60)
        killer.start_and_kill(SYNC)
        number += 1
        if number % 10 == 0:
            settle(killer, clock)
            assert_alike(firm, killer)
    settle(killer, clock)
    assert_alike(firm, killer)


def settle(killer: Killer, clock: Leaping) -> None:
    """Run cycles until everything that was begun has reached both systems."""
    for _ in range(3):
        clock.leap(400)
        killer.finish(SYNC)


def assert_alike(firm: Firm, killer: Killer) -> None:
    faults = firm.faults()
    assert not faults, "\n".join([f"after {killer.kills} kills", *faults])
