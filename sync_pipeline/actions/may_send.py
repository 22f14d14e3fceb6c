"""May a sales e-mail be sent to this address? Asked before each send; without an answer it may not (SIA-UNS-6 to 8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sync_pipeline.actions.duplicates import email_key
from sync_pipeline.actions.opt_outs import PEOPLE, UNSUBSCRIBE
from sync_pipeline.actions.tables import TABLES, UNSUBSCRIBES
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.lake import Lake
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.table import columns


class People(Protocol):
    """Marketo's people as they are at this moment; whoever answers must not wait long."""

    def persons(self, by: str, value: str, fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Return the persons of whom a field has this value.

        Raises:
            ConnectorError: there is no answer.
        """


@dataclass(frozen=True)
class Permission:
    """Whether an e-mail may be sent, and why not, or why."""

    allowed: bool
    because: str


def may_send(
    lake: Lake,
    marketo: People | None,
    email: str,
    *,
    transactional: bool = False,
    blocked_domains: Collection[str] = (),
) -> Permission:
    """Tell whether a sales e-mail may go to an address.

    Args:
        marketo: whom to ask; None where Marketo is not asked (`ACTIONS_MARKETO_CHECK`). Any of its people with this
            address who is unsubscribed forbids it, as there an unsubscribe is meant for the address (UNSUB-2).
        transactional: the template is marked so: unsubscribes do not count, blocked domains do (SIA-UNS-7).
        blocked_domains: what lies below one of these is blocked too.
    """
    address = email.strip().lower()
    name, _, domain = address.rpartition("@")
    if not name or not domain:
        return Permission(False, "this is no e-mail address")
    if any(f".{domain}".endswith(f".{blocked.strip().lower().lstrip('.@')}") for blocked in blocked_domains):
        return Permission(False, "the domain is blocked")
    if transactional:
        return Permission(True, "the template is transactional")
    if _is_told(lake, address):
        return Permission(False, "unsubscribed in the sales tool")
    if marketo is None:
        return Permission(True, "not unsubscribed in the sales tool; Marketo is not asked")
    try:
        found = marketo.persons("email", address, ("email", "unsubscribed"))
    except ConnectorError as error:
        return Permission(False, f"Marketo did not answer: {error.code}")
    if any(person.get("unsubscribed") for person in found):
        return Permission(False, "unsubscribed in Marketo")
    return Permission(True, "not unsubscribed in Marketo" if found else "Marketo knows nobody with this address")


def _is_told(lake: Lake, address: str) -> bool:
    """Tell whether the address, or a person of the feed who has it, is unsubscribed in the sales tool."""
    with lake.reading() as con:
        if columns(con, *UNSUBSCRIBES.table).keys() < TABLES[UNSUBSCRIBES.name].keys():
            return False  # nothing was ever told here
        same = email_key(literal(address))
        ids = commas(("salesforce_contact_id", "salesforce_lead_id"))
        found = con.execute(f"""
            with person as (select * from {PEOPLE} where {email_key("email")} = {same})
            select 1 from {UNSUBSCRIBE}
            where _cleared_at is null and (
                {email_key("email")} = {same} or _person_id in (select marketo_id from person)
                or left(salesforce_id, 15) in (select left(unnest([{ids}]), 15) from person)
            ) limit 1
        """).fetchone()
    return found is not None
