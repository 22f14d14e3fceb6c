"""`python -m benchmarks [name ...] [--save]`: measure, print one table, keep it in RESULTS.md if asked to."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    changes,
    deciding,
    drift,
    first_sync,
    marketo,
    month,
    people,
    quiet,
    readers,
    restart,
    speed,
    veeva,
    whole_sync,
)
from benchmarks.bars import Bar, as_markdown

RESULTS = Path(__file__).with_name("RESULTS.md")
BENCHMARKS: Mapping[str, Callable[[], Iterable[Bar]]] = {
    "speed": speed.speed,
    "memory": speed.memory,
    "quiet": quiet.quiet,
    "addresses": people.addresses,
    "changes": changes.changes,
    "deciding": deciding.deciding,
    "drift": drift.drift,
    "first_sync": first_sync.first_sync,
    "marketo": marketo.marketo,
    "month": month.month,
    "people": people.people,
    "readers": readers.readers,
    "restart": restart.restart,
    "veeva": veeva.veeva,
    "whole_sync": whole_sync.whole_sync,
}


def main() -> int:
    """Run the named benchmarks, or all; return 1 if a bar does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all without")
    parser.add_argument("--save", action="store_true", help=f"write the table to {RESULTS.name}")
    given = parser.parse_args()
    if unknown := set(given.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    measured = {name: list(_told(name)) for name in given.names or BENCHMARKS}
    bars = [bar for some in measured.values() for bar in some]
    print(as_markdown(bars))
    if given.save:
        save({name: f"{_machine()}\n\n{as_markdown(some)}" for name, some in measured.items()})
    return int(any(bar.holds is False for bar in bars))


def _told(name: str) -> Iterable[Bar]:
    print(f"{name} ...", file=sys.stderr, flush=True)
    return BENCHMARKS[name]()


def save(measured: Mapping[str, str]) -> None:
    """Write these sections of the results; those of benchmarks that did not run stay as they are."""
    old = RESULTS.read_text(encoding="utf-8").split("\n## ")[1:] if RESULTS.exists() else []
    sections = {name: text.strip() for name, _, text in (section.partition("\n") for section in old)} | dict(measured)
    said = [f"## {name}\n\n{sections[name]}\n" for name in BENCHMARKS if name in sections]
    RESULTS.write_text("\n".join(["# Measured by `make bench`\n", *said]), encoding="utf-8")


def _machine() -> str:
    day = datetime.now(UTC).date()
    return f"{day}, {os.cpu_count()} processors ({platform.machine()}), Python {platform.python_version()}."


if __name__ == "__main__":
    sys.exit(main())
