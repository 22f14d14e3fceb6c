"""`sync-pipeline ui`: Dagster with its daemon, on the org of the settings or on a living sandbox."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import click

from sync_pipeline.commands.options import console, settings
from sync_pipeline.commands.sandbox import CUSTOM_OBJECTS, PEOPLE, SEED, is_new, open_org
from sync_pipeline.sandbox import Sandbox
from sync_pipeline.sandbox.live import live
from sync_pipeline.sandbox.populate import populate

HOME = Path("data/dagster")
EDITS_PER_SECOND = 0.2


@click.command()
@click.option("--port", type=click.IntRange(1, 65_535), default=3000, show_default=True, help="Port of the Dagster UI.")
def ui(port: int) -> None:
    """Open Dagster; without credentials, on a sandbox whose staff goes on editing."""
    HOME.mkdir(parents=True, exist_ok=True)
    shutil.copyfile("dagster.yaml", HOME / "dagster.yaml")
    given = settings()
    if given.has_credentials():
        sys.exit(_dagster(port, {}))
    with open_org(given.crm) as org:
        if is_new(org):
            populate(org, PEOPLE, SEED)
        with Sandbox(org) as sandbox:
            stop = threading.Event()
            staff = threading.Thread(target=live, args=(org, SEED, EDITS_PER_SECOND, stop, lambda _: None))
            staff.start()
            console.print(f"no credentials are set: Dagster works on the sandbox, whose own page is {sandbox.url}/")
            try:
                objects = {"SYNC_CUSTOM_OBJECTS": CUSTOM_OBJECTS[given.crm], "SYNC_FIRST_MONTH": "2024-01-01"}
                code = _dagster(port, {**objects, **sandbox.env()})
            finally:
                stop.set()
                staff.join()
    sys.exit(code)


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
