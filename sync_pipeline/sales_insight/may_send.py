"""May a sales e-mail be sent to this address? Asked before each send; without an answer it may not (SIA-UNS-6 to 8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import duckdb

from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.identifiers import EmailAddress, IdentifierError, address_sql, is_same
from sync_pipeline.lake import Lake, LakeError
from sync_pipeline.lake.sql import commas, literal
from sync_pipeline.lake.table import columns
from sync_pipeline.sales_insight.opt_outs import PEOPLE, UNSUBSCRIBE
from sync_pipeline.sales_insight.tables import UNSUBSCRIBES


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
    try:
        address = EmailAddress(email)
        domain, blocked = _domain(address), [_domain(one) for one in blocked_domains]
    except IdentifierError as error:
        return Permission(False, f"this cannot be told: {error}")
    if any(f".{domain}".endswith(f".{one}") for one in blocked):
        return Permission(False, "the domain is blocked")
    if transactional:
        return Permission(True, "the template is transactional")
    try:
        if _is_told(lake, address):
            return Permission(False, "unsubscribed in the sales tool")
    except (LakeError, duckdb.Error) as error:
        return Permission(False, f"the lake cannot be read: {type(error).__name__}")
    if marketo is None:
        return Permission(True, "not unsubscribed in the sales tool; Marketo is not asked")
    try:
        found = marketo.persons("email", address.key, ("email", "unsubscribed"))
    except ConnectorError as error:
        return Permission(False, f"Marketo did not answer: {error.code}")
    if not all(_is_readable(person) for person in found):
        return Permission(False, "Marketo's answer does not tell whether the person is unsubscribed")
    if any(person["unsubscribed"] for person in found):
        return Permission(False, "unsubscribed in Marketo")
    if found and not any(is_same(address, person["email"]) for person in found):
        return Permission(False, "Marketo answered about another address")
    return Permission(True, "not unsubscribed in Marketo" if found else "Marketo knows nobody with this address")


def _domain(text: str) -> str:
    """Return the domain of an address, or one as a setting names it, as it is looked up: in lower case, and ASCII.

    Raises:
        IdentifierError: it is none.
    """
    try:
        return text.strip().rpartition("@")[2].lstrip(".").lower().encode("idna").decode()
    except UnicodeError:
        raise IdentifierError("the part after the @ is no domain") from None


def _is_readable(person: Mapping[str, Any]) -> bool:
    """Tell whether an answer says whether the person is unsubscribed; never having been asked, as null, is no."""
    return isinstance(person.get("unsubscribed", ""), bool | None) and isinstance(person.get("email"), str)


def _is_told(lake: Lake, address: EmailAddress) -> bool:
    """Tell whether the address, or a person of the feed with it, is unsubscribed in the sales tool.

    Raises:
        LakeError: the lake cannot be read.
        duckdb.Error: its tables are not those that we know.
    """
    with lake.reading() as con:
        if not columns(con, *UNSUBSCRIBES.table):
            return False  # nothing was ever told here
        same = literal(address.key)
        ids = commas(("salesforce_contact_id", "salesforce_lead_id"))
        found = con.execute(f"""
            with person as (select * from {PEOPLE} where {address_sql("email")} = {same})
            select 1 from {UNSUBSCRIBE}
            where _cleared_at is null and (
                {address_sql("email")} = {same} or _person_id in (select marketo_id from person)
                or left(salesforce_id, 15) in (select left(unnest([{ids}]), 15) from person)
            ) limit 1
        """).fetchone()
    return found is not None
