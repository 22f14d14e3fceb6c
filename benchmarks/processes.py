"""A process and what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds and peak memory (bytes) of a process, the CPU seconds of this one meanwhile, and its output.

    The sandbox lives in this process, which does nothing else while it waits: so its own CPU is the sandbox's.
    """

    seconds: float
    cpu: float
    peak: int
    sandbox_cpu: float
    output: str


def spent(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Spent:
    """Run a command to its good end.

    Raises:
        RuntimeError: it failed; the message is what it said.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began, own = time.monotonic(), time.process_time()
        process = subprocess.Popen(command, cwd=folder, env=dict(environment), stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds, own = time.monotonic() - began, time.process_time() - own
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command[:4])} ended with {process.returncode}: {errors.read()}")
        return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT, own, output.read())
