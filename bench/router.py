"""The router that is measured: the same steps as in kamailio.cfg."""

from __future__ import annotations

from typing import Any

from sipexpress import Router, use
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc


class Bench(Router):
    """Registers users, finds them, stays in the dialog, relays."""

    maxfwd, sl, tm, rr = use(Maxfwd), use(Sl), use(Tm), use(Rr)
    usrloc, registrar = use(Usrloc), use(Registrar)

    async def route(self) -> Any:
        if not self.maxfwd.mf_process_maxfwd_header(10):
            return self.sl.sl_send_reply(483, "Too Many Hops")
        if self.rr.loose_route():
            return self.relay()
        if self.method == "REGISTER":
            return await self.registrar.save("location")
        if self.uri == self.myself and not await self.registrar.lookup("location"):
            return self.sl.sl_send_reply(404, "Not Found")
        self.rr.record_route()
        return self.relay()

    def relay(self) -> Any:
        if not self.tm.t_relay():
            self.sl.sl_reply_error()
