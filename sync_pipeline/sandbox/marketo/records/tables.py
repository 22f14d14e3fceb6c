"""The tables of a subscription that are no described objects: the activity log, lists, programs, and what jobs need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plain:
    """A table as `sandbox.rows` takes it; `key` is its primary key, if it has one."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = field(default=())

    @property
    def ddl(self) -> str:
        columns = [f'"{name}" {kind}' for name, kind in self.columns.items()]
        unique = [f"primary key ({', '.join(self.key)})"] if self.key else []
        return f'create table if not exists "{self.name}" ({", ".join([*columns, *unique])})'


ACTIVITY = Plain(
    "activity",
    {
        "id": "bigint",
        "leadId": "bigint",
        "activityDate": "timestamp",
        "activityTypeId": "integer",
        "campaignId": "bigint",
        "primaryAttributeValueId": "bigint",
        "primaryAttributeValue": "varchar",
        "attributes": "varchar",  # a JSON object in the order of the type's attributes
    },
)
CUSTOM_TYPE = Plain("customType", {"apiName": "varchar", "described": "varchar"}, ("apiName",))
PARTITION = Plain("partition", {"id": "bigint", "name": "varchar", "description": "varchar"}, ("id",))
# Whether mail may go to an address, whoever has it, even nobody (durable unsubscribe); addresses in lower case.
EMAIL_STATUS = Plain("emailStatus", {"email": "varchar", "unsubscribed": "boolean"}, ("email",))
CHANNEL = Plain(
    "channel",
    {
        "id": "bigint",
        "name": "varchar",
        "programType": "varchar",
        "statuses": "varchar",  # a JSON array of name, step, success
        "createdAt": "timestamp",
        "updatedAt": "timestamp",
    },
    ("id",),
)
PROGRAM = Plain(
    "program",
    {
        "id": "bigint",
        "name": "varchar",
        "description": "varchar",
        "type": "varchar",
        "channel": "varchar",
        "status": "varchar",
        "workspace": "varchar",
        "folder": "varchar",  # a JSON object
        "sfdcId": "varchar",
        "sfdcName": "varchar",
        "costs": "varchar",  # a JSON array of startDate, cost, note
        "startDate": "timestamp",
        "endDate": "timestamp",
        "createdAt": "timestamp",
        "updatedAt": "timestamp",
    },
    ("id",),
)
CAMPAIGN = Plain(
    "campaign",
    {
        "id": "bigint",
        "name": "varchar",
        "description": "varchar",
        "type": "varchar",
        "programId": "bigint",
        "workspaceName": "varchar",
        "active": "boolean",
        "createdAt": "timestamp",
        "updatedAt": "timestamp",
    },
    ("id",),
)
STATIC_LIST = Plain(
    "staticList",
    {
        "id": "bigint",
        "name": "varchar",
        "description": "varchar",
        "programId": "bigint",
        "folder": "varchar",
        "workspaceName": "varchar",
        "createdAt": "timestamp",
        "updatedAt": "timestamp",
    },
    ("id",),
)
LIST_MEMBER = Plain("listMember", {"listId": "bigint", "leadId": "bigint", "createdAt": "timestamp"})

TABLES = (
    ACTIVITY, CUSTOM_TYPE, PARTITION, EMAIL_STATUS, CHANNEL, PROGRAM, CAMPAIGN, STATIC_LIST, LIST_MEMBER,
)  # fmt: skip
