"""The HTTP door: what other programs may ask of the sync at once, by POST with a token, on this machine.

`server` knows nothing of what is asked; an endpoint is a function from the fields of a request to a reply (`flow`).
"""
