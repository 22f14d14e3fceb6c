"""What a decision is about: a pairing, its fields, and what is known of those that they refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync_pipeline.lake.table import full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.identity.email_match import Match
from sync_pipeline.sync.identity.merges import Score
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.sides import CRM, MARKETO


@dataclass(frozen=True)
class Question:
    """What is to be decided.

    Attributes:
        fields: the fields that are compared, see `compared.compared`.
        run_id: the cycle this is part of; records that it has planned to create count as linked already.
        referred: by name, the pairings that the fields refer to.
        unread: the names of those whose mirrors are not there yet: all that refers to one of them waits.
        truncates: whether a value that is too long is cut, with a warning, or refused (FIELD-25).
        read_from: by side, the table that holds its records, where that is not the mirror.
        match: whether new records are recognised by e-mail address (DEDUP-8).
        ingests: whether Marketo may have taken new records that no reading has shown yet (MK-REST-20).
        partitions: the rules by which new persons get a partition of Marketo's, as written (FILT-7).
        recreates: whether a record whose person was deleted in Marketo becomes one anew when it changes (DEL-4, DEL-5).
        author: the CRM's id of the user who writes there for us; empty where it is not known.
        score: what becomes of the scores when the CRM merges two records (SPEC 31, decision 4).
    """

    pairing: Pairing
    fields: Sequence[Compared]
    run_id: str
    referred: Mapping[str, Pairing] = field(default_factory=dict)
    truncates: bool = True
    read_from: Mapping[str, str] = field(default_factory=dict)
    recreates: bool = True
    score: Score = "sum"
    match: Match = "never"
    ingests: bool = False
    partitions: str = ""
    unread: Sequence[str] = ()
    author: str = ""

    @property
    def crm(self) -> str:
        return self.read_from.get(CRM) or full_name(*self.pairing.crm.table)

    @property
    def marketo(self) -> str:
        return self.read_from.get(MARKETO) or full_name(*self.pairing.marketo.table)
