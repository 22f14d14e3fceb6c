"""Two-way sync: what both systems know of one person, company or owner, decided field by field, written, remembered.

Read in this order: `resolve` (the case table), `canonical` (when two values are the same), `touched` (which links a
pass looks at), `ends` (what ends a link, and who goes on), `decide` (the table over all touched links, in SQL),
`merging` (the merges that ended links ask for), `plan` (what is to be written, and the limits), `outbox` (what was
sent, and what came of it), `links` (who is who, and the values last agreed on), `cycle` (one pass).
"""
