"""The one resource: sources opened from settings when a run begins, never when definitions load."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field, PrivateAttr

from sync_pipeline import redactor
from sync_pipeline.assembly import systems
from sync_pipeline.assembly.systems import Systems
from sync_pipeline.lake import Lake, pause
from sync_pipeline.mirror.source import Source
from sync_pipeline.settings import Settings

# A run that finds another pipeline at work waits so long before it gives up and says so.
WAIT_SECONDS = 600.0


class SyncResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens what settings describe. `overrides` are settings by name, for tests; secrets belong in the environment."""

    overrides: dict[str, str] = Field(default_factory=dict)
    _systems: Systems | None = PrivateAttr(None)

    def settings(self) -> Settings:
        return Settings(**self.overrides)  # type: ignore[arg-type]

    def systems(self, lake: Lake) -> Systems:
        """Return the run's connectors: all its steps share them, so a run logs in once to each system.

        They have the settings with which the run began: a change of the settings counts from the next one (SF-CO-5).
        """
        if self._systems is None:
            self._systems = Systems(self.settings(), lake)
        return self._systems

    @contextmanager
    def lake(self, *, read_only: bool = False) -> Iterator[Lake]:
        # Dagster keeps the exception of a step, with all that it came of.
        with redactor.cleaned(), systems.lake(self.settings(), read_only=read_only) as lake:
            yield lake

    @contextmanager
    def sources(self) -> Iterator[dict[str, Source]]:
        """Give the systems, by name, as they are mirrored into one lake by its only pipeline.

        Raises:
            LakeInUseError: another pipeline has been at work for ten minutes.
            PausedError: somebody has switched the sync off.
        """
        with self.lake() as lake, pause.cycle(lake, WAIT_SECONDS):
            over = self.systems(lake)
            given = over.settings
            yield {system: systems.source(given, lake, system, over=over) for system in given.systems()}
