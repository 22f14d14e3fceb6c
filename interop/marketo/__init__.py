"""The Marketo clients."""

from interop.clients import Client
from interop.marketo import airbyte, marketorestpython, node_marketo_rest

CLIENTS: tuple[Client, ...] = (marketorestpython.CLIENT, node_marketo_rest.CLIENT, airbyte.CLIENT)
