"""The Salesforce clients."""

from interop.clients import Client
from interop.salesforce import airbyte, dlt, jsforce, simple_salesforce, tap

CLIENTS: tuple[Client, ...] = (jsforce.CLIENT, simple_salesforce.CLIENT, airbyte.CLIENT, tap.CLIENT, dlt.CLIENT)
