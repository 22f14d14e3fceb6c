"""Misbehaviour on command, of whatever system: named faults that meet some of the occasions they are asked for.

Which kinds there are, and what they do, a system declares; its server asks `Misbehaviour.take` at the right moments.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any


@dataclass(frozen=True)
class Kind:
    """What a fault of one name does.

    Attributes:
        does: what happens, in a line for docs, page and command line.
        settings: what can be set, with the defaults, whose types the given values must have.
            One whose default is an empty text must be given.
        counts: the occasions that the filters choose among: requests, records, jobs, pages, writes; "" for a state that
            holds until it is taken back.
        times: how many occasions it meets unless told otherwise; None: until it is taken back.
        has_path: whether its occasions have a path to filter by.
    """

    does: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    counts: str = "requests"
    times: int | None = 1
    has_path: bool = True


@dataclass
class Fault:
    """One kind of misbehaviour in force.

    Of the occasions whose path fits `path` (a shell pattern) and that are about `object` ("" for any), the first
    `skip` pass; of the rest every `every`-th is met, by `probability`, until `times` of them have been (None: no end).
    """

    id: int
    kind: str
    settings: Mapping[str, Any]
    path: str = "*"
    object: str = ""
    times: int | None = 1
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    kept: dict[str, Any] = field(default_factory=dict)  # what it remembers from one occasion to the next
    _seen: int = 0

    def __post_init__(self) -> None:
        self._random = Random(self.id)  # the same faults, in the same order, meet the same occasions

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    def fits(self, path: str, about: str) -> bool:
        return fnmatchcase(path, self.path) and self.object.lower() in ("", about.lower())

    def meets(self) -> bool:
        """Count a fitting occasion; tell whether it is one that the fault meets."""
        if self.skip:
            self.skip -= 1
            return False
        self._seen += 1
        return self._seen % self.every == 0 and self._random.random() < self.probability

    def as_dict(self) -> dict[str, Any]:
        names = ("id", "kind", "path", "object", "times", "skip", "every", "probability")
        return {**{name: getattr(self, name) for name in names}, **self.settings}


class Misbehaviour:
    """The faults in force, of the kinds that a system knows."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds
        self._faults: list[Fault] = []
        self._made = 0
        self._lock = threading.Lock()

    def add(
        self,
        kind: str,
        *,
        path: str = "*",
        object: str = "",  # noqa: A002 the word of all who set it
        times: int | None = 0,
        skip: int = 0,
        every: int = 1,
        probability: float = 1.0,
        **settings: Any,
    ) -> Fault:
        """Put a fault in force; `times` 0 is as its kind has it, None without end.

        Raises:
            ValueError: unknown kind or setting, or a value that cannot be one.
        """
        known = self.kinds.get(kind)
        if known is None:
            raise ValueError(f"no fault {kind!r}; there are {', '.join(self.kinds)}")
        if path != "*" and not known.has_path:
            raise ValueError(f"{kind} cannot be chosen by path")
        if not known.counts and (times, skip, every, probability) not in ((0, 0, 1, 1.0), (None, 0, 1, 1.0)):
            raise ValueError(f"{kind} holds until it is taken back; there is nothing to count")
        chance = _number("probability", float, probability, 0)
        if not 0 < chance <= 1:
            raise ValueError(f"probability must be above 0 and at most 1, not {probability}")
        chosen = _chosen(kind, known, settings)
        count = None if times is None else _number("times", int, times, 0) or known.times
        skipped, step = _number("skip", int, skip, 0), _number("every", int, every, 1)
        with self._lock:
            self._made += 1
            fault = Fault(self._made, kind, chosen, str(path), str(object), count, skipped, step, chance)
            self._faults.append(fault)
        return fault

    def __bool__(self) -> bool:
        return bool(self._faults)

    def take(self, kind: str, path: str = "", about: str = "") -> Fault | None:
        """Return the fault of this kind that an occasion meets, if any, and count it. `about` names an object."""
        if not self._faults:
            return None
        with self._lock:
            for fault in [one for one in self._faults if one.kind == kind and one.fits(path, about)]:
                if not fault.meets():
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def standing(self, kind: str, about: str = "") -> Fault | None:
        """Return the first fault of a kind about an object, without counting."""
        with self._lock:
            return next((one for one in self._faults if one.kind == kind and one.fits("", about)), None)

    def all_standing(self, kind: str, about: str = "") -> list[Fault]:
        """Return all faults of a kind about an object, without counting."""
        with self._lock:
            return [one for one in self._faults if one.kind == kind and one.fits("", about)]

    def remove(self, number: int) -> bool:
        """Take one fault back; False if it is not in force."""
        with self._lock:
            left = [fault for fault in self._faults if fault.id != number]
            found, self._faults = len(left) < len(self._faults), left
        return found

    def clear(self) -> None:
        """Take all faults back."""
        with self._lock:
            self._faults = []

    def as_list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_dict() for fault in self._faults]


def _chosen(kind: str, known: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of a kind, those that are given in the types of the defaults."""
    unknown = set(given) - set(known.settings)
    if unknown:
        has = ", ".join(known.settings) or "none"
        raise ValueError(f"{kind} has no setting {', '.join(sorted(unknown))}; it has {has}")
    typed: dict[str, Any] = {}
    for name, value in given.items():
        default = known.settings[name]
        typed[name] = str(value) if isinstance(default, str) else _number(name, type(default), value, 0)
    chosen = {**known.settings, **typed}
    if missing := [name for name, value in chosen.items() if value == ""]:
        raise ValueError(f"{kind} needs {', '.join(missing)}")
    return chosen


def _number(name: str, kind: type, value: object, least: float) -> Any:
    try:
        number = kind(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, not {value!r}") from None
    if not least <= number < float("inf"):
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return number
