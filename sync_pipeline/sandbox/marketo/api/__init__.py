"""The HTTP interface of the subscription: identity, REST, Bulk extract and import."""
