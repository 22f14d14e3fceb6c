"""An org, a sandbox that serves it and a pipeline on it, for the bars that need a loaded lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sync_pipeline.assembly import declarations, systems
from sync_pipeline.commands.sandbox import CUSTOM_OBJECTS
from sync_pipeline.lake import Lake
from sync_pipeline.mirror.source import Source
from sync_pipeline.model import Object
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.settings import Settings
from sync_pipeline_tests.pipeline import Pipeline
from sync_pipeline_tests.sandbox.conftest import Clock


@dataclass(frozen=True)
class Bench:
    """A served org, its clock, which only moves when told to, and the command line pointed at it."""

    org: Org
    clock: Clock
    sandbox: Sandbox
    pipeline: Pipeline

    @property
    def settings(self) -> Settings:
        return Settings(
            **{name.lower(): value for name, value in self.pipeline.settings.items()},  # type: ignore[arg-type]
            lake_catalog=str(self.pipeline.catalog),
            lake_data=str(self.pipeline.files),
            lake_landing=self.pipeline.folder / "data" / "landing",
        )

    @property
    def objects(self) -> tuple[Object, ...]:
        return declarations.objects(self.settings)

    @contextmanager
    def source(self) -> Iterator[Source]:
        """Give what a cycle in this process needs."""
        with Lake.open(str(self.pipeline.catalog), str(self.pipeline.files)) as lake:
            yield systems.source(self.settings, lake)


@contextmanager
def bench(org_file: Path, folder: Path, fields: frozenset[str] = frozenset()) -> Iterator[Bench]:
    """Serve an org, a minute after its last edit; the sync user sees only `fields` of a contact, or all if none."""
    clock = Clock()
    clock.pass_seconds(60)
    with Org.open(org_file, clock=clock) as org, Sandbox(org) as sandbox:
        for name in org.schema["Contact"].fields.keys() - fields if fields else ():
            org.hide_field("Contact", name)
        folder.mkdir(parents=True, exist_ok=True)
        custom = {"SYNC_CUSTOM_OBJECTS": CUSTOM_OBJECTS[org.schema.crm]}
        yield Bench(org, clock, sandbox, Pipeline(folder, {**sandbox.env(), **custom}))
