"""The table of names that stands in for DNS."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import SipExpressError
from sipexpress.testing import IncomingCall, Names, RouterTestCase, VirtualClock
from tests.routing.case import Bare


class LocateTests(SynchronousTestCase):
    """What is found, and when."""

    def setUp(self) -> None:
        """One name with two addresses, one with a transport and port of its own."""
        self.clock = VirtualClock()
        self.names = Names(
            self.clock, {"two.example": ["10.0.0.1", "10.0.0.2"], "service.example": [("TCP", "10.0.0.3", 5070)]}
        )

    def locate(self, host: str, port: int | None = None, transport: str = "", sips: bool = False) -> Any:
        """Ask."""
        return self.names.locate(host, port, transport, sips)

    def test_addresses_are_known_at_once(self) -> None:
        self.names.delay = 5
        self.assertEqual(self.locate("10.0.0.7"), [("UDP", "10.0.0.7", 5060)])
        self.assertEqual(self.locate("[2001:db8::7]", 5070, "tcp"), [("TCP", "2001:db8::7", 5070)])
        self.assertEqual(self.locate("10.0.0.7", sips=True), [("TLS", "10.0.0.7", 5061)])

    def test_names_of_the_table(self) -> None:
        self.assertEqual(self.locate("two.example"), [("UDP", "10.0.0.1", 5060), ("UDP", "10.0.0.2", 5060)])
        self.assertEqual(self.locate("TWO.example", 5070, "tcp")[0], ("TCP", "10.0.0.1", 5070))
        self.assertEqual(self.locate("service.example", 9), [("TCP", "10.0.0.3", 5070)])

    def test_names_may_take_their_time(self) -> None:
        self.names.delay = 2
        answer = self.locate("two.example")
        self.clock.advance(1.9)
        self.assertNoResult(answer)
        self.clock.advance(0.2)
        self.assertEqual(len(self.successResultOf(answer)), 2)

    def test_a_name_that_does_not_exist(self) -> None:
        answer = self.locate("nowhere.example")
        self.assertIsInstance(answer, Deferred)
        self.clock.advance(0)
        self.assertEqual(
            self.failureResultOf(answer, SipExpressError).getErrorMessage(), "nowhere.example does not exist"
        )

    def test_asking_can_be_canceled(self) -> None:
        self.names.delay = 2
        answer = self.locate("two.example")
        answer.cancel()
        self.failureResultOf(answer)
        self.clock.advance(5)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CallTests(RouterTestCase):
    """Calls to names, through a server."""

    class Open(Bare):
        """Relays."""

        def route(self) -> None:
            self.tm.t_relay()

    def test_while_a_name_is_looked_up(self) -> None:
        self.names.table["bob.example"] = ["10.0.1.1"]
        self.names.delay = 3
        self.serve(self.Open)
        bob = self.phone("bob")
        bob.on_call = IncomingCall.answer
        call = self.phone("alice").invite("sip:bob@bob.example")
        self.clock.advance(2.9)
        self.assertEqual((call.statuses, bob.calls), ([100], []))
        self.clock.advance(0.5)
        self.assertEqual(call.status, 200)

    def test_one_that_leads_nowhere(self) -> None:
        self.serve(self.Open)
        call = self.phone("alice").invite("sip:bob@nowhere.example")
        self.clock.advance(1)
        self.assertEqual(call.status, 478)
