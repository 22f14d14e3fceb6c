"""Files and folders that only their owner may read: they hold people's data and, some of them, passwords."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

OWNER_ONLY = 0o077  # the bits of others, as an umask
FOLDER, FILE = 0o700, 0o600


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, with those above it; tighten one that is there and is ours."""
    make_parents(path / "any")
    tighten_folder(path)


def make_parents(file: Path) -> None:
    """Make the folders around a file that are missing; those that are there stay as they are."""
    for folder in reversed([folder for folder in file.absolute().parents if not folder.exists()]):
        with suppress(FileExistsError):
            folder.mkdir(mode=FOLDER)


def tighten_folder(path: Path) -> None:
    """Take a folder and all in it from everybody but its owner; done once, as the folder's own mode tells."""
    if not _is_open(path):
        return
    for where, folders, names in os.walk(path):
        for name in (*folders, *names):
            tighten(Path(where, name))
    tighten(path)


def tighten(path: Path) -> None:
    """Take a file, or a folder without what is in it, from everybody but its owner, if we are the owner."""
    if _is_open(path):
        with suppress(OSError):  # a file system without modes
            path.chmod(FOLDER if path.is_dir() else FILE)


def _is_open(path: Path) -> bool:
    """Tell whether it is ours and others may do something with it."""
    try:
        found = path.lstat()
    except OSError:
        return False
    is_link = path.is_symlink()
    return not is_link and found.st_uid == os.geteuid() and bool(found.st_mode & OWNER_ONLY)
