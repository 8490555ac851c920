"""tm: callers who give up, and attempts one after the other in failure routes."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from sipexpress import failure_route, onreply_route
from sipexpress.sip.message import Request
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.routers import Plain


class CanceledTests(RouterTestCase):
    """t_is_canceled in every kind of route that has it."""

    def test_while_the_route_waits(self) -> None:
        seen, clock = list[Any](), self.clock

        class Slow(Plain):
            async def route(self) -> Any:
                if self.method != "INVITE":
                    return await super().route()
                seen.append(self.tm.t_is_canceled())
                waiting: Deferred[None] = Deferred()
                clock.callLater(1, waiting.callback, None)
                await waiting
                seen.extend((self.tm.t_is_canceled(), self.tm.t_relay(), self.tm.t_reply(404)))
                return None

        self.serve(Slow)
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.5)
        call.cancel()
        self.clock.advance(1)
        self.assertEqual(seen, [False, True, False, False])
        self.assertEqual(call.status, 487)

    def test_in_reply_and_failure_routes(self) -> None:
        seen = []

        class Curious(Plain):
            async def route(self) -> Any:
                self.tm.t_on_reply(self.replied)
                self.tm.t_on_failure(self.failed)
                return await super().route()

            @onreply_route
            def replied(self) -> None:
                seen.append((self.status, self.tm.t_is_canceled()))

            @failure_route
            def failed(self) -> None:
                seen.append(("failed", self.tm.t_is_canceled()))

        self.serve(Curious)
        alice, _ = self.registered("alice", "bob")
        call = alice.invite("bob")
        self.clock.advance(1)
        call.cancel()
        self.clock.advance(1)
        self.assertEqual(seen, [("180", False), ("487", True), ("failed", True)])


class SerialTests(RouterTestCase):
    """Forking one after the other, in a failure route (SER's recipe)."""

    def attempts(self, *codes: int, append: bool = True) -> tuple[list[int], list[Any]]:
        """Bob at .2 refuses with the first code, .3 with the second one; the caller's statuses, t_relay's results."""
        results: list[bool] = []

        class Serial(Plain):
            async def route(self) -> Any:
                self.tm.t_on_failure(self.next_one)
                return await super().route()

            @failure_route
            def next_one(self) -> None:
                self.rewriteuri("sip:bob@10.0.1.3")
                if append:
                    self.append_branch()
                results.append(self.tm.t_relay())

        self.server = self.serve(Serial)
        alice, bob = self.registered("alice", "bob")
        third = self.phone("bob")
        bob.on_call = lambda call: IncomingCall.reject(call, codes[0])
        third.on_call = lambda call: IncomingCall.reject(call, codes[1])
        call = alice.invite("bob")
        self.clock.advance(1)
        self.third = third
        return call.statuses, results

    def test_the_next_one_has_the_last_word_when_it_is_better(self) -> None:
        self.assertEqual(self.attempts(486, 404), ([100, 404], [True]))

    def test_earlier_results_keep_taking_part(self) -> None:
        self.assertEqual(self.attempts(404, 486), ([100, 404], [True]))

    def test_a_decline_is_final(self) -> None:
        self.assertEqual(self.attempts(486, 603), ([100, 603], [True]))

    def test_the_request_uri_alone_is_no_target(self) -> None:
        """Without append_branch: the original reply goes on."""
        texts: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            texts.append(str(event.get("log_format")))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        statuses, results = self.attempts(486, 404, append=False)
        self.assertEqual((statuses, results, self.third.calls), ([100, 486], [False], []))
        self.assertEqual(len([text for text in texts if "append_branch() comes first" in text]), 1)

    def test_the_new_attempt_starts_from_the_request_as_it_was_forwarded(self) -> None:
        self.attempts(486, 404)
        request: Request = self.third.calls[0].request
        self.assertEqual(request.raw_uri, b"sip:bob@10.0.1.3")
        self.assertEqual(request.header("max-forwards"), b"69")
        self.assertEqual(len(request.header_list("record-route")), 1)
