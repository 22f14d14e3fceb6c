"""A first load of a large object: against the floor, against a rival, and in how much memory."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from benchmarks import orgs
from benchmarks.bars import Bar, at_least, at_most, stated
from benchmarks.processes import Spent, spent
from interop.environments import Python
from interop.salesforce.stage import front_of
from sync_pipeline.assembly import systems
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.lake.types import column_type
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.core.service import Service
from sync_pipeline.settings import Settings
from sync_pipeline_tests.pipeline import Pipeline

RECORDS, MANY = 1_000_000, 5_000_000
TIMES = 3
DLT = Path("interop/salesforce/dlt/requirements.txt")
RIVAL = Path(__file__).with_name("rival_dlt.py")  # run in an environment of its own, never imported
JOBS = "/services/data/v62.0/jobs/query"


def speed() -> Iterator[Bar]:
    """Measure a million contacts of forty fields."""
    with _served(RECORDS) as sandbox, orgs.new_folder() as folder:
        fields = columns_of(sandbox, "Contact", orgs.FORTY)
        columns = json.dumps(fields)
        csv = csv_of(sandbox, "Contact", fields, f"contacts-{RECORDS}.csv")
        floor = best(floor_of(csv, Path(folder, f"{i}.parquet"), columns) for i in range(TIMES))
        lakes = [Path(folder, f"lake-{i}") for i in range(TIMES)]
        ours = best(load_of(sandbox, lake, "contact") for lake in lakes)
        plain = _rival(sandbox, Path(folder, "rival.duckdb"), columns)
        dlt = _dlt(sandbox, Path(folder).absolute())
        files = files_of(lakes[0], "salesforce", "contact")
    yield from against_floor("1,000,000 contacts x 40", csv, floor, ours, most_share=1 / 3)
    yield at_least("... as fast as dlt's Salesforce source, as Parquet", dlt.seconds / ours.seconds, 5, "x", _said(dlt))
    yield stated("... as simple-salesforce + pandas", f"{plain.seconds / ours.seconds:.2f}x{_said(plain)}")
    yield stated("... rows a second; files", f"{RECORDS / ours.seconds:,.0f}; {files}")


def memory() -> Iterator[Bar]:
    """Measure the memory of five million contacts against that of one million."""
    ours, files = {}, 0
    for count in (RECORDS, MANY):
        with _served(count) as sandbox, orgs.new_folder() as folder:
            ours[count] = load_of(sandbox, Path(folder), "contact")
            files = files_of(Path(folder), "salesforce", "contact")
    yield at_most("first load of 5,000,000 x 40: peak memory", ours[MANY].peak / 1e9, 1.5, " GB", _said(ours[MANY]))
    yield at_most("... to that of 1,000,000", ours[MANY].peak / ours[RECORDS].peak, 1.1, "x")
    yield stated("... rows a second; files", f"{MANY / ours[MANY].seconds:,.0f}; {files}")


def against_floor(what: str, csv: Path, floor: Spent, ours: Spent, most_share: float = 0.5) -> Iterator[Bar]:
    """Tell what a first load took beside what DuckDB needs for the same CSV file.

    The sandbox shares the machine; what somebody pays whose systems run elsewhere are the CPU seconds.
    """
    share = ours.sandbox_cpu / (ours.sandbox_cpu + ours.cpu)
    size = f"{csv.stat().st_size / 1e6:,.0f} MB"
    cpu = f"{ours.cpu / floor.cpu:.2f}x ({ours.cpu:.1f} of {floor.cpu:.1f} s)"
    yield stated(f"floor: {what} from CSV into Parquet", f"{floor.seconds:.1f} s ({size})")
    yield at_most("first load, to the floor", ours.seconds / floor.seconds, 2, "x", _said(ours))
    yield stated("... its own CPU to the floor's", cpu)
    yield at_most("... share of the sandbox in the CPU", share, most_share, "", f" ({ours.sandbox_cpu:.1f} s)")
    yield at_most("... peak memory", ours.peak / 1e9, 1.5, " GB")


@contextmanager
def _served(count: int) -> Iterator[Sandbox]:
    """Serve an org of contacts whose sync user sees forty fields of them."""
    with Org.open(orgs.of_contacts(count)) as org, Sandbox(org) as sandbox:
        for name in org.schema["Contact"].fields.keys() - orgs.FORTY:
            org.hide_field("Contact", name)
        yield sandbox


def _connector(sandbox: Sandbox) -> Salesforce:
    return systems.salesforce(Settings(**{name.lower(): value for name, value in sandbox.env().items()}))  # type: ignore[arg-type]


def columns_of(sandbox: Sandbox, source: str, names: Collection[str] = ()) -> dict[str, str]:
    """Return the column types of an object's fields, of those named or, if none are, of all that can be read."""
    described = _connector(sandbox).describe(source)
    fields = (f for f in described.fields if f.type not in ("address", "location"))
    return {field.name: column_type(field) for field in fields if field.name in names or not names}


def csv_of(sandbox: Sandbox, source: str, fields: Iterable[str], name: str) -> Path:
    """Return the whole result of a bulk query as one file, fetched once from the sandbox."""
    file = orgs.FOLDER / name
    if file.exists():
        return file
    org, part = _connector(sandbox), file.with_suffix(".part")
    query = f"select {', '.join(fields)} from {source}"
    job = org.call("POST", JOBS, json={"operation": "queryAll", "query": query}).json()["id"]
    while org.call("GET", f"{JOBS}/{job}").json()["state"] != "JobComplete":
        time.sleep(0.5)
    locator = ""
    with part.open("wb") as out:
        while locator != "null":
            page = org.call("GET", f"{JOBS}/{job}/results?locator={locator}", {"Accept": "text/csv"})
            header, _, rows = page.content.partition(b"\n")
            out.write(rows if locator else header + b"\n" + rows)
            locator = page.headers["Sforce-Locator"]
    return part.replace(file)


def floor_of(csv: Path, parquet: Path, columns: str, null: str = "") -> Spent:
    """Return what it costs to turn a CSV into Parquet; `null` is how it spells no value."""
    command = [sys.executable, "-m", "benchmarks.floor", str(csv), str(parquet), columns, null]
    return spent(command, Path.cwd(), Pipeline(Path.cwd()).environment)


def load_of(sandbox: Service, folder: Path, name: str, settings: Mapping[str, str] = MappingProxyType({})) -> Spent:
    """Return what it cost to load one object into a lake of its own."""
    folder.mkdir(exist_ok=True)
    pipeline = Pipeline(folder, {**sandbox.env(), **settings})
    return spent(pipeline.command("sync", "--objects", name, "--json"), folder, pipeline.environment)


def _rival(sandbox: Sandbox, database: Path, columns: str) -> Spent:
    env = sandbox.env()
    login = [env[f"SALESFORCE_{name}"] for name in ("USERNAME", "PASSWORD", "SECURITY_TOKEN")]
    command = [sys.executable, "-m", "benchmarks.rival", sandbox.url, *login, "Contact", columns, str(database)]
    return spent(command, Path.cwd(), Pipeline(Path.cwd()).environment)


def _dlt(sandbox: Sandbox, folder: Path) -> Spent:
    """Return what dlt needs for as many contacts.

    Its client wants a host of Salesforce's behind TLS; results come in several files, as a real org writes a new one
    after 1 GB.
    """
    tools = Python(DLT).install()
    sandbox.bulk1.result_rows = RECORDS // 4
    login = [sandbox.env()[f"SALESFORCE_{name}"] for name in ("USERNAME", "PASSWORD", "SECURITY_TOKEN")]
    with front_of(sandbox) as front:
        own = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **front.environment()}
        command = [str(tools / "python"), str(RIVAL), *login, str(folder / "dlt.duckdb")]
        return spent(command, folder, own)


def best(runs: Iterable[Spent]) -> Spent:
    return min(runs, key=lambda run: run.seconds)


def files_of(folder: Path, system: str, name: str) -> int:
    """Return how many files an object's mirror has."""
    return len(list((folder / "data" / "files" / system / name).rglob("*.parquet")))


def _said(run: Spent) -> str:
    return f" ({run.seconds:.1f} s)"
