"""node-marketo-rest on Node: persons, lists, activities and bulk extract; a paging stream over each."""

from __future__ import annotations

from pathlib import Path

from interop.clients import Client
from interop.environments import Node
from interop.marketo.operations import STEPS
from interop.marketo.stage import stage
from interop.spoken import spoken

HERE = Path(__file__).parent

CLIENT = Client(
    "node-marketo-rest",
    Node(HERE / "package.json"),
    stage,
    spoken(
        STEPS,
        lambda tools: ["node", HERE / "speak.cjs"],
        lambda tools: {"NODE_PATH": str(tools)},
        unable=dict.fromkeys(("programs", "write_records", "write_members", "import"), "it has no such calls"),
    ),
)
