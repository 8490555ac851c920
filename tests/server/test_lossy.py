"""Calls over a bad network: they are completed, and each phone sees each request once."""

from __future__ import annotations

from sipexpress.testing import IncomingCall, Wire
from tests.routers import Plain
from tests.server.behavior import CallCase


class LossyTests(CallCase):
    def call_and_hang_up(self, seed: int, loss: float, duplicates: float, jitter: float) -> bool:
        """One whole call in a world of its own; whether it was answered and ended."""
        self.setUp()
        self.wire = wire = Wire(self.clock, seed=seed)
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        bob.on_call = lambda call: (call.ring(), self.clock.callLater(1, call.answer))  # type: ignore[func-returns-value, assignment]
        wire.loss, wire.duplicates, wire.jitter = loss, duplicates, jitter
        where = f"seed {seed}, loss {loss}, duplicates {duplicates}, jitter {jitter}"
        call = alice.invite("bob")
        self.clock.advance(31)
        complete = call.status == 200 and bob.calls[0].acknowledged
        if complete:
            bye = call.bye()
            self.clock.advance(31)
            complete = bye.status == 200
            self.assertEqual([response.status for response in bye.responses].count(200), int(complete), where)
        self.assertEqual(len(bob.calls), 1, where)
        self.assertLessEqual(len(call.dialogs), 1, where)
        for phone in (alice, bob):
            seen = [(request.method, request.cseq.number) for request in phone.requests if request.method != "ACK"]
            self.assertEqual(len(seen), len(set(seen)), where)
        wire.loss = wire.duplicates = wire.jitter = 0.0
        self.assert_empty()
        self.doCleanups()
        return complete

    def test_one_packet_in_five_is_lost(self) -> None:
        for seed in range(20):
            self.assertTrue(self.call_and_hang_up(seed, 0.2, 0, 0), seed)

    def test_one_packet_in_three_is_lost(self) -> None:
        """Of ten answers and their ACKs all may be lost; that is rare, and nothing hangs then either."""
        self.assertGreater(sum(self.call_and_hang_up(seed, 0.33, 0, 0) for seed in range(30)), 20)

    def test_everything_comes_twice_and_in_any_order(self) -> None:
        for seed in range(20):
            self.assertTrue(self.call_and_hang_up(seed, 0, 1.0, 0.4), seed)

    def test_all_at_once(self) -> None:
        for seed in range(20):
            self.assertTrue(self.call_and_hang_up(seed, 0.2, 0.3, 0.3), seed)

    def test_many_calls_at_once(self) -> None:
        """None hangs, and nothing is left of them."""
        self.wire = Wire(self.clock, seed=7)
        self.wire.keep = False
        self.server = self.serve(Plain)
        names = [f"user{number}" for number in range(40)]
        phones = self.registered(*names)
        for phone in phones:
            phone.on_call = IncomingCall.answer
        self.wire.loss, self.wire.duplicates, self.wire.jitter = 0.15, 0.1, 0.2
        calls = [phones[number].invite(names[-1 - number]) for number in range(20)]
        self.clock.advance(32)
        self.assertEqual({call.status for call in calls}, {200})
        byes = [call.bye() for call in calls]
        self.clock.advance(32)
        self.assertEqual({bye.status for bye in byes}, {200})
        self.assertEqual([len(phone.calls) for phone in phones], [0] * 20 + [1] * 20)
        self.assert_empty()

    def test_forks_and_cancels(self) -> None:
        for seed in range(20):
            self.setUp()
            self.wire = Wire(self.clock, seed=seed)
            self.server = self.serve(Plain)
            bobs = self.phones("bob", *[IncomingCall.ring] * 3)
            alice = self.phone("alice")
            self.wire.loss, self.wire.duplicates, self.wire.jitter = 0.25, 0.2, 0.2
            call = alice.invite("bob")
            self.clock.advance(10)
            if seed % 2:
                call.cancel()
            else:
                bobs[1].calls[0].answer()
            self.clock.advance(70)
            self.assertEqual(call.status, 487 if seed % 2 else 200, seed)
            self.assertEqual([len(phone.calls) for phone in bobs], [1, 1, 1], seed)
            canceled = [phone.calls[0].canceled for phone in bobs]
            self.assertEqual(canceled, [True] * 3 if seed % 2 else [True, False, True], seed)
            self.wire.loss = self.wire.duplicates = self.wire.jitter = 0.0
            self.assert_empty()
            self.doCleanups()
