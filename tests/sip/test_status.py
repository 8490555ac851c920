"""Reason phrases."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.sip.status import REASONS, reason


class ReasonTests(SynchronousTestCase):
    """RFC 3261 21."""

    def test_those_of_the_rfc(self) -> None:
        for code, text in (
            (100, "Trying"),
            (200, "OK"),
            (302, "Moved Temporarily"),
            (404, "Not Found"),
            (407, "Proxy Authentication Required"),
            (486, "Busy Here"),
            (487, "Request Terminated"),
            (504, "Server Time-out"),
            (606, "Not Acceptable"),
        ):
            self.assertEqual(reason(code), text)

    def test_every_code_has_one_that_may_stand_in_a_status_line(self) -> None:
        for code in range(100, 700):
            self.assertRegex(reason(code), r"\A[ -~]+\Z")

    def test_codes_nobody_has_given_out(self) -> None:
        self.assertEqual([reason(code) for code in (299, 499, 699)], ["Success", "Client Error", "Global Failure"])
        self.assertTrue(all(100 <= code <= 699 for code in REASONS))
