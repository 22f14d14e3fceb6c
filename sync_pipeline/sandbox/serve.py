"""The sandbox as a process of its own, for the CLI: serve until told to stop."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from sync_pipeline.sandbox.org import Org
from sync_pipeline.sandbox.server import Sandbox


def serve(org: Org, port: int = 0, env_file: Path | None = None) -> None:
    """Serve the org on loopback until SIGINT or SIGTERM; print the address, write the settings that point at it.

    To be called from the main thread, which alone receives signals.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Sandbox(org, port) as sandbox:
        if env_file:
            write_env(env_file, sandbox.env())
        print(f"{org.schema.crm.title()} sandbox at {sandbox.url}", flush=True)
        print("open it in a browser to see and edit its records, its request log and its faults", flush=True)
        stop.wait()


def write_env(path: Path, settings: dict[str, str]) -> None:
    """Write settings as a .env file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
