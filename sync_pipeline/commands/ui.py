"""`sync-pipeline ui`: Dagster with its daemon, on the org of the settings or on a living sandbox."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from sync_pipeline import private
from sync_pipeline.commands.demo_stage import a_subscription
from sync_pipeline.commands.options import console, settings
from sync_pipeline.commands.sandbox import CUSTOM_OBJECTS, PEOPLE, SEED, is_new, open_org
from sync_pipeline.sandbox import Sandbox
from sync_pipeline.sandbox.core.service import Service
from sync_pipeline.sandbox.marketo import MarketoSandbox, Subscription
from sync_pipeline.sandbox.marketo.population.live import edit
from sync_pipeline.sandbox.salesforce.population.live import live
from sync_pipeline.sandbox.salesforce.population.populate import populate

HOME = Path("data/dagster")
NAME = "dagster.yaml"
EDITS_PER_SECOND = 0.2


@click.command()
@click.option("--port", type=click.IntRange(1, 65_535), default=3000, show_default=True, help="Port of the Dagster UI.")
def ui(port: int) -> None:
    """Open Dagster; without credentials, on sandboxes whose staffs go on editing."""
    private.make_folder(HOME.absolute())
    if not (HOME / NAME).exists():
        shutil.copyfile(NAME, HOME / NAME)
    elif (HOME / NAME).read_bytes() != Path(NAME).read_bytes():
        console.print(f"{HOME / NAME} differs from {NAME}, and stays as it is")
    given = settings()
    if given.has_credentials():
        sys.exit(_dagster(port, {}))
    with ExitStack() as opened:
        org = opened.enter_context(open_org(given.crm))
        if is_new(org):
            populate(org, PEOPLE, SEED)
        subscription = opened.enter_context(a_subscription(given.crm, PEOPLE))
        services: list[Service] = [Sandbox(org), MarketoSandbox(subscription)]
        staffs: list[Callable[..., object]] = [
            partial(live, org, SEED, EDITS_PER_SECOND, tell=lambda _: None),
            partial(_live_in_marketo, subscription),
        ]
        environment = {"SYNC_CUSTOM_OBJECTS": CUSTOM_OBJECTS[given.crm], "SYNC_FIRST_MONTH": "2024-01-01"}
        for service in services:
            opened.enter_context(service)
            environment |= service.env()
            console.print(f"no credentials are set: Dagster works on the {service.title} at {service.url}/")
        stop = threading.Event()
        for staff in staffs:
            thread = threading.Thread(target=staff, kwargs={"until": stop})
            thread.start()
            opened.callback(thread.join)
        opened.callback(stop.set)  # which comes first: a stack ends from its top
        # Nobody else's systems are written to, so the sync is shown whole.
        code = _dagster(port, {"WRITE_BACK": "apply", **environment})
    sys.exit(code)


def _live_in_marketo(subscription: Subscription, until: threading.Event) -> None:
    for number in itertools.count():
        if until.wait(1 / EDITS_PER_SECOND):
            return
        edit(subscription, 1, number)


def _dagster(port: int, environment: Mapping[str, str]) -> int:
    """Run Dagster until Ctrl-C or SIGTERM, either of which ends it in good order; return its exit code."""
    console.print(f"Dagster at http://127.0.0.1:{port}")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # before the start: a child inherits a signal that is ignored
        signal.signal(number, lambda *_: stopped.set())
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "DAGSTER_HOME": str(HOME.absolute()), **environment},
        start_new_session=True,
    )
    while process.poll() is None:
        if stopped.wait(0.5):
            process.terminate()
            return process.wait()
    return process.returncode
