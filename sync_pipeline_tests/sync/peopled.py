"""What the laws know of a world of people, and do to it, whichever CRM they are of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.records import Answer, Value, Verdict
from sync_pipeline.lake import ledger
from sync_pipeline.model import Describe
from sync_pipeline.sync.delivery.retries import retry
from sync_pipeline_tests.sync.many import Many, Router
from sync_pipeline_tests.sync.world import System


class Died(BaseException):
    """The process that syncs was killed: nothing catches it there."""


def gone() -> None:
    raise RetryableError("CONNECTION", "gone")


def killed() -> None:
    raise Died


FAULTS = {"gone": gone, "killed": killed}
# What `spoil` can do: a call fails before or after its batch is done, or each record is refused, for now or for good.
REFUSALS = {"retry": Verdict.RETRY, "rejected": Verdict.REJECTED}
OUTAGES = tuple(f"{when} {what}" for when in ("before", "after") for what in FAULTS)


PERSON = 2  # to `source`, instead of the number of a CRM's object


@dataclass(frozen=True)
class Event:
    """What happens, so that a counterexample can be read, and copied into a test."""

    done: Callable[..., object]
    to: tuple[Value, ...] = ()

    def __call__(self, world: Peopled) -> None:
        self.done(world, *self.to)

    def __repr__(self) -> str:
        return f"{self.done.__name__}{self.to}"


class Peopled(Many):
    """People of a CRM and the persons that they are in Marketo.

    Attributes:
        sources: the CRM's objects whose records are people.
        two_way: fields that flow both ways: the CRM's name by Marketo's.
        one_way: fields that flow to Marketo only, likewise; they hold one of `owners`.
        title: the CRM's field for a title, which no event changes.
        key: Marketo's field that names the record of the CRM.
        flag: Marketo's field that tells that this record was deleted.
        scenes: what else can happen here; two numbers choose to whom.
    """

    sources: ClassVar[tuple[str, ...]]
    two_way: ClassVar[Mapping[str, str]]
    one_way: ClassVar[Mapping[str, str]] = MappingProxyType({})
    owners: ClassVar[tuple[str, ...]] = ()
    title = "Title"
    scenes: ClassVar[tuple[Callable[[Any, int, int], None], ...]] = ()
    key = "externalPersonId"
    flag = "inCrmDeleted"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.hidden: dict[tuple[str, str], Describe] = {}

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

    def source(self, number: int) -> str:
        """Return the name of one of the objects that people are kept in, Marketo's for `PERSON`."""
        return "lead" if number == PERSON else self.sources[number % len(self.sources)]

    @property
    def people(self) -> System:
        return self.marketo["lead"]

    def system(self, source: str) -> System:
        return (self.marketo if source in self.marketo.systems else self.crm)[source]

    def pick(self, source: str, number: int) -> str | None:
        """Return one of the records that are alive, if there is any."""
        ids = self.all_of(source)
        return ids[number % len(ids)] if ids else None

    def all_of(self, source: str) -> list[str]:
        """Return the records that are alive."""
        return sorted(i for i in self.system(source).living if source == "lead" or self.takes_part(source, i))

    def person(self, crm_id: str) -> str:
        """Return the id of the living person that carries this id."""
        (found,) = [i for i, one in self.people.living.items() if one.get(self.key) == crm_id]
        return found

    def happen(self, event: Callable[[Self], object]) -> None:
        """Let a minute pass and something happen; a process that dies of it is followed by another one."""
        self.minute += 1
        try:
            event(self)
        except Died:
            self.mend()

    def spoil(self, side: str, how: str) -> None:
        """Let the calls to a side fail, or its records be refused: one of `OUTAGES` and `REFUSALS`."""
        router: Router = getattr(self, side)
        for system in router.systems.values():
            if how in REFUSALS:
                system.refuse = lambda _: Answer(REFUSALS[how], code="NO", message="not now")
            else:
                when, what = how.split()
                setattr(system, when, FAULTS[what])

    def mend(self) -> None:
        for system in (*self.crm.systems.values(), *self.marketo.systems.values()):
            system.before = system.after = lambda: None
            system.refuse = lambda _: None

    def hide(self, source: int, which: int) -> None:
        """Let a field that flows both ways vanish from a side's schema; nobody reads or writes it from now on."""
        of = self.source(source)
        marketo, crm = sorted(self.two_way.items())[which % len(self.two_way)]
        key, told = next((key, told) for key, told in self.described.items() if key[1] == of)
        self.described[key] = told.without({marketo if of == "lead" else crm})
        self.hidden.setdefault(key, told)

    def show(self) -> None:
        """Let all fields be seen again; their values flow with the next change of their records (FIELD-4)."""
        for key, told in self.hidden.items():
            seen = self.described[key].names
            fields = (f if f.name in seen else replace(f, since=self.now()) for f in told.fields)
            self.described[key] = replace(told, fields=tuple(fields))
        self.minute += 1
        if self.hidden:
            self.move(f"shown {self.minute}")
            for person in self.people.living:
                self.people.edit(person)
        self.hidden.clear()

    def move(self, title: str) -> None:
        """Change something of every record of the CRM."""
        for source in self.sources:
            for record in self.crm[source].living:
                self.crm[source].edit(record, **{self.title: title})

    def ask_again(self) -> None:
        """Have all tried again that was refused for good."""
        with self.lake.transaction() as con:
            refused = f"select distinct record_id from {ledger.table('error')} where resolved_at is null"
            retry(con, self.pairings, [one for (one,) in con.execute(refused).fetchall() if one], self.now())

    def alive(self) -> dict[str, dict[str, Any]]:
        """Return the CRM's records that are to be persons, by id."""
        return {i: one for s in self.sources for i, one in self.crm[s].living.items() if self.takes_part(s, i)}
