"""Activities of the eight kinds, logged by real processes that are killed while they send: each is there once.

`KILLS=100` is the long run, whose later kills come at a random moment.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from sync_pipeline.catalog.activity_types import activity_types
from sync_pipeline.connectors.marketo import Credentials, Marketo
from sync_pipeline.sales_insight.inputs import ACTIVITY, KINDS
from sync_pipeline.sales_insight.intake import take
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline_tests.crashes import Killer
from sync_pipeline_tests.pipeline import Pipeline, kill
from sync_pipeline_tests.sandbox.conftest import Clock

KILLS = int(os.environ.get("KILLS", "0"))
LOG = ("activities", "log")
TO_MARKETO, TO_CRM = "/rest/v1/activities/external.json", "*/composite/sobjects*"
SUBJECTS = ("Email:", "Reply:", "Call:")
SLOW = 0.8  # seconds that a system takes to do what it was told by somebody who is no more


@dataclass
class Office:
    """A sales tool that tells of one person, and the two systems in which that is logged."""

    org: Org
    subscription: Subscription
    crm: Sandbox
    marketo: MarketoSandbox
    clock: Clock
    pipeline: Pipeline
    told: int = 0

    def tell(self) -> None:
        """Let one activity of each kind happen."""
        values = {"marketo_id": 1, "happened_at": self.clock()}
        given = [{"activity_id": f"{kind.name}-{self.told}", "kind": kind.name, **values} for kind in KINDS]
        self.told += 1
        with self.pipeline.lake(read_only=False) as lake:
            assert take(lake, ACTIVITY, given, self.clock()).new == len(KINDS)

    def kill_while_sending(self, system: Sandbox | MarketoSandbox, path: str) -> None:
        """Kill the process when its call has reached a system, which does it all the same."""
        fault = system.faults.add("slow", seconds=SLOW, path=path, times=1)
        process = self.pipeline.start(*LOG)
        while fault.times:
            assert process.poll() is None, "it ended before it sent anything"
            time.sleep(0.02)
        assert kill(process)
        time.sleep(SLOW)

    def logged(self) -> Counter[str]:
        """Return how often each activity is there: in Marketo by our id of it, in the CRM by its subject."""
        mine = "select attributes ->> '$.sourceId' as id from activity where \"activityTypeId\" > 100000"
        with self.org.cursor() as cursor:
            tasks = cursor.execute('select "Subject" from "Task"').fetchall()
        return Counter([row["id"] for row in self.subscription.rows(mine)]) + Counter(subject for (subject,) in tasks)

    def expected(self) -> Counter[str]:
        with self.pipeline.lake() as lake:
            ids = lake.rows("select activity_id from lake.sync.activity where side = 'marketo' and source = 'sales'")
        assert len(ids) == len(KINDS) * self.told
        return Counter(one for (one,) in ids) + Counter(dict.fromkeys(SUBJECTS, self.told))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    clock = Clock()
    with ExitStack() as opened:
        org = opened.enter_context(Org.open(clock=clock))
        subscription = opened.enter_context(Subscription.open(clock=clock))
        crm = opened.enter_context(Sandbox(org))
        marketo = opened.enter_context(MarketoSandbox(subscription))
        env = marketo.env()
        settings = {
            **crm.env(),
            **env,
            "MARKETO_FIRST_DAY": clock().date().isoformat(),
            "MARKETO_POLL_SECONDS": "0.1",
            "WRITE_BACK": "apply",
            "ACTIVITY_TYPES": "sales_email,sales_call,sales_campaign",
            "ACTIONS_TASK_KINDS": "send_email,reply,call",
        }
        org.insert("Contact", [{"LastName": "Ann"}])
        clock.pass_seconds(60)
        pipeline = Pipeline(tmp_path, settings)
        pipeline.sync()
        Marketo(Credentials(marketo.url, env["MARKETO_CLIENT_ID"], env["MARKETO_CLIENT_SECRET"])).make_activity_types(
            activity_types(["sales_email", "sales_call", "sales_campaign"])
        )
        with pipeline.lake(read_only=False) as lake, lake.transaction() as con:
            con.execute("delete from lake.sync.activity_type")  # as an hour later
        yield Office(org, subscription, crm, marketo, clock, pipeline)


@pytest.mark.bench
def test_whoever_is_killed_and_whatever_is_lost_each_activity_is_logged_once_on_both_sides(office: Office) -> None:
    """SIA-ACT-1, 7 and 8, SIA-LOG-1, GEN-16: tasks of equal values too, in an org that has no field for our ids."""
    killer = Killer(office.pipeline, Random(3))
    office.tell()
    office.kill_while_sending(office.marketo, TO_MARKETO)
    office.tell()
    office.kill_while_sending(office.crm, TO_CRM)
    office.tell()
    office.marketo.faults.add("status", status=502, path=TO_MARKETO, times=1)
    lost = office.pipeline.run(*LOG)
    assert (lost.returncode, "HTTP_502" in lost.stdout) == (1, True)
    while killer.kills < KILLS:
        office.tell()
        killer.start_and_kill(LOG)
        office.clock.pass_seconds(300)
    for _ in range(2):
        office.clock.pass_seconds(3_700)
        killer.finish(LOG)
    assert office.logged() == office.expected()
