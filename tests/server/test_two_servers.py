"""Two servers in one process: apart from each other, and calling each other."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import failure_route, onreply_route, use
from sipexpress.modules import Maxfwd, Sl, Tm
from sipexpress.testing import IncomingCall, Phone
from tests.routers import Plain
from tests.server.behavior import CallCase, methods, pause, reject

ONE = ("10.0.0.1", 5060)
TWO = ("10.0.0.2", 5060)


class ServersTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Plain)
        self.second = self.serve(Plain, host=TWO[0], secret=b"other" * 8)

    def users(self) -> tuple[Phone, Phone]:
        """alice at the first server, bob at the second."""
        (alice,) = self.registered("alice")
        (bob,) = self.registered("bob", server=TWO)
        return alice, bob

    def test_a_call_through_both(self) -> None:
        alice, bob = self.users()
        call = alice.invite("sip:bob@10.0.0.2")
        self.clock.advance(0.2)
        bob.calls[0].answer()
        self.clock.advance(0.2)
        self.assertEqual(call.statuses, [100, 180, 200])
        self.assertTrue(bob.calls[0].acknowledged)
        self.assertEqual(len(bob.calls[0].request.header_values("via")), 3)
        for exchange in (bob.calls[0].dialog.request("INFO"), call.dialog.request("INFO"), bob.calls[0].dialog.bye()):
            self.clock.advance(0.2)
            self.assertEqual(exchange.status, 200)
        for server in (self.server, self.second):
            self.assert_empty(server)

    def test_one_cancels_through_both(self) -> None:
        alice, bob = self.users()
        call = alice.invite("sip:bob@10.0.0.2")
        self.clock.advance(0.2)
        call.cancel()
        self.clock.advance(0.2)
        self.assertEqual(call.status, 487)
        self.assertEqual(methods(bob), ["INVITE", "CANCEL", "ACK"])
        for server in (self.server, self.second):
            self.assert_empty(server)

    def test_a_failure_through_both_is_acknowledged_hop_by_hop(self) -> None:
        alice, bob = self.users()
        bob.on_call = reject(486)
        call = alice.invite("sip:bob@10.0.0.2")
        self.clock.advance(0.2)
        self.assertEqual(call.statuses, [100, 486])
        acks = [(packet.source[0], packet.destination[0]) for packet in self.wire.sent("ACK")]
        self.assertEqual(
            sorted(acks),
            [("10.0.0.1", "10.0.0.2"), ("10.0.0.2", bob.address[0]), (alice.address[0], "10.0.0.1")],
        )

    def test_a_mark_of_the_other_server_opens_nothing(self) -> None:
        alice, bob = self.users()
        bob.on_call = IncomingCall.answer
        call = alice.invite("sip:bob@10.0.0.2")
        self.clock.advance(0.2)
        (route,) = call.dialog.routes
        call.dialog.routes = [route.replace("10.0.0.2", "10.0.0.1")]
        call.dialog.target = "sip:10.9.9.9"
        call.dialog.request("MESSAGE")
        self.clock.advance(0.2)
        # It is a request like any other to 10.9.9.9, or refused; but never one along the dialog.
        self.assertNotIn("MESSAGE", methods(bob))

    def test_a_spiral(self) -> None:
        """PRX-19: the same request twice through one server, with another Request-URI; two Record-Routes of it."""
        self.successResultOf(self.second.stopService())

        class Sending(Plain):
            async def route(self) -> Any:
                if self.method != "REGISTER" and not self.msg.to_tag:
                    self.rewritehostport("10.0.0.1:5060")
                    self.rr.record_route()
                    return self.relay()
                return await super().route()

        third = self.serve(Sending, host="10.0.0.3")
        (bob,) = self.registered("bob")
        alice = self.phone("alice")
        call = alice.invite("sip:bob@10.0.0.3")
        self.clock.advance(0.2)
        bob.calls[0].answer()
        self.clock.advance(0.2)
        self.assertEqual(call.status, 200)
        vias = bob.calls[0].request.header_values("via")
        self.assertEqual([via.split()[1].split(b":")[0] for via in vias[:3]], [b"10.0.0.1", b"10.0.0.3", b"10.0.0.1"])
        bye = call.bye()
        self.clock.advance(0.2)
        self.assertEqual(bye.status, 200)
        self.assertFalse(bob.requests[-1].has_header("route"))
        for server in (self.server, third):
            self.assert_empty(server)


class LoopTests(CallCase):
    def test_two_that_send_to_each_other(self) -> None:
        """The hop limit or the loop check ends it; every transaction of it ends."""

        class Sending(sipexpress.Router):
            maxfwd = use(Maxfwd)
            sl = use(Sl)
            tm = use(Tm)

            def __init__(self, other: str) -> None:
                self.other = other

            def route(self) -> Any:
                if not self.maxfwd.mf_process_maxfwd_header(10):
                    return self.sl.sl_send_reply(483, "Too Many Hops")
                self.rewritehostport(self.other)
                return self.tm.t_relay()

        self.server = self.serve(Sending("10.0.0.2:5060"))
        second = self.serve(Sending("10.0.0.1:5060"), host="10.0.0.2")
        call = self.phone("alice").invite("bob")
        self.clock.advance(5)
        self.assertEqual(call.statuses[0], 100)
        self.assertIn(call.status, (482, 483))
        self.assertLess(len(self.wire.sent("INVITE")), 80)
        for server in (self.server, second):
            self.assert_empty(server)


class SharedTests(CallCase):
    def test_one_router_object_serves_two_servers(self) -> None:
        """What is on the router is shared; modules, calls and names are not."""

        class Counting(Plain):
            def __init__(self) -> None:
                self.total = 0

            async def route(self) -> Any:
                self.router.total += 1
                return await super().route()

        router = Counting()
        self.server = self.serve(router)
        second = self.serve(router, host="10.0.0.2")
        (alice,) = self.registered("alice")
        (bob,) = self.registered("bob", server=TWO)
        self.assertEqual(router.total, 2)
        one, two = alice.invite("bob"), bob.invite("bob")
        self.clock.advance(0.2)
        self.assertEqual((one.status, two.status), (404, 180))
        self.assertIsNot(self.server.boot.modules["usrloc"], second.boot.modules["usrloc"])

    def test_parameters_of_one_do_not_reach_the_other(self) -> None:
        self.server = self.serve(Plain, modparams={"tm": {"fr_timer": 3}})
        self.serve(Plain, host="10.0.0.2")
        calls = []
        for server in (ONE, TWO):
            (bob,) = self.registered("bob", server=server)
            bob.on_call = lambda call: None
            calls.append(self.phone("alice", server=server).invite("bob"))
        self.clock.advance(5)
        self.assertEqual([call.status for call in calls], [408, 100])

    def test_attributes_of_interleaved_calls_in_every_kind_of_route(self) -> None:
        class Remembering(Plain):
            note = "none"

            async def route(self) -> Any:
                if self.method == "INVITE" and not self.msg.to_tag:
                    assert self.note == "none"
                    self.note = self.from_uri
                    self.avp["note"] = self.note
                    self.tm.t_on_reply("look")
                    self.tm.t_on_failure("again")
                    await pause(clock, 0.5)
                    assert self.note == self.from_uri
                return await super().route()

            @onreply_route
            async def look(self) -> None:
                await pause(clock, 0.2)
                seen.append(("reply", self.note, self.avp["note"], self.from_uri))

            @failure_route
            async def again(self) -> None:
                await pause(clock, 0.3)
                seen.append(("failure", self.note, self.avp["note"], self.from_uri))
                self.note = "changed"

        clock, seen = self.clock, list[tuple[str, ...]]()
        self.server = self.serve(Remembering)
        second = self.serve(Remembering, host="10.0.0.2")
        for place in (ONE, TWO):
            (bob,) = self.registered("bob", server=place)
            bob.on_call = reject(486)
        callers = [self.phone(f"user{number}", server=(ONE, TWO)[number % 2]) for number in range(8)]
        calls = []
        for caller in callers:
            calls.append(caller.invite("bob"))
            self.clock.advance(0.15)
        self.clock.advance(5)
        self.assertEqual({call.status for call in calls}, {486})
        self.assertEqual(len(seen), 16)
        for _, *notes in seen:
            self.assertEqual(len(set(notes)), 1, notes)
        for server in (self.server, second):
            self.assert_empty(server)
