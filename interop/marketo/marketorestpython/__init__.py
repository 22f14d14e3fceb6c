"""marketorestpython in its newest release: tokens in the header, the calls of persons to custom objects, bulk jobs."""

from __future__ import annotations

from pathlib import Path

from interop.clients import Client
from interop.environments import Python
from interop.marketo.operations import STEPS
from interop.marketo.stage import stage
from interop.spoken import spoken

HERE = Path(__file__).parent

CLIENT = Client(
    "marketorestpython",
    Python(HERE / "requirements.txt"),
    stage,
    spoken(STEPS, lambda tools: [tools / "python", HERE / "speak.py"]),
)
