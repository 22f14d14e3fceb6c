"""A pipeline that is killed again and again, and what must be true of its lake in the end (law 4)."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from sync_pipeline import catalog
from sync_pipeline.lake import Lake
from sync_pipeline.model import Object
from sync_pipeline.sandbox import Org
from sync_pipeline.sandbox.salesforce.population.live import edit
from sync_pipeline_tests.pipeline import Pipeline, differences, doubled_changes, kill, untold_records

OBJECTS = catalog.objects("salesforce", ("Invoice__c", "Product_Interest__c"))
EDITS = 60
SYNC, TIDY = ("sync",), ("lake", "tidy")


@dataclass
class Killer:
    """Starts commands and kills them at a random moment of the time that they lately took."""

    pipeline: Pipeline
    random: Random
    seconds: dict[tuple[str, ...], float] = field(default_factory=dict)
    kills: int = 0

    def start_and_kill(self, command: tuple[str, ...]) -> bool:
        """Start a command and kill it; False if it ended before."""
        began, process = time.monotonic(), self.pipeline.start(*command)
        try:
            process.wait(self.random.uniform(0.2, 1.0) * self.seconds.get(command, 4.0))
        except subprocess.TimeoutExpired:
            self.kills += kill(process)
            return True
        self.seconds[command] = time.monotonic() - began
        return False

    def finish(self, command: tuple[str, ...]) -> None:
        """Run a command to its good end.

        Raises:
            RuntimeError: it failed; the message is what it said.
        """
        began, done = time.monotonic(), self.pipeline.run(*command)
        if done.returncode:
            raise RuntimeError(f"after {self.kills} kills: {done.stderr}")
        self.seconds[command] = time.monotonic() - began


@dataclass(frozen=True)
class Patient:
    """A system that lives on while its pipeline is killed.

    Attributes:
        edit: makes some edits, others for each number.
        pass_seconds: lets its time go on.
        differences: what differs between its records of an object and their mirror.
    """

    objects: Sequence[Object]
    edit: Callable[[int], object]
    pass_seconds: Callable[[float], None]
    differences: Callable[[Lake, Object], list[str]]

    def faults(self, pipeline: Pipeline) -> list[str]:
        """Return what is lost, doubled or other in the lake: values, records, changes."""
        found: list[str] = []
        with pipeline.lake() as lake:
            for obj in self.objects:
                found += self.differences(lake, obj)
                found += [f"{obj.name}: {n} changes are noted twice" for n in [doubled_changes(lake, obj)] if n]
                found += [f"{obj.name}: {n} records have no one beginning" for n in [untold_records(lake, obj)] if n]
        return found


def org_patient(org: Org, pass_seconds: Callable[[float], None]) -> Patient:
    """Return a Salesforce org and its staff as a patient."""
    return Patient(
        OBJECTS, lambda number: edit(org, EDITS, number), pass_seconds, lambda lake, obj: differences(org, lake, obj)
    )


def survive(patient: Patient, killer: Killer, first: int, later: int) -> list[str]:
    """Kill a first load `first` times and later cycles and tidyings `later` times; return what is wrong in the end."""
    while killer.kills < first and killer.start_and_kill(SYNC):
        pass
    killer.finish(SYNC)
    wrong = patient.faults(killer.pipeline)
    number = 0
    while killer.kills < first + later and not wrong:
        patient.edit(number)
        patient.pass_seconds(60)
        killer.start_and_kill(TIDY if number % 4 == 3 else SYNC)
        number += 1
    patient.pass_seconds(60)
    killer.finish(TIDY)
    killer.finish(SYNC)
    return wrong + patient.faults(killer.pipeline)
