"""Any call over any network: one outcome for the caller, and nothing left in the server."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sipexpress.sip.message import Response, parse_message
from sipexpress.testing import IncomingCall, Phone
from sipexpress.testing.wire import Wire
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase

# What a phone does with a call: (seconds after the INVITE, status code), in order.
Plan = list[tuple[float, int]]
TIMES = st.one_of(
    st.sampled_from((0.0, 0.001, 0.5, 2.0, 31.9, 32.0, 185.0)), st.floats(0.0, 5.0), st.floats(0.0, 250.0)
)
CODES = st.sampled_from((100, 180, 183, 200, 200, 302, 401, 408, 486, 503, 603))
PLANS = st.lists(st.tuples(TIMES, CODES), max_size=4)
NETWORKS = st.fixed_dictionaries(
    {
        "loss": st.sampled_from((0.0, 0.0, 0.1, 0.3)),
        "duplicates": st.sampled_from((0.0, 0.3)),
        "jitter": st.sampled_from((0.0, 0.02, 0.7)),
        "seed": st.integers(0, 1000),
        "tcp": st.booleans(),
    }
)


class AnyCallTests(CallCase):
    def start(self, network: dict[str, Any], plans: list[Plan]) -> tuple[Phone, list[Phone]]:
        """A server, alice, and a phone of bob's for each plan, on a network of that kind."""
        self.setUp()
        self.wire = Wire(self.clock, seed=network["seed"])
        self.server = self.serve(Plain, listen=["udp:5060", "tcp:5060"])
        alice, *bobs = self.registered("alice", *("bob" for _ in plans), protocol="TCP" if network["tcp"] else "UDP")
        for bob, plan in zip(bobs, plans, strict=True):
            bob.on_call = bob.on_request = partial(self.follow, plan)
        self.wire.loss = network["loss"]
        self.wire.duplicates = network["duplicates"]
        self.wire.jitter = network["jitter"]
        return alice, bobs

    def follow(self, plan: Plan, incoming: Any) -> None:
        """Do with a request as planned; a provisional response is not for all requests."""
        if incoming.request.method == "BYE":
            incoming.reply(200)
            return
        for seconds, code in plan:
            if isinstance(incoming, IncomingCall) or code >= 200:
                self.clock.callLater(seconds, incoming.reply, code)

    def finals(self, phone: Phone, method: str) -> list[Response]:
        """The final responses that the server sent to a phone, each text once."""
        found: dict[bytes, Response] = {}
        for packet in self.wire.packets:
            if packet.source[0] == HERE[0] and packet.destination[0] == phone.address[0]:
                message = parse_message(packet.data)
                if isinstance(message, Response) and message.status >= 200 and message.cseq.method == method:
                    found[packet.data] = message
        return list(found.values())

    @settings(deadline=None, max_examples=150)
    @given(NETWORKS, st.lists(PLANS, min_size=1, max_size=3), st.one_of(st.none(), TIMES))
    def test_an_invite(self, network: dict[str, Any], plans: list[Plan], cancel: float | None) -> None:
        alice, bobs = self.start(network, plans)
        call = alice.invite("bob")
        if cancel is not None:
            self.clock.callLater(cancel, call.cancel)
        self.clock.advance(650)
        self.assert_empty()
        statuses = [response.status for response in self.finals(alice, "INVITE")]
        if statuses:
            self.assertTrue(len(statuses) == 1 or max(statuses) < 300, statuses)
        else:
            self.assertTrue(network["loss"], "the caller was never answered")
        if not network["loss"] and cancel is None:
            for bob in bobs:
                self.assert_not_ringing(bob)
        self.doCleanups()

    def assert_not_ringing(self, phone: Phone) -> None:
        """A phone that rang while its branch was alive has answered, or was canceled."""
        for incoming in phone.calls:
            assert incoming.machine is not None
            rang = [packet for packet in self.wire.sent("SIP/2.0 18") if packet.source[0] == phone.address[0]]
            invites = [packet for packet in self.wire.sent("INVITE") if packet.destination[0] == phone.address[0]]
            if rang and rang[0].time < invites[0].time + 30:
                self.assertNotEqual(incoming.machine.state, 0, "it rings for ever")

    @settings(deadline=None, max_examples=150)
    @given(NETWORKS, st.lists(PLANS, min_size=1, max_size=3))
    def test_a_message(self, network: dict[str, Any], plans: list[Plan]) -> None:
        alice, _ = self.start(network, plans)
        alice.request("MESSAGE", "bob", body=b"hello")
        self.clock.advance(300)
        self.assert_empty()
        self.assertLessEqual(len(self.finals(alice, "MESSAGE")), 1)
        for packet in self.wire.sent("SIP/2.0 1", HERE):
            self.assertTrue(packet.start_line.startswith("SIP/2.0 100"))
        self.doCleanups()
