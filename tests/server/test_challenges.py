"""Challenges of several branches become one response (RFC 3261 16.7 step 7, 22.3)."""

from __future__ import annotations

from typing import Any

from sipexpress import failure_route, onreply_route
from sipexpress.testing import OutgoingCall
from tests.routers import Plain
from tests.server.behavior import CallCase, methods, reject


def www(realm: str) -> tuple[str, str]:
    return "WWW-Authenticate", f'Digest realm="{realm}", nonce="{realm}", qop="auth", algorithm=MD5'


def proxy(realm: str) -> tuple[str, str]:
    return "Proxy-Authenticate", f'Digest realm="{realm}", nonce="{realm}", qop="auth", algorithm=MD5'


def realms(call: OutgoingCall, name: str) -> list[str]:
    """The realms of the challenges that reached the caller, in order."""
    return [value.split(b'"')[1].decode() for value in call.response.header_values(name)]


class ChallengeTests(CallCase):
    def fork(self, *behaviors: Any, router: Any = Plain) -> OutgoingCall:
        self.server = self.serve(router)
        self.bobs = self.phones("bob", *behaviors)
        call = self.phone("alice").invite("bob")
        self.clock.advance(1)
        self.assertEqual(len([status for status in call.statuses if status >= 200]), 1)
        return call

    def test_401_and_407_of_three_phones(self) -> None:
        """FRK-06."""
        call = self.fork(reject(401, www("a")), reject(407, proxy("b")), reject(401, www("c")))
        self.assertEqual(call.status, 401)
        self.assertEqual(realms(call, "www-authenticate"), ["a", "c"])
        self.assertEqual(realms(call, "proxy-authenticate"), ["b"])

    def test_two_407(self) -> None:
        """FRK-07."""
        call = self.fork(reject(407, proxy("a")), reject(486), reject(407, proxy("b")))
        self.assertEqual(call.status, 407)
        self.assertEqual(realms(call, "proxy-authenticate"), ["a", "b"])

    def test_the_order_of_each_branch_is_kept(self) -> None:
        """RFC 8760 2.5: several algorithms, best first."""
        call = self.fork(
            reject(407, proxy("a1"), proxy("a2"), www("a3")), reject(401, www("b1"), www("b2"), proxy("b3"))
        )
        self.assertEqual(call.status, 401)
        self.assertEqual(realms(call, "www-authenticate"), ["b1", "b2", "a3"])
        self.assertEqual(realms(call, "proxy-authenticate"), ["b3", "a1", "a2"])

    def test_a_challenge_wins_over_other_failures(self) -> None:
        for other in (403, 404, 408, 480, 486, 500, 503):
            with self.subTest(other):
                self.setUp()
                self.assertEqual(self.fork(reject(other), reject(407, proxy("a"))).status, 407)
                self.doCleanups()

    def test_but_not_over_a_decline(self) -> None:
        call = self.fork(reject(401, www("a")), reject(603))
        self.assertEqual(call.status, 603)
        self.assertEqual(realms(call, "www-authenticate"), [])

    def test_every_branch_is_acknowledged_for_itself(self) -> None:
        self.fork(reject(401, www("a")), reject(407, proxy("b")))
        self.assertEqual([methods(phone) for phone in self.bobs], [["INVITE", "ACK"]] * 2)
        self.assert_empty()

    def test_of_the_first_try_and_of_the_second(self) -> None:
        """A failure route tried somebody else: the caller learns of both."""

        class Serial(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure("next")
                return await super().route()

            @failure_route
            def next(self) -> None:
                self.append_branch("sip:other@10.0.8.8")
                self.tm.t_relay()

        other = self.phone("other", "10.0.8.8")
        other.on_call = reject(407, proxy("b"))
        call = self.fork(reject(407, proxy("a")), router=Serial)
        self.assertEqual(call.status, 407)
        self.assertEqual(sorted(realms(call, "proxy-authenticate")), ["a", "b"])

    def test_edits_of_a_reply_route_stay(self) -> None:
        class Marking(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply("mark")
                return await super().route()

            @onreply_route
            def mark(self) -> None:
                assert self.reply is not None
                self.reply.add("X-Seen", self.status)

        call = self.fork(reject(401, www("a")), reject(407, proxy("b")), router=Marking)
        self.assertEqual(call.response.header_values("x-seen"), [b"401"])
        self.assertEqual(realms(call, "proxy-authenticate"), ["b"])
