"""What one connection may cost: how long its head may take, how large it is, how many there are, what is read in vain.

Uvicorn bounds the size of a head and the time between two requests. A head that never ends, a body that is sent on
after its refusal, and any number of connections are bounded here.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_BYTES = 16_384
HEAD_SECONDS = 10.0  # from the first byte of a request, or from the connection, until its head is there
MOST_CONNECTIONS = 500  # of one more, that which has waited longest without a request at work is closed
VAIN_BYTES = 1 << 20  # of a body that is sent on after the answer
VAIN_SECONDS = 2.0


class Protocol(H11Protocol):
    """A connection with limits."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.since = self.loop.time()
        self._deadline: asyncio.TimerHandle | None = None
        self._vain = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._close_after(HEAD_SECONDS)
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = [one for one in self.connections if isinstance(one, Protocol) and one.is_idle]
            min(waiting, key=lambda one: one.since, default=self).close()

    @property
    def is_idle(self) -> bool:
        """Whether no request is at work."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        if self._is_sent_in_vain():
            self._vain += len(data)
            if self._vain > VAIN_BYTES:
                self.close()
                return
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE and not self._is_sent_in_vain():
            self._close_after(None)  # the head is there
        elif self.conn.their_state is h11.IDLE and self._deadline is None and self.conn.trailing_data[0]:
            self._close_after(HEAD_SECONDS)  # that of another request has begun

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_sent_in_vain():
            self._close_after(VAIN_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._close_after(None)
        super().connection_lost(exc)

    def close(self) -> None:
        """Close the connection, whatever is under way."""
        self._close_after(None)
        if not self.transport.is_closing():
            self.transport.abort()

    def _is_sent_in_vain(self) -> bool:
        """Tell whether a body is being sent whose request has been answered."""
        return self.cycle is not None and self.cycle.response_complete and self.conn.their_state is h11.SEND_BODY

    def _close_after(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.close)
