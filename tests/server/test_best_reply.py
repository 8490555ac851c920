"""Which of several responses goes upstream (RFC 3261 16.7 steps 5 and 6)."""

from __future__ import annotations

from typing import Any

from sipexpress import failure_route
from sipexpress.testing import IncomingCall, OutgoingCall
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, methods, reject, silent


class BestTests(CallCase):
    def fork(self, *behaviors: Any, wait: float = 1) -> OutgoingCall:
        self.server = self.serve(Plain)
        self.bobs = self.phones("bob", *behaviors)
        call = self.phone("alice").invite("bob")
        self.clock.advance(wait)
        return call

    def test_of_three(self) -> None:
        """FRK-05, FRK-11: any 6xx, else the lowest class, in 4xx first what tells the caller what to do."""
        for codes, best in (
            ((486, 404, 480), 404),
            ((500, 486, 603), 603),
            ((302, 486, 500), 302),
            ((503, 500, 502), 500),
            ((486, 415, 480), 415),
            ((484, 404, 403), 484),
            ((408, 480, 500), 480),
            ((503, 503, 503), 500),
            ((600, 603, 486), 600),
        ):
            with self.subTest(codes):
                self.setUp()
                call = self.fork(*(reject(code) for code in codes))
                self.assertEqual([status for status in call.statuses if status >= 200], [best])
                self.assert_empty()
                self.doCleanups()

    def test_every_branch_has_a_branch_parameter_of_its_own(self) -> None:
        """FRK-01."""
        call = self.fork(IncomingCall.ring, IncomingCall.ring, IncomingCall.ring)
        branches = {phone.calls[0].request.via.branch for phone in self.bobs}
        self.assertEqual(len(branches), 3)
        self.assertEqual(call.statuses, [100, 180, 180, 180])
        self.assertEqual(len({response.to_tag for response in call.responses[1:]}), 3)

    def test_nothing_is_sent_before_the_last_branch_has_ended(self) -> None:
        call = self.fork(reject(486), reject(404), IncomingCall.ring)
        self.assertEqual(call.statuses, [100, 180])
        self.bobs[2].calls[0].reject(480)
        self.clock.advance(1)
        self.assertEqual(call.status, 404)

    def test_a_decline_waits_for_the_canceled_ones(self) -> None:
        """FRK-08: it is sent when the others have ended, and not before."""
        call = self.fork(reject(603), silent)
        self.assertEqual(call.statuses, [100])
        self.bobs[1].calls[0].reply(183)
        self.clock.advance(1)
        self.assertTrue(self.bobs[1].calls[0].canceled)
        self.assertEqual(call.status, 603)

    def test_one_never_answers(self) -> None:
        """FRK-12: 404 tells more than 408."""
        call = self.fork(silent, reject(404), wait=31)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(2)
        self.assertEqual(call.status, 404)
        self.assert_empty()

    def test_a_503_is_not_passed_on(self) -> None:
        """PRX-23, FRK-10: with all that belongs to it."""
        call = self.fork(reject(503, ("Retry-After", "1000")))
        self.assertEqual(call.status, 500)
        self.assertFalse(call.response.has_header("retry-after"))

    def test_100_is_not_passed_on(self) -> None:
        """PRX-18: 101 to 199 are, each one."""
        call = self.fork(silent)
        for code in (100, 183, 180, 183, 199):
            self.bobs[0].calls[0].reply(code)
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 183, 180, 183, 199])

    def test_the_same_target_twice_is_one_branch(self) -> None:
        """FRK-13."""

        class Twice(Plain):
            def relay(self) -> Any:
                if self.method == "INVITE":
                    self.append_branch()
                    self.append_branch(self.uri)
                return super().relay()

        self.server = self.serve(Twice)
        alice, bob = self.registered("alice", "bob")
        alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(len(bob.calls), 1)
        self.assertEqual(len(self.wire.sent("INVITE", HERE)), 1)

    def test_a_message_to_three_phones(self) -> None:
        """FRK-16: the first 2xx, once; nothing is canceled."""
        self.server = self.serve(Plain)
        bobs = self.phones("bob", silent, silent, silent)
        bobs[0].on_request = lambda incoming: incoming.reply(486)
        message = self.phone("alice").request("MESSAGE", "bob", body=b"hi")
        self.clock.advance(1)
        self.assertEqual(message.statuses, [200])
        self.assertEqual([methods(phone) for phone in bobs], [["MESSAGE"]] * 3)
        self.assert_empty()

    def test_a_message_that_all_refuse(self) -> None:
        self.server = self.serve(Plain)
        bobs = self.phones("bob", silent, silent)
        bobs[0].on_request = lambda incoming: incoming.reply(503)
        bobs[1].on_request = lambda incoming: incoming.reply(486)
        message = self.phone("alice").request("MESSAGE", "bob", body=b"hi")
        self.clock.advance(1)
        self.assertEqual(message.statuses, [486])

    def test_a_provisional_response_for_a_message_is_not_passed_on(self) -> None:
        """NCT-07 (RFC 4320 4.1)."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        held = list[Any]()
        bob.on_request = held.append
        message = alice.request("MESSAGE", "bob")
        self.clock.advance(0.2)
        held[0].reply(180)
        self.clock.advance(0.2)
        self.assertEqual(message.statuses, [])
        held[0].reply(200)
        self.clock.advance(0.2)
        self.assertEqual(message.statuses, [200])

    def test_a_response_without_another_via_ends_here(self) -> None:
        """PRX-17."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        (ringing,) = self.wire.sent("SIP/2.0 180", bob.address)
        lines = ringing.data.split(b"\r\n")
        vias = [line for line in lines if line.startswith(b"Via:")]
        bob.send_raw(ringing.data.replace(vias[1] + b"\r\n", b""), HERE)
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 180])
        self.assertEqual(self.server.counters["stray_responses"], 1)


class SerialTests(CallCase):
    """A failure route that goes from one to the next."""

    def test_three_targets_in_a_row(self) -> None:
        class Hunting(Plain):
            async def route(self) -> Any:
                self.left = ["sip:two@10.0.2.2", "sip:three@10.0.2.3"]
                self.tm.t_on_failure("next")
                return await super().route()

            @failure_route
            def next(self) -> None:
                seen.append(self.status)
                if self.left:
                    self.tm.t_on_failure(self.next)
                    self.append_branch(self.left.pop(0))
                    self.tm.t_relay()

        seen = list[str]()
        self.server = self.serve(Hunting)
        alice, one = self.registered("alice", "bob")
        two, three = self.phone("two", "10.0.2.2"), self.phone("three", "10.0.2.3")
        one.on_call, two.on_call, three.on_call = reject(486), reject(404), reject(480)
        call = alice.invite("bob")
        self.clock.advance(1)
        # The best of all branches so far, each time.
        self.assertEqual(seen, ["486", "404", "404"])
        self.assertEqual(call.statuses, [100, 404])
        self.assertEqual([methods(phone) for phone in (one, two, three)], [["INVITE", "ACK"]] * 3)
        self.assert_empty()

    def test_the_next_one_answers(self) -> None:
        class Twice(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("both")
                return await super().route()

            @failure_route
            async def both(self) -> None:
                self.append_branch("sip:two@10.0.2.2")
                self.append_branch("sip:three@10.0.2.3")
                self.tm.t_relay()

        self.server = self.serve(Twice)
        alice, one = self.registered("alice", "bob")
        two, three = self.phone("two", "10.0.2.2"), self.phone("three", "10.0.2.3")
        one.on_call = reject(486)
        call = alice.invite("bob")
        self.clock.advance(1)
        three.calls[0].answer()
        self.clock.advance(1)
        self.assertEqual(call.statuses, [100, 180, 180, 200])
        self.assertTrue(two.calls[0].canceled)
        self.assertTrue(three.calls[0].acknowledged)
        self.assert_empty()

    def test_no_target_lets_the_failure_through(self) -> None:
        """A forgotten append_branch: t_relay gives False (SER)."""

        class Forgetful(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("again")
                return await super().route()

            @failure_route
            def again(self) -> None:
                seen.append(self.tm.t_relay())

        seen = list[bool]()
        self.server = self.serve(Forgetful)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = reject(486)
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual((seen, call.statuses), ([False], [100, 486]))
