"""One value costs that field of that record, whatever it is, wherever it goes and whoever refuses it; nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from sync_pipeline import catalog
from sync_pipeline.connectors.errors import RetryableError
from sync_pipeline.connectors.records import Answer, Record, Value, Verdict
from sync_pipeline.connectors.writes import blamed
from sync_pipeline.lake import Lake
from sync_pipeline.model import Describe, Field, Mapping, Object, Pairing, Rule
from sync_pipeline.sync.decision.capacity import BECAUSE, CHECKS, TO_DO
from sync_pipeline.sync.delivery.outbox import AGAIN
from sync_pipeline.sync.delivery.retries import retry
from sync_pipeline_tests.sync.many import Many
from sync_pipeline_tests.sync.test_campaigns import CAMPAIGN, many_of, person
from sync_pipeline_tests.sync.test_customs import DESCRIBED, chosen
from sync_pipeline_tests.sync.world import System, World

pytestmark = pytest.mark.matrix

RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
LONG = "x" * 300


class Case(NamedTuple):
    """A field of the CRM and one of Marketo, a good and a bad value for the side that is written to, and the code."""

    crm: Field
    marketo: Field
    good: Value
    bad: Value
    code: str


def case(crm: Field, marketo: Field, good: Value, bad: Value, code: str) -> Case:
    return Case(crm, marketo, good, bad, code)


def text(length: int = 255) -> Field:
    return Field("", "string", length=length)


NUMBER, WHOLE = Field("", "double", precision=18), Field("", "integer")
TO_MARKETO: dict[str, Case] = {
    "integer": case(NUMBER, WHOLE, 7.0, 3e9, "OUT_OF_RANGE"),
    "integer below": case(NUMBER, WHOLE, 7.0, -3e9, "OUT_OF_RANGE"),
    "score": case(NUMBER, Field("", "score"), 7.0, 3e9, "OUT_OF_RANGE"),
    "percent": case(Field("", "percent", precision=18, scale=1), Field("", "percent"), 7.5, 3e9, "OUT_OF_RANGE"),
    "text as integer": case(text(), WHOLE, "7", "seven", "WRONG_TYPE"),
    "text of many digits": case(text(), WHOLE, "7", "1" * 200, "OUT_OF_RANGE"),
    "text as float": case(text(), Field("", "float"), "7.5", "nan", "WRONG_TYPE"),
    "infinite": case(text(), Field("", "currency"), "7.5", "inf", "WRONG_TYPE"),
    "beyond a float": case(text(), Field("", "float"), "7.5", "1e999", "OUT_OF_RANGE"),
    "text as flag": case(text(), Field("", "boolean"), "true", "maybe", "WRONG_TYPE"),
    "text as day": case(text(), Field("", "date"), "2026-02-28", "2026-02-30", "WRONG_TYPE"),
    "text as time": case(text(), Field("", "datetime"), "2026-02-28T10:00:00Z", "soon", "WRONG_TYPE"),
    "email": case(text(), Field("", "email", length=255), "a@x.example", "a at x", "BAD_EMAIL"),
    "letters of an email": case(text(), Field("", "email", length=255), "a@x.example", "ä@x.example", "NOT_ASCII"),
    "phone": case(text(1000), Field("", "phone"), "1", "1" * 256, "TOO_LONG"),
    "url": case(text(1000), Field("", "url", length=255), "http://x", f"http://{LONG}", "TOO_LONG"),
    "choices": case(Field("", "multipicklist", length=4099), text(), "a;b", f"a;{LONG}", "TOO_LONG"),
}
EMPTY = (None, False, "false")  # a truth value that is not set is false
DIGITS = Field("", "int", digits=8)
CHOICES = Field("", "multipicklist", length=4099, picklist=("a", "b"), restricted=True)
TO_CRM: dict[str, Case] = {
    "int": case(Field("", "int"), Field("", "float"), 7.0, 3e9, "OUT_OF_RANGE"),
    "digits": case(DIGITS, Field("", "float"), 7.0, 123456789.0, "OUT_OF_RANGE"),
    "precision": case(Field("", "currency", precision=6, scale=2), Field("", "float"), 1.5, 10000.0, "OUT_OF_RANGE"),
    "rounded": case(Field("", "double", precision=6, scale=2), Field("", "float"), 1.5, 9999.996, "OUT_OF_RANGE"),
    "percent": case(Field("", "percent", precision=3), WHOLE, 7, 1000, "OUT_OF_RANGE"),
    "text as number": case(NUMBER, text(), "7", "seven", "WRONG_TYPE"),
    "nan": case(NUMBER, text(), "7", "nan", "WRONG_TYPE"),
    "text as int": case(Field("", "int"), text(), "7", "7.5", "WRONG_TYPE"),
    "text as flag": case(Field("", "boolean"), text(), "true", "maybe", "WRONG_TYPE"),
    "day too early": case(Field("", "date"), Field("", "date"), "1700-01-01", "1699-12-31", "OUT_OF_RANGE"),
    "day too late": case(Field("", "date"), Field("", "date"), "4000-12-31", "4001-01-01", "OUT_OF_RANGE"),
    "time too early": case(Field("", "datetime"), Field("", "datetime"), "2026-01-01T10:00:00Z",
                           "0001-01-01T10:00:00Z", "OUT_OF_RANGE"),
    "email": case(Field("", "email", length=80), Field("", "email"), "a@x.example", "a@x", "BAD_EMAIL"),
    "long email": case(Field("", "email", length=80), Field("", "email"), "a@x.example", f"{LONG[:80]}@x.example",
                       "TOO_LONG"),
    "phone": case(Field("", "phone", length=40), Field("", "phone"), "1", "1" * 41, "TOO_LONG"),
    "choice": case(Field("", "picklist", length=255, picklist=("a",), restricted=True), text(), "a", "z",
                   "NOT_IN_PICKLIST"),
    "choices": case(CHOICES, text(), "b;a", "a;z", "NOT_IN_PICKLIST"),
    "bytes": case(Field("", "string", length=80, octets=240), text(), "ä" * 80, "😀" * 70, "TOO_LONG"),
}  # fmt: skip


WAYS = [("crm", True), ("crm", False), ("marketo", False)]
IDS = ["create in Marketo", "update in Marketo", "update in the CRM"]


class Firm:
    """A CRM and a Marketo of one object each, with a field for each case and one, `Other`, that is never refused.

    Each case has a record of its own, by number; `side` is where its values are given.
    """

    def __init__(self, lake: Lake, folder: Path, side: str) -> None:
        cases = TO_MARKETO if side == "crm" else TO_CRM
        self.side, self.cases = side, dict(enumerate(cases.values()))
        crm = [Field("Id", "id", updateable=False), Field("SystemModstamp", "datetime", updateable=False)]
        crm += [Field("IsDeleted", "boolean", updateable=False), Field("Other", "string", length=80)]
        marketo = [Field("id", "integer", updateable=False), Field("updatedAt", "datetime", updateable=False)]
        marketo += [Field("key", "string", length=255), Field("other", "string", length=255)]
        crm += [replace(one.crm, name=f"F{number}") for number, one in self.cases.items()]
        marketo += [replace(one.marketo, name=f"f{number}") for number, one in self.cases.items()]
        mappings = [Mapping("Id", "key", "Id", rule=Rule.CRM_ONLY), Mapping("Other", "other", "Other")]
        mappings += [Mapping(f"F{number}", f"f{number}", "") for number in self.cases]
        thing = Object("salesforce", "Thing__c", "thing", "", rule=Rule.CRM_WINS)
        other = Object("marketo", "thing_c", "thing", "", key="id", stamp="updatedAt")
        self.pairing = Pairing(thing, other, "key", tuple(mappings))
        told = {"Thing__c": Describe("Thing__c", tuple(crm)), "thing_c": Describe("thing_c", tuple(marketo))}
        self.many = Many(lake, folder, [self.pairing], told)
        self.crm, self.marketo = self.many.crm["Thing__c"], self.many.marketo["thing_c"]
        self.ids: dict[int, str] = {}

    @property
    def target(self) -> System:
        return self.marketo if self.side == "crm" else self.crm

    def name(self, number: int, target: bool = False) -> str:
        """Return the name of a case's field on the side of the values, or on the other."""
        return f"{'F' if (self.side == 'crm') != target else 'f'}{number}"

    def other(self, number: int, value: str) -> None:
        """Change what is never refused."""
        self.edit(number, {"Other" if self.side == "crm" else "other": value})

    def give(self, create: bool, values: Callable[[int], dict[str, Value]]) -> None:
        """Make the records with their values, or give the values to records that both sides have."""
        if create:
            self.ids = {number: self.crm.edit(None, Other="new", **values(number)) for number in self.cases}
            return
        self.ids = {number: self.crm.edit(Other="old") for number in self.cases}
        for _ in range(2):
            self.cycle()
        for number in self.cases:
            self.edit(number, values(number))
            self.other(number, "new")

    def edit(self, number: int, values: dict[str, Value]) -> None:
        system, record_id = (self.crm, self.ids[number]) if self.side == "crm" else (self.marketo, self.person(number))
        system.edit(record_id, **values)

    def person(self, number: int) -> str:
        return next(i for i, record in self.marketo.records.items() if record["key"] == self.ids[number])

    def arrived(self, number: int) -> dict[str, Value]:
        """Return the record on the side that is written to."""
        return self.marketo.records[self.person(number)] if self.side == "crm" else self.crm.records[self.ids[number]]

    def cycle(self) -> int:
        """Go through a cycle; return how often a record was sent."""
        before = len(self.many.crm.order) + len(self.many.marketo.order)
        (done,) = self.many.cycle().values()
        assert done.error == ""
        return len(self.many.crm.order) + len(self.many.marketo.order) - before

    def refusals(self) -> dict[tuple[str, str], str]:
        """Return the code of each open refusal, by record and field; each says which field and what to do."""
        rows = self.many.lake.rows(
            "select record_id, field, code, message from lake.sync.error where resolved_at is null and object = 'thing'"
        )
        assert all(field in message and message.endswith(TO_DO.get(code, "is odd")) for _, field, code, message in rows)
        return {(record_id, field): code for record_id, field, code, _ in rows}

    def check_the_others(self, value: str = "new") -> None:
        """Check that of each record all but the one value is there, on the other side and in the base."""
        for number, crm_id in self.ids.items():
            record = self.arrived(number)
            assert record["other" if self.side == "crm" else "Other"] == value
            assert [n for n in self.cases if record.get(self.name(n, target=True)) in EMPTY] == [number]
            ((agreed,),) = self.many.lake.rows("select agreed from lake.sync.link where crm_id = ?", [crm_id])
            assert [n for n in self.cases if agreed.get(f"f{n}") in EMPTY] == [number]


@pytest.mark.parametrize(("side", "create"), WAYS, ids=IDS)
def test_a_value_that_does_not_fit_costs_its_field_alone(lake: Lake, tmp_path: Path, side: str, create: bool) -> None:
    """FIELD-25, FIELD-27, law 8: it is refused before anything is sent, and the others arrive."""
    firm = Firm(lake, tmp_path, side)
    good = {firm.name(number): one.good for number, one in firm.cases.items()}
    firm.give(create, lambda number: {**good, firm.name(number): firm.cases[number].bad})
    assert firm.cycle() == len(firm.cases)
    firm.cycle()  # what was made is linked, and read
    firm.check_the_others()
    assert firm.refusals() == {(firm.ids[n], f"F{n}"): one.code for n, one in firm.cases.items()}
    assert [firm.cycle() for _ in range(2)] == [0, 0]
    for number, one in firm.cases.items():
        firm.edit(number, {firm.name(number): one.good})
    assert firm.cycle() == len(firm.cases)
    assert firm.refusals() == {}


@pytest.mark.parametrize(("side", "create"), WAYS, ids=IDS)
def test_a_value_that_only_the_system_refuses_costs_its_field_alone(
    lake: Lake, tmp_path: Path, side: str, create: bool
) -> None:
    """SF-LEAD-8, MK-REST-22, OPS-19, laws 1 and 8: the rest is sent once more; what was blamed stays on record.

    It is not sent again before it changes, or until another try is asked for (OPS-17).
    """
    firm = Firm(lake, tmp_path, side)
    good = {firm.name(number): one.good for number, one in firm.cases.items()}
    sent: list[str] = []

    def is_of(record: Record, number: int) -> bool:
        if record.id is None or side == "marketo":
            return firm.ids[number] in (record.id, record.values.get("key"))
        return firm.person(number) == record.id

    def refuse(record: Record) -> Answer | None:
        name = next(firm.name(n, target=True) for n in firm.ids if is_of(record, n))
        if name not in record.values:
            return None
        sent.append(name)
        return Answer(Verdict.REJECTED, code=RULE, message="is odd", blames=blamed([name], RULE, "is odd"))

    firm.give(create, lambda _: good)
    firm.target.refuse = refuse
    assert firm.cycle() == 2 * len(firm.cases)
    firm.cycle()
    firm.check_the_others()
    assert firm.refusals() == {(firm.ids[n], f"F{n}"): RULE for n in firm.cases}
    assert [firm.cycle() for _ in range(2)] == [0, 0]
    for number in firm.cases:
        firm.other(number, "newer")
    assert firm.cycle() == len(firm.cases)
    firm.check_the_others("newer")
    assert len(sent) == len(firm.cases)

    firm.target.refuse = lambda _: None
    first, *rest = firm.ids.values()
    with lake.transaction() as con:
        assert retry(con, [firm.pairing], [first], firm.many.now()) == 1
    assert firm.cycle() == 1
    assert firm.refusals() == {(crm_id, f"F{n}"): RULE for n, crm_id in firm.ids.items() if crm_id in rest}
    assert firm.arrived(0)[firm.name(0, target=True)] is not None


def test_what_is_not_said_to_be_a_field_s_fault_is_the_record_s(lake: Lake, tmp_path: Path) -> None:
    """OPS-20: a refusal without a field, over the key, or over what was not sent at all, is tried once a change."""
    firm = Firm(lake, tmp_path, "crm")
    firm.give(True, lambda _: {"F0": 7.0})
    names: dict[str, list[str]] = dict(
        zip(firm.ids.values(), ([], ["key"], ["elsewhere"], ["f0", "key"]), strict=False)
    )

    def refuse(record: Record) -> Answer | None:
        if (blame := names.get(str(record.values["key"]))) is None:
            return None
        return Answer(Verdict.REJECTED, code="1003", message="no", blames=blamed(blame, "1003", "no"))

    firm.marketo.refuse = refuse
    assert firm.cycle() == len(firm.cases)
    rows = lake.rows("select record_id, field, message from lake.sync.error where resolved_at is null")
    assert {one: said for one, _, said in rows} == {
        crm_id: f"no ({', '.join(blame)})" if blame else "no" for crm_id, blame in names.items()
    }
    assert {field for _, field, _ in rows} == {None}
    assert [firm.cycle() for _ in range(2)] == [0, 0]


def test_a_system_that_names_one_bad_field_an_answer_is_asked_a_few_times_at_most(lake: Lake, tmp_path: Path) -> None:
    firm = Firm(lake, tmp_path, "marketo")
    good = {firm.name(number): one.good for number, one in firm.cases.items()}
    firm.give(False, lambda _: good)
    tries: dict[str, int] = {}

    def refuse(record: Record) -> Answer | None:
        tries[str(record.id)] = tries.get(str(record.id), 0) + 1
        name = min(name for name in record.values if name != "Other")
        return Answer(Verdict.REJECTED, code=RULE, message="is odd", blames=blamed([name], RULE, "is odd"))

    firm.crm.refuse = refuse
    firm.cycle()
    assert set(tries.values()) == {1 + AGAIN}


# By Marketo's object, a field of it that is not what tells its records apart.
OPTIONAL = {
    "salesPerson": "title",
    "company": "industry",
    "lead": "phone",
    "opportunity": "amount",
    "opportunityRole": "isPrimary",
    "invoice_c": "amount",
}


def test_of_every_object_a_record_is_made_without_the_field_that_marketo_blames(lake: Lake, tmp_path: Path) -> None:
    """SF-USER-1, SF-ACCOUNT-9, SF-OPP-1, SF-OPP-3, SF-CO-1, law 8."""
    pairings = {p.name: p for p in (*catalog.pairings(), *chosen("Invoice__c", "invoice_c"))}
    many = Many(lake, tmp_path, tuple(pairings.values()), DESCRIBED)
    crm = many.crm
    seller = crm["User"].edit(LastName="Seller", Email="s@x.example", Title="Dr", IsActive=True)
    account = crm["Account"].edit(Name="Acme", Industry="Energy", OwnerId=seller)
    contact = crm["Contact"].edit(LastName="Ada", Phone="1", AccountId=account)
    crm["Lead"].edit(LastName="Bea", Company="Bee", Phone="1", IsConverted=False)
    deal = crm["Opportunity"].edit(Name="Deal", AccountId=account, StageName="Open", Amount=10.0)
    crm["OpportunityContactRole"].edit(OpportunityId=deal, ContactId=contact, Role="Buyer", IsPrimary=True)
    crm["Invoice__c"].edit(Account__c=account, Contact__c=contact, Amount__c=12.5, Paid__c=True)
    for source, name in OPTIONAL.items():
        many.marketo[source].refuse = refusing(name)
    done = many.settled()
    assert all(synced.error == "" for synced in done.values())
    made = {source: list(many.marketo[source].records.values()) for source in OPTIONAL}
    assert {source: len(records) for source, records in made.items()} == dict.fromkeys(OPTIONAL, 1) | {"lead": 2}
    assert [one for source, name in OPTIONAL.items() for one in made[source] if one.get(name) is not None] == []
    assert [one["lastName"] for one in made["lead"]] == ["Ada", "Bea"]
    assert (made["opportunityRole"][0]["role"], made["invoice_c"][0]["paid"]) == ("Buyer", True)
    errors = many.lake.rows("select object, code from lake.sync.error where resolved_at is null order by object")
    paired = {p.name: p for p in pairings.values() if p.marketo.source in OPTIONAL}
    assert errors == [(p.crm.name, RULE) for p in sorted(paired.values(), key=lambda p: p.crm.name)]


def refusing(name: str) -> Callable[[Record], Answer | None]:
    """Return a rule against a field that is filled."""
    no = Answer(Verdict.REJECTED, code=RULE, message="is odd", blames=blamed([name], RULE, "is odd"))
    return lambda record: no if record.values.get(name) is not None else None


def test_every_check_says_why_and_what_to_do() -> None:
    assert {code for code, *_ in CHECKS} <= BECAUSE.keys() == TO_DO.keys()


def test_where_the_second_try_is_cut_off_the_next_cycle_sends_the_rest_and_nothing_else(world: World) -> None:
    """GEN-16, laws 4 and 6: the rest is in the outbox before it is sent, and what was blamed is on record already."""
    crm_id, person = world.linked(Phone="1", Title="Dr")
    tries: list[list[str]] = []

    def refuse(record: Record) -> Answer | None:
        tries.append(sorted(record.values))
        return refusing("Phone")(record)

    def cut_off() -> None:
        if len(tries) == 2:
            raise RetryableError("CONNECTION", "gone", may_be_done=True)

    world.crm.refuse, world.crm.after = refuse, cut_off
    world.marketo.edit(person, phone="666", title="Prof")
    assert "gone" in world.cycle().error
    stored = world.rows("outbox", "list_sort(map_keys(fields))")
    assert (["Phone", "Title"],) in stored
    assert (["Title"],) in stored
    for _ in range(3):
        world.cycle()
    assert ["Phone", "Title"] not in tries[1:]
    assert (world.crm.records[crm_id]["Title"], world.crm.records[crm_id]["Phone"]) == ("Prof", "1")
    assert [code for code in world.open_errors() if code != RULE] == []
    calls = len(tries)
    world.cycle()
    assert len(tries) == calls


def test_a_members_own_field_is_left_out_and_its_status_arrives(lake: Lake, tmp_path: Path) -> None:
    """SF-CAMP-14, law 8: in both systems."""
    links = {"1001": CAMPAIGN}
    many = many_of(lake, tmp_path / "landing", links, fields={"Lunch__c": "lunch"})
    ada, bea = (person(many, name) for name in ("Ada", "Bea"))
    many.crm["CampaignMember"].refuse = refusing("Lunch__c")
    many.marketo["programMember"].refuse = refusing("lunch")
    many.crm["CampaignMember"].edit(CampaignId=CAMPAIGN, ContactId=ada[0], Status="Invited", Lunch__c="fish")
    many.marketo["programMember"].edit(programId=1001, leadId=bea[1], statusName="Registered", lunch="pie")
    many.settled()
    in_crm = {one["ContactId"]: one for one in many.crm["CampaignMember"].records.values()}
    in_marketo = {one["leadId"]: one for one in many.marketo["programMember"].records.values()}
    assert (in_crm[bea[0]]["Status"], in_crm[bea[0]].get("Lunch__c")) == ("Registered", None)
    assert (in_marketo[ada[1]]["statusName"], in_marketo[ada[1]].get("lunch")) == ("Invited", None)
    errors = "select distinct field, code from lake.sync.error where resolved_at is null and object = 'campaign_member'"
    assert many.lake.rows(errors) == [("Lunch__c", RULE)]
