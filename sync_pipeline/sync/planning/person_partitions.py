"""Which person partition of Marketo a new person belongs to: by the first rule that holds of its values (FILT-7).

Rules are asked once, when a person is created: Marketo takes a partition's name then only, and later changes of the CRM
move nobody (FILT-8, FILT-9).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from sync_pipeline.lake.sql import literal
from sync_pipeline.model import Describe, Pairing
from sync_pipeline.sync.mapping.compared import Compared
from sync_pipeline.sync.scope.filters import by_rule


def misfit(rules: str, pairing: Pairing, fields: Sequence[Compared]) -> str:
    """Return why the rules cannot be told of what a new person gets from the CRM; empty if they can."""
    if not pairing.merges:
        return ""
    given = Describe(f"a new person, a {pairing.name} of the CRM,", tuple(field.marketo for field in fields))
    found = (when.misfit(given) for when, _ in by_rule(rules) if when)
    return next((f"its partition cannot be told: {why}" for why in found if why), "")


def assign(con: duckdb.DuckDBPyConnection, rules: str, pairing: Pairing, fields: Sequence[Compared]) -> None:
    """Note the partition of each new person in the temporary table `write`; null is Marketo's own default."""
    con.execute("alter table write add column partition varchar")
    if not (rules and pairing.merges):
        return
    names = {field.name.lower(): field.name for field in fields}
    whens = [
        f"when {when.sql(lambda name: f'fields[{literal(names[name.lower()])}]') if when else 'true'} "
        f"then {literal(name)}"
        for when, name in by_rule(rules)
    ]
    con.execute(
        f"update write set partition = case {' '.join(whens)} end where side = 'marketo' and operation = 'upsert'"
    )
