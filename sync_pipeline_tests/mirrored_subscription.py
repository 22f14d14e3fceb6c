"""A small Marketo subscription that is mirrored."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import ExitStack
from datetime import datetime, timedelta

from sync_pipeline.connectors.extract import Connector
from sync_pipeline.model import Object
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.records import members, people
from sync_pipeline.sandbox.marketo.records.drafts import How
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, PROGRAM
from sync_pipeline_tests.marketo import Connected, declared, differences
from sync_pipeline_tests.mirrored import Mirrored

OBJECTS = tuple(declared(name) for name in ("program", "program_member", "activity", "person"))
STAFF = Author("", "staff@sandbox.example", "", "Changed by Smart Campaign", "Marketo Flow Action")
STATUSES = ("Invited", "Registered", "Attended")
WEBINAR = 7
PERSONS = 310  # a call's worth and some


class MirroredSubscription(Mirrored):
    """A subscription of some hundred persons and a program."""

    objects = OBJECTS
    sandbox: MarketoSandbox

    def serve(self, stack: ExitStack) -> None:
        self.database = self.subscription = stack.enter_context(Subscription.open(clock=self.clock))
        self._fill()
        self.sandbox = stack.enter_context(MarketoSandbox(self.subscription))
        self.system = Connected(self.subscription, self.sandbox, self.clock)

    def _fill(self) -> None:
        now = self.subscription.present()
        stamps = {"createdAt": now, "updatedAt": now}
        steps = [{"name": name, "step": i, "success": False} for i, name in enumerate(STATUSES)]
        channel = {"id": 1, "name": "Webinar", "programType": "event", "statuses": json.dumps(steps)}
        self.subscription.insert(CHANNEL, [{**channel, **stamps}])
        program = {"id": WEBINAR, "name": "Spring", "type": "Event", "channel": "Webinar", "workspace": "Default"}
        self.subscription.insert(PROGRAM, [{**program, **stamps}])
        made = people.sync(self.subscription, [{"email": f"p{n}@x.example"} for n in range(PERSONS)], How(), STAFF)
        found = members.program(self.subscription, WEBINAR)
        members.set_status(self.subscription, found, STATUSES[0], [one["id"] for one in made[:5]], STAFF)

    def new_process(self) -> None:
        self._by_feed = self.system.connect()
        self._by_export = self.system.connect(feed=timedelta(-1))

    def new_day(self) -> None:
        self.sandbox.limits.reset()

    def connector(self, bulk: bool) -> Connector:
        return self._by_export if bulk else self._by_feed

    def unlike(self, obj: Object, without: Collection[str], before: datetime | None) -> list[str]:
        return differences(self.system, self.lake, obj, without=without, before=before)
