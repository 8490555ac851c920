"""OPEN TO EVERYBODY: chapter 6, "Hello World". Anyone may register any name and relay through it.

Run it in a closed network, to learn:

    twistd -n sipexpress --router=examples/hello_world.py:HelloWorld
"""

from typing import Any

from twisted.logger import Logger

import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc


class HelloWorld(sipexpress.Router):
    listen = ("udp:5060", "tcp:5060")

    sl = use(Sl)
    tm = use(Tm)
    rr = use(Rr, enable_full_lr=1)
    maxfwd = use(Maxfwd)
    usrloc = use(Usrloc, db_mode=0)
    registrar = use(Registrar)

    async def route(self) -> Any:
        # Sanity checks
        if not self.maxfwd.mf_process_maxfwd_header("10"):
            return self.sl.sl_send_reply("483", "Too Many Hops")
        if self.msg_len > self.max_len:
            return self.sl.sl_send_reply("513", "Message Overflow")

        # Stay in the path of the dialogs
        if self.method != "REGISTER":
            self.rr.record_route()
        if self.rr.loose_route():
            return self.route_default()

        # Not for us: on to where it belongs
        if self.uri != self.myself:
            return self.route_default()

        if self.method == "ACK":
            return self.route_default()
        if self.method == "REGISTER":
            return await self.route_register()

        await self.registrar.lookup("aliases")
        if self.uri != self.myself:
            return self.route_default()

        if not await self.registrar.lookup("location"):
            return self.sl.sl_send_reply("404", "User Not Found")
        return self.route_default()

    def route_default(self) -> None:
        """route[1]: the default message handler."""
        if not self.tm.t_relay():
            self.sl.sl_reply_error()

    async def route_register(self) -> None:
        """route[2]: REGISTER."""
        if not await self.registrar.save("location"):
            self.sl.sl_reply_error()

    def started(self, server: sipexpress.Server) -> None:
        Logger().warn("HelloWorld is open to everybody: anyone may register any name and relay through it")
