"""What a decision is about: a pairing, its fields, and what is known of those that they refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync_pipeline.lake.table import full_name
from sync_pipeline.model import Pairing
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline.sync.sides import CRM, MARKETO


@dataclass(frozen=True)
class DecisionRequest:
    """What is to be decided.

    Attributes:
        fields: the fields that are compared, see `compared.compared`.
        run_id: the cycle this is part of; records that it has planned to create count as linked already.
        referred: by name, the pairings that the fields refer to.
        unread: the names of those whose mirrors are not there yet: all that refers to one of them waits.
        read_from: by side, the table that holds its records, where that is not the mirror.
        author: the CRM's id of the user who writes there for us; empty where it is not known.
    """

    pairing: Pairing
    fields: Sequence[Compared]
    run_id: str
    policy: SyncPolicy = field(default_factory=SyncPolicy)
    referred: Mapping[str, Pairing] = field(default_factory=dict)
    read_from: Mapping[str, str] = field(default_factory=dict)
    unread: Sequence[str] = ()
    author: str = ""

    @property
    def crm(self) -> str:
        return self.read_from.get(CRM) or full_name(*self.pairing.crm.table)

    @property
    def marketo(self) -> str:
        return self.read_from.get(MARKETO) or full_name(*self.pairing.marketo.table)
