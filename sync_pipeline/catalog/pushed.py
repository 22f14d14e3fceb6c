"""The twelve kinds of Marketo's activities that may be told in the CRM as tasks, each chosen for itself (SF-ACT-5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Pushed:
    """A kind: our name, the subject of its tasks, and Marketo's activity type, whose id is published for all but one.

    Types are looked up by `type_name`; `type_id` tells which are to be mirrored before anything was looked up.
    """

    name: str
    subject: str
    type_name: str
    type_id: int | None


PUSHED = (
    Pushed("filled_out_form", "Filled Out Form", "Fill Out Form", 2),
    Pushed("added_to_list", "Added to List", "Add to List", 24),
    Pushed("removed_from_list", "Removed from List", "Remove from List", 25),
    Pushed("removed_from_flow", "Removed from Flow", "Remove from Flow", None),
    Pushed("email_sent", "Was Sent Email", "Send Email", 6),
    Pushed("email_delivered", "Was Delivered Email", "Email Delivered", 7),
    Pushed("email_opened", "Opened Email", "Open Email", 10),
    Pushed("email_clicked", "Clicked Link in Email", "Click Email", 11),
    Pushed("sales_email_sent", "Was Sent Sales Email", "Send Sales Email", 39),
    Pushed("sales_email_opened", "Opened Sales Email", "Open Sales Email", 40),
    Pushed("sales_email_clicked", "Clicked Link in Sales Email", "Click Sales Email", 41),
    Pushed("sales_email_received", "Received Sales Email", "Receive Sales Email", 45),
)


def pushed(names: Collection[str]) -> tuple[Pushed, ...]:
    """Return the kinds of these names.

    Raises:
        ValueError: one is unknown.
    """
    if unknown := set(names) - {kind.name for kind in PUSHED}:
        there = ", ".join(kind.name for kind in PUSHED)
        raise ValueError(f"no kind is called {', '.join(sorted(unknown))}; there are {there}")
    return tuple(kind for kind in PUSHED if kind.name in names)
