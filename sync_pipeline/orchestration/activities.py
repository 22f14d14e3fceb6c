"""The activities that a pass logs on people, as an asset: the last part of the two-way step."""

from collections.abc import Sequence

import dagster as dg

from sync_pipeline.activity_log.step import Logged

ACTIVITY = dg.AssetKey(["sync", "activity"])
DESCRIPTION = (
    "What happened to people, logged on the other side once and only once: tasks, opportunities and campaigns of the "
    "CRM, sales activities and refused writes in Marketo; chosen activities as tasks of the CRM. Materialising it logs "
    "what is due if WRITE_BACK=apply: see sync.activity_send."
)


def metadata(told: Sequence[Logged], write_back: str) -> dict[str, int | str]:
    """Return how many activities each source brought, and what became of those of each side."""
    shown: dict[str, int | str] = {"WRITE_BACK": write_back}
    for one in told:
        shown |= {f"{source} taken in": count for source, count in one.queued.items()}
        numbers = {
            "logged": one.sent.accepted, "rejected": one.sent.rejected, "to be tried again": one.sent.retry,
            "answer lost": one.sent.unsure, "API calls": one.spent.calls,
        }  # fmt: skip
        shown |= {f"{what}, {one.obj.system}": number for what, number in numbers.items()}
    return shown
