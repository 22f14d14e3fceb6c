"""What the laws know of a world of people, and do to it, whichever CRM they are of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.writes import Answer, Verdict
from sync_pipeline_tests.sync.many import Many, Router
from sync_pipeline_tests.sync.world import System


def gone() -> None:
    raise RetryableError("CONNECTION", "gone")


class Peopled(Many):
    """People of a CRM and the persons that they are in Marketo.

    Attributes:
        sources: the CRM's objects whose records are people.
        two_way: fields that flow both ways: the CRM's name by Marketo's.
        key: Marketo's field that names the record of the CRM.
        flag: Marketo's field that tells that this record was deleted.
        scenes: what else can happen here; two numbers choose to whom.
    """

    sources: ClassVar[tuple[str, ...]]
    two_way: ClassVar[Mapping[str, str]]
    scenes: ClassVar[tuple[Callable[[Any, int, int], None], ...]] = ()
    key = "externalPersonId"
    flag = "inCrmDeleted"

    @abstractmethod
    def hire(self, source: str) -> str:
        """Make a record that is a person after the next cycle; return its id."""

    def takes_part(self, source: str, crm_id: str) -> bool:
        """Tell whether a living record of the CRM is to be a person."""
        return True

    def left(self) -> set[str]:
        """Return the living records that take part no more, and whose persons stay as they are."""
        return set()

    def merge(self, source: str, loser: str, winner: str) -> None:
        system = self.system(source)
        system.merge(loser, winner) if source == "lead" else system.delete(loser, winner)

    def awry(self) -> list[str]:
        """Return what else is lost, doubled or other in the end."""
        return []

    @property
    def people(self) -> System:
        return self.marketo["lead"]

    def system(self, source: str) -> System:
        return (self.marketo if source in self.marketo.systems else self.crm)[source]

    def pick(self, source: str, number: int) -> str | None:
        """Return one of the records that are alive, if there is any."""
        ids = sorted(i for i in self.system(source).living if source == "lead" or self.takes_part(source, i))
        return ids[number % len(ids)] if ids else None

    def person(self, crm_id: str) -> str:
        """Return the id of the living person that carries this id."""
        (found,) = [i for i, one in self.people.living.items() if one.get(self.key) == crm_id]
        return found

    def spoil(self, side: str, how: str) -> None:
        """Let a side be gone before or after each batch, or have every record tried again."""
        router: Router = getattr(self, side)
        for system in router.systems.values():
            if how in ("before", "after"):
                setattr(system, how, gone)
            else:
                system.refuse = lambda _: Answer(Verdict(how), code="NO", message="not now")

    def mend(self) -> None:
        for system in (*self.crm.systems.values(), *self.marketo.systems.values()):
            system.before = system.after = lambda: None
            system.refuse = lambda _: None

    def alive(self) -> dict[str, dict[str, Any]]:
        """Return the CRM's records that are to be persons, by id."""
        return {i: one for s in self.sources for i, one in self.crm[s].living.items() if self.takes_part(s, i)}
