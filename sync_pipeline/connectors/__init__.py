"""THE SYSTEMS: the code that talks to Salesforce (and Veeva, which is force.com) and Marketo. It decides nothing.

`extract` says what reading hands over, `errors` what can go wrong, `http` how calls are made, `login` logs in,
`salesforce` describes and queries, `answers` says what an answer means, `bulk` streams large results, `json_pages`
reads small ones, `soql` puts queries together.
"""
