"""The page of the people feed, the duplicates, and what a sales tool tells."""

from __future__ import annotations

from sync_pipeline.docs_pages.markdown import NOTE, table
from sync_pipeline.sales_insight.duplicates import SCOPES
from sync_pipeline.sales_insight.feed import Options
from sync_pipeline.sales_insight.fields import FIELDS
from sync_pipeline.sales_insight.inputs import INPUTS, Value
from sync_pipeline.sales_insight.inputs import KINDS as ACTIVITY_KINDS
from sync_pipeline.sales_insight.people_changes import KINDS, NO_OWNER, NO_RECORD

FUZZY = (
    "\n`sync-pipeline duplicates --fuzzy` looks beyond addresses: `lake.actions.fuzzy_duplicates` holds pairs of "
    "records that may be one person by name, company, phone and e-mail, each with a probability from 0.9 on and the "
    "reasons. It needs Splink (`pip install 'sync-pipeline[fuzzy]'`) and runs when asked for.\n"
)


def feed_page() -> str:
    """Return the page of the people feed and the duplicates."""
    said = {
        "insert": "who qualifies for the first time; the values are in the feed itself",
        "update": "a value differs; `_fields`, `_before` and `_after` say which and how",
        "return": "who had left qualifies again",
        "leave": f"{NO_OWNER}, or {NO_RECORD}: kept as it was, no longer updated, marked by `_left_at` and "
        "`_left_because` (decision 36)",
        "delete": "deleted in Marketo: removed",
        "merge": "merged in Marketo: removed; `_merged_into` names the winner (decision 36)",
    }
    fields = [
        (f"`{f.name}`", f.label, f.kind, f"`marketo.person.{f.person}`" if f.person else "the CRM, by the link", f.rule)
        for f in FIELDS
    ]
    parts = [
        f"{NOTE}\n# The people feed\n\n`lake.actions.people` is what a sales tool reads of the people: Marketo's "
        "people that are linked to a living lead or contact whose owner is a user, any user (SIA-FEED-2 to -4). A "
        "queue is no user. The record has exactly these values, which cannot be chosen or mapped otherwise "
        "(SIA-FEED-5, -6); columns that begin with an underscore are ours.\n\n",
        table(("column", "field", "type", "from", "rule"), fields),
        "\n`sync-pipeline feed preview` counts who would be in it and writes nothing; `feed start` (Dagster: "
        "`feed_start`) makes it; `feed refresh` (every five minutes in Dagster) takes in what changed. A run looks "
        "only at people whom a record written since the last run may concern, and only a different value counts "
        "(SIA-FEED-8, -9). `feed start` again compares everybody and repairs what differs. A value whose field the "
        "systems do not show stays empty, with a notice in `lake.sync.notice`. Above "
        f"{Options().capacity:,} people (`ACTIONS_CAPACITY`) the feed warns (SIA-FEED-16); it does not stop.\n",
        "\n![The feed in Dagster](images/feed.png)\n",
        "\n## Changes: `lake.actions.people_changes`\n\n",
        table(("`_change`", "meaning"), [(f"`{kind}`", said[kind]) for kind in KINDS]),
        "\n## Duplicates: `lake.actions.duplicates`\n\nOne row a record of each group that shares an e-mail address, "
        "trimmed and case-folded, without being one linked pair. `sync-pipeline duplicates` (hourly in Dagster) "
        "brings it up to date; an asset check warns of new groups, and the counts are plotted. `kept` marks what a "
        "merge would keep in each system, `because` says why: a contact before a lead, a lead before a person known "
        "to Marketo alone (MERGE-13); then one owned by a user, the one active last, the one made first, the lowest "
        "id.\n\n",
        table(("scope", "what doubles"), [(f"`{scope}`", what) for scope, what in SCOPES.items()]),
        FUZZY,
        "\n![The duplicates in Dagster, plotted over time](images/duplicates.png)\n",
        "\n## What a sales tool tells: `lake.actions.sales_activity`, `unsubscribe`, `reminder_task`\n\n"
        "`sync-pipeline activities import FILE` takes in CSV with a header, Parquet or JSON lines (`--unsubscribes`, "
        "`--reminders` for those); by HTTP it is `POST /actions/sales_activity` "
        '(or the other two) with `{"records": [...]}` of up to 64 KB at `sync-pipeline serve`, in '
        "Python `intake.take(lake, ACTIVITY, records, now)`. Each record is kept once by its id, and addressed in any "
        "of three ways; after a merge in Marketo `_person_id` is the winner (SIA-ACT-9). One that is refused does not "
        "keep the others from being taken. What becomes of activities: [activities.md](activities.md). Unsubscribes "
        "go on at once ([unsubscribes.md](unsubscribes.md)), reminders within minutes; these change, and the later "
        "telling counts ([reminders.md](reminders.md)).\n\n",
        *(
            table((f"`{given.table}`", "meaning", "type"), map(_input, given.values)) + "\n"
            for given in INPUTS.values()
        ),
        table(
            ("kind", "activity in Marketo", "attributes"),
            [(f"`{k.name}`", k.label, ", ".join(f"`{name}`" for name in k.attributes)) for k in ACTIVITY_KINDS],
        ),
    ]
    return "".join(parts)


def _input(value: Value) -> tuple[str, str, str]:
    said = f"{value.said}: {', '.join(f'`{choice}`' for choice in value.choices)}" if value.choices else value.said
    return f"`{value.name}`", said, value.type.value.lower() + (", required" if value.required else "")
