"""Loads by dlt's Salesforce source into a DuckDB file and prints what is in its tables; runs in its own environment.

dlt names columns in its own way and makes none for a field that is always null.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dlt
import duckdb
from ingestr.src.salesforce import salesforce_source
from simple_salesforce.api import Salesforce

# The resources that are loaded whole; the others name their key `id`, which no record of Salesforce has.
RESOURCES = {"Contact": "contact", "Lead": "lead", "Campaign": "campaign", "User": "user", "Invoice__c": "custom"}


def load() -> Iterator[tuple[str, dict[str, Any]]]:
    username, password, token = (
        os.environ[f"SALESFORCE_{name}"] for name in ("USERNAME", "PASSWORD", "SECURITY_TOKEN")
    )
    file = str(Path.cwd() / "loaded.duckdb")
    pipeline = dlt.pipeline("interop", destination=dlt.destinations.duckdb(file), dataset_name="org")
    source = salesforce_source(username, password, token, domain="login", custom_object="Invoice__c")
    pipeline.run(source.with_resources(*RESOURCES.values()))
    normalized = pipeline.default_schema.naming.normalize_path
    org = Salesforce(username, password, token)
    with duckdb.connect(file) as tables:
        tables.execute("set TimeZone = 'UTC'")
        for name, resource in RESOURCES.items():
            found = tables.execute(f'select * from org."{resource}"')
            columns = [column[0] for column in found.description or ()]
            fields = [field["name"] for field in getattr(org, name).describe()["fields"]]
            for values in found.fetchall():
                row = dict(zip(columns, values, strict=True))
                yield name, {field: plain(row.get(normalized(field))) for field in fields}


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


if __name__ == "__main__":
    for line in load():
        print(json.dumps(line))
