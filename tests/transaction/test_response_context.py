"""The response context: what goes upstream, and when (RFC 3261 16.7 steps 4 to 7 and 10)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.sip.message import Response, parse_message
from sipexpress.transaction.response_context import CANCEL, CHOOSE, RELAY, WAIT, Branch, ResponseContext


def response(status: int, *lines: str) -> Response:
    """A response with some header lines."""
    head = (f"SIP/2.0 {status} Some Reason", "CSeq: 1 INVITE", *lines, "Content-Length: 0")
    message = parse_message(("\r\n".join(head) + "\r\n\r\n").encode())
    assert isinstance(message, Response)
    return message


class Fork:
    """A request with branches; keeps `sent` as the server does."""

    def __init__(self, branches: int, invite: bool = True) -> None:
        self.context = ResponseContext(invite)
        for index in range(branches):
            self.add(index)

    def add(self, index: int) -> None:
        """One more branch."""
        self.context.branches.append(Branch(None, index, b"sip:bob@192.0.2.%d" % index))

    def receive(self, index: int, status: int, *lines: str) -> int:
        """A response comes from a branch."""
        return self.context.receive(self.context.branches[index], status, response(status, *lines))

    def local(self, index: int, status: int) -> int:
        """The server makes a result of its own."""
        return self.context.receive(self.context.branches[index], status, None)

    def choose(self) -> int:
        """Send the best response upstream; its status."""
        best = self.context.best()
        assert best is not None
        self.context.sent = best.status
        return best.status


def best(*statuses: int) -> int:
    """Which of several final responses is the best."""
    fork = Fork(len(statuses))
    for index, status in enumerate(statuses):
        fork.receive(index, status)
    return fork.choose()


class ProvisionalTests(SynchronousTestCase):
    """1xx: 101 to 199 go on at once for an INVITE, until a final response was sent (step 5)."""

    def test_at_once_from_every_branch(self) -> None:
        fork = Fork(2)
        bits = [fork.receive(index, status) for index, status in ((0, 180), (1, 183), (0, 180), (1, 199), (0, 101))]
        self.assertEqual(bits, [RELAY] * 5)

    def test_100_never(self) -> None:
        self.assertEqual(Fork(1).receive(0, 100), WAIT)

    def test_not_for_anything_but_an_invite(self) -> None:
        """RFC 4320 4.1."""
        self.assertEqual([Fork(1, invite=False).receive(0, status) for status in (100, 180, 199)], [WAIT] * 3)

    def test_not_after_the_final_response(self) -> None:
        fork = Fork(2)
        fork.receive(0, 200)
        self.assertEqual(fork.receive(1, 180), WAIT)

    def test_not_from_a_branch_that_has_ended(self) -> None:
        fork = Fork(2)
        fork.receive(0, 486)
        self.assertEqual(fork.receive(0, 180), WAIT)
        self.assertEqual(fork.context.branches[0].status, 486)

    def test_still_while_a_decline_waits_for_the_others(self) -> None:
        fork = Fork(2)
        fork.receive(0, 603)
        self.assertEqual(fork.receive(1, 180), RELAY)


class SuccessTests(SynchronousTestCase):
    """2xx: at once; the rest is canceled (steps 5 and 10)."""

    def test_the_first_for_an_invite_cancels_the_others(self) -> None:
        fork = Fork(3)
        fork.receive(1, 486)
        self.assertEqual(fork.receive(0, 200), RELAY | CANCEL)
        self.assertEqual(fork.context.sent, 200)

    def test_the_branch_has_ended_with_it(self) -> None:
        fork = Fork(1)
        self.assertTrue(fork.context.pending)
        fork.receive(0, 180)
        self.assertEqual((fork.context.pending, fork.context.branches[0].status), (True, 180))
        fork.receive(0, 202)
        self.assertEqual((fork.context.pending, fork.context.branches[0].status), (False, 202))

    def test_every_2xx_for_an_invite_goes_on(self) -> None:
        """The same one again, and those of other branches: each makes a dialog of its own."""
        fork = Fork(3)
        fork.receive(0, 200)
        self.assertEqual([fork.receive(index, status) for index, status in ((0, 200), (1, 202), (1, 202))], [RELAY] * 3)

    def test_after_a_decline_elsewhere(self) -> None:
        """FRK-09: which is why a 6xx waits."""
        fork = Fork(2)
        self.assertEqual(fork.receive(0, 603), CANCEL)
        self.assertEqual(fork.receive(1, 200), RELAY | CANCEL)

    def test_from_a_branch_that_was_given_up(self) -> None:
        """It rang too long, and is answered while its CANCEL is on the way."""
        fork = Fork(2)
        fork.local(0, 408)
        self.assertEqual(fork.receive(0, 200), RELAY | CANCEL)

    def test_not_after_a_failure_was_sent(self) -> None:
        """A caller that got a failure followed by a 2xx "should never be allowed to happen" (step 5)."""
        for status in (300, 408, 603):
            fork = Fork(1)
            fork.local(0, status)
            fork.choose()
            self.assertEqual(fork.receive(0, 200), WAIT)
            self.assertEqual(fork.context.sent, status)

    def test_only_the_first_for_anything_but_an_invite(self) -> None:
        fork = Fork(3, invite=False)
        bits = [fork.receive(index, 200) for index in (1, 1, 0, 2)]
        self.assertEqual(bits, [RELAY, WAIT, WAIT, WAIT])


class FailureTests(SynchronousTestCase):
    """300 to 699: they wait until every branch has ended (step 6)."""

    def test_the_last_one_lets_choose(self) -> None:
        fork = Fork(3)
        bits = [fork.receive(index, status) for index, status in ((1, 486), (0, 300), (2, 500))]
        self.assertEqual(bits, [WAIT, WAIT, CHOOSE])

    def test_results_of_this_server_count_too(self) -> None:
        fork = Fork(2)
        self.assertEqual([fork.local(0, 408), fork.receive(1, 486)], [WAIT, CHOOSE])

    def test_a_decline_cancels_and_waits(self) -> None:
        for decline in (600, 603, 699):
            fork = Fork(3)
            fork.receive(1, 180)
            self.assertFalse(fork.context.declined)
            bits = [fork.receive(index, status) for index, status in ((0, decline), (1, 487), (2, 487))]
            self.assertEqual(bits, [CANCEL, WAIT, CHOOSE])
            self.assertTrue(fork.context.declined)
            self.assertEqual(fork.choose(), decline)

    def test_the_last_decline_cancels_nothing(self) -> None:
        fork = Fork(2)
        self.assertEqual([fork.receive(0, 486), fork.receive(1, 603)], [WAIT, CHOOSE])

    def test_a_decline_of_anything_but_an_invite_cancels_nothing(self) -> None:
        """RFC 3261 9.1: only an INVITE is canceled."""
        fork = Fork(2, invite=False)
        self.assertEqual([fork.receive(0, 603), fork.receive(1, 200)], [WAIT, RELAY])

    def test_the_first_final_response_of_a_branch_counts(self) -> None:
        fork = Fork(2)
        bits = [fork.receive(0, 486), fork.receive(0, 404), fork.receive(1, 480), fork.receive(1, 480)]
        self.assertEqual(bits, [WAIT, WAIT, CHOOSE, WAIT])
        self.assertEqual([branch.status for branch in fork.context.branches], [486, 480])

    def test_after_the_final_response_nothing_is_left_to_do(self) -> None:
        fork = Fork(3)
        fork.receive(0, 200)
        self.assertEqual([fork.receive(1, 487), fork.receive(2, 603)], [WAIT, WAIT])

    def test_a_branch_that_is_added_is_waited_for(self) -> None:
        """A failure route tries another target."""
        fork = Fork(1)
        self.assertEqual(fork.receive(0, 486), CHOOSE)
        fork.add(1)
        self.assertTrue(fork.context.pending)
        self.assertEqual(fork.receive(1, 180), RELAY)
        self.assertEqual(fork.receive(1, 480), CHOOSE)

    def test_without_branches_there_is_nothing_to_choose_from(self) -> None:
        self.assertIsNone(Fork(0).context.best())
        self.assertIsNone(Fork(2).context.best())


class BestTests(SynchronousTestCase):
    """Step 6."""

    def test_any_6xx_before_all_others(self) -> None:
        for others in ((300, 401, 500), (408, 503, 599), (486, 401, 404)):
            self.assertEqual(best(*others, 600), 600)
            self.assertEqual(best(604, *others), 604)

    def test_the_lowest_class(self) -> None:
        for low, high in ((300, 400), (302, 401), (404, 500), (408, 503), (499, 500), (399, 400)):
            self.assertEqual(best(high, low), low)

    def test_the_example_of_the_rfc(self) -> None:
        self.assertEqual(best(503, 407, 501, 404), 407)

    def test_what_tells_the_caller_what_to_do_before_the_rest_of_4xx(self) -> None:
        for preferred in (401, 407, 415, 420, 484):
            for other in set(range(400, 500)) - {401, 407, 415, 420, 484}:
                self.assertEqual(best(other, preferred), preferred)
                self.assertEqual(best(preferred, other), preferred)

    def test_a_challenge_before_the_others_of_these(self) -> None:
        self.assertEqual(best(484, 420, 415, 407, 401), 401)
        self.assertEqual(best(484, 420, 415, 407), 407)

    def test_408_after_every_other_4xx(self) -> None:
        for other in set(range(400, 500)) - {408}:
            self.assertEqual(best(408, other), other)

    def test_503_after_every_other_5xx(self) -> None:
        for other in set(range(500, 600)) - {503}:
            self.assertEqual(best(503, other), other)

    def test_of_equals_the_first_branch(self) -> None:
        fork = Fork(3)
        for index in (2, 1, 0):
            fork.receive(index, 486)
        chosen = fork.context.best()
        assert chosen is not None
        self.assertEqual(chosen.index, 0)

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.integers(300, 699), min_size=1, max_size=8))
    def test_the_order_of_branches_does_not_matter(self, statuses: list[int]) -> None:
        shuffled = sorted(statuses)
        self.assertEqual(best(*statuses), best(*shuffled))
        self.assertEqual(best(*statuses), best(*reversed(shuffled)))


class ChallengeTests(SynchronousTestCase):
    """Step 7: whoever asked for credentials gets them with the next attempt."""

    def merged(self, *branches: tuple[int, tuple[str, ...]]) -> list[bytes]:
        """The lines that are added to the best response."""
        fork = Fork(len(branches))
        for index, (status, lines) in enumerate(branches):
            fork.receive(index, status, *lines)
        chosen = fork.context.best()
        assert chosen is not None
        return [line for _, line in fork.context.challenges(chosen)]

    def test_of_every_other_401_and_407_in_the_order_of_branches(self) -> None:
        found = self.merged(
            (407, ("Proxy-Authenticate: Digest realm=a1", "Proxy-Authenticate: Digest realm=a2")),
            (401, ("WWW-Authenticate: Digest realm=b",)),
            (404, ()),
            (401, ("WWW-Authenticate: Digest realm=c", "Proxy-Authenticate: Digest realm=d")),
        )
        self.assertEqual(
            found,
            [
                b"Proxy-Authenticate: Digest realm=a1",
                b"Proxy-Authenticate: Digest realm=a2",
                b"WWW-Authenticate: Digest realm=c",
                b"Proxy-Authenticate: Digest realm=d",
            ],
        )

    def test_nothing_else_of_them(self) -> None:
        found = self.merged(
            (401, ("WWW-Authenticate: Digest realm=a",)),
            (407, ("Proxy-Authenticate: Digest realm=b", "Warning: 399 x y", "Authentication-Info: qop=auth")),
        )
        self.assertEqual(found, [b"Proxy-Authenticate: Digest realm=b"])

    def test_not_of_other_responses(self) -> None:
        found = self.merged((401, ("WWW-Authenticate: Digest realm=a",)), (404, ("WWW-Authenticate: Digest realm=b",)))
        self.assertEqual(found, [])

    def test_a_result_of_this_server_has_none(self) -> None:
        fork = Fork(2)
        fork.receive(0, 401, "WWW-Authenticate: Digest realm=a")
        fork.local(1, 407)
        self.assertEqual(fork.context.challenges(fork.context.branches[0]), [])


class WalkTests(SynchronousTestCase):
    """Whatever the branches say: "either exactly one non-2xx response or one or more 2xx" (step 5)."""

    @settings(deadline=None, max_examples=500)
    @given(
        invite=st.booleans(),
        count=st.integers(1, 4),
        steps=st.lists(
            st.tuples(
                st.integers(0, 3), st.sampled_from((100, 180, 183, 200, 202, 302, 401, 407, 408, 486, 487, 503, 603))
            ),
            max_size=20,
        ),
    )
    def test_one_outcome(self, invite: bool, count: int, steps: list[tuple[int, int]]) -> None:
        fork = Fork(count, invite)
        finals: list[int] = []
        for index, status in [*steps, *((index, 487) for index in range(count))]:
            index %= count
            bits = fork.receive(index, status)
            if bits & RELAY:
                self.assertTrue(status >= 200 or (not finals and status > 100))
                if status >= 200:
                    self.assertLess(status, 300)
                    finals.append(status)
            if bits & CHOOSE:
                self.assertFalse(fork.context.pending)
                self.assertEqual(finals, [])
                finals.append(fork.choose())
            if bits & CANCEL:
                self.assertTrue(invite)
        self.assertFalse(fork.context.pending)
        self.assertTrue(finals)
        if finals[0] >= 300:
            self.assertEqual(len(finals), 1)
        elif invite:
            self.assertTrue(all(final < 300 for final in finals))
        else:
            self.assertEqual(len(finals), 1)
