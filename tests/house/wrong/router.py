"""Wrong on purpose: mypy has to report each line that is marked."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc


class Wrong(sipexpress.Router):
    maxfwd = use(Maxfwd, max_limits=10)  # wrong: call-arg
    sl = use(Sl)
    tm = use(Tm, fr_timer=[])  # wrong: arg-type
    rr = use(Rr)
    usrloc = use(Usrloc)
    registrar = use(Registrar)

    async def route(self) -> Any:
        if not self.maxfwd.mf_process_maxfwd_headr(10):  # wrong: attr-defined
            return self.sl.sl_send_reply()  # wrong: call-arg
        if self.method == "REGISTER":
            self.registrar.save("location")  # wrong: unused-awaitable
            return None
        if self.rr.loose_route():
            return self.tm.t_relai()  # wrong: attr-defined
        if not self.registrar.lookup("location"):  # wrong: truthy-bool
            return self.sl.sl_send_reply(404, "Not Found")
        if self.registrar.registered("location") and self.tm.t_relay():  # wrong: truthy-bool
            return None
        return None
