"""Law 13 over random lives in which people only ever say no: no opt-out is taken back, and both sides know of each."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from sync_pipeline.catalog.mappings_person import UNSUBSCRIBED
from sync_pipeline.connectors.records import Value
from sync_pipeline.model import Chosen, Rule
from sync_pipeline.sync.identity.email_match import mail_field
from sync_pipeline.sync.mapping.effective import Choice
from sync_pipeline.sync.policy import SyncPolicy
from sync_pipeline_tests.sync.life_events import DELETIONS, EVENTS, LASTING, anywhere, courses, crm, merge, numbers
from sync_pipeline_tests.sync.peopled import Event, Peopled
from sync_pipeline_tests.sync.world import System

TWO_WAY = [rule for rule in Rule if rule not in (Rule.CRM_ONLY, Rule.MARKETO_ONLY)]


def say_no(world: Peopled, source: int, number: int) -> None:
    of = world.source(source)
    if found := world.pick(of, number):
        world.system(of).edit(found, **{consent(world, of): True})


def meet(world: Peopled, source: int, in_crm: bool, in_marketo: bool) -> None:
    """A record and a person come into being on their own, with one address."""
    of = world.source(source)
    record = world.hire(of)
    pairing = next(p for p in world.pairings if p.crm.source == of and p.merges)
    address = f"{record}@x.example"
    values: dict[str, Value] = {mail_field(pairing): address, consent(world, of): in_crm}
    world.system(of).edit(record, **values)
    world.people.edit(None, lastName="Lee", email=address, **{UNSUBSCRIBED: in_marketo})


def consent(world: Peopled, of: str) -> str:
    return UNSUBSCRIBED if of == "lead" else world.two_way[UNSUBSCRIBED]


EVENTS_OF_CONSENT = (
    st.builds(Event, st.just(say_no), st.tuples(anywhere, numbers)),
    st.builds(Event, st.just(meet), st.tuples(crm, st.booleans(), st.booleans())),
)
CYCLE = Event(Peopled.cycle)


def keeping(system: System, name: str) -> None:
    """Let a system find out who clears an opt-out; in these courses nobody does, so it would be us."""
    edit = system.edit

    def checked(record_id: str | None = None, **values: Value) -> str:
        known = system.records.get(record_id or "", {})
        assert not (known.get(name) and values.get(name) is False), f"the opt-out of {record_id} was cleared"
        return edit(record_id, **values)

    system.edit = checked  # type: ignore[method-assign]


@courses
@given(
    rule=st.sampled_from(TWO_WAY), course=st.lists(st.one_of(*LASTING, *DELETIONS, *EVENTS_OF_CONSENT), max_size=EVENTS)
)
@example(Rule.MARKETO_WINS, [Event(meet, (0, True, False)), CYCLE, Event(meet, (1, True, False))])
@example(Rule.CRM_WINS, [Event(meet, (0, False, True)), CYCLE, Event(meet, (1, False, True))])
@example(
    Rule.NEWEST,
    [Event(meet, (0, True, True)), Event(meet, (0, False, False)), CYCLE, CYCLE, CYCLE, Event(merge, (0, 0, 1))],
)
def test_no_opt_out_is_ever_cleared_and_both_sides_know_of_it(
    new_world: Callable[[], Peopled], rule: Rule, course: list[Event]
) -> None:
    world = new_world()
    fields = {p.name: [Chosen(world.two_way[UNSUBSCRIBED], UNSUBSCRIBED, rule)] for p in world.pairings if p.merges}
    world.rules = SyncPolicy(mapping=Choice(fields), match="unique")
    for source in world.sources:
        keeping(world.system(source), consent(world, source))
    keeping(world.people, UNSUBSCRIBED)
    for event in course:
        world.happen(event)
    world.mend()
    done = world.settled()

    assert {name: synced.error for name, synced in done.items()} == dict.fromkeys(done, "")
    records = {i: (s, one) for s in world.sources for i, one in world.crm[s].living.items() if i in world.alive()}
    for person in world.people.living.values():
        source, record = records.get(str(person.get(world.key)), ("", {}))
        if source and not person.get(world.flag):
            assert bool(record.get(consent(world, source))) == bool(person.get(UNSUBSCRIBED))
