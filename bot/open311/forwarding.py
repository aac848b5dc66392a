"""The forwarding room: a new ticket goes on to who handles it, and their answer comes back.

Each ticket is posted once. What surely did not arrive is tried again with growing waits; what
perhaps arrived is unclear, and is looked up where the endpoint shows descriptions, or decided by a
clerk. Their status becomes a move of ours where the table of moves has it, else an internal note.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from bot.civic.errors import CivicError
from bot.civic.tickets import State, find_reference
from bot.open311.client import GeoReportClient, Outcome, Unreadable
from bot.open311.endpoints import Endpoint
from bot.store.forwards import Forward, Forwards, IdTaken
from bot.store.registers import TicketRegister

log = logging.getLogger(__name__)
T = TypeVar("T")
BY = "open311"
IDLE_SECONDS = 5.0
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=2)
LOOK_EVERY = timedelta(minutes=10)
SURE_AFTER = timedelta(minutes=30)
"""A send that a list of theirs has not shown for so long did not arrive there."""
TOKEN_EVERY = timedelta(minutes=5)
POLL_EVERY = timedelta(minutes=15)
OVERLAP = timedelta(minutes=10)
"""Their clock is not ours."""
MAX_DESCRIPTION = 3900


class Forwarding:
    """See the module. `clients` by endpoint."""

    def __init__(
        self,
        forwards: Forwards,
        tickets: TicketRegister,
        endpoints: Mapping[str, Endpoint],
        clients: Mapping[str, GeoReportClient] | None = None,
    ) -> None:
        self.forwards = forwards
        self.tickets = tickets
        self.endpoints = endpoints
        self.clients = clients or {name: GeoReportClient(e) for name, e in endpoints.items()}
        self.services = {
            service: name for name, endpoint in endpoints.items() for service in endpoint.services
        }

    async def run(self) -> None:
        """Forward and poll until cancelled."""
        while True:
            try:
                if await self.step():
                    continue
            except Exception:
                log.exception("forwarding stumbled")
            await asyncio.sleep(IDLE_SECONDS)

    async def close(self) -> None:
        for client in self.clients.values():
            await client.close()

    async def step(self) -> bool:
        """One piece of each kind of work; False when there was nothing to do."""
        await self._off(self.forwards.enlist, self.services)
        await self._off(self.forwards.expire)
        done = False
        for state, act, hold in (
            ("pending", self._send, timedelta(minutes=5)),
            ("unclear", self._look_up, LOOK_EVERY),
            ("token", self._resolve, TOKEN_EVERY),
            ("sent", self._poll, POLL_EVERY),
        ):
            forward = await self._off(self.forwards.claim, state, hold)
            if forward is not None:
                done = True
                if forward.endpoint in self.endpoints:
                    await act(forward)
                elif state == "pending":
                    await self._settle(forward, "pending", LONGEST_WAIT, code="no such endpoint")
        return done

    @staticmethod
    async def _off(work: Callable[..., T], *given: Any) -> T:
        return await asyncio.to_thread(work, *given)

    async def _settle(
        self, forward: Forward, state: str, after: timedelta | None = None, **values: Any
    ) -> None:
        await asyncio.to_thread(
            lambda: self.forwards.settle(forward.ticket.id, state, after, **values)
        )

    # Sending -------------------------------------------------------------------------------------

    async def _send(self, forward: Forward) -> None:
        endpoint = self.endpoints[forward.endpoint]
        target = endpoint.services.get(forward.ticket.service)
        if target is None:
            await self._settle(forward, "failed", code="the service does not go there any more")
            return
        if forward.ticket.source == BY and find_reference(forward.ticket.details):
            # What another city's Likewise passed on to us does not go round in a ring.
            await self._settle(forward, "failed", code="it was passed on to us")
            return
        client = self.clients[forward.endpoint]
        outcome = await client.post(self._fields(forward, endpoint), target, self._once(forward))
        await self._sent(forward, outcome)

    async def _sent(self, forward: Forward, outcome: Outcome) -> None:
        if outcome.verdict == "id":
            await self._arrived(forward, outcome.value)
        elif outcome.verdict == "token":
            await self._settle(forward, "token", token=outcome.value, code="")
        elif outcome.verdict == "refused":
            log.error("%s refused %s", forward.endpoint, forward.ticket.reference)
            await self._settle(forward, "failed", code=outcome.code)
            await self._note(forward, f"{forward.endpoint} refused this request: {outcome.code}")
        elif outcome.verdict == "later":
            wait = min(FIRST_WAIT * 2 ** min(forward.attempts - 1, 10), LONGEST_WAIT)
            wait = max(wait, timedelta(seconds=min(outcome.after, 86_400)))
            log.warning("%s cannot be reached (%s)", forward.endpoint, outcome.code)
            await self._settle(forward, "pending", wait, code=outcome.code)
        else:
            log.error("whether %s has %s is unclear", forward.endpoint, forward.ticket.reference)
            await self._settle(forward, "unclear", LOOK_EVERY, code=outcome.code)

    async def _arrived(self, forward: Forward, remote_id: str) -> None:
        try:
            await self._settle(forward, "sent", POLL_EVERY, remote_id=remote_id, code="")
        except IdTaken:
            log.error("%s gave one id to two requests", forward.endpoint)
            code = f"{remote_id} is another ticket's id"
            await self._settle(forward, "unclear", LOOK_EVERY, code=code)
            return
        organisation = self.endpoints[forward.endpoint].organisation
        await self._note(forward, f"{forward.endpoint} has this request as {remote_id}")
        await self._move(forward, State.PASSED_ON, passed_to=organisation)

    def _fields(self, forward: Forward, endpoint: Endpoint) -> dict[str, str]:
        ticket = forward.ticket
        fields = {
            "description": f"{ticket.details[:MAX_DESCRIPTION]}\n\n{ticket.reference}".strip(),
            "address_string": ticket.place,
        }
        if ticket.lat is not None and ticket.lon is not None:
            fields |= {"lat": f"{ticket.lat:.6f}", "long": f"{ticket.lon:.6f}"}
        contact = ticket.contact or ""
        if endpoint.send_contact and contact:
            kind = "email" if "@" in contact else "phone"
            fields[kind] = contact
        return {name: value for name, value in fields.items() if value}

    @staticmethod
    def _once(forward: Forward) -> str:
        return f"likewise-{forward.ticket.reference}"

    # What perhaps arrived ------------------------------------------------------------------------

    async def _look_up(self, forward: Forward) -> None:
        endpoint = self.endpoints[forward.endpoint]
        target = endpoint.services.get(forward.ticket.service)
        if not endpoint.shows_descriptions or target is None or forward.sent_at is None:
            return  # a clerk decides
        now = self.forwards.clock()
        try:
            found = await self.clients[forward.endpoint].look_up(
                forward.ticket.reference, target.code, forward.sent_at - OVERLAP, now + OVERLAP
            )
        except Unreadable as error:
            log.warning("%s gives no answer to a look-up (%s)", forward.endpoint, error)
            return
        if found:
            await self._arrived(forward, found)
        elif now - forward.sent_at >= SURE_AFTER:
            await self._settle(forward, "pending", code="looked up: never arrived")

    async def _resolve(self, forward: Forward) -> None:
        try:
            found = await self.clients[forward.endpoint].resolve(forward.token or "")
        except Unreadable as error:
            log.warning("%s gives no answer for a token (%s)", forward.endpoint, error)
            return
        if found:
            await self._arrived(forward, found)

    # Their answer --------------------------------------------------------------------------------

    async def _poll(self, forward: Forward) -> None:
        try:
            remote = await self.clients[forward.endpoint].show(forward.remote_id or "")
        except Unreadable as error:
            log.warning("%s gives no answer to a poll (%s)", forward.endpoint, error)
            return
        if remote is None:
            if forward.code != "not shown":
                await self._note(forward, f"{forward.endpoint} does not show this request")
            await self._settle(forward, "sent", POLL_EVERY, code="not shown")
            return
        changed = (remote.status, remote.notes) != (forward.remote_status, forward.remote_notes)
        finished = remote.status == "closed"
        if changed:
            words = f"{forward.endpoint} says {remote.status or 'nothing'}: {remote.notes}"
            await self._note(forward, words.strip(": "))
        if finished:
            await self._move(forward, State.FIXED)
        await self._settle(
            forward,
            "closed" if finished else "sent",
            None if finished else POLL_EVERY,
            remote_status=remote.status,
            remote_notes=remote.notes,
            code="",
        )

    async def _move(self, forward: Forward, state: State, **facts: Any) -> None:
        """Move the ticket if the table has the move; what it has not is a note for the desk."""
        reference = forward.ticket.reference
        ticket = await self._off(self.tickets.find, reference)
        if ticket is None or ticket.state is state:
            return
        try:
            await asyncio.to_thread(lambda: self.tickets.move(reference, state, BY, **facts))
        except CivicError:
            words = f"{forward.endpoint} would make this {state.value}, but it is "
            await self._note(forward, words + ticket.state.value)

    async def _note(self, forward: Forward, text: str) -> None:
        await self._off(self.tickets.note, forward.ticket.reference, text, BY)
