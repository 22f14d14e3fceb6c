"""What the project promises in figures, measured: `make bench`, or `python -m benchmarks [name ...] [--save]`.

Each module holds one or a few bars as a function that returns them; `__main__` runs them and prints one table. Servers
and syncs run as processes of their own, as they do in life. Orgs are made once and kept below data/bench.
"""
