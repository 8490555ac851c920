"""Random walks through the machines: what holds whatever comes, and whenever it comes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transaction.effects import ACK, DELIVER, END, SEND, TIMEOUT, TRYING
from sipexpress.transaction.invite_client import PROCEEDING as INVITE_PROCEEDING
from sipexpress.transaction.invite_client import InviteClient
from sipexpress.transaction.invite_server import InviteServer
from sipexpress.transaction.machine import Machine
from sipexpress.transaction.plain_client import PlainClient
from sipexpress.transaction.plain_server import TRYING_DELAY, PlainServer
from sipexpress.transaction.timers import TICK, Timers
from sipexpress.transaction.wheel import AHEAD
from tests.transaction.desk import Desk
from tests.transaction.figure import START, make

LIFE = 32.0
# A deadline is found by the tick after it, and the tick may come late.
SLACK = TICK + 0.05 + 1e-6
Step = tuple[str, float, bool]

STATUSES = st.sampled_from((100, 180, 183, 199, 200, 202, 300, 401, 408, 486, 503, 603))
WAITS = st.one_of(
    st.floats(0.0, 1.0), st.floats(0.0, 40.0), st.sampled_from((0.5, 1.0, 2.0, 3.5, 4.0, 5.0, 31.5, 32.0))
)
WAIT = st.tuples(st.just("wait"), WAITS, st.just(False))
JUMP = st.tuples(st.just("jump"), st.floats(0.0, 60.0), st.just(False))
CLIENT_STEPS = st.lists(
    st.one_of(
        WAIT,
        WAIT,
        JUMP,
        st.tuples(st.just("response"), STATUSES, st.just(False)),
        st.tuples(st.sampled_from(("cancel", "error")), st.just(0), st.just(False)),
    ),
    max_size=20,
)
SERVER_STEPS = st.lists(
    st.one_of(
        WAIT,
        WAIT,
        JUMP,
        st.tuples(st.just("reply"), STATUSES, st.booleans()),
        st.tuples(st.sampled_from(("request", "ack", "acknowledged")), st.just(0), st.just(False)),
    ),
    max_size=20,
)
STARTS = st.floats(START, START + 1e6)
LATENESS = st.floats(0.0, 0.05)


class Watched(Desk):
    """Checks after each step what is true of every machine."""

    def __init__(self, case: SynchronousTestCase, machine: Any, start: float, late: float) -> None:
        super().__init__(machine, start, late)
        self.case = case
        self.ended = False
        self.due = 0.0

    def note(self, effects: int) -> int:
        case, machine = self.case, self.machine
        if self.ended:
            case.assertFalse(effects & (SEND | DELIVER | ACK | TIMEOUT | TRYING), "it acts after its end")
        if effects & END:
            self.ended = True
        if self.ended:
            case.assertEqual(machine.due, 0.0)
        elif machine.due != self.due:
            self.due = machine.due
            case.assertTrue(not self.due or self.due > self.now - 1e-6, "a new deadline that lies in the past")
        return super().note(effects)

    def step(self, what: str, seconds: float) -> bool:
        """Let time pass, if that is the step."""
        if what == "wait":
            self.wait(seconds)
        elif what == "jump":
            self.jump(seconds)
        return what in ("wait", "jump")


class WalkCase(SynchronousTestCase):
    def watched(self, kind: type[Machine], reliable: bool, start: float, late: float) -> Watched:
        return Watched(self, make(kind, reliable, Timers()), start, late)

    def assert_gone(self, desk: Watched) -> None:
        """It has ended, and the wheel does not hold it much longer."""
        self.assertTrue(desk.ended, "it stays for ever")
        self.assertEqual(len(desk.times("end")), 1)
        desk.wait(AHEAD * TICK + SLACK)
        self.assertFalse(desk.wheel)


class ClientTests(WalkCase):
    """Client machines have one result, and end by themselves."""

    def walk(self, desk: Watched, steps: list[Step]) -> list[int]:
        """Take the steps; the responses that were passed up."""
        delivered = []
        desk.start()
        for what, value, _ in steps:
            if desk.step(what, value):
                continue
            if what == "response":
                if desk.note(desk.machine.receive(int(value), desk.now)) & DELIVER:
                    delivered.append(int(value))
            elif what == "error":
                desk.note(desk.machine.failed())
            elif isinstance(desk.machine, InviteClient):
                desk.machine.cancel(desk.now)
                desk.note(0)
        return delivered

    @settings(deadline=None, max_examples=300)
    @given(st.booleans(), STARTS, LATENESS, CLIENT_STEPS)
    def test_invite(self, reliable: bool, start: float, late: float, steps: list[Step]) -> None:
        desk = self.watched(InviteClient, reliable, start, late)
        delivered = self.walk(desk, steps)
        failures = [status for status in delivered if status >= 300]
        successes = [status for status in delivered if 200 <= status < 300]
        self.assertFalse(failures and successes)
        self.assertLessEqual(len(failures), 1)
        self.assertEqual(bool(desk.times("ack")), bool(failures))
        if desk.machine.state == INVITE_PROCEEDING and not desk.machine.canceled:
            desk.wait(desk.machine.timers.fr_inv_timer + SLACK)
            self.assertIn("timeout", desk.log[-1][1])
            self.assertTrue(desk.machine.cancel(desk.now))
            desk.note(0)
        desk.wait(LIFE + SLACK)
        self.assert_gone(desk)
        if failures or successes:
            self.assertNotIn("timeout end", [effects for _, effects in desk.log])

    @settings(deadline=None, max_examples=300)
    @given(st.booleans(), STARTS, LATENESS, CLIENT_STEPS)
    def test_plain(self, reliable: bool, start: float, late: float, steps: list[Step]) -> None:
        desk = self.watched(PlainClient, reliable, start, late)
        delivered = self.walk(desk, steps)
        desk.wait(LIFE + SLACK)
        self.assert_gone(desk)
        results = [status for status in delivered if status >= 200] + desk.times("timeout")
        self.assertEqual(len(results), 1)
        if reliable:
            self.assertEqual(desk.times("send"), [0])

    @settings(deadline=None, max_examples=200)
    @given(st.sampled_from((InviteClient, PlainClient)), STARTS, LATENESS)
    def test_retransmissions_come_on_time_wherever_the_ticks_lie(
        self, kind: type[Machine], start: float, late: float
    ) -> None:
        desk = self.watched(kind, False, start, late)
        desk.start()
        desk.wait(40)
        ideal, interval = [0.0], 0.5
        while ideal[-1] + interval < LIFE:
            ideal.append(ideal[-1] + interval)
            interval = min(2 * interval, 4.0 if kind is PlainClient else LIFE)
        for moment, time in zip(ideal, desk.times("send"), strict=True):
            self.assertTrue(moment - 1e-6 <= time <= moment + SLACK, f"{time} instead of {moment}")
        [end] = desk.times("timeout")
        self.assertTrue(LIFE - 1e-6 <= end <= LIFE + SLACK)


class ServerTests(WalkCase):
    """Server machines send one final response, and end once they have."""

    def walk(self, desk: Watched, steps: list[Step]) -> list[tuple[float, int]]:
        """Take the steps; the responses that were sent, and when."""
        machine = desk.machine
        sent: list[tuple[float, int]] = []
        for what, value, own in steps:
            if desk.step(what, value):
                continue
            if what == "reply":
                if desk.note(machine.reply(int(value), b"%d" % value, desk.now, own)):
                    sent.append((desk.elapsed, int(value)))
            elif what == "request":
                effects = desk.note(machine.request(desk.now))
                if effects & SEND:
                    self.assertEqual(machine.sent, b"%d" % sent[-1][1])
            elif isinstance(machine, InviteServer) and what == "ack":
                desk.note(machine.ack(desk.now))
            elif isinstance(machine, InviteServer):
                machine.acknowledged()
                desk.note(0)
        return sent

    def finish(self, desk: Watched, finals: list[int]) -> None:
        """What is answered ends within 64*T1."""
        if not finals:
            desk.note(desk.machine.reply(487, b"487", desk.now))
        desk.wait(LIFE + SLACK)
        self.assert_gone(desk)

    @settings(deadline=None, max_examples=300)
    @given(st.booleans(), STARTS, LATENESS, SERVER_STEPS)
    def test_invite(self, reliable: bool, start: float, late: float, steps: list[Step]) -> None:
        desk = self.watched(InviteServer, reliable, start, late)
        statuses = [status for _, status in self.walk(desk, steps)]
        finals = [status for status in statuses if status >= 200]
        if finals:
            self.assertEqual(statuses[-len(finals) :], finals, "a provisional response after a final one")
        if any(status >= 300 for status in finals):
            self.assertEqual(len(finals), 1)
        self.finish(desk, finals)

    @settings(deadline=None, max_examples=300)
    @given(st.booleans(), STARTS, LATENESS, SERVER_STEPS)
    def test_plain(self, reliable: bool, start: float, late: float, steps: list[Step]) -> None:
        desk = self.watched(PlainServer, reliable, start, late)
        desk.machine.begin(start)
        desk.note(0)
        sent = self.walk(desk, steps)
        finals = [status for _, status in sent if status >= 200]
        self.assertLessEqual(len(finals), 1)
        for time, status in sent:
            self.assertFalse(100 < status < 200)
            self.assertTrue(status > 100 or reliable or time >= TRYING_DELAY - 1e-6)
        if not sent:
            desk.wait(TRYING_DELAY + SLACK)
            self.assertEqual(len(desk.times("trying")), 1)
        self.finish(desk, finals)

    @settings(deadline=None, max_examples=100)
    @given(STARTS, LATENESS)
    def test_a_failure_is_repeated_on_time_wherever_the_ticks_lie(self, start: float, late: float) -> None:
        desk = self.watched(InviteServer, False, start, late)
        desk.note(desk.machine.reply(486, b"486", desk.now))
        desk.wait(40)
        ideal = [0, 0.5, 1.5, *(3.5 + 4 * number for number in range(8))]
        for moment, time in zip(ideal, desk.times("send"), strict=True):
            self.assertTrue(moment - 1e-6 <= time <= moment + SLACK, f"{time} instead of {moment}")
