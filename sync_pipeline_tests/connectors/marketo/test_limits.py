"""What is asked of a subscription: never more than it allows, whoever else asks, and nothing at the end of the day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sync_pipeline.connectors.errors import FatalError, QuotaError
from sync_pipeline.connectors.marketo import Credentials, Marketo
from sync_pipeline_tests.marketo import Connected

USAGE = "/rest/v1/stats/usage.json"
TOKEN = "/identity/oauth/token"


def ask(marketo: Marketo, times: int) -> None:
    for _ in range(times):
        assert marketo.calls.get(USAGE).flag("success") is True


@pytest.mark.parametrize(("calls", "at_once"), [(50, 5), (100, 10)], ids=["advised", "allowed"])
def test_eight_threads_together_stay_below_what_is_allowed(system: Connected, calls: int, at_once: int) -> None:
    """MK-REST-16; the sandbox itself refuses call 101 of twenty seconds and call 11 at once."""
    marketo, began = system.connect({"calls": calls, "at_once": at_once}), system.clock.at
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(marketo.metered(), 30), range(8)))
    assert system.calls_made() == 240
    assert system.refusals() == {}
    assert system.sandbox.limits.most_at_once <= at_once
    assert (system.clock.at - began).total_seconds() >= 20 * (240 // calls), "so many calls in 20 seconds"


def test_a_competitor_for_the_same_quota_only_slows_it_down(system: Connected) -> None:
    """MK-REST-16 and 22."""
    limits = system.sandbox.limits
    other = system.sandbox.identity.add_service("other@sandbox.example")
    for _ in range(95):
        limits.enter(other.user, system.clock())
        limits.leave(other.user, system.clock(), refused=False)
    ask(system.marketo, 10)
    assert system.refusals()["606"] > 0
    assert system.marketo.usage().calls == 10 + system.refusals()["606"]


def test_somebody_elses_long_calls_are_waited_for(system: Connected) -> None:
    limits = system.sandbox.limits
    system.marketo.organization_id()
    entered = [system.clock() for _ in range(10)]
    for at in entered:
        limits.enter("other", at)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, system.marketo, 1)
        while not system.refusals().get("615"):
            system.sleep(0)
        for at in entered:
            limits.leave("other", at, refused=False)
        asked.result()


def test_at_the_end_of_the_quota_nothing_is_sent_until_the_day_is_over(system: Connected) -> None:
    """MK-REST-22: 607 until midnight in US Central time; the sandbox's day begins at 06:00 UTC."""
    ask(system.marketo, 1)
    system.sandbox.faults.add("quota", calls=2)
    ask(system.marketo, 2)
    with pytest.raises(QuotaError, match="607"):
        ask(system.marketo, 1)
    seen = system.sandbox.log.count("/rest/*")
    with pytest.raises(QuotaError, match=r"used up until 2026-05-18 06:00 UTC"):
        ask(system.marketo.metered(), 1)
    assert system.sandbox.log.count("/rest/*") == seen
    system.clock.pass_seconds(20 * 3600)
    ask(system.marketo, 1)


def test_the_budget_of_a_day_counts_earlier_processes_and_begins_anew(system: Connected) -> None:
    marketo = system.connect({"budget": 40, "used_today": 38})
    ask(marketo, 2)
    with pytest.raises(QuotaError, match="40 Marketo calls were made today and the budget is 40"):
        ask(marketo, 1)
    assert marketo.quota() == (40, 40)
    system.clock.pass_seconds(20 * 3600)
    ask(marketo, 2)
    assert marketo.quota() == (2, 40)


def test_a_token_that_ends_is_renewed_once_for_all_threads(system: Connected) -> None:
    """MK-REST-22."""
    ask(system.marketo, 1)
    system.clock.pass_seconds(3_601)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(system.marketo.metered(), 2), range(8)))
    assert system.sandbox.log.count(TOKEN) == 2
    assert set(system.refusals()) == {"602"}


def test_an_unknown_service_is_told_without_its_secret(system: Connected) -> None:
    wrong = Marketo(Credentials(system.sandbox.url, "nobody", "top-secret"))
    with pytest.raises(FatalError, match=r"No client with requested id: nobody") as refused:
        wrong.organization_id()
    assert "top-secret" not in str(refused.value) + repr(Credentials("https://x", "a", "top-secret"))


def test_credentials_never_travel_in_the_clear() -> None:
    with pytest.raises(FatalError, match="INSECURE_URL"):
        Marketo(Credentials("http://123-ABC-456.mktorest.com", "a", "b"))


def test_a_subscription_is_known_by_its_munchkin_id(system: Connected) -> None:
    real = Credentials("https://123-abc-456.mktorest.com/rest", "a", "b")
    assert (real.subscription, real.site, real.identity) == (
        "123-ABC-456",
        "https://123-abc-456.mktorest.com",
        "https://123-abc-456.mktorest.com/identity",
    )
    assert system.marketo.organization_id() == system.sandbox.env()["MARKETO_CLIENT_ID"]
