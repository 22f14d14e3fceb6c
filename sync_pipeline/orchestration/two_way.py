"""The two-way sync as an asset: the links, and what a pass planned or wrote; it runs after the mirrors of a cycle."""

from collections.abc import Iterator, Sequence

import dagster as dg

from sync_pipeline import assembly
from sync_pipeline.model import SUCCEEDED, Pairing
from sync_pipeline.orchestration.assets import OWNER
from sync_pipeline.orchestration.checks import asset_key
from sync_pipeline.orchestration.resources import WAIT_SECONDS, SyncResource
from sync_pipeline.sync.cycle import Synced

HEAD = ("object", "looked at", "create in Marketo", "update in Marketo", "update in the CRM", "conflicts", "refused",
        "rejected", "not done because")  # fmt: skip


def links(pairings: Sequence[Pairing]) -> dg.AssetsDefinition:
    """Return the asset of the links between both systems, made by a pass over `pairings`."""
    objects = {asset_key(obj): obj for pairing in pairings for obj in (pairing.crm, pairing.marketo)}

    @dg.asset(
        key=["sync", "link"],
        deps=list(objects),
        group_name="sync",
        kinds={"duckdb", "parquet"},
        owners=[OWNER],
        description="Who is who in both systems, and the values on which they last agreed. Materialising it decides "
        "what differs and, as WRITE_BACK says, plans the writes or sends them: see sync.outbox and sync.conflict.",
    )
    def linked(sync: SyncResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        given = sync.settings()
        with sync.lake() as lake, lake.only_pipeline(WAIT_SECONDS):
            over = sync.systems(lake) if given.write_back == "apply" else None
            status, done = assembly.pass_over(given, lake, over)
            (count,) = lake.rows("select count(*) from lake.sync.link where ended_at is null")[0]
        yield dg.MaterializeResult(metadata={**_numbers(done), "links": count, "writes": given.write_back})
        if status != SUCCEEDED:
            raise dg.Failure("; ".join(synced.said for synced in done if synced.said), allow_retries=False)

    return linked


def _numbers(done: Sequence[Synced]) -> dict[str, dg.MetadataValue]:
    """Return the sums, which Dagster plots over time, and a table by object."""
    rows = [
        (s.pairing.name, s.planned.touched, s.planned.creates, s.planned.to_marketo, s.planned.to_crm,
         s.planned.conflicts, s.planned.refused, s.rejected, s.said)
        for s in done
    ]  # fmt: skip
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    table = "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
    sums = {name: sum(int(row[i]) for row in rows) for i, name in enumerate(HEAD) if 0 < i < len(HEAD) - 1}
    return {"by object": dg.MetadataValue.md(table), **{name: dg.MetadataValue.int(n) for name, n in sums.items()}}
