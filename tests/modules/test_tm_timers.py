"""tm: its parameters (RFC 3261 17.1, 16.6 step 11)."""

from __future__ import annotations

from typing import Any

from sipexpress import use
from sipexpress.errors import ConfigError
from sipexpress.modules import Tm
from sipexpress.testing import RouterTestCase
from tests.routers import Plain


class TimerTests(RouterTestCase):
    def call(self, **parameters: Any) -> Any:
        """Alice calls Bob, who does nothing at all."""
        self.server = self.serve(Plain, modparams={"tm": parameters})
        self.alice, self.bob = self.registered("alice", "bob")
        self.bob.on_call = lambda call: None
        self.bob.on_request = lambda incoming: None
        self.start = self.clock.seconds()
        return self.alice.invite("bob")

    def assert_sent(self, start: str, *expected: float) -> None:
        """The server sent it at these times after the call: never early, at most a tick of 0.1 s late each."""
        times = [packet.time - self.start for packet in self.wire.sent(start, ("10.0.0.1", 5060))]
        self.assertEqual(len(times), len(expected), times)
        for number, (time, wanted) in enumerate(zip(times, expected, strict=True), 1):
            self.assertGreaterEqual(time, wanted, times)
            self.assertLess(time, wanted + 0.1 * number + 0.01, times)

    def test_fr_timer(self) -> None:
        call = self.call(fr_timer="5")
        self.clock.advance(4.9)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100, 408])
        self.assertFalse(self.bob.calls[0].canceled, "nothing came from it: no CANCEL (RFC 3261 9.1)")

    def test_fr_timer_is_64_times_t1_by_default(self) -> None:
        call = self.call(retr_timer1=0.1)
        self.clock.advance(6.3)
        self.assertEqual(call.statuses, [100])
        self.clock.advance(0.3)
        self.assertEqual(call.statuses, [100, 408])

    def test_fr_timer_ends_with_the_first_sign_of_life(self) -> None:
        call = self.call(fr_timer=5)
        self.clock.advance(3)
        self.bob.calls[0].ring()
        self.clock.advance(30)
        self.assertEqual(call.statuses, [100, 180])

    def test_fr_timer_of_other_requests(self) -> None:
        self.call(fr_timer=5)
        exchange = self.alice.request("MESSAGE", "bob")
        self.clock.advance(4.9)
        self.assertGreater(self.server.clients.count, 0)
        self.clock.advance(0.3)
        self.assertEqual((self.server.clients.count, exchange.statuses), (0, [100]))

    def test_fr_inv_timer_cancels(self) -> None:
        call = self.call(fr_inv_timer=27)
        self.clock.advance(1)
        self.bob.calls[0].ring()
        self.clock.advance(26.5)
        self.assertFalse(self.bob.calls[0].canceled)
        self.clock.advance(1)
        self.assertTrue(self.bob.calls[0].canceled)
        self.assertEqual(call.status, 408)

    def test_fr_inv_timer_begins_again_with_each_provisional(self) -> None:
        call = self.call(fr_inv_timer=27)
        for _ in range(5):
            self.clock.advance(20)
            self.bob.calls[0].ring()
        self.clock.advance(26)
        self.assertEqual(call.status, 180)
        self.clock.advance(2)
        self.assertEqual(call.status, 408)

    def test_retransmission_intervals_of_an_invite(self) -> None:
        """They double from T1 on, without end (RFC 3261 17.1.1.2)."""
        self.call(retr_timer1=1, retr_timer2=2)
        self.clock.advance(20)
        self.assert_sent("INVITE", 0, 1, 3, 7, 15)

    def test_retransmission_intervals_of_other_requests(self) -> None:
        """They double up to T2 (RFC 3261 17.1.2.2)."""
        self.call(retr_timer1="0.5", retr_timer2="2")
        self.alice.request("MESSAGE", "bob")
        self.clock.advance(10)
        self.assert_sent("MESSAGE", 0, 0.5, 1.5, 3.5, 5.5, 7.5, 9.5)

    def test_timer_values_of_the_standard(self) -> None:
        self.call()
        self.clock.advance(33)
        self.assert_sent("INVITE", 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)

    def test_of_old_configurations(self) -> None:
        """wt_timer and noisy_ctimer are taken, and change nothing."""
        call = self.call(wt_timer="1", noisy_ctimer=0, fr_inv_timer=20)
        self.clock.advance(1)
        self.bob.calls[0].ring()
        self.clock.advance(21)
        self.assertEqual(call.status, 408)
        self.assertTrue(self.bob.calls[0].canceled)


class ParameterTests(RouterTestCase):
    def test_wrong_values_are_refused_at_import(self) -> None:
        for value in ("20s", "", "-1", -1, True, None, "1e3", "1_0"):
            with self.assertRaises(Exception) as caught:
                use(Tm, fr_timer=value)  # type: ignore[arg-type]
            self.assertIn(f"{value!r}: expected a number of seconds", str(caught.exception))

    def test_wrong_values_from_outside(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            self.serve(Plain, modparams={"tm": {"fr_inv_timer": "soon"}})
        self.assertIn("fr_inv_timer", str(caught.exception))
        self.assertIn("'soon': expected a number of seconds", str(caught.exception))

    def test_an_unknown_parameter(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            self.serve(Plain, modparams={"tm": {"fr_inf_timer": 3}})
        self.assertIn("did you mean 'fr_inv_timer'?", str(caught.exception))

    def test_from_outside_beats_the_class(self) -> None:
        class Short(Plain):
            tm = use(Tm, fr_timer=3)

        server = self.serve(Short, modparams={"tm": {"fr_timer": "6"}})
        self.assertEqual(server.boot.find("tm").fr_timer, 6.0)
        self.assertEqual(self.serve(Short, host="10.0.0.2").boot.find("tm").fr_timer, 3.0)
