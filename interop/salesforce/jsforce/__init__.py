"""jsforce on Node: SOAP login, REST, sObject Collections, Bulk API 2.0, Bulk API 1.

Its newest release for Node 18 and 20; later ones ask for 22.
"""

from __future__ import annotations

from pathlib import Path

from interop.clients import Client
from interop.environments import Node
from interop.salesforce.operations import STEPS
from interop.salesforce.stage import stage
from interop.spoken import spoken

HERE = Path(__file__).parent

CLIENT = Client(
    "jsforce",
    Node(HERE / "package.json"),
    stage,
    spoken(
        STEPS,
        lambda tools: ["node", HERE / "speak.cjs"],
        lambda tools: {"NODE_PATH": str(tools)},
        # With the real thing, too: it pipes the pages into one parser side by side, "Invalid Closing Quote".
        unable={"bulk2_pages": "this release mixes the pages of a result up, as its users report"},
    ),
)
