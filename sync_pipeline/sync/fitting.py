"""The pairings of a pass as both systems describe them now: which can be decided on, and which fields take part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from sync_pipeline.lake import Lake, ledger
from sync_pipeline.lake.ledger import Notice
from sync_pipeline.model import Describe, Field, Pairing
from sync_pipeline.sync.mapping import custom_objects
from sync_pipeline.sync.mapping.compared import Compared, compared
from sync_pipeline.sync.mapping.custom_objects import UnfitError
from sync_pipeline.sync.mapping.effective import Mapped, lacking, lines, mapped, unmet, with_common_values
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.sync.scope.filters import condition


@dataclass
class Fitting:
    """Pairings, in the order in which their records depend on one another, and what the systems say of their objects.

    Attributes:
        described: by (system, source).
    """

    lake: Lake
    pairings: Sequence[Pairing]
    described: Mapping[tuple[str, str], Describe]
    policy: SyncPolicy

    @cached_property
    def _read(self) -> set[tuple[str, str]]:
        """System and name of the objects whose mirrors are whole.

        A first load may take days: a record not loaded yet would look new, and be overwritten.
        """
        systems = {obj.system for pairing in self.pairings for obj in (pairing.crm, pairing.marketo)}
        with self.lake.reading() as con:
            return {(system, name) for system in systems for name in ledger.watermarks(con, system)}

    def obstacle(self, pairing: Pairing) -> str:
        """Return why nothing can be decided of a pairing; empty if something can."""
        missing = [
            obj.title
            for obj in (pairing.crm, pairing.marketo)
            if (obj.system, obj.source) not in self.described or (obj.system, obj.name) not in self._read
        ]
        if missing:
            return f"not mirrored yet: {', '.join(missing)}; run a sync first"
        misfit = condition(pairing.filter).misfit(self.describes(pairing)[0]) if pairing.filter else ""
        return f"its filter cannot be told: {misfit}" if misfit else ""

    @cached_property
    def mirrored(self) -> list[Pairing]:
        """The pairings whose mirrors are whole; custom ones with their fields, unless they do not fit."""
        found: list[Pairing] = []
        for pairing in self.pairings:
            if not self.obstacle(pairing):
                with suppress(UnfitError):
                    pairing = self.fitted(pairing, found)
                found.append(pairing)
        return found

    def fields(self, pairing: Pairing) -> tuple[list[Compared], list[Notice]]:
        """Return the fields of a pairing that are compared, and what is to be noted of those that are not."""
        fed_by = self.fed_by.get(pairing.name)
        fields, notices = compared(pairing, *self.describes(pairing), self.policy.blocked, fed_by)
        return fields, [*notices, *unmet(pairing, self.policy.mapping)]

    @cached_property
    def fed_by(self) -> dict[str, dict[str, str]]:
        """By pairing and field of Marketo, the field of the CRM whose values the links have agreed on."""
        with self.lake.reading() as con:
            return ledger.fed_by(con)

    def describes(self, pairing: Pairing) -> tuple[Describe, Describe]:
        """Return what the CRM and Marketo say of their objects."""
        crm, marketo = pairing.crm, pairing.marketo
        return self.described[crm.system, crm.source], self.described[marketo.system, marketo.source]

    def in_force(self) -> Iterator[Mapped]:
        """Yield the mapping of each pairing that both systems describe, field by field (FIELD-20)."""
        return with_common_values(self._lines(), {p.name: p.marketo.name for p in self.pairings})

    def _lines(self) -> Iterator[Mapped]:
        for pairing, fit in self._described():
            if isinstance(fit, UnfitError):
                yield Mapped(pairing.name, "", said=str(fit))
                continue
            own = {one.crm for one in self.policy.mapping.fields.get(pairing.name, ())}
            yield from lines(pairing, fit, self.fields(fit), own)

    def lacking(self) -> list[tuple[Pairing, list[Field]]]:
        """Return with their pairings the visible custom fields of the CRM that Marketo has no field for."""
        fits = [fit for _, fit in self._described() if isinstance(fit, Pairing)]
        return [(fit, some) for fit in fits if (some := lacking(fit, self.describes(fit)[0]))]

    def _described(self) -> Iterator[tuple[Pairing, Pairing | UnfitError]]:
        """Yield the pairings that both systems describe, each as it is fitted, or why it is not."""
        before: list[Pairing] = []
        for pairing in self.pairings:
            if all((obj.system, obj.source) in self.described for obj in (pairing.crm, pairing.marketo)):
                try:
                    before.append(self.fitted(pairing, before))
                except UnfitError as error:
                    yield pairing, error
                else:
                    yield pairing, before[-1]

    def fitted(self, pairing: Pairing, before: Sequence[Pairing]) -> Pairing:
        """Return a pairing with the mappings that hold now.

        Args:
            before: the pairings that its records may refer to, fitted.

        Raises:
            UnfitError: the custom objects of both systems do not fit each other.
        """
        if pairing.custom:
            pairing = custom_objects.fitted(pairing, *self.describes(pairing), before)
        return mapped(pairing, self.described, self.policy.mapping)
