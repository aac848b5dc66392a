"""Room 3: an outbox row comes in, and the provider's answer settles it.

A payload is claimed, sent once and settled. `Later` goes back to the queue with its wait;
`Unclear` is never sent again blindly. After a crash, rows found half-sent are queued again only on
channels where a second send is harmless.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.bell import DELIVERIES, Bell
from bot.channel import Connector
from bot.messages import ChannelName, Later, Receipt, Refused, Unclear
from bot.store.journal import Journal
from bot.store.rows import Delivery

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
SEND_SECONDS = 60.0
LOOK_UP_AFTER = timedelta(seconds=20)
"""A delivery report usually comes before this; only then is the provider asked."""
MAX_WAIT_SECONDS = 900.0
HARMLESS_TO_REPEAT = (ChannelName("web"),)
"""The web reader follows a cursor and sees a row once, however often it is "sent"."""


class Dispatch:
    """The delivery loop over the connectors in use."""

    def __init__(
        self, journal: Journal, connectors: Mapping[ChannelName, Connector], bell: Bell
    ) -> None:
        self.journal = journal
        self.connectors = connectors
        self.bell = bell

    async def run(self, channel: ChannelName) -> None:
        """Send what leaves on one channel until cancelled; a slow channel holds up no other."""
        while True:
            ring = self.bell.listen(DELIVERIES)
            try:
                if await self.step([channel]):
                    continue
                await self.look_up(channel)
                await self.journal.recover_sends(HARMLESS_TO_REPEAT, everything=False)
            except Exception:
                log.exception("dispatch stumbled")
            await self.bell.rest(DELIVERIES, ring, IDLE_SECONDS)

    async def recover(self) -> None:
        """At the start of the one process that owns the database: no send is under way."""
        unclear = await self.journal.recover_sends(HARMLESS_TO_REPEAT, everything=True)
        if unclear:
            log.warning("%s sends were interrupted and are unclear now", unclear)

    async def look_up(self, channel: ChannelName) -> None:
        """Ask the provider what became of unclear sends, where a connector can."""
        connector = self.connectors[channel]
        if not hasattr(connector, "look_up"):
            return
        for delivery, created_at in await self.journal.unclear_sends(channel, LOOK_UP_AFTER):
            receipt = await connector.look_up(
                delivery.address, delivery.payload, delivery.outbox_id, created_at
            )
            await self.journal.settle_unclear(delivery, receipt or Unclear())

    async def step(self, channels: Sequence[ChannelName] | None = None) -> bool:
        """Claim, send and settle one payload; False when there was none."""
        delivery = await self.journal.claim_delivery(
            list(channels or self.connectors), timedelta(seconds=SEND_SECONDS * 2)
        )
        if delivery is None:
            return False
        receipt = await self._send(delivery)
        state = await self.journal.settle(delivery, receipt)
        if state in ("refused", "unclear"):
            log.warning("send %s on %s is %s", delivery.outbox_id, delivery.channel, state)
        return True

    async def _send(self, delivery: Delivery) -> Receipt:
        if delivery.opted_out:
            return Refused("opted_out")
        connector = self.connectors[delivery.channel]
        try:
            receipt = await asyncio.wait_for(
                connector.send(delivery.address, delivery.payload, delivery.outbox_id),
                SEND_SECONDS,
            )
        except asyncio.TimeoutError:
            return Unclear("no answer in time")
        except Exception as error:
            # A connector tells outcomes as values; what it raises is a fault of ours, and whether
            # the provider has the message is unknown.
            log.exception("connector %s raised", delivery.channel)
            return Unclear(type(error).__name__)
        if isinstance(receipt, Later):
            return Later(min(receipt.seconds, MAX_WAIT_SECONDS), receipt.code)
        return receipt
