"""What an action needs of the two systems: types, and the three halves in one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self, TypedDict, Unpack

from sync_pipeline.connectors.extract import Extract, Usage
from sync_pipeline.connectors.records import Record
from sync_pipeline.connectors.salesforce.convert import Converted
from sync_pipeline.connectors.writes import Writer
from sync_pipeline.model import Object
from sync_pipeline.sync.sides import CRM, MARKETO


class Reader(Protocol):
    """The reading half of a connector, as far as single records go."""

    def extract_ids(self, obj: Object, fields: Sequence[str], ids: Sequence[str], by: str = "") -> Extract: ...

    def metered(self) -> Self: ...

    def usage(self) -> Usage: ...


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

    def metered(self) -> Self: ...

    def usage(self) -> Usage: ...

    def find(self, obj: Object, record: Record, by: Iterable[str], since: datetime) -> str | None: ...

    def convert(self, lead_id: str, converted_status: str, **wanted: Unpack[Conversion]) -> Converted: ...


@dataclass(frozen=True)
class Sides:
    """Both systems: the CRM as it is read and as it is written to, and Marketo."""

    org: Reader
    crm: Crm
    marketo: Marketo

    def metered(self) -> Sides:
        """Return a view of both, with the same logins, that counts its own calls."""
        return Sides(self.org.metered(), self.crm.metered(), self.marketo.metered())

    def calls(self) -> dict[str, int]:
        """Return the calls that this view made to the CRM and to Marketo."""
        return {CRM: self.org.usage().calls + self.crm.usage().calls, MARKETO: self.marketo.usage().calls}
