"""All that the connectors ask of a system, as operations on a sandbox that has something of everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sync_pipeline import catalog
from sync_pipeline.catalog.activity_types import ACTIVITY_TYPES
from sync_pipeline.connectors.bounds import Bounds, Patience
from sync_pipeline.connectors.extract import Extract
from sync_pipeline.connectors.marketo import Marketo, setup, writes
from sync_pipeline.connectors.records import Operation, Record, Value
from sync_pipeline.connectors.salesforce.connector import Salesforce
from sync_pipeline.connectors.salesforce.login import Credentials
from sync_pipeline.connectors.salesforce.writer import SalesforceWriter
from sync_pipeline.model import Field, Object, Window
from sync_pipeline.sandbox import Org, Sandbox
from sync_pipeline.sandbox.marketo.records.tables import CHANNEL, PROGRAM, STATIC_LIST
from sync_pipeline_tests.marketo import Connected, connected, declared
from sync_pipeline_tests.sandbox.conftest import Clock

OBJECTS = catalog.objects("salesforce")
PEM = serialization.Encoding.PEM


def _declared(name: str) -> Object:
    return catalog.by_name(name, OBJECTS)


LEAD, CONTACT = _declared("lead"), _declared("contact")
FIELDS = ("Id", "LastName", "SystemModstamp")


def rows(extract: Extract | None) -> list[dict[str, Any]] | None:
    if extract is None:
        return None
    return [row for page in extract.pages() for batch in page.read() for row in batch.to_pylist()]


@dataclass(frozen=True)
class Does:
    """One operation: `run` does it with a connector that `connect` makes."""

    name: str
    connect: Callable[[], Any]
    run: Callable[[Any], object]


@dataclass
class Time:
    """Time that passes when somebody waits, and a little when somebody looks."""

    at: float = 0.0

    def __call__(self) -> float:
        self.at += 0.001
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def patience(self) -> Patience:
        return Patience(Bounds(job=600, pages=200), first_wait=0.01, sleep=self.sleep, clock=self)


@dataclass
class OfOrg:
    """The operations on an org."""

    sandbox: Sandbox
    folder: Path
    found: list[Does] = field(default_factory=list)

    def connect(self, **options: Any) -> Callable[[], Salesforce]:
        env = self.sandbox.env()
        own = options.pop("credentials", None) or {
            "client_id": env["SALESFORCE_CLIENT_ID"],
            "client_secret": env["SALESFORCE_CLIENT_SECRET"],
        }
        return lambda: Salesforce(Credentials(self.sandbox.url, **own), patience=Time().patience(), **options)

    def add(self, name: str, run: Callable[[Salesforce], object], **options: Any) -> None:
        self.found.append(Does(name, self.connect(**options), run))

    def writer(self, name: str, run: Callable[[SalesforceWriter], object], **options: Any) -> None:
        def write(org: Salesforce) -> object:
            return run(SalesforceWriter(org, sleep=org.patience.sleep, first_wait=0, **options))

        self.add(name, write)

    def logins(self) -> None:
        env = self.sandbox.env()
        app = {"client_id": env["SALESFORCE_CLIENT_ID"]}
        person = {
            "username": env["SALESFORCE_USERNAME"],
            "password": env["SALESFORCE_PASSWORD"],
            "security_token": env["SALESFORCE_SECURITY_TOKEN"],
        }
        refresh = {"refresh_token": self.sandbox.sessions.refresh_token(self.sandbox.org.user_id)}
        secret = {"client_secret": env["SALESFORCE_CLIENT_SECRET"]}
        key = {"username": env["SALESFORCE_USERNAME"], "private_key_file": str(self._key(app["client_id"]))}
        grants: Mapping[str, dict[str, str]] = {
            "client credentials": {**app, **secret},
            "password": person,
            "refresh token": {**app, **secret, **refresh},
            "key": {**app, **key},
        }
        for name, credentials in grants.items():
            self.add(f"login by {name}", lambda org: org.organization_id(), credentials=credentials)

    def _key(self, client: str) -> Path:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.sandbox.sessions.public_keys[client] = public.decode()
        file = self.folder / "key.pem"
        file.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return file

    def reads(self, end: Clock, ids: Sequence[str]) -> None:
        up_to_now, few = Window(None, end.at + timedelta(seconds=1)), {"page_rows": 200}
        since = Window(end.at - timedelta(days=1), up_to_now.end)
        self.add("names", lambda org: sorted(org.names()))
        self.add("describe", lambda org: org.describe("Lead"))
        self.add("count", lambda org: org.count(LEAD))
        self.add("permissions", lambda org: list(org.remarks()))
        self.add("window by pages", lambda org: rows(org.extract(LEAD, FIELDS, since)), **few)
        self.add("all by pages", lambda org: rows(org.extract_alive(LEAD, FIELDS)), **few)
        self.add("ids", lambda org: rows(org.extract_ids(LEAD, FIELDS, ids)))
        self.add("window by bulk", lambda org: rows(org.extract(LEAD, FIELDS, up_to_now)), bulk_from=0)
        self.add("bulk job gone on with", self._resumed(up_to_now), bulk_from=0)

    def _resumed(self, window: Window) -> Callable[[Salesforce], object]:
        token = self.connect(bulk_from=0)().extract(LEAD, FIELDS, window).token
        return lambda org: rows(org.resume(LEAD, FIELDS, token))

    def writes(self) -> None:
        org = self.sandbox.org
        a, b, c, d = org.insert("Contact", [{"LastName": f"c{n}"} for n in range(4)])
        leads = org.insert("Lead", [{"LastName": f"l{n}", "Company": "x"} for n in range(4)])
        (account,) = org.insert("Account", [{"Name": "Acme"}])
        (into,) = org.insert("Contact", [{"LastName": "into", "AccountId": account}])
        new = [Record(None, {"LastName": f"new{n}"}) for n in range(3)]
        changed = [Record(one, {"LastName": "changed"}) for one in (a, b)]
        twins = [Record(None, {"LastName": "twin", "Email": "twin@x.example"})]
        org.insert("Contact", [{"LastName": "t", "Email": "twin@x.example"}])
        self.writer("create", lambda to: to.write(CONTACT, Operation.CREATE, new))
        self.writer("new lead", lambda to: to.write(LEAD, Operation.CREATE, [Record(None, {"LastName": "n"})]))
        self.writer("update", lambda to: to.write(CONTACT, Operation.UPDATE, changed))
        self.writer("delete", lambda to: to.write(CONTACT, Operation.DELETE, [Record(c, {})]))
        self.writer("ingest new", lambda to: to.write(CONTACT, Operation.CREATE, new), ingest_from=1)
        self.writer("ingest changes", lambda to: to.write(CONTACT, Operation.UPDATE, changed), ingest_from=1)
        self.writer("ingest deletions", lambda to: to.write(CONTACT, Operation.DELETE, [Record(d, {})]), ingest_from=1)
        merge = [Record(leads[0], {}, leads[1])]
        self.writer("merge", lambda to: to.write(LEAD, Operation.MERGE, merge))
        self.writer("unite", lambda to: to.write(LEAD, Operation.CONVERT, [Record(leads[2], {}, into)]))
        self.writer("convert", lambda to: to.convert(leads[3], "Closed - Converted", opportunity_name="Big"))
        since = org.now() - timedelta(hours=1)
        self.writer("find", lambda to: to.find(CONTACT, Record(None, {"LastName": "into"}), ["LastName"], since))
        self.writer("made", lambda to: list(to.made(CONTACT, ["LastName"], since)))
        org.rules.forbid_duplicates("Contact", "Email")
        self.writer("duplicates", lambda to: to.write(CONTACT, Operation.CREATE, twins))


@contextmanager
def of_org(folder: Path) -> Iterator[list[Does]]:
    clock = Clock()
    with Org.open(clock=clock) as org, Sandbox(org) as sandbox:
        ids = org.insert("Lead", [{"LastName": f"L{n}"} for n in range(450)])
        clock.pass_seconds(60)
        found = OfOrg(sandbox, folder)
        found.logins()
        found.reads(clock, ids[:3])
        found.writes()
        yield found.found


def _peopled(system: Connected) -> dict[str, int]:
    """Fill a subscription with persons, a program, and a list; return ids by name."""
    now = system.subscription.present()
    stamps = {"createdAt": now, "updatedAt": now}
    steps = [{"name": n, "step": i, "success": False} for i, n in enumerate(("Invited", "Registered"))]
    channel = {"id": 1, "name": "Webinar", "programType": "event", "statuses": json.dumps(steps), **stamps}
    system.subscription.insert(CHANNEL, [channel])
    system.subscription.insert(PROGRAM, [{"id": 7, "name": "Spring", "type": "Event", "channel": "Webinar", **stamps}])
    system.subscription.insert(STATIC_LIST, [{"id": 5, "name": "List", **stamps}])
    names = ("ann", "bob", "cyd", "dee", "eve")
    found = dict(zip(names, system.create(*(f"{name}@x.example" for name in names)), strict=True))
    system.upsert("company", {"externalCompanyId": "001A", "company": "Acme"})
    system.upsert("opportunity", {"externalOpportunityId": "006A", "name": "Deal"})
    system.upsert("sales_person", {"externalSalesPersonId": "005A", "email": "s@x.example"})
    writes.set_status(system.marketo.calls, 7, "Invited", [found["ann"]])
    writes.merge(system.marketo.calls, found["bob"], [found["cyd"]])
    return found


@dataclass
class OfSubscription:
    """The operations on a subscription."""

    system: Connected
    found: list[Does] = field(default_factory=list)

    def add(self, name: str, run: Callable[[Marketo], object], **reach: Any) -> None:
        self.found.append(Does(name, lambda: self.system.connect(**{"poll_seconds": 60.0, **reach}), run))

    def reads(self) -> None:
        end = self.system.clock.at + timedelta(seconds=1)
        recent, whole = Window(end - timedelta(hours=1), end), Window(None, end)
        long = Window(end - timedelta(days=9), end)
        person, fields = declared("person"), ("id", "email", "updatedAt", "isDeleted", "mergedInto")
        self.add("login", lambda m: m.organization_id())
        self.add("names", lambda m: sorted(m.names()))
        for name in (
            "person",
            "company",
            "program_member",
            "activity",
            "opportunity",
            "opportunity_role",
            "sales_person",
        ):
            self.add(f"describe {name}", lambda m, name=name: m.describe(declared(name).source))  # type: ignore[misc]
        self.add("feed of persons", lambda m: rows(m.extract(person, fields, recent)))
        activity = ("marketoGUID", "leadId", "activityDate", "activityTypeId", "attributes")
        self.add("feed of activities", lambda m: rows(m.extract(declared("activity"), activity, recent)))
        member = declared("program_member"), ("membershipId", "leadId", "programId", "statusName", "isDeleted")
        self.add("feed of members", lambda m: rows(m.extract(*member, recent)))
        self.add("export of persons", lambda m: rows(m.extract(person, fields, long)))
        self.add("export of activities", lambda m: rows(m.extract(declared("activity"), activity, long)))
        self.add("export of members", lambda m: rows(m.extract(*member, whole)))
        program = declared("program"), ("id", "name", "statuses", "costs")
        self.add("programs", lambda m: rows(m.extract(*program, whole)), priced=frozenset({7}))
        company = declared("company"), ("externalCompanyId", "company")
        self.add("companies", lambda m: rows(m.extract_ids(*company, ["001A"], "externalCompanyId")))
        seller = declared("sales_person"), ("externalSalesPersonId", "email")
        self.add("sales persons", lambda m: rows(m.extract_ids(*seller, ["005A"], "externalSalesPersonId")))
        self.add("person by address", lambda m: m.persons("email", "ann@x.example", ["id", "email"]))
        self.add("what to know", lambda m: list(m.remarks()))
        self.add("calls of today", lambda m: setup.used_today(m.calls))
        self.add("activity types", lambda m: m.activity_types())
        self.add("lacking types", lambda m: m.lacking_activity_types(ACTIVITY_TYPES))

    def writes(self, who: Mapping[str, int]) -> None:
        person, member = declared("person"), declared("program_member")
        ann, bob, dee, eve = (who[name] for name in ("ann", "bob", "dee", "eve"))
        new = [Record(None, {"email": f"new{n}@x.example"}) for n in range(2)]
        self.add("create", lambda m: m.write(person, Operation.CREATE, new))
        self.add("upsert", lambda m: m.write(person, Operation.UPSERT, new, "email"))
        self.add("update", lambda m: m.write(person, Operation.UPDATE, [Record(str(ann), {"lastName": "x"})]))
        self.add("import", lambda m: m.write(person, Operation.UPSERT, new, "email"), import_from=1)
        bad = [Record(None, {"email": "bad@x.example", "leadScore": "none"})]
        self.add("import that fails", lambda m: m.write(person, Operation.UPSERT, bad, "email"), import_from=1)
        self.add("delete", lambda m: m.write(person, Operation.DELETE, [Record(str(dee), {})]))
        merge = [Record(str(eve), {"leadScore": 3}, str(bob))]
        self.add("merge", lambda m: m.write(person, Operation.MERGE, merge))
        values: dict[str, Value] = {"programId": 7, "leadId": ann, "statusName": "Registered", "registrationCode": "R"}
        self.add("join", lambda m: m.write(member, Operation.UPSERT, [Record(None, values)], "programId"))
        self.add("leave", lambda m: m.write(member, Operation.DELETE, [Record(f"7-{ann}", {})]))
        deal = [Record(None, {"externalOpportunityId": "006A", "name": "New"})]
        key = "dedupeFields"
        self.add("opportunity", lambda m: m.write(declared("opportunity"), Operation.UPSERT, deal, key))
        sellers = [Record(None, {"externalSalesPersonId": "005A", "email": "new@x.example"})]
        self.add("sales person", lambda m: m.write(declared("sales_person"), Operation.UPSERT, sellers, key))
        roles = [Record(None, {"externalOpportunityId": "006A", "leadId": ann, "role": "Buyer"})]
        self.add("role", lambda m: m.write(declared("opportunity_role"), Operation.UPSERT, roles, key))
        self.add("on a list", lambda m: writes.add_to_list(m.calls, 5, [ann]))
        self.add("off a list", lambda m: writes.remove_from_list(m.calls, 5, [ann]))
        self.add("make types", lambda m: m.make_activity_types(ACTIVITY_TYPES[:1]))
        self.add("make fields", lambda m: m.make_person_fields([Field("Odd__c", "string", "Odd")]))
        at = "2026-05-17T10:00:00Z"
        said = [writes.Activity(ann, 100_001, at, "x", {})]
        self.add("add activities", lambda m: m.add_activities(said))


@contextmanager
def of_subscription() -> Iterator[list[Does]]:
    with connected() as system:
        system.sandbox.limits.calls = 10_000
        who = _peopled(system)
        system.clock.pass_seconds(60)
        found = OfSubscription(system)
        found.reads()
        found.writes(who)
        yield found.found
