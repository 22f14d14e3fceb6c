"""The NPSP data set: a real non-profit's org, 17,283 records of twelve objects, as one CSV per table."""

from __future__ import annotations

import csv
from pathlib import Path

import yaml

NPSP = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "salesforce" / "npsp_1k"

Rows = list[dict[str, str]]


def write_under_api_names(folder: Path) -> dict[str, Rows]:
    """Write the data set as its own mapping names it, ids told apart by object; return what was written, by object."""
    written = {}
    for name, step in yaml.safe_load((NPSP / "mapping.yml").read_text(encoding="utf-8")).items():
        lookups = step.get("lookups", {})
        names = {column.lower(): api for api, column in step["fields"].items()}
        names |= {lookup.lower().replace("_", ""): lookup for lookup in lookups}
        with (NPSP / f"{step['table']}.csv").open(encoding="utf-8", newline="") as file:
            rows = [
                {names.get(c.lower()) or names.get(c.lower().replace("_", "")) or "Id": v for c, v in row.items()}
                for row in csv.DictReader(file)
            ]
        for row in rows:
            row["Id"] = f"{name} {row['Id']}"
            row |= {lookup: f"{to['table']} {row[lookup]}" for lookup, to in lookups.items() if row[lookup]}
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        written[name] = rows
    return written
