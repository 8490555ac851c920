"""Two pjsua2 phones in a process of their own: pjsua2 has one endpoint per process.

``python -m tests.system.pjsua PORT udp|tcp`` makes alice call bob and prints what they saw as JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.system.programs import Program
from tests.system.server import Server

# Only the child has it.
pj: Any = importlib.import_module("pjsua2") if __name__ == "__main__" else None

_SECONDS = 30.0
Base: Any = object if pj is None else pj.Call
BaseAccount: Any = object if pj is None else pj.Account


def run_call(case: Any, server: Server, transport: str) -> dict[str, Any]:
    """What the child has seen; fails when it does not end well."""
    module = Path(__file__).stem
    command = [sys.executable, "-m", f"tests.system.{module}", str(server.port), transport]
    child = Program("pjsua2", command, server.folder)
    case.addCleanup(child.kill)
    code = child.wait(150)
    assert code == 0, f"the child ended with {code}{child.tail()}{server.tail()}"
    seen: dict[str, Any] = json.loads(child.text().splitlines()[-1])
    return seen


class Call(Base):  # type: ignore[misc]
    """One side of a call."""

    ended = 0
    """The status code it ended with."""

    def onCallState(self, event: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.ended = info.lastStatusCode

    def media(self) -> int:
        """The state of the audio: 1 active, 2 held here, 3 held there."""
        # The list dies with the object it came from.
        info = self.getInfo()
        return info.media[0].status if len(info.media) else 0

    def packets(self) -> tuple[int, int]:
        """RTP packets (sent, received)."""
        stat = self.getStreamStat(0)
        return stat.rtcp.txStat.pkt, stat.rtcp.rxStat.pkt


class Account(BaseAccount):  # type: ignore[misc]
    """A phone that accepts every call."""

    def __init__(self, user: str, port: int, transport: str) -> None:
        super().__init__()
        self.code = 0
        self.call: Call | None = None
        config = pj.AccountConfig()
        config.idUri = f"sip:{user}@127.0.0.1:{port}"
        config.regConfig.registrarUri = f"sip:127.0.0.1:{port};transport={transport}"
        config.regConfig.timeoutSec = 60
        config.sipConfig.proxies.append(f"sip:127.0.0.1:{port};transport={transport};lr")
        config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        self.create(config)

    def onRegState(self, event: Any) -> None:
        self.code = event.code

    def onIncomingCall(self, event: Any) -> None:
        self.call = Call(self, event.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.call.answer(answer)


class Child:
    """The endpoint, its two phones and the call."""

    def __init__(self, port: int, transport: str) -> None:
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.logConfig.level = 4
        config.logConfig.consoleLevel = 0
        config.logConfig.filename = "pjsua2.log"
        # Everything happens inside libHandleEvents: Python's lock has no part in it.
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.medConfig.noVad = True
        config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
        self.endpoint.libInit(config)
        self.endpoint.audDevManager().setNullDev()
        kind = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}[transport]
        settings = pj.TransportConfig()
        settings.port = 0
        settings.boundAddress = "127.0.0.1"
        self.endpoint.transportCreate(kind, settings)
        self.endpoint.libStart()
        self.port = port
        self.alice = Account("alice", port, transport)
        self.bob = Account("bob", port, transport)

    def until(self, what: str, holds: Callable[[], Any]) -> None:
        """Let the phones work until something holds."""
        deadline = time.monotonic() + _SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {_SECONDS:g} s: {what}\n{Path('pjsua2.log').read_text()[-6000:]}")
            self.endpoint.libHandleEvents(10)

    def talk(self, calls: list[Call], packets: int = 15) -> list[list[int]]:
        """How many packets each side (has sent, has received) meanwhile, once each has received that many."""
        # A re-INVITE may begin a new stream, which counts from 0.
        before = [call.packets() for call in calls]
        for call, (_, count) in zip(calls, before, strict=True):
            self.until("RTP arrives", lambda: call.packets()[1] >= count + packets)  # noqa: B023
        pairs = zip((call.packets() for call in calls), before, strict=True)
        return [[now[0] - then[0], now[1] - then[1]] for now, then in pairs]

    def run(self) -> dict[str, Any]:
        """Register, call, hold, un-hold, hang up."""
        seen: dict[str, Any] = {}
        phones = (self.alice, self.bob)
        self.until("both phones have an answer to REGISTER", lambda: all(phone.code for phone in phones))
        seen["registered"] = [phone.code for phone in phones]
        out = Call(self.alice)
        out.makeCall(f"sip:bob@127.0.0.1:{self.port}", pj.CallOpParam(True))
        self.until("bob has a call", lambda: self.bob.call is not None)
        assert self.bob.call is not None
        calls = [out, self.bob.call]

        def media(*states: int) -> Callable[[], bool]:
            return lambda: [call.media() for call in calls] == list(states)

        self.until("audio is active", media(1, 1))
        seen["before"] = self.talk(calls)
        out.setHold(pj.CallOpParam())
        self.until("audio is held on both sides", media(2, 3))
        option = pj.CallOpParam(True)
        option.opt.flag = pj.PJSUA_CALL_UNHOLD
        out.reinvite(option)
        self.until("audio is active again", media(1, 1))
        seen["after"] = self.talk(calls)
        out.hangup(pj.CallOpParam())
        self.until("the call is over on both sides", lambda: all(call.ended for call in calls))
        seen["ended"] = [call.ended for call in calls]
        return seen

    def end(self) -> None:
        """Take back the registrations, and give everything up in the order that the library wants."""
        for phone in (self.alice, self.bob):
            phone.code = 0
            phone.setRegistration(False)
        self.until("both registrations are taken back", lambda: self.alice.code and self.bob.code)
        self.bob.call = None
        for phone in (self.alice, self.bob):
            phone.shutdown()
        del self.alice, self.bob, phone
        gc.collect()
        self.endpoint.libDestroy()


if __name__ == "__main__":
    try:
        child = Child(int(sys.argv[1]), sys.argv[2])
        result = child.run()
        child.end()
    except BaseException:
        # The library aborts when it is taken apart in the middle of a call.
        traceback.print_exc()
        os._exit(1)
    print(json.dumps(result), flush=True)
