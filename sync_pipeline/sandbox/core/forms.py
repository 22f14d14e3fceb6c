"""What a system keeps of a value that is written to it, on command: another form than the one sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sync_pipeline.sandbox.core.misbehaviour import Fault, Kind, Misbehaviour

Kept = Callable[[str, Mapping[str, Any]], dict[str, Any]]
FORMS: dict[str, Callable[[str], str]] = {
    "cut": lambda text: text[:10],
    "lower": str.lower,
    "trim": lambda text: "".join(text.split()),
    "reorder": lambda text: ";".join(sorted(text.split(";"))),
    "round": lambda text: str(round(float(text), 1)),
    "phone": lambda text: "".join(c for c in text if c.isdigit()),
}
NORMALISE = Kind(
    f"a written value of this field is kept in another form: {', '.join(FORMS)}",
    {"field": "email", "form": "lower"},
    counts="",
    times=None,
    has_path=False,
)


def as_sent(_: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they are."""
    return dict(values)


class Normalising(Misbehaviour):
    """Faults, among them forms of what is written."""

    def add(self, kind: str, **told: Any) -> Fault:
        """Put a fault in force, see `Misbehaviour.add`.

        Raises:
            ValueError: it cannot be one.
        """
        if kind == "normalise" and (form := told.get("form", "lower")) not in FORMS:
            raise ValueError(f"no form {form!r}; there are {', '.join(FORMS)}")
        return super().add(kind, **told)

    def kept(self, about: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is kept of a record's values; only texts and numbers have forms."""
        found = dict(values)
        for fault in self.all_standing("normalise", about):
            for name, value in found.items():
                if name.lower() == fault["field"].lower():
                    found[name] = _kept(FORMS[fault["form"]], value)
        return found


def _kept(form: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | float):
        return value
    try:
        return type(value)(form(str(value)))
    except ValueError:  # it has no such form
        return value
