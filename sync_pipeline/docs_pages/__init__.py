"""The docs pages that follow from something else: settings, objects, tables, the case table, and the tests.

`make docs` writes them, `make check` looks whether they are up to date. A module a page, each a function that returns
its text; `citations.py` finds what the tests say they prove.
"""
