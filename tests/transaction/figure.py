"""A machine as the RFC draws it: every state, every input, and what happens then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.transaction.effects import ACK, DELIVER, END, SEND, TIMEOUT, TRYING
from sipexpress.transaction.machine import Machine
from sipexpress.transaction.timers import Timers

START = 1000.0
# fr_timer is none of the other values, so that each deadline in a figure tells which timer it is.
TIMERS = Timers(t1=0.5, t2=4.0, t4=5.0, fr_timer=20.0, fr_inv_timer=185.0)
_WORDS = {ACK: "ack", SEND: "send", DELIVER: "deliver", TRYING: "trying", TIMEOUT: "timeout", END: "end"}

Input = Callable[[Any, float], object]


def deadline(machine: Any, now: float) -> object:
    """The input "its deadline passes"."""
    return machine.timeout(now)


def response(status: int) -> Input:
    """The input "a response comes from the wire"."""
    return lambda machine, now: machine.receive(status, now)


def reply(status: int, own: bool = False) -> Input:
    """The input "a response is to go upstream"."""
    return lambda machine, now: machine.reply(status, b"SIP/2.0 %d" % status, now, own)


def make(kind: type[Machine], reliable: bool, timers: Timers = TIMERS) -> Any:
    """A machine that nothing has happened to."""
    machine = kind(b"key", None, reliable, timers, None)
    machine.sent = b""
    return machine


def words(effects: int) -> str:
    """The effects by name."""
    return " ".join(word for bit, word in _WORDS.items() if effects & bit)


def read(figure: str) -> dict[tuple[str, str], str]:
    """The outcomes by (state, input). States stand at the margin; below them are lines
    ``input, input: outcome``.
    """
    found: dict[tuple[str, str], str] = {}
    states: list[str] = []
    for line in figure.strip().splitlines():
        if not line.startswith(" "):
            states = line.split(", ")
            continue
        inputs, _, outcome = line.strip().partition(": ")
        for state in states:
            for name in inputs.split(", "):
                assert (state, name) not in found, f"{state}, {name} stands in the figure twice"
                found[state, name] = outcome
    return found


class FigureCase(SynchronousTestCase):
    """Compares what a machine does with a figure. An outcome is written as the effects, ``> state``
    where that changes, ``@seconds`` to the next deadline where that changes, or ``-`` for nothing.
    """

    maxDiff = None
    names: tuple[str, ...]

    def check(
        self, figure: str, states: Mapping[str, Callable[[], tuple[Any, float]]], inputs: Mapping[str, Input]
    ) -> None:
        """Give each input to a machine in each state; `states` makes one and tells the time it is there."""
        found = {}
        for state, into in states.items():
            for name, act in inputs.items():
                machine, now = into()
                self.assertEqual(self.names[machine.state], state.partition(" ")[0])
                if act is deadline and not machine.due:
                    found[state, name] = "none"
                    continue
                now = machine.due if act is deadline else now + 0.25
                found[state, name] = self.outcome_of(machine, act, now)
        expected = read(figure)
        self.assertEqual(set(found), set(expected))
        self.assertEqual({cell: got for cell, got in found.items() if got != expected[cell]}, {})

    def outcome_of(self, machine: Any, act: Input, now: float) -> str:
        state, due = machine.state, machine.due
        result = act(machine, now)
        answer = {True: "yes", False: "no"}.get(result) if isinstance(result, bool) else None
        parts = [answer or words(int(result or 0))]  # type: ignore[call-overload]
        if machine.state != state:
            parts.append(f"> {self.names[machine.state]}")
        if self.names[machine.state] == "terminated":
            self.assertEqual(machine.due, 0.0)
        elif machine.due != due:
            parts.append(f"@{machine.due - now:g}" if machine.due else "@never")
        return " ".join(part for part in parts if part) or "-"
