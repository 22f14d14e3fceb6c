"""What the sync user may do in the CRM's org, beside what Adobe's set-up asks for; told before the first sync.

Only looked at: what is missing is found out again, and put on record, by whoever needs it (CONN-3 to 5, CONN-7,
VV-CONN-2).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from sync_pipeline.connectors.document import Document
from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.salesforce import soql

ACCESS = "UserPermissionAccess"  # its only row tells what the user who asks is allowed
# Adobe's set-up asks for these: the name that an administrator sees, and what is not done without it here.
NEEDED: Mapping[str, tuple[str, str]] = {
    "PermissionsApiEnabled": ("API Enabled", "nothing can be read or written"),
    "PermissionsConvertLeads": ("Convert Leads", "no lead is converted, nor merged with a contact"),
    "PermissionsEditEvent": ("Edit Events", "events that others own cannot be written"),
    "PermissionsEditTask": ("Edit Tasks", "no task is made, and nothing logged as one"),
}
# And for these, for Marketo's own e-mail templates and for a login by password: nothing is done with them here.
BESIDES: Mapping[str, str] = {
    "PermissionsEditHtmlTemplates": "Edit HTML Templates",
    "PermissionsEditPublicDocuments": "Manage Public Documents",
    "PermissionsEditPublicTemplates": "Manage Public Templates",
    "PermissionsPasswordNeverExpires": "Password Never Expires",
}
OBJECTS = ("Account", "Campaign", "Contact", "Lead", "Opportunity")
# Veeva's set-up asks for these alone; of a person account the contact is one half.
OF_VEEVA = ("PermissionsApiEnabled", "PermissionsEditEvent", "PermissionsEditTask"), ("Account", "Contact")
RIGHTS: Mapping[str, str] = {"createable": "create", "updateable": "edit", "deletable": "delete"}
MARKETING_USER = "UserPermissionsMarketingUser"


class Org(Protocol):
    """What is asked, as the sync user."""

    def read(self, path: str) -> Document: ...

    def resource(self, path: str) -> str: ...

    def user_id(self) -> str: ...


def remarks(org: Org, crm: str) -> Iterator[str]:
    """Yield what the sync user is not allowed of what Adobe's set-up asks for, and what follows for this sync."""
    names, objects = OF_VEEVA if crm == "veeva" else ((*NEEDED, *BESIDES), OBJECTS)
    told = {one.text("name"): one for one in org.read(org.resource("sobjects")).parts("sobjects", required=True)}
    try:
        yield from _permissions(org, names)
        if "Campaign" in objects:
            yield from _marketing_user(org)
    except RejectedError as error:
        yield f"what the sync user is allowed could not be told: {error}"
    for name in objects:
        if (found := told.get(name)) and (
            lacking := [said for right, said in RIGHTS.items() if not found.flag(right, False)]
        ):
            yield f"the sync user may not {', '.join(lacking)} records of {name}: such writes will be refused (CONN-5)"


def _permissions(org: Org, names: Collection[str]) -> Iterator[str]:
    """Ask for those permissions that this org's version knows."""
    described = org.read(org.resource(f"sobjects/{ACCESS}/describe")).parts("fields", required=True)
    known = [name for one in described if (name := one.text("name")) in names]
    allowed = _first(org, soql.select(known, ACCESS))
    missing = [name for name in known if allowed.get(name) is False]
    for name in missing:
        if name in NEEDED:
            label, without = NEEDED[name]
            yield f"the sync user has not the permission {label}: {without}"
    if besides := [BESIDES[name] for name in missing if name in BESIDES]:
        yield f"Adobe's set-up also asks for {', '.join(besides)}, which the sync user has not; nothing here needs it"


def _marketing_user(org: Org) -> Iterator[str]:
    user = _first(org, soql.select([MARKETING_USER], "User", f"Id = {soql.literal(org.user_id())}"))
    if user.get(MARKETING_USER) is False:
        yield "the sync user is no Marketing User (a box on the user): campaigns and their members cannot be written"


def _first(org: Org, query: str) -> Mapping[str, Any]:
    """Return the only record of a query, nothing if there is none."""
    found = org.read(org.resource(f"query?q={quote(query)}")).parts("records", required=True)
    return found[0].values if found else {}
