"""What two people do in the demo, one in each system, and how the sync takes it. All of it is on record afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync_pipeline.commands.demo_stage import Stage
from sync_pipeline.commands.options import console
from sync_pipeline.sandbox.marketo.population.live import change

RULE = "A phone number has digits, not letters"
_LINKED = """
    select crm_id, marketo_id from lake.sync.link
    where pairing = ? and ended_at is null order by hash(crm_id) limit 100
"""


@dataclass(frozen=True)
class Kind:
    """Whom the scenes are about: what they are, in which pairing and object, and who wins a conflict about them."""

    called: str
    pairing: str
    object: str
    winner: str


KINDS = {
    "salesforce": Kind("lead", "lead", "Lead", "Marketo"),  # SF-LEAD-2
    "veeva": Kind("person account", "person_account", "Account", "Veeva"),  # VV-PA-5
}


class Person:
    """A lead or person account of the org that is a person of the subscription too."""

    def __init__(self, stage: Stage) -> None:
        """Take the first who is still in both systems: their staffs delete, merge and convert people, too."""
        self.kind = kind = KINDS[stage.org.schema.crm]
        self._org, self._subscription = stage.org, stage.subscription
        for self.crm_id, marketo_id in stage.lake.rows(_LINKED, [kind.pairing]):
            self.marketo_id = int(marketo_id)
            seen = self.seen_by_crm()
            gone = seen.get("IsDeleted", True) or seen.get("IsConverted", False)
            if not gone and self._subscription.known([self.marketo_id]):
                return
        raise LookupError(f"no {kind.called} is linked to a person of Marketo")

    def seen_by_crm(self) -> Mapping[str, Any]:
        return self._org.record(self.kind.object, self.crm_id) or {}

    def seller(self, **values: Any) -> None:
        self._org.update(self.kind.object, self.crm_id, values)

    def marketer(self, **values: Any) -> None:
        change(self._subscription, self.marketo_id, values)


def conflict(stage: Stage) -> Person:
    """Both change the phone number of one person, and the marketer corrects the title as well."""
    person, number = Person(stage), int(time.time()) % 10**6  # another one each time the demo is played
    one, other = f"+49 221 {number}", f"+49 30 {number}"
    person.seller(Phone=one)
    person.marketer(phone=other, title=f"Head of Buying {number}")
    kind = person.kind
    console.print(f"of {kind.called} {person.crm_id}, a seller sets the phone to {one}, a marketer to {other}:")
    console.print(
        f"a conflict, which {kind.winner} wins as it is a {kind.called}; the title was edited on one side only"
    )
    return person


def refusal(stage: Stage) -> Person:
    """The org's administrator sets up a validation rule, which a marketer's edit breaks."""
    person = Person(stage)
    stage.org.rules.validate(
        person.kind.object, lambda record: any(c.isalpha() for c in record.get("Phone") or ""), RULE, "Phone"
    )
    entry = f"ask the front desk, room {int(time.time()) % 1_000}"
    person.marketer(phone=entry)
    console.print(f"of {person.kind.called} {person.crm_id}, a marketer sets the phone to {entry!r},")
    console.print("which a rule of the org refuses:")
    return person


SCENES = (conflict, refusal)
