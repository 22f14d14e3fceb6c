"""What both sandboxes are made of: a database, a server on loopback, a request log, faults on command, and a site."""
