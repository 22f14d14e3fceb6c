"""Clients that nobody here wrote, unmodified, against the sandbox: `make interop`, or `python -m interop [client ...]`.

clients.py        what a client is, and how its operations are tried
environments.py   each client's own environment, from the pins beside it
front.py          TLS and host names for clients that have them wired in
rows.py           what was read and written, against the org's own tables
salesforce/       one folder a client: its pins, its operations, and the script that speaks through it
"""
