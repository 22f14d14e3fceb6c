"""The page of the flow actions on demand: how they are asked for, and the table of what each does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_pipeline.docs_pages.markdown import NOTE, table
from sync_pipeline.on_demand.actions import ACTIONS, Action, Declared, Option
from sync_pipeline.on_demand.steps import CASES, Case

HEAD = """
# Flow actions on demand

What a smart campaign's Salesforce steps, or Create Task in Veeva, do in Marketo, for one person at once: a cycle may
run, be switched off, or plan only (`WRITE_BACK`). The person is read in both systems at that moment. Three ways to ask:

```sh
sync-pipeline flow sync-person ada@example.com --owner "Inbound queue"
sync-pipeline flow create-task 1234 --subject "Call {{lead.First Name}}" --due-in 2 --json
HTTP_TOKEN=a-long-secret-of-yours sync-pipeline serve        # POST http://127.0.0.1:8360/flow/<action>
```

```python
flow = runs.flow(settings, lake, systems.Systems(settings, lake))  # of sync_pipeline.assembly
outcome = flow.run(request("order-4711", "sync-person", "1234", {"owner": "seller@crm.example"}))
```

The person is an id of Marketo or of Salesforce, or an e-mail address that one person has: only one. A
list, a name beside the address, or an id whose last characters do not fit the others is refused before
anything is asked. What a system answers is compared with what was asked for, so that nothing is done to another
person. The answer is `done`,
`skipped` with the reason, or `failed` with the code of the system that refused; `crm_id` is the lead or contact,
`record_id` the task, membership or opportunity. What failed is in `lake.sync.error` too, every step in
`lake.sync.request` (for `SYNC_KEEP_DAYS`), and the calls to each system in `lake.sync.job`.

"""

WEBHOOK = """
## From a Marketo webhook

`sync-pipeline serve` listens on this machine alone (`--host`, `--port`); put a proxy with TLS before it. Every request
must bear `HTTP_TOKEN`, which a webhook sends as a custom header: `Authorization: Bearer a-long-secret-of-yours`. The
payload template, with JSON as request and response type:

```json
{"person": {{lead.Id}}, "owner": "Inbound queue", "request_id": "{{lead.Id}}-{{campaign.id}}-{{system.dateTime}}"}
```

| status | means |
| --- | --- |
| 200 | the outcome, be it done, skipped or failed; `crm_id`, `status`, `code` can be mapped to fields |
| 400 | the action does not take what was sent |
| 401 | the token is missing or wrong |
| 409 | the request id was used for another request |
| 503 | not over: a system is out of reach, or may be at work still; send the same request again (`Retry-After`) |

## Once

A request with an id (`request_id`, the header `Idempotency-Key`, `--request-id`) is carried out once: sent again, it
gets the same answer without a call to either system. What is to be created is on record before it is sent. If the
answer is lost, or the process dies, the same request looks for the record before it creates one; the next cycle that
writes does so too, and finishes what is left of the request. Until then a cycle takes no new record of the CRM for a
stranger. Requests about one person take turns; on a PostgreSQL catalog that holds for one machine, so let one serve.
"""


def flow_page() -> str:
    """Return the page of the flow actions."""
    rows = ((_first(action, place), *_row(case)) for action in ACTIONS for place, case in enumerate(_of(action)))
    return "".join(
        [
            f"{NOTE}{HEAD}",
            table(("action", "in Adobe's words", "what it does", "options"), map(_action, ACTIONS.items())),
            "\n## What is done, and when not\n\nThe first line of an action that holds counts. "
            "Rows are those of the [specification](spec.md).\n\n",
            table(("action", "where", "what is done", "rows"), rows),
            WEBHOOK,
        ]
    )


def _action(told: tuple[Action, Declared]) -> tuple[str, ...]:
    action, declared = told
    return f"`{action}`", declared.label, declared.said, "<br>".join(map(_option, declared.options))


def _option(option: Option) -> str:
    default = "" if option.default == "" else f" Default: {str(option.default).lower()}."
    return f"`{option.name}`{' (required)' if option.required else ''}: {option.said}{default}"


def _of(action: Action) -> Iterator[Case]:
    return (case for case in CASES if case.action is action)


def _first(action: Action, place: int) -> str:
    return "" if place else f"`{action}`"


def _row(case: Case) -> tuple[str, str, str]:
    does = ", then ".join(case.steps) if case.steps else f"{case.status}, `{case.code}`: {case.because}"
    return _where(case.where) or "otherwise", does, case.rows


def _where(where: Mapping[str, object]) -> str:
    said = {
        "everywhere": "`everywhere`",
        "doubles": "`FLOW_SECOND_LEADS` is on",
        "implies": "the program is linked to a campaign",
        "veeva": "the CRM is Veeva",
    }
    return ", ".join(said.get(name, str(value)) for name, value in where.items())
