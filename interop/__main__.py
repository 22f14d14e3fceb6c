"""`python -m interop [client ...]`: try the named clients, or all; 1 if any operation failed."""

from __future__ import annotations

import argparse
import sys

from interop import marketo, salesforce
from interop.clients import outcomes


def main() -> int:
    """Print a line per client and operation with what came of it, as it comes; return 1 if anything failed."""
    clients = {client.name: client for client in (*salesforce.CLIENTS, *marketo.CLIENTS)}
    parser = argparse.ArgumentParser(prog="python -m interop", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="client", help=f"of {', '.join(clients)}; all without")
    names = parser.parse_args().names or list(clients)
    if unknown := set(names) - clients.keys():
        parser.error(f"no client is called {', '.join(sorted(unknown))}; there are {', '.join(clients)}")
    first = max(map(len, names))
    second = max(len(operation) for name in names for operation in clients[name].operations)
    failed = False
    for name in names:
        for outcome in outcomes(clients[name]):
            note, _, details = outcome.note.partition("\n")
            print(f"{name:{first}}  {outcome.operation:{second}}  {outcome.verdict:7}  {note}", flush=True)
            print(details, end="\n" if details else "", file=sys.stderr)
            failed = failed or outcome.verdict == "failed"
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
