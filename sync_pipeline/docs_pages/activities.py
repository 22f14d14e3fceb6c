"""The page of the activities that are logged on people, in both directions."""

from __future__ import annotations

from collections.abc import Iterator

from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES, ActivityType
from sync_pipeline.catalog.pushed import PUSHED
from sync_pipeline.catalog.sales_tasks import FIELDS, TYPES
from sync_pipeline.docs_pages.markdown import NOTE, table

HEAD = """
# Activities

With `WRITE_BACK=apply`, the last step of a cycle logs on a person what happened to it on the other side, once and
only once. `sync-pipeline activities log` runs that step alone. `lake.sync.activity` holds all that was to be logged,
`lake.sync.activity_send` each time it was sent, `lake.sync.write_result` what came of it.

A send is stored before it is sent. Where an answer was lost, or a process died before it was kept, the system is
asked what is there before anything is sent again: Marketo by the attribute Source ID, the CRM by the field that
`SALESFORCE_TASK_KEY` names or, without one, by person, subject and date among what the sync user made since. What is
not there an hour later is sent again.

## In Marketo: custom activity types

REST cannot write Marketo's own types, so these stand in for them (SPEC 31, decision 11). `sync-pipeline activities
setup` creates and approves those of `ACTIVITY_TYPES`, where the service may; `--check` only says what is missing.
What Marketo has no type for is not logged. Each gives marketers a trigger ("Has ...") and a filter ("Had ...").

"""
SOURCES = """
- **CRM Activity**: tasks and events of a linked lead or contact; `Updated` when what they say differs. A task that
  was made here comes back once, with its `Origin`; one that Marketo itself told of does not. Of several invitees of
  an event only the primary counts.
- **CRM Opportunity Event**, **CRM Campaign Event**: whether a person has a part counts, not which record says so: a
  renamed role or a conversion is no removal.
- **Sales Email, Call, Campaign Event**: what a sales tool told, see [the feed](feed.md); `Source` is "Sales App"
  where it told none. An address that several people have is nobody's: such activities are listed with the code
  `AMBIGUOUS`.
- **CRM Record Event**: each write that a system refused (OPS-8), and `Lead is Converted` with the status and what came
  of the lead (CONV-5).

## In the CRM: tasks

Of the sales activities, the kinds of `ACTIONS_TASK_KINDS`. E-mails go to the lead or contact of the given id, else of
the person's link, else of the address, a contact before a lead; calls by id or link alone. Several records of one
address get none (`AMBIGUOUS`; `ACTIONS_TASK_NEWEST` takes the one written last), nobody found within a day is
`NOT_FOUND`, and a sender who is no active user is `NO_CONNECTION`. A contact's task is about the feed's opportunity,
else its account. The task type is set where the picklist has it, letter by letter.

"""
PUSH = """
Of Marketo's own activities, the kinds of `ACTIVITY_PUSH`, once a day. Switched on, a kind begins three months back,
as far as the mirror reaches: for a type that was not mirrored before, `sync-pipeline sync --since` reads it. Nothing
from before the person was in the CRM is told. Users of the MSI package see the same there and do not need it
(SF-ACT-8).

"""


def activities_page() -> str:
    """Return the page of custom activity types, tasks, and Marketo's activities that the CRM is told of."""
    return "".join(
        (
            NOTE,
            HEAD,
            table(("type", "API name", "says", "attributes"), map(_type, ACTIVITY_TYPES)),
            SOURCES,
            table(("kind", "task type"), ((f"`{kind}`", name) for kind, name in TYPES.items())),
            "\n",
            table(
                ("field, where the org has it", "value"),
                ((f"`{name}`", f"`{value}`") for name, value in FIELDS.items()),
            ),
            PUSH,
            table(("kind", "subject", "Marketo's type"), _pushed()),
        )
    )


def _type(one: ActivityType) -> tuple[str, str, str, str]:
    attributes = ", ".join(f"{a.name} ({a.type})" if a.type != "string" else a.name for a in one.attributes)
    return one.label, f"`{one.api_name}`", ", ".join(one.events), attributes


def _pushed() -> Iterator[tuple[str, str, str]]:
    for kind in PUSHED:
        published = f" ({kind.type_id})" if kind.type_id else ", whose id Adobe does not publish: mirror it by its id"
        yield f"`{kind.name}`", kind.subject, kind.type_name + published
