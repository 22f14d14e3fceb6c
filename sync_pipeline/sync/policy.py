"""What an operator may choose: how conflicts, merges and matches are decided, and where a pass stops."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from sync_pipeline.sync.mapping.effective import NOTHING, Choice

# Whether a new record is linked by its e-mail address: never; if exactly one person has it; strict: and no person is
# created where several have it.
Match = Literal["never", "unique", "strict"]
Score = Literal["sum", "max", "winner"]


@dataclass(frozen=True)
class Limits:
    """Above these a cycle does nothing about a pairing (law 7).

    Attributes:
        writes: the most writes of one pairing to one side; 0 for no limit.
        share: the largest share of a pairing's links of which one cycle may replace or empty a value; what it only
            fills does not count, such as the sources that Marketo tells of everybody after a first load.
        emptied: the largest share of the values of one field that one cycle may empty, or untick.
        doubled: the largest share of the people to be created in a system whose e-mail address it has already.
        few: so many are allowed whatever their share.
        gone: the largest share of a pairing's links that one cycle may end: deleted, merged, converted, hidden,
            filtered out, grown old (DEL-10).
        few_gone: so many are allowed whatever their share.
    """

    writes: int = 0
    share: float = 1.0
    emptied: float = 1.0
    doubled: float = 1.0
    few: int = 20
    gone: float = 1.0
    few_gone: int = 10


@dataclass(frozen=True)
class SyncPolicy:
    """What an operator may choose, the same for all pairings of a pass.

    Attributes:
        limits: above which a pairing is stopped.
        mapping: which fields are mapped besides the declared ones, and who wins (SF-CONTACT-11, FIELD-19).
        blocked: Marketo fields that the CRM may fill but not overwrite (FIELD-15).
        truncates: whether a value too long for the other side is cut, or refused (FIELD-25).
        recreates: whether a person deleted in Marketo is made anew when its CRM record changes (DEL-4, DEL-5).
        score: what becomes of the scores when the CRM merges two records (SPEC 31, decision 4).
        match: whether new leads and contacts are recognised by e-mail address (DEDUP-8).
        ingests: whether new records go by the Data Ingestion API, which tells of none what became of it (MK-REST-20).
        partitions: rules by which new persons get a partition of Marketo's, see `filters.by_rule` (FILT-7).
    """

    limits: Limits = field(default_factory=Limits)
    mapping: Choice = NOTHING
    blocked: Collection[str] = ()
    truncates: bool = True
    recreates: bool = True
    score: Score = "sum"
    match: Match = "never"
    ingests: bool = False
    partitions: str = ""
