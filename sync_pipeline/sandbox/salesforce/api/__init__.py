"""The HTTP interface of the org: login, REST, SOAP and describe."""
