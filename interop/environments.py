"""Each client's own environment, made once below data/interop from pinned versions, and anew when the pins change."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from interop.errors import SkipError

FOLDER = Path("data/interop")


@dataclass(frozen=True)
class Python:
    """A virtual environment with exactly what a requirements file lists."""

    requirements: Path

    def install(self) -> Path:
        """Return the folder of the environment's commands.

        Raises:
            SkipError: the packages cannot be installed here.
        """
        folder = _folder(self.requirements)

        def make() -> None:
            _run([sys.executable, "-m", "venv", str(folder)])
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([*pip, "--no-deps", "--requirement", str(self.requirements)])

        _once(folder, self.requirements, make)
        return folder / "bin"


@dataclass(frozen=True)
class Node:
    """A node_modules folder as package.json and package-lock.json, beside each other, describe it."""

    package: Path

    def install(self) -> Path:
        """Return the node_modules folder.

        Raises:
            SkipError: there is no Node here, or the packages cannot be installed.
        """
        for command in ("node", "npm"):
            if shutil.which(command) is None:
                raise SkipError(f"no {command} on this machine")
        folder, lock = _folder(self.package), self.package.with_name("package-lock.json")

        def make() -> None:
            folder.mkdir(parents=True)
            for file in (self.package, lock):
                shutil.copy(file, folder)
            _run(
                ["npm", "ci", "--ignore-scripts", "--engine-strict", "--no-audit", "--no-fund", "--prefix", str(folder)]
            )

        _once(folder, lock, make)
        return folder / "node_modules"


def _folder(pins: Path) -> Path:
    """Return where the environment is: named after the client and its system."""
    return FOLDER.absolute() / pins.parent.parent.name / pins.parent.name


def _once(folder: Path, pins: Path, make: Callable[[], None]) -> None:
    """Make the environment unless it is there already for these pins and this Python."""
    mark = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    installed = folder / "installed"
    if installed.exists() and installed.read_text() == mark:
        return
    shutil.rmtree(folder, ignore_errors=True)
    make()
    installed.write_text(mark)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise SkipError(f"not installed: {said[-1] if said else f'exit {done.returncode}'}")
