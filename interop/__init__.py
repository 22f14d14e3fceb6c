"""Clients that nobody here wrote, unmodified, against the sandbox: `make interop`, or `python -m interop [client ...]`.

clients.py        what a client is, and how its operations are tried
environments.py   each client's own environment, from the pins beside it
stage.py          a client's surroundings, and how it is run in them
spoken.py         the operations of libraries, which a script speaks through
rows.py           the comparison of records with the sandbox's tables
front.py          TLS and host names for clients that have them wired in
salesforce/       an org as stage, and one folder a client: its pins, its operations, and for a library its script
marketo/          a subscription as stage, likewise
"""
