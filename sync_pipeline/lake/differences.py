"""What differs between two versions of a record, as a changes table keeps it. Pure SQL text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync_pipeline.lake.sql import commas, literal, quoted


@dataclass(frozen=True)
class Differences:
    """SQL over two versions of a record, aliased `new` and `old`, that compares the columns `names`."""

    names: Sequence[str]
    new: str
    old: str

    @property
    def any(self) -> str:
        return " or ".join(self._differs(name) for name in self.names) or "false"

    @property
    def fields(self) -> str:
        """The names of what differs, as a list."""
        return self._listed(literal)

    @property
    def before(self) -> str:
        """The old values of what differs, as a map of text."""
        return self._mapped(self.old)

    @property
    def after(self) -> str:
        return self._mapped(self.new)

    def _differs(self, name: str) -> str:
        return f"{self.new}.{quoted(name)} is distinct from {self.old}.{quoted(name)}"

    def _mapped(self, of: str) -> str:
        entry = self._listed(lambda name: f"{{'key': {literal(name)}, 'value': {of}.{quoted(name)}::varchar}}")
        return f"map_from_entries({entry})"

    def _listed(self, value: Callable[[str], str]) -> str:
        cases = commas(f"case when {self._differs(name)} then {value(name)} end" for name in self.names)
        return f"list_filter([{cases}], lambda x: x is not null)" if cases else "[]"
