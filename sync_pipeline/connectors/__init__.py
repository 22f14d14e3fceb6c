"""THE SYSTEMS: the code that talks to Salesforce (and Veeva, which is force.com) and Marketo.

No decision is taken here. `extract` says what reading hands over, `errors` what can go wrong, `http` how calls are
made, `salesforce` logs in, describes and queries, `bulk` streams large results, `soql` puts queries together.
"""
