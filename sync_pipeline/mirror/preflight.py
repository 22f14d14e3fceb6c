"""The start-up check: may the sync user see what the sync needs, and what will the first sync cost (CONN-9).

The judging functions are pure; `check` asks the system.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sync_pipeline import catalog, faults
from sync_pipeline.catalog.mappings_person import UNSUBSCRIBED
from sync_pipeline.catalog.salesforce import CONTACT, LEAD
from sync_pipeline.connectors.errors import ConnectorError
from sync_pipeline.connectors.extract import Connector
from sync_pipeline.model import Describe, Object

# Records a second over a network to a real org, for the estimate of a first sync: Bulk API 2.0 gives several
# thousand; the mirror itself takes in more than a hundred thousand.
RECORDS_PER_SECOND = 3_000


class Severity(StrEnum):
    """`error`: the object cannot be synced as declared. `warning`: it can, but not all of it. `note`: so it is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    object: str
    severity: Severity
    message: str


@dataclass(frozen=True)
class Checked:
    """What the check found. `records` is None for objects that cannot be read, or that the system does not count."""

    organization_id: str
    calls_used: int
    calls_limit: int
    records: dict[str, int | None]
    findings: tuple[Finding, ...]
    counted: bool = True

    @property
    def total(self) -> int:
        return sum(count or 0 for count in self.records.values())

    @property
    def seconds(self) -> float:
        """Estimated time of the first sync, in seconds."""
        return self.total / RECORDS_PER_SECOND

    @property
    def first_sync(self) -> str:
        """What the first sync will cost, in words."""
        if not self.counted:
            return "its size is not told beforehand; docs/objects.md says how it goes"
        minutes = self.seconds / 60
        time = f"about {minutes:,.0f} minutes" if minutes >= 1 else "less than a minute"
        return f"{self.total:,} records, {time}"

    def unread(self, name: str) -> str:
        """Say why there is no count of an object."""
        bad = any(f.object == name and f.severity is Severity.ERROR for f in self.findings)
        return "cannot be read" if bad else "can be read"


def judge(obj: Object, described: Describe) -> Iterable[Finding]:
    """Compare what the sync user sees of an object with what SPEC 2.1, the settings and the mappings need."""
    if obj.chosen_types is not None and (said := _types(obj.chosen_types, described.record_types)):
        yield Finding(obj.name, Severity.ERROR, said)
    missing = [name for name in obj.required if name not in described.names]
    if missing:
        yield Finding(obj.name, Severity.ERROR, f"fields not visible to the sync user: {', '.join(missing)}")
    fixed = [n for n in obj.updateable if (f := described.field(n)) is not None and not f.updateable]
    if fixed:
        yield Finding(obj.name, Severity.WARNING, f"fields the sync user cannot write: {', '.join(fixed)}")
    named = (*(m.crm for m in obj.mappings if not m.optional), *obj.wanted)
    mapped = dict.fromkeys(name for name in named if name not in described.names and name not in missing)
    optional = [name for name in mapped if name.startswith("mkto71_")]
    opt_out = next((m.crm for m in obj.mappings if m.marketo == UNSUBSCRIBED), "")
    if opt_out and ((field := described.field(opt_out)) is None or not field.updateable):
        cannot = "write" if field else "see"
        said = f"the sync user cannot {cannot} {opt_out}: who unsubscribes in Marketo is not told to the CRM (UNSUB-3)"
        yield Finding(obj.name, Severity.WARNING, said)
    hidden = [name for name in mapped if name not in (*optional, opt_out)]
    if hidden:
        yield Finding(obj.name, Severity.WARNING, f"mapped fields not visible, so not synced: {', '.join(hidden)}")
    if optional:
        said = f"{len(optional)} of Adobe's recommended custom fields are not there (SPEC 2.2): {', '.join(optional)}"
        yield Finding(obj.name, Severity.WARNING, said)


def _offered(visible: Iterable[str], chosen: Sequence[Object]) -> list[str]:
    """Return the CRM's custom objects that this user can read and that are not chosen yet (SF-CO-3)."""
    known = {obj.source for obj in chosen}
    return sorted(name for name in visible if name.endswith("__c") and name not in known)


def judge_conversion(described: Mapping[str, Describe]) -> Iterable[Finding]:
    """Tell whose values a conversion would lose: no API shows what the org maps a lead's custom fields to (CONV-4)."""
    lead, contact = described.get(LEAD.source), described.get(CONTACT.source)
    if not lead or not contact:
        return
    lost = [f.name for f in lead.fields if f.custom and not f.calculated and f.name not in contact.names]
    if lost:
        said = (
            "a contact has no field of the name of these, so a conversion loses their values unless the org maps them "
            f"otherwise: {', '.join(lost)}"
        )
        yield Finding(LEAD.name, Severity.WARNING, said)


def _types(chosen: Sequence[str], known: Sequence[str]) -> str:
    """Return what is wrong with the chosen record types; empty if nothing is."""
    unknown = [name for name in chosen if name not in known]
    if chosen and not unknown:
        return ""
    said = (
        f"no record type is called {', '.join(unknown)}"
        if unknown
        else "the record types that take part are not chosen"
    )
    return f"{said}; the sync user sees {', '.join(known) or 'none'}"


def check(connector: Connector, objects: Sequence[Object]) -> Checked:
    """Log in and look at every object, reading no records.

    Raises:
        ConnectorError: the login was refused or the system is out of reach.
    """
    organization, visible = connector.organization_id(), connector.names()
    findings = [Finding(connector.system, Severity.WARNING, said) for said in connector.remarks()]
    refused = {name: why for name, why in catalog.refused(connector.system).items() if name in visible}
    findings += [Finding(name, Severity.NOTE, f"visible, but not synced: {why}") for name, why in refused.items()]
    if offered := _offered(visible, objects):
        said = f"custom objects that can be chosen (SYNC_CUSTOM_OBJECTS): {', '.join(offered)}"
        findings.append(Finding(connector.system, Severity.NOTE, said))
    records: dict[str, int | None] = {}
    described: dict[str, Describe] = {}
    for obj in objects:
        records[obj.name] = None
        if obj.source not in visible:
            said = f"{obj.source} is not visible to the sync user, or the org has no such object"
            findings.append(Finding(obj.name, Severity.ERROR, said))
            continue
        try:
            described[obj.source] = connector.describe(obj.source)
            findings += judge(obj, described[obj.source])
            records[obj.name] = connector.count(obj) if obj.counted else None
        except ConnectorError as error:
            findings.append(Finding(obj.name, Severity.ERROR, str(error)))
        except Exception as error:
            findings.append(Finding(obj.name, Severity.ERROR, faults.noted(error, obj.title)))
    findings += judge_conversion(described)
    return Checked(organization, *connector.quota(), records, tuple(findings), any(obj.counted for obj in objects))
