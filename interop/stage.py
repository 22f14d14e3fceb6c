"""A client's surroundings as its operations see them: its tools, a folder, and how to have it run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interop.errors import DifferenceError

HARD = (  # what a client, or the sandbox, may get wrong on the way
    'quotes " and ""double""',
    "line\nbreak\r\nand\ttab",
    "Zoë Müller-Ørsted 東京 🚀",
    "comma, semicolon; 'apostrophe' \\backslash",
    "NA",
    "null",
    "0012",
    "<b>&amp;</b>",
)
PATIENCE = 900  # seconds; the slowest client sleeps 20 s at a time


@dataclass(frozen=True)
class Stage:
    """`tools` is what the environment's `install` returned; `environment` all that a process of the client is told."""

    tools: Path
    folder: Path
    environment: Mapping[str, str]

    def run(self, command: Sequence[str | Path], **more: str) -> list[str]:
        """Return the lines that a command of the client prints.

        Raises:
            DifferenceError: it failed; the message is the line that tells most, and below it all that it said.
        """
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **more},
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()
            telling = [line for line in said if "Error" in line] or said
            raise DifferenceError("\n".join([f"exit {done.returncode}: {telling[-1].strip()}", *said]))
        return [line for line in done.stdout.split("\n") if line]  # JSON may hold what else splits lines, as U+2028

    def records(self, command: Sequence[str | Path], **more: str) -> dict[str, list[dict[str, Any]]]:
        """Return, by object, the records that a command prints as lines of `["Object", {record}]`.

        Raises:
            DifferenceError: it failed, or printed none.
        """
        records: dict[str, list[dict[str, Any]]] = {}
        for line in self.run(command, **more):
            name, record = json.loads(line)
            records.setdefault(name, []).append(record)
        if not records:
            raise DifferenceError("the client said nothing")
        return records

    def file(self, name: str, content: object) -> Path:
        """Write a JSON file into the client's folder."""
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path
