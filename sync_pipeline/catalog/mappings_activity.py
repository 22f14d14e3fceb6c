"""What a task or an event says as an activity on the person it is about (SF-ACT-3).

Marketo's own SFDC Activity cannot be written through REST; a custom activity type stands in for it (SPEC 31,
decision 11), and these are its attributes. "Is Task" is known from the object and mapped from no field.
"""

from __future__ import annotations

from sync_pipeline.catalog.directions import to_marketo
from sync_pipeline.model import Mapping

EVENT: tuple[Mapping, ...] = (
    to_marketo("WhoId", "leadId", "Person Id", on="activity"),  # through our link
    to_marketo("Subject", "subject", "Subject", on="activity"),
    to_marketo("ActivityDate", "dueDate", "Due Date", on="activity"),
    to_marketo("Description", "description", "Description", on="activity"),
    to_marketo("OwnerId", "activityOwner", "Activity Owner", on="activity"),
)

TASK: tuple[Mapping, ...] = (
    *EVENT,
    to_marketo("Priority", "priority", "Priority", on="activity"),  # an event has neither
    to_marketo("Status", "status", "Status", on="activity"),
)
