"""`sync-pipeline sql`: query the lake, also while a sync runs; a query keeps the snapshot it began with."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from typing import Any

import click
import duckdb

from sync_pipeline.commands.options import NOT_DONE, open_lake, settings
from sync_pipeline.lake.connection import Connection, attach_statement
from sync_pipeline.redactor import without_passwords

ROWS_AT_ONCE = 10_000
WITHOUT = "the statement is without the password: give it by PGPASSWORD, or by a PGPASSFILE, see docs/security.md"
PROMPT, MORE = "lake> ", "  ... "


@click.command()
@click.argument("query", required=False)
@click.option("--csv", "form", flag_value="csv", help="Print CSV with a header.")
@click.option("--json", "form", flag_value="json", help="Print JSON lines.")
@click.option("--attach", is_flag=True, help="Print the statement with which any DuckDB client opens the lake.")
def sql(query: str | None, form: str | None, attach: bool) -> None:
    """Run a QUERY on the lake, or start a shell. Tables are lake.salesforce.contact, lake.sync.run, ..."""
    given = settings()
    if attach:
        catalog, data = map(without_passwords, (given.lake_catalog, given.lake_data))
        click.echo(attach_statement(catalog, data, read_only=True) + ";")
        if catalog != given.lake_catalog:
            click.echo(WITHOUT, err=True)
        return
    with open_lake(given, read_only=True) as lake:
        con = lake.cursor()
        con.execute("use lake")
        if query is None:
            _shell(con)
            return
        try:
            show(con, query, form)
        except duckdb.Error as error:
            raise click.ClickException(str(error)) from None


def show(con: Connection, query: str, form: str | None) -> None:
    """Print a query's rows: as a table cut to the terminal, as CSV, or as JSON lines with nothing cut."""
    if form is None:
        found = con.sql(query)
        if found is not None:
            found.show()
        return
    con.execute(query)
    names = [column[0] for column in con.description or ()]
    if form == "csv":
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(names)
        out.writerows(_rows(con))
    else:
        for row in _rows(con):
            click.echo(json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False))


def _rows(con: Connection) -> Iterator[tuple[Any, ...]]:
    while rows := con.fetchmany(ROWS_AT_ONCE):
        yield from rows


def _shell(con: Connection) -> None:
    """Read statements, each up to its semicolon, until the end of input; an error ends no session."""
    interactive = sys.stdin.isatty()
    if interactive:
        import readline  # noqa: F401  (line editing and history for input())

        click.echo("Statements end with ';'. Leave with Ctrl-D. Try: show all tables;")
    statement, failed = "", False
    while True:
        try:
            text = input((MORE if statement else PROMPT) if interactive else "")
        except EOFError:
            break
        statement += text + "\n"
        if not text.rstrip().endswith(";"):
            continue
        try:
            show(con, statement, None)
        except duckdb.Error as error:
            click.echo(str(error), err=True)
            failed = True
        statement = ""
    if failed and not interactive:
        sys.exit(NOT_DONE)
