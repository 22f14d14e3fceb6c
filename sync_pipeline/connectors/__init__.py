"""THE SYSTEMS: the code that talks to Salesforce (and Veeva, which is force.com) and Marketo. It decides nothing.

`extract` says what reading hands over, `writes` what writing does, `errors` what can go wrong, `http` how calls are
made. Salesforce: `login` logs in, `salesforce` describes and queries, `answers` says what an answer means, `bulk`
streams large results, `json_pages` reads small ones, `soql` puts queries together. `csv_pages` reads what both systems
stream. `marketo` is a package of its own.
"""
