"""A SIP server inside an asyncio program, on the loop that runs already. Its route awaits asyncio's own things.

    python examples/embed_in_asyncio.py --listen udp:127.0.0.1:5060

Whoever reaches the SIP port may register any name, so it listens on loopback unless told otherwise.
"""

import argparse
import asyncio
import signal
import sys
from typing import Any

from twisted.internet import asyncioreactor
from twisted.logger import globalLogBeginner, textFileLogObserver

import sipexpress
from sipexpress import use
from sipexpress.errors import ConfigError
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc


class Gentle(sipexpress.Router):
    """Thinks for a moment before it connects a call."""

    listen = ("udp:127.0.0.1:5060",)
    moment = 0.2

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
        if self.uri != self.myself:
            return self.sl.sl_send_reply(403, "No relaying to other domains")
        if self.method == "REGISTER":
            return await self.registrar.save("location")
        await asyncio.sleep(self.moment)  # other requests are served meanwhile
        if not await self.registrar.lookup("location"):
            return self.sl.sl_send_reply(404, "Not Found")
        self.rr.record_route()
        return self.relay()

    def relay(self) -> None:
        if not self.tm.t_relay():
            self.sl.sl_reply_error()


async def main(listen: list[str], secret_file: str | None) -> None:
    loop = asyncio.get_running_loop()
    # Before anything imports twisted.internet.reactor.
    asyncioreactor.install(loop)
    from twisted.internet import reactor

    running: Any = reactor
    running.startRunning(installSignalHandlers=False)  # the loop turns already; the signals are this program's

    ending = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)

    server = sipexpress.Server(Gentle, reactor, listen=listen, secret_file=secret_file, drain=2)
    await server.startService().asFuture(loop)
    try:
        await ending.wait()  # here the program does whatever else it is for
    finally:
        await server.stopService().asFuture(loop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A SIP server inside an asyncio program.")
    parser.add_argument("--listen", action="append", default=[], help="as in udp:127.0.0.1:5060; may be given again")
    parser.add_argument("--secret-file", help="where the secret of dialog marks is kept")
    options = parser.parse_args()
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    try:
        asyncio.run(main(options.listen, options.secret_file))
    except ConfigError as error:
        raise SystemExit(f"embed_in_asyncio: {error}") from None
