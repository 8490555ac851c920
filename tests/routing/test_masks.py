"""Where each function may run: in the routes that SER says, and in no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipexpress import Answer, branch_route, failure_route, onreply_route, use
from sipexpress.errors import RouteError
from sipexpress.modules import Maxfwd, Registrar, Rr, Usrloc
from sipexpress.testing import IncomingCall
from tests.routing.case import Bare, FaceTestCase

R, F, O, B = "route", "failure_route", "onreply_route", "branch_route"  # noqa: E741 - SER's letters

PLACES: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "sl.sl_send_reply": ((R,), (480, "No")),
    "sl.sl_reply_error": ((R,), ()),
    "tm.t_relay": ((R, F), ()),
    "tm.t_newtran": ((R,), ()),
    "tm.t_reply": ((R, F), (480, "No")),
    "tm.t_on_failure": ((R, F, O), (None,)),
    "tm.t_on_reply": ((R, F, O), (None,)),
    "tm.t_on_branch": ((R, F), (None,)),
    "tm.t_check_status": ((R, F, O), ("486",)),
    "tm.t_lookup_request": ((R,), ()),
    "tm.t_retransmit_reply": ((R,), ()),
    "tm.t_release": ((R,), ()),
    "tm.t_is_canceled": ((R, F, O), ()),
    "rr.record_route": ((R, F, B), ()),
    "rr.record_route_preset": ((R, F, B), ("10.0.0.1:5060",)),
    "rr.loose_route": ((R,), ()),
    "maxfwd.mf_process_maxfwd_header": ((R,), (10,)),
    "registrar.save": ((R,), ("location",)),
    "registrar.save_noreply": ((R,), ("location",)),
    "registrar.save_memory": ((R,), ("location",)),
    "registrar.lookup": ((R, F), ("location",)),
    "registrar.registered": ((R, F), ("location",)),
    "append_branch": ((R, F), ("sip:x@10.9.9.9",)),
    "forward": ((R,), ("10.9.9.9",)),
    "forward_udp": ((R,), ("10.9.9.9",)),
    "forward_tcp": ((R,), ("10.9.9.9",)),
    "send": ((R,), ("10.9.9.9",)),
    "send_tcp": ((R,), ("10.9.9.9",)),
    "force_rport": ((R, O), ()),
    "add_rport": ((R, O), ()),
    "force_tcp_alias": ((R, O), ()),
    "force_send_socket": ((R, F, B), ("10.0.0.1",)),
    "set_advertised_address": ((R, F), ("192.0.2.1",)),
    "set_advertised_port": ((R, F), (5070,)),
    "drop": ((R, F, O, B), ()),
    "log": ((R, F, O, B), ("text",)),
    "exit": ((R, F, O, B), ()),
    "setflag": ((R, F, O, B), (1,)),
    "resetflag": ((R, F, O, B), (1,)),
    "isflagset": ((R, F, O, B), (1,)),
    "rewriteuri": ((R, F, B), ("sip:x@10.9.9.9",)),
    "revert_uri": ((R, F, B), ()),
    "rewritehost": ((R, F, B), ("10.9.9.9",)),
    "rewritehostport": ((R, F, B), ("10.9.9.9:5070",)),
    "rewriteport": ((R, F, B), (5070,)),
    "rewriteuser": ((R, F, B), ("x",)),
    "rewriteuserpass": ((R, F, B), ("x:y",)),
    "prefix": ((R, F, B), ("00",)),
    "strip": ((R, F, B), (1,)),
    "strip_tail": ((R, F, B), (1,)),
}


class Everywhere(Bare):
    """Does the same thing in a route of the kind that is asked for."""

    rr = use(Rr)
    maxfwd = use(Maxfwd)
    usrloc = use(Usrloc)
    registrar = use(Registrar)

    def __init__(self) -> None:
        self.kind = R
        self.do: Callable[[Any], Any] = lambda self: None

    async def route(self) -> Any:
        if self.kind == R:
            await self.router.do(self)
            return
        self.tm.t_on_failure(self.failed)
        self.tm.t_on_reply(self.replied)
        self.tm.t_on_branch(self.branched)
        self.rewritehostport("10.0.1.1:5060")
        self.tm.t_relay()

    @failure_route
    async def failed(self) -> Any:
        if self.kind == F:
            await self.router.do(self)

    @onreply_route
    async def replied(self) -> Any:
        if self.kind == O:
            await self.router.do(self)

    @branch_route
    async def branched(self) -> Any:
        if self.kind == B:
            await self.router.do(self)


class MaskTests(FaceTestCase):
    """Every function of the core and of the modules, in every kind of route."""

    def setUp(self) -> None:
        """One server, and a phone that is busy."""
        super().setUp()
        self.router = Everywhere()
        self.start(self.router)
        self.phone("bob").on_call = IncomingCall.reject

    def refusal(self, kind: str, name: str, arguments: tuple[Any, ...]) -> str | None:
        """What a function says when it is called in a route of that kind; None when it is allowed."""

        async def do(self: Any) -> None:
            target = self
            for part in name.split("."):
                target = getattr(target, part)
            reached.append(kind)
            try:
                answer = target(*arguments)
            except RouteError as error:
                said.append(str(error))
            else:
                if isinstance(answer, Answer):
                    await answer

        reached, said = list[str](), list[str]()
        self.router.kind, self.router.do = kind, do
        call = self.phone("alice").invite("bob")
        self.clock.advance(0.1)
        call.cancel()
        self.clock.advance(0.1)
        self.assertTrue(reached, f"no {kind} ran")
        self.assertEqual(len(set(said)), min(1, len(said)))
        return said[0] if said else None

    def test_every_function_in_every_kind_of_route(self) -> None:
        for name, (places, arguments) in PLACES.items():
            for kind in (R, O, F, B):
                said = self.refusal(kind, name, arguments)
                if kind in places:
                    self.assertIs(said, None, f"{name} in {kind}")
                    continue
                short = name.rpartition(".")[2]
                allowed = ", ".join(place for place in (R, O, F, B) if place in places)
                self.assertEqual(said, f"{short}() may not be called in a {kind}: it is allowed in {allowed}")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_the_table_is_complete(self) -> None:
        functions = {
            f"{attribute}.{name}"
            for attribute, module in self.server.boot.modules.items()
            for name in dir(module.functions)
            if not name.startswith("_") and name not in ("ctx", "module")
        }
        self.assertEqual(functions, {name for name in PLACES if "." in name})

    def test_a_refusal_answers_500_and_names_the_call(self) -> None:
        class Wrong(Bare):
            def route(self) -> None:
                self.tm.t_on_failure(self.failed)
                self.rewritehostport("10.0.1.1:5060")
                self.tm.t_relay()

            @failure_route
            def failed(self) -> None:
                self.sl.sl_send_reply(404, "Not here")

        self.start(Wrong, host="10.0.0.2")
        call = self.phone("alice", server=("10.0.0.2", 5060)).invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 486)
        self.assertEqual(
            self.failure(),
            "sl_send_reply() may not be called in a failure_route: it is allowed in route",
        )
