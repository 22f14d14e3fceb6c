"""`python -m benchmarks [name ...] [--save]`: measure, print one table, keep it in benchmarks/RESULTS.md if asked to."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import changes, month, quiet, readers, restart, speed
from benchmarks.bars import Bar, as_markdown

RESULTS = Path(__file__).with_name("RESULTS.md")
BENCHMARKS: Mapping[str, Callable[[], Iterable[Bar]]] = {
    "speed": speed.speed,
    "memory": speed.memory,
    "quiet": quiet.quiet,
    "changes": changes.changes,
    "month": month.month,
    "readers": readers.readers,
    "restart": restart.restart,
}


def main() -> int:
    """Run the named benchmarks, or all; return 1 if a bar does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all without")
    parser.add_argument("--save", action="store_true", help=f"write the table to {RESULTS.name}")
    given = parser.parse_args()
    if unknown := set(given.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    bars: list[Bar] = []
    for name in given.names or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        bars += BENCHMARKS[name]()
    table = as_markdown(bars)
    print(table)
    if given.save:
        RESULTS.write_text(f"# Measured\n\n{_machine()}\n\n{table}\n", encoding="utf-8")
    return int(any(bar.holds is False for bar in bars))


def _machine() -> str:
    day = datetime.now(UTC).date()
    return f"{day}, {os.cpu_count()} processors ({platform.machine()}), Python {platform.python_version()}."


if __name__ == "__main__":
    sys.exit(main())
