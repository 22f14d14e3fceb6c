"""Who goes on after merges: chains of merges followed to their end. Pure SQL text."""

from __future__ import annotations

from sync_pipeline.lake.sql import quoted


def winners(records: str, key: str, into: str, losers: str) -> str:
    """Return SQL for `loser` and `winner`, the last of its chain, of the merged records among `losers`.

    Args:
        records: a table with the records, dead ones too.
        key, into: its columns for a record's id and for the id of the one it was merged into.
        losers: SQL for the ids that are asked about.
    """
    key, into = quoted(key), quoted(into)
    return f"""
        with recursive led(loser, winner) as (
            select {key}, {into} from {records} where {into} is not null and {key} in ({losers})
            union
            select led.loser, r.{into} from led join {records} r on r.{key} = led.winner where r.{into} is not null
        )
        select loser, winner from led where winner not in (select {key} from {records} where {into} is not null)
    """
