"""A person's record on its way from a request into the table, and what the request asks for besides its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync_pipeline.sandbox.marketo.records.keys import Key


@dataclass(frozen=True)
class How:
    """What a request asks for besides its records; `partition` is the id of the one named."""

    action: str = "createOrUpdate"
    lookup: str = "email"
    partition: int | None = None
    from_file: bool = False  # an import takes odd addresses, and takes no unsubscription back


@dataclass
class Draft:
    """One record on its way: its place in the request, the values given, the key, and the person as it was."""

    position: int
    values: dict[str, Any]
    key: Key
    old: dict[str, Any] | None = None
    id: int = 0

    def after(self, name: str) -> Any:
        """Return the value that a field will have."""
        return self.values[name] if name in self.values else (self.old or {}).get(name)

    def says_unsubscribed(self) -> bool:
        """Tell whether the record itself changes the person's unsubscription."""
        before = bool(self.old and self.old["unsubscribed"])
        return "unsubscribed" in self.values and self.values["unsubscribed"] != before
