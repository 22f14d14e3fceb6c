"""A subscription, its sandbox and our connector to it; all share a clock that moves when somebody waits."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sync_pipeline import catalog
from sync_pipeline.connectors.marketo import Credentials, Limits, Marketo, Reach
from sync_pipeline.connectors.records import Answer, Operation, Record, Verdict
from sync_pipeline.lake import Lake, table
from sync_pipeline.lake.sql import commas, literal, quoted
from sync_pipeline.model import Object
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.settings import Settings
from sync_pipeline_tests.sandbox.conftest import Clock

OBJECTS = catalog.objects("marketo")
ACTIVITY_TYPES = Settings.model_fields["marketo_activity_types"].default


def declared(name: str) -> Object:
    return catalog.by_name(name, OBJECTS)


@dataclass
class Connected:
    """What a test of the connector needs; `sleep` lets fake time pass, and export jobs of the sandbox go on."""

    subscription: Subscription
    sandbox: MarketoSandbox
    clock: Clock

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.marketo = self.connect()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.clock.pass_seconds(seconds)
        time.sleep(0.002)

    def connect(self, limits: dict[str, Any] | None = None, **reach: Any) -> Marketo:
        """Return another connector, as another process would have it."""
        env = self.sandbox.env()
        return Marketo(
            Credentials(self.sandbox.url, env["MARKETO_CLIENT_ID"], env["MARKETO_CLIENT_SECRET"]),
            Limits(
                **{"clock": lambda: self.clock.at.timestamp(), "sleep": self.sleep, "utc": self.clock, **(limits or {})}
            ),
            Reach(
                **{
                    "first_day": self.clock.at - timedelta(days=100),
                    "activity_types": ACTIVITY_TYPES,
                    "poll_seconds": 0.1,
                    **reach,
                }
            ),
            first_wait=0.01,
        )

    def calls_made(self) -> int:
        """Return how many calls the subscription counted, whoever made them."""
        return sum(day.total() for day in self.sandbox.limits.used.values())

    def refusals(self) -> dict[str, int]:
        """Return how many calls were refused, by code."""
        found: dict[str, int] = {}
        for day in self.sandbox.limits.refused.values():
            for code, count in day.items():
                found[code] = found.get(code, 0) + count
        return found

    # Persons, as a marketer would make them

    def create(self, *emails: str, **values: Any) -> list[int]:
        """Create persons and return their ids."""
        answers = self.upsert("person", *({"email": email, **values} for email in emails), key="email")
        return [int(str(answer.id)) for answer in answers]

    def update(self, person: int, **values: Any) -> Answer:
        (answer,) = self.marketo.write(declared("person"), Operation.UPDATE, [Record(str(person), values)])
        return answer

    def delete(self, *persons: int) -> list[Answer]:
        return self.marketo.write(declared("person"), Operation.DELETE, [Record(str(person), {}) for person in persons])

    def upsert(self, name: str, *records: dict[str, Any], key: str = "dedupeFields") -> list[Answer]:
        """Create or change records that must all be accepted."""
        answers = self.marketo.write(declared(name), Operation.UPSERT, [Record(None, one) for one in records], key)
        assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * len(records), answers
        return answers


def _served(subscription: Subscription, performance_tier: bool) -> MarketoSandbox:
    return MarketoSandbox(subscription, performance_tier=performance_tier)


@contextmanager
def connected(native: bool = False, performance_tier: bool = False) -> Iterator[Connected]:
    clock = Clock()
    with (
        Subscription.open(clock=clock, native=native) as subscription,
        _served(subscription, performance_tier) as sandbox,
    ):
        yield Connected(subscription, sandbox, clock)


def differences(
    system: Connected, lake: Lake, obj: Object, *, without: Collection[str] = (), before: datetime | None = None
) -> list[str]:
    """Return what differs between the living records of a subscription and their mirror; empty if nothing does.

    Args:
        without: fields that are not compared.
        before: only records that the subscription stamped before are looked for in the mirror.
    """
    uncompared = {"attributes", "folder", *without}
    with lake.reading() as con:
        kept = table.fields_kept(con, obj)
        truth = {row["column_name"] for row in system.subscription.rows(f'describe "{obj.source}"')}
        names = [field for field in kept if field in truth and field not in uncompared]
        spelled = [f"timezone('UTC', {quoted(n)})" if "ZONE" in kept[n] else quoted(n) for n in names]
        mirrored = con.execute(
            f"select {commas(spelled)} from {table.full_name(*obj.table)} where {quoted(table.DELETED_AT)} is null"
        ).fetchall()
    if not kept:
        return [f"{obj.name} has no mirror"]
    seen = f"where {quoted(obj.stamp)} < {literal(before.replace(tzinfo=None))}" if before else ""
    told = [
        tuple(None if v == "" else v for v in r.values())
        for r in system.subscription.rows(f'select {commas(map(quoted, names))} from "{obj.source}" {seen}')
    ]
    missing, extra = Counter(told) - Counter(mirrored), Counter(mirrored) - Counter(told)
    if before:
        extra.clear()
    return [f"not mirrored: {dict(zip(names, row, strict=True))}" for row in missing] + [
        f"only mirrored: {dict(zip(names, row, strict=True))}" for row in extra
    ]
