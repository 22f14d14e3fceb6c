"""Logging what happened to a person on the other side, once and only once, in both directions.

Read in this order: `follow` (what a source tells becomes rows of `sync.activity`), `send` (they are sent; what was lost
on the way is looked for before anything is sent again), `logs` (the two systems in which activities are logged),
`step` (all of it, after the two-way pass of a cycle). The other modules are sources, a SQL query each.
"""
