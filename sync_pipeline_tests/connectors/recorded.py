"""Operations on tape: what each asked and was answered, and doing it again without a system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import requests

from sync_pipeline.connectors.marketo import Marketo
from sync_pipeline_tests.connectors.operations import Does, Time
from sync_pipeline_tests.connectors.tapes import Endless, Tape, Told, play, record


@dataclass(frozen=True)
class Recorded:
    does: Does
    tape: Tape
    result: object


@dataclass(frozen=True)
class Played:
    """What came of an operation: its result or an error; the seconds that passed, and the requests made."""

    result: object
    error: Exception | None
    seconds: float
    requests: int


def _session(connector: Any) -> requests.Session:
    found: requests.Session = (connector.calls if isinstance(connector, Marketo) else connector)._http.session
    return found


def recorded(operations: Iterable[Does]) -> Iterator[Recorded]:
    """Do operations on a system, and yield each on tape."""
    for does in operations:
        tape, connector = Tape(), does.connect()
        record(_session(connector), tape)
        yield Recorded(does, tape, does.run(connector))


def played(one: Recorded, spoilt: str = "", instead: Told | Endless | None = None) -> Played:
    """Do an operation again, answered from its tape, but one kind of request otherwise."""
    connector = one.does.connect()
    asked = play(_session(connector), one.tape, spoilt, instead)
    time = _time_of(connector)
    began, result, failed = time.at, None, None
    try:
        result = one.does.run(connector)
    except Exception as error:
        failed = error
    return Played(result, failed, time.at - began, sum(asked.values()))


def _time_of(connector: Any) -> Time:
    """Return the time of a connector; waits take none of ours, as there is no sandbox that would need some."""
    if not isinstance(connector, Marketo):
        found: Time = connector.patience.clock
        return found
    time, calls = Time(), connector.calls
    own = time.patience()
    calls.limits.sleep, calls.limits.clock = own.sleep, own.clock
    calls.patience = replace(own, bounds=replace(own.bounds, idle=calls.patience.bounds.idle))
    calls._http.patience = calls.patience
    return time
