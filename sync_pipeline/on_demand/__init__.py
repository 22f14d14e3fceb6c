"""Flow actions on demand, as Adobe calls the steps of a smart campaign that act in Salesforce at once (FLOW).

Read in this order: `actions` (what can be asked for and what is answered), `steps` (the table of what an action needs
for a person), `person` and `fresh` (who that is this minute, and what belongs into the CRM), `writes` (what a step
writes), `journal` and `remember` (what is on record of it), `sending`, `running`, `perform` (carrying it out, once).
"""
