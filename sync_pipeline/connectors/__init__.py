"""THE SYSTEMS: the code that talks to Salesforce (and Veeva, which is force.com) and Marketo. It decides nothing.

`extract` says what reading hands over, `records` and `writes` what writing does, `errors` what can go wrong, `http` how
calls are made; `csv_pages` reads what both systems stream. In `salesforce/`, `login` logs in, `connector` describes and
queries, `answers` says what an answer means, `bulk` streams large results, `json_pages` reads small ones, `soql` puts
queries together, `writer` writes. `marketo/` has the same of Marketo.
"""
