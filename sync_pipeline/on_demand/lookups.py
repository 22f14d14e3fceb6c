"""Names that people use for owners, campaigns and programs, looked up in the mirrors: these change rarely."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from sync_pipeline.catalog import marketo, salesforce
from sync_pipeline.catalog.flow_actions import CAMPAIGN_PREFIX, QUEUE_PREFIX, USER_PREFIX
from sync_pipeline.identifiers import CrmId, IdentifierError, address_sql
from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import quoted
from sync_pipeline.lake.table import columns, full_name
from sync_pipeline.model import Object
from sync_pipeline.on_demand.steps import To

Connection = duckdb.DuckDBPyConnection


class UnknownNameError(LookupError):
    """No record, or more than one, is called that; `code` says what kind of record was meant."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def owner(con: Connection, name: str, crm: str = "salesforce") -> tuple[To, str]:
    """Return what kind of owner of the CRM is meant, and its id; an empty name means nobody.

    Raises:
        UnknownNameError: nobody is called that, or several are.
    """
    if not name:
        return To.RULES, ""
    for prefix, kind in ((USER_PREFIX, To.USER), (QUEUE_PREFIX, To.QUEUE)):
        if _is_id(name, prefix):
            return kind, _id(name, "UNKNOWN_OWNER")
    users = _ids(con, replace(salesforce.USER, system=crm), ("Email", "Username", "Name"), name, '"IsActive"')
    queues = _ids(con, replace(salesforce.GROUP, system=crm), ("Name", "DeveloperName"), name, "\"Type\" = 'Queue'")
    found = [*((To.USER, one) for one in users), *((To.QUEUE, one) for one in queues)]
    if len(found) != 1:
        raise UnknownNameError("UNKNOWN_OWNER", f"{len(found)} active users and queues are called {name!r}")
    return found[0]


def campaign(con: Connection, name: str) -> str:
    """Return the id of a campaign.

    Raises:
        UnknownNameError: none is called that, or several are.
    """
    if _is_id(name, CAMPAIGN_PREFIX):
        return _id(name, "UNKNOWN_CAMPAIGN")
    found = _ids(con, salesforce.CAMPAIGN, ("Name",), name, '"_deleted_at" is null')
    if len(found) != 1:
        raise UnknownNameError("UNKNOWN_CAMPAIGN", f"{len(found)} campaigns are called {name!r}")
    return found[0]


def is_linked(con: Connection, program: str) -> bool:
    """Tell whether a program is linked to a campaign, by this sync or by a native one (SF-CAMP-10)."""
    query = f"from {ledger.table('link')} where marketo_object = ? and marketo_id = ? and ended_at is null"
    if con.execute(query, [marketo.PROGRAM.name, program]).fetchone():
        return True
    if "sfdcId" not in columns(con, *marketo.PROGRAM.table):
        return False
    mirrored = f'from {full_name(*marketo.PROGRAM.table)} where id::varchar = ? and "sfdcId" is not null'
    return con.execute(mirrored, [program]).fetchone() is not None


def _is_id(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and len(name) in (15, 18) and name.isascii() and name.isalnum()


def _id(name: str, code: str) -> str:
    try:
        return CrmId(name)
    except IdentifierError as error:
        raise UnknownNameError(code, str(error)) from None


def _ids(con: Connection, obj: Object, by: tuple[str, ...], name: str, only: str) -> list[str]:
    kept = columns(con, *obj.table)
    same = " or ".join(f"{address_sql(quoted(column))} = {address_sql('$name')}" for column in by if column in kept)
    if not same:
        return []
    query = f"select distinct {quoted(obj.key)} from {full_name(*obj.table)} where ({same}) and {only} limit 9"
    return [str(found[0]) for found in con.execute(query, {"name": name}).fetchall()]
