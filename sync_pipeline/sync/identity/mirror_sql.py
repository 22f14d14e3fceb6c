"""SQL on the mirrors: which records take part, how far each side was read, and which must be read first."""

from __future__ import annotations

from sync_pipeline.lake import ledger
from sync_pipeline.lake.sql import literal, quoted
from sync_pipeline.lake.table import DELETED_AT, full_name
from sync_pipeline.model import Object, Pairing
from sync_pipeline.sync.sides import CRM, MARKETO


def alive(obj: Object, pairing: Pairing) -> str:
    """Return SQL for the records of a side that can be written."""
    own = f" and ({pairing.alive})" if obj is pairing.crm else ""
    return f"(select * from {full_name(*obj.table)} where {quoted(DELETED_AT)} is null{own})"


def living(pairing: Pairing) -> str:
    """Return SQL for the ids of the CRM's records that take part."""
    return f"select {quoted(pairing.crm.key)} from {alive(pairing.crm, pairing)}"


def watermark(obj: Object) -> str:
    """Return SQL for the time up to which an object was read."""
    return (
        f"(select max(watermark) from {ledger.table('watermark')} "
        f"where system = {literal(obj.system)} and object = {literal(obj.name)})"
    )


def must_be_read(pairing: Pairing) -> str:
    """Return SQL that tells whether a link `l` cannot be decided before its mirrors are read again.

    They still hold the values from before the last write, which would be taken for an edit that undoes it. Such a link
    is looked at again in the next cycle. Nothing is ever taken from a mere copy, so it waits for no reading.
    """
    return "false" if pairing.is_rarely_read else unread(pairing)


def unread(pairing: Pairing) -> str:
    """Return SQL that tells whether a link `l` was written to after its mirror was last read."""
    return " or ".join(
        f"coalesce(l.{side}_written_at >= {watermark(pairing.object(side))}, false)" for side in (CRM, MARKETO)
    )
