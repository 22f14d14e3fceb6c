"""What an action needs of the two systems. Types only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypedDict, Unpack

from sync_pipeline.connectors.convert import Converted
from sync_pipeline.connectors.extract import Extract
from sync_pipeline.connectors.writes import Record, Writer
from sync_pipeline.model import Object


class Reader(Protocol):
    """The reading half of a connector, as far as single records go."""

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str], by: str = "") -> Extract: ...


class Marketo(Reader, Writer, Protocol):
    """Marketo, read and written."""


class Conversion(TypedDict, total=False):
    """How a lead is converted; see `convert_lead`."""

    account_id: str | None
    opportunity_name: str | None
    owner_id: str | None
    send_mail: bool


class Crm(Writer, Protocol):
    """A writer to the CRM that can look for what it may have created; see `SalesforceWriter`."""

    def now(self) -> datetime: ...

    def find(self, obj: Object, record: Record, by: Iterable[str], since: datetime) -> str | None: ...

    def convert(self, lead_id: str, converted_status: str, **wanted: Unpack[Conversion]) -> Converted: ...


@dataclass(frozen=True)
class Sides:
    """Both systems: the CRM as it is read and as it is written to, and Marketo."""

    org: Reader
    crm: Crm
    marketo: Marketo
