"""simple-salesforce in its own newest release: SOAP login, REST, Bulk API 2.0, Bulk API 1."""

from __future__ import annotations

from pathlib import Path

from interop.clients import Client
from interop.environments import Python
from interop.salesforce.operations import STEPS
from interop.salesforce.stage import stage
from interop.spoken import spoken

HERE = Path(__file__).parent

CLIENT = Client(
    "simple-salesforce",
    Python(HERE / "requirements.txt"),
    stage,
    spoken(STEPS, lambda tools: [tools / "python", HERE / "speak.py"]),
)
