"""Tests of the ready routers, and a router that several tests use."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc


class Plain(sipexpress.Router):
    """Registers, looks up, records the route, relays: what most tests need."""

    maxfwd = use(Maxfwd)
    sl = use(Sl)
    tm = use(Tm)
    rr = use(Rr)
    usrloc = use(Usrloc)
    registrar = use(Registrar)

    async def route(self) -> Any:
        if not self.maxfwd.mf_process_maxfwd_header(10):
            return self.sl.sl_send_reply(483, "Too Many Hops")
        if self.rr.loose_route():
            return self.relay()
        if self.method == "REGISTER":
            return await self.registrar.save("location")
        if self.uri != self.myself:
            return self.relay()
        if not await self.registrar.lookup("location"):
            return self.sl.sl_send_reply(404, "Not Found")
        self.rr.record_route()
        return self.relay()

    def relay(self) -> Any:
        if not self.tm.t_relay():
            return self.sl.sl_reply_error()
        return None
