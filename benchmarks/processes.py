"""A process and what it cost."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
# A small process in between: on Linux the peak of a process counts that of the one that started it, and a sandbox of
# millions of records is larger than what is measured here.
BETWEEN = """
import json, os, subprocess, sys
_, status, usage = os.wait4(subprocess.Popen(sys.argv[2:]).pid, 0)
with open(int(sys.argv[1]), "w") as told:
    json.dump([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss], told)
"""


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
    temporary = tempfile.TemporaryFile
    with temporary("w+") as output, temporary("w+") as errors, temporary("w+") as told:
        began, own = time.monotonic(), time.process_time()
        between, env = [sys.executable, "-c", BETWEEN, str(told.fileno()), *command], dict(environment)
        handed = [told.fileno()]
        subprocess.run(between, cwd=folder, env=env, stdout=output, stderr=errors, pass_fds=handed, check=True)
        seconds, own = time.monotonic() - began, time.process_time() - own
        for file in (output, errors, told):
            file.seek(0)
        code, cpu, peak = json.load(told)
        if code:
            raise RuntimeError(f"{' '.join(command[:4])} ended with {code}: {errors.read()}")
        return Spent(seconds, cpu, peak * RSS_UNIT, own, output.read())
