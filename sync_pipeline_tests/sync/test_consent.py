"""Law 13: without an agreed value an opt-out wins: each field of consent, every way to meet, every rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync_pipeline.model import Rule
from sync_pipeline_tests.sync.conftest import worlds
from sync_pipeline_tests.sync.consenting import RULES, WAYS, Consenting

pytestmark = pytest.mark.matrix


@pytest.fixture
def new_consenting(tmp_path: Path) -> Iterator[Callable[[], Consenting]]:
    with worlds(Consenting, tmp_path) as make:
        yield make


@pytest.mark.parametrize("way", WAYS)
def test_no_opt_out_is_ever_cleared_without_an_agreed_value(new_consenting: Callable[[], Consenting], way: str) -> None:
    """UNSUB-1."""
    world = new_consenting()
    met = list(WAYS[way](world))
    world.settled()
    faults = []
    for one in met:
        record, person = world.both(one)
        for crm, marketo in world.considered.items():
            rule = RULES.get(crm)
            in_crm = one.no_in_crm or (one.no_in_marketo and rule is not Rule.CRM_ONLY)
            in_marketo = one.no_in_marketo or (one.no_in_crm and rule is not Rule.MARKETO_ONLY)
            faults += [(one, crm, "in the CRM")] if in_crm and not record.get(crm) else []
            faults += [(one, crm, "in Marketo")] if in_marketo and not person.get(marketo) else []
    assert faults == []
