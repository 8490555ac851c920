"""The same as router.py, but right: mypy has nothing to say."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc


class Good(sipexpress.Router):
    maxfwd = use(Maxfwd, max_limit=10)
    sl = use(Sl)
    tm = use(Tm, fr_timer="5")
    rr = use(Rr)
    usrloc = use(Usrloc)
    registrar = use(Registrar)

    async def route(self) -> Any:
        if not self.maxfwd.mf_process_maxfwd_header(10):
            return self.sl.sl_send_reply(483, "Too Many Hops")
        if self.method == "REGISTER":
            await self.registrar.save("location")
            return None
        if self.rr.loose_route():
            return self.tm.t_relay()
        if not await self.registrar.lookup("location"):
            return self.sl.sl_send_reply(404, "Not Found")
        if await self.registrar.registered("location") and self.tm.t_relay():
            return None
        return None
