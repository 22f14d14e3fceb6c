"""What the functions of this package work with: a lake, a connector, and how to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sync_pipeline.connectors.bounds import Bounds
from sync_pipeline.connectors.extract import Connector
from sync_pipeline.lake import Lake
from sync_pipeline.lake.landing import Landing
from sync_pipeline.mirror.windows import LAG, OVERLAP
from sync_pipeline.model import Describe, Object


@dataclass(frozen=True)
class Policy:
    """How windows are cut and pages read.

    Attributes:
        describe_age: a describe older than this is asked for again; a query that names a field that is gone asks at
            once. So a quiet cycle costs one call an object, and a new field shows within the hour.
        page_threads: result pages read at once; memory grows with it.
        object_threads: objects read at once.
        retry_wait: seconds before a page that broke off is read again; doubled each time.
        bounds: how long a page may take.
        most_deletes: share of an object's records that an id comparison may find gone; above it nothing is marked.
    """

    overlap: timedelta = OVERLAP
    lag: timedelta = LAG
    describe_age: timedelta = timedelta(hours=1)
    page_threads: int = 2
    object_threads: int = 4
    retry_wait: float = 0.2
    bounds: Bounds = field(default_factory=Bounds)
    most_deletes: float = 0.1


@dataclass(frozen=True)
class Source:
    """A system being mirrored into a lake.

    Attributes:
        landings: folder where pages wait.
        remembered: by API name, what the system last said of its objects, and when; `cycle.run` reads it once a run.
        marks: the end of the last committed window of each object that was read before; read once a run, too.
        landed: told after each page, from any thread: object, records landed so far, records announced (or -1).
    """

    lake: Lake
    connector: Connector
    landings: Path
    policy: Policy = field(default_factory=Policy)
    remembered: Mapping[str, tuple[Describe, datetime]] = field(default_factory=dict)
    marks: Mapping[str, datetime] = field(default_factory=dict)
    landed: Callable[[Object, int, int], None] = lambda _obj, _rows, _of: None

    def landing(self, obj: Object, purpose: str = "window") -> Landing:
        """Return the place where the pages of an object wait; lakes that share the folder never meet there."""
        return Landing(self.landings / self.lake.id / obj.system / obj.name / purpose, obj.stamp)
