"""The limits above which a plan is refused: nothing of it is sent, and the message says why (law 7)."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal
from sync_pipeline.sync.plan import Planned
from sync_pipeline.sync.question import Question
from sync_pipeline.sync.resolve import Outcome
from sync_pipeline.sync.touched import CRM, MARKETO

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Limits:
    """Above these a cycle sends nothing (law 7).

    Attributes:
        writes: the most writes of one pairing to one side; 0 for no limit.
        share: the largest share of a pairing's links of which one cycle may replace or empty a value; what it only
            fills does not count, such as the sources that Marketo tells of everybody after a first load.
        few: so many are allowed whatever their share.
        gone: the largest share of a pairing's links that may be found deleted or merged in one cycle (DEL-10).
        few_gone: so many are allowed whatever their share.
    """

    writes: int = 0
    share: float = 1.0
    few: int = 1_000
    gone: float = 1.0
    few_gone: int = 10


class RefusedError(Exception):
    """A plan is larger than its limits allow: nothing of it is sent (law 7)."""


def check(con: Connection, asked: Question, planned: Planned, limits: Limits) -> None:
    """Refuse a draft above its limits.

    Raises:
        RefusedError: the message names the object, the number and the limit.
    """
    name = asked.pairing.name
    for side, number in ((MARKETO, planned.to_marketo), (CRM, planned.to_crm)):
        if limits.writes and number > limits.writes:
            raise RefusedError(f"{name}: {number:,} writes to {side} are more than the limit of {limits.writes:,}")
        if number > limits.few and limits.share < 1:
            overwritten, of = _overwritten(con, asked, side)
            if overwritten > max(of * limits.share, limits.few):
                raise RefusedError(
                    f"{name}: {overwritten:,} of {of:,} links would be overwritten in {side}, more than the limit of "
                    f"{limits.share:.0%}"
                )
    if (gone := planned.gone + planned.merges) > limits.few_gone and limits.gone < 1:
        _, of = _overwritten(con, asked, MARKETO)
        if gone > (of + gone) * limits.gone:
            raise RefusedError(
                f"{name}: {gone:,} of {of + gone:,} records were deleted or merged, more than the limit of "
                f"{limits.gone:.0%}; nothing is done about any of them"
            )


def _overwritten(con: Connection, asked: Question, side: str) -> tuple[int, int]:
    """Return of how many links the draft replaces or empties a value of this side, and how many links there are."""
    taken, value = (Outcome.TAKE_CRM, "marketo") if side == MARKETO else (Outcome.TAKE_MARKETO, "crm")
    found = con.execute(
        f"select (select count(distinct crm_id) from outcome where taken = '{taken}' and refusal is null "
        f"and marketo_id is not null and {value} is not null), count(*) from {ledger.table('link')} "
        f"where pairing = {literal(asked.pairing.name)} and ended_at is null"
    ).fetchone()
    return found or (0, 0)
