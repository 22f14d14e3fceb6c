"""Durable unsubscribe (UNSUB-2): whether mail may go to an address is kept apart from the persons who have it.

An unsubscription of one person, or its end, is one of everybody with the same address; the address keeps it when its
last person goes, and a person who takes the address takes its state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from sync_pipeline.sandbox.marketo.records import log
from sync_pipeline.sandbox.marketo.records.log import Author
from sync_pipeline.sandbox.marketo.records.subscription import Subscription
from sync_pipeline.sandbox.marketo.records.values import written

# As the log of a real person names the change that follows another's.
AUTHOR = Author(
    reason="System flow action sysActionChangeDataValue updateLeadEmailStatus", source="Marketo Flow Action"
)


def same(one: str | None, other: str | None) -> bool:
    return (one or "").lower() == (other or "").lower()


def known(cursor: duckdb.DuckDBPyConnection, emails: Iterable[str | None]) -> dict[str, bool]:
    """Return the state of those addresses, in lower case, of which one is kept."""
    wanted = sorted({email.lower() for email in emails if email})
    rows = cursor.execute(
        'select email, unsubscribed from "emailStatus" where email in (select unnest(?::varchar[]))', [wanted]
    ).fetchall()
    return {email: bool(unsubscribed) for email, unsubscribed in rows}


def spread(cursor: duckdb.DuckDBPyConnection, subscription: Subscription, said: Mapping[str | None, bool]) -> None:
    """Keep the new states by address, and give them to everybody else who has one of the addresses."""
    states = {email.lower(): state for email, state in said.items() if email}
    if not states:
        return
    cursor.register(
        "said", pa.table({"email": list(states), "unsubscribed": pa.array(list(states.values()), pa.bool_())})
    )
    cursor.execute('insert or replace into "emailStatus" select email, unsubscribed from said')
    rows = cursor.execute(
        "select l.id, said.unsubscribed from lead as l join said on lower(l.email) = said.email"
        " where l.unsubscribed is distinct from said.unsubscribed order by l.id"
    ).fetchall()
    cursor.execute(
        'update lead as l set unsubscribed = said.unsubscribed, "updatedAt" = ? from said'
        " where lower(l.email) = said.email and l.unsubscribed is distinct from said.unsubscribed",
        [subscription.present()],
    )
    cursor.unregister("said")
    _log(subscription, rows)


def _log(subscription: Subscription, rows: list[tuple[Any, ...]]) -> None:
    field = subscription.lead.fields["unsubscribed"]
    log.record(
        subscription,
        [
            log.change(lead, field.id, field.label, written(not unsubscribed), written(unsubscribed), AUTHOR)
            for lead, unsubscribed in rows
        ],
    )
