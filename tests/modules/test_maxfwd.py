"""maxfwd: the hop limit (RFC 3261 16.3 step 3, 16.6 step 3)."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.errors import RouteError
from sipexpress.modules import Maxfwd, Sl, Tm
from sipexpress.testing import RouterTestCase


class Hop(sipexpress.Router):
    """One hop on the way to 10.0.1.2, as often as the call says."""

    maxfwd = use(Maxfwd)
    sl = use(Sl)
    tm = use(Tm)
    default: int | str = "10"
    times = 1

    def route(self) -> Any:
        for _ in range(self.times):
            if not self.maxfwd.mf_process_maxfwd_header(self.default):
                return self.sl.sl_send_reply(483, "Too Many Hops")
        return self.tm.t_relay()


class MaxfwdTests(RouterTestCase):
    def passed_on(self, lines: bytes, router: Any = Hop, method: str = "MESSAGE", **settings: Any) -> list[bytes] | int:
        """What Max-Forwards the next hop gets for `lines`; the status where it gets nothing."""
        self.serve(router, **settings)
        alice, bob = self.phone("alice"), self.phone("bob")
        data = alice._new(method, "sip:bob@10.0.1.2", [], b"").replace(b"Max-Forwards: 70\r\n", lines)
        exchange = alice.send(data, alice.server)
        self.clock.advance(0.1)
        return bob.requests[0].header_values("max-forwards") if bob.requests else exchange.status

    def test_PRX_02_counts_down(self) -> None:
        self.assertEqual(self.passed_on(b"Max-Forwards: 1\r\n"), [b"0"])

    def test_PRX_03_no_hop_left(self) -> None:
        self.assertEqual(self.passed_on(b"Max-Forwards: 0\r\n"), 483)

    def test_zeros(self) -> None:
        self.assertEqual(self.passed_on(b"Max-Forwards: 00\r\n"), 483)

    def test_PRX_05_is_added_with_the_default(self) -> None:
        self.assertEqual(self.passed_on(b""), [b"10"])

    def test_the_added_value_is_limited_too(self) -> None:
        self.assertEqual(self.passed_on(b"", modparams={"maxfwd": {"max_limit": 5}}), [b"5"])

    def test_a_large_value_is_lowered(self) -> None:
        self.assertEqual(self.passed_on(b"Max-Forwards: 255\r\n"), [b"70"])

    def test_the_limit_itself_counts_down(self) -> None:
        self.assertEqual(self.passed_on(b"Max-Forwards: 71\r\n"), [b"70"])

    def test_without_limit(self) -> None:
        self.assertEqual(self.passed_on(b"Max-Forwards: 255\r\n", modparams={"maxfwd": {"max_limit": "0"}}), [b"254"])

    def test_a_second_call_counts_again(self) -> None:
        class Twice(Hop):
            times = 2

        self.assertEqual(self.passed_on(b"Max-Forwards: 70\r\n", Twice), [b"68"])

    def test_a_second_call_counts_what_the_first_added(self) -> None:
        class Twice(Hop):
            times = 2

        self.assertEqual(self.passed_on(b"", Twice), [b"9"])

    def test_an_ack_is_never_answered(self) -> None:
        self.assertEqual(self.passed_on(b"Max-Forwards: 0\r\n", method="ACK"), 0)
        self.assertEqual(self.wire.sent("", ("10.0.0.1", 5060)), [])

    def test_garbage_is_a_bad_request(self) -> None:
        for number, value in enumerate((b"abc", b"", b"-1", b"+5", b"1_0", b"0x10", b"7 0", b"\xd9\xa1", b"9" * 11)):
            with self.subTest(value=value):
                self.setUp()
                self.assertEqual(self.passed_on(b"Max-Forwards: %b\r\n" % value), 400, number)

    def test_a_wrong_default(self) -> None:
        class Wrong(Hop):
            default = "256"

        self.assertEqual(self.passed_on(b"", Wrong), 500)
        self.assertEqual(len(self.flushLoggedErrors(RouteError)), 1)

    def test_a_wrong_limit(self) -> None:
        for value in (256, "many", -1):
            with self.assertRaises(Exception) as caught:
                use(Maxfwd, max_limit=value)
            self.assertIn(repr(value), str(caught.exception))
