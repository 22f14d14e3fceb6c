"""The sandbox as a process of its own, for the CLI: serve until told to stop."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sync_pipeline.sandbox.core.database import OtherFileError
from sync_pipeline.sandbox.core.service import Service

ADDRESSES = {"SALESFORCE": "SALESFORCE_LOGIN_URL", "MARKETO": "MARKETO_URL"}
LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d+(/|$)")
# What any sandbox writes.
NAMES = {
    "CRM", "VEEVA_PROFESSIONAL_TYPES", "SALESFORCE_LOGIN_URL", "SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET",
    "SALESFORCE_USERNAME", "SALESFORCE_PASSWORD", "SALESFORCE_SECURITY_TOKEN", "MARKETO_URL", "MARKETO_CLIENT_ID",
    "MARKETO_CLIENT_SECRET", "MARKETO_FIRST_DAY", "MARKETO_POLL_SECONDS", "MARKETO_CALLS_IN_20_SECONDS",
    "MARKETO_INGESTION_URL",
}  # fmt: skip


def run(services: Sequence[Service], env_file: Path | None = None) -> None:
    """Serve until SIGINT or SIGTERM; print each address, write the settings that point at all of them.

    To be called from the main thread, which alone receives signals.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as running:
        for service in services:
            running.enter_context(service)
        if env_file:
            write_env(env_file, {name: value for service in services for name, value in service.env().items()})
        for service in services:
            print(f"{service.title} at {service.url}", flush=True)
        print("open it in a browser to see and edit its records, its request log and its faults", flush=True)
        stop.wait()


def write_env(path: Path, settings: dict[str, str]) -> None:
    """Write settings as a .env file that only its owner can read, in place of an earlier one of a sandbox's.

    Raises:
        OtherFileError: the file has other settings, which may be those of real systems.
    """
    if path.exists() and not _is_of_sandbox(path.read_text("utf-8", "replace"), settings):
        raise OtherFileError(f"{path} has settings that no sandbox wrote; name another file with --env-file")
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")


def _is_of_sandbox(text: str, settings: dict[str, str]) -> bool:
    """Tell whether a .env file has nothing but settings that point at sandboxes on this machine."""
    found = dict(line.partition("=")[::2] for line in text.splitlines() if line.strip())
    if not found.keys() <= NAMES | settings.keys():
        return False
    systems = {name.partition("_")[0] for name in found} & ADDRESSES.keys()
    return all(LOOPBACK.match(found.get(ADDRESSES[system], "")) for system in systems)
