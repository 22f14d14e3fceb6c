"""What a Marketo client is given: a subscription of its own behind a running sandbox, and the way there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from interop.front import Front
from interop.stage import HARD, Stage
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.population.populate import populate

PEOPLE, SEED = 1_000, 3  # more persons than one call or one page holds
MONTHS = 1  # one export job reaches back so far
HOSTS = ("*.mktorest.com",)


@dataclass(frozen=True)
class SubscriptionStage(Stage):
    """A stage with a subscription and the sandbox before it."""

    subscription: Subscription
    sandbox: MarketoSandbox


@contextmanager
def stage(tools: Path) -> Iterator[SubscriptionStage]:
    """Yield a populated subscription, its sandbox and an environment with nothing of this process's but the PATH."""
    with (
        Subscription.open() as subscription,
        MarketoSandbox(subscription) as sandbox,
        _front_of(sandbox) as front,
        tempfile.TemporaryDirectory(prefix="interop-") as folder,
    ):
        populate(subscription, PEOPLE, SEED, months=MONTHS)
        stamps = dict.fromkeys(("createdAt", "updatedAt"), subscription.present())
        hard = [
            {"id": PEOPLE + 1 + n, "lastName": text, "mktoPersonNotes": text, **stamps} for n, text in enumerate(HARD)
        ]
        subscription.insert(subscription.lead, hard)
        subscription.reserve("lead", len(hard))
        own = {"PATH": os.environ["PATH"], "HOME": folder, "LANG": "C.UTF-8"}
        yield SubscriptionStage(
            tools, Path(folder), {**own, **sandbox.env(), **front.environment()}, subscription, sandbox
        )


def _front_of(sandbox: MarketoSandbox) -> Front:
    """Return the front by which clients find the sandbox under Marketo's own host names."""
    address = urlsplit(sandbox.url)
    return Front(sandbox, (str(address.hostname), int(address.port or 0)), HOSTS)
