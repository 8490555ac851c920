"""A SIP server inside a Twisted web application: one process, one reactor, one page with the registered users.

    python examples/embed_in_app.py --listen udp:127.0.0.1:5060 --web tcp:8080:interface=127.0.0.1

Whoever reaches the SIP port may register any name, so it listens on loopback unless told otherwise.
"""

import argparse
import sys
from html import escape
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

import sipexpress
from sipexpress import use
from sipexpress.errors import ConfigError
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc


class Phones(sipexpress.Router):
    listen = ("udp:127.0.0.1:5060",)

    maxfwd = use(Maxfwd)
    sl = use(Sl)
    tm = use(Tm)
    rr = use(Rr)
    usrloc = use(Usrloc)
    registrar = use(Registrar)

    def __init__(self) -> None:
        self.served = {"calls": 0}

    async def route(self) -> Any:
        if not self.maxfwd.mf_process_maxfwd_header(10):
            return self.sl.sl_send_reply(483, "Too Many Hops")
        if self.rr.loose_route():
            return self.relay()
        if self.uri != self.myself:
            return self.sl.sl_send_reply(403, "No relaying to other domains")
        if self.method == "REGISTER":
            return await self.registrar.save("location")
        if not await self.registrar.lookup("location"):
            return self.sl.sl_send_reply(404, "Not Found")
        if self.method == "INVITE":
            self.served["calls"] += 1
        self.rr.record_route()
        return self.relay()

    def relay(self) -> None:
        if not self.tm.t_relay():
            self.sl.sl_reply_error()


class UsersPage(Resource):
    """Who is registered. What phones said of themselves is escaped: it comes from outside."""

    isLeaf = True

    def __init__(self, server: sipexpress.Server) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sip = server

    def render_GET(self, request: Request) -> bytes:
        usrloc = self.sip.boot.find("usrloc")
        rows = [
            f"<li>{escape(user)}: {escape(', '.join(binding.contact for binding in bindings))}</li>"
            for user in sorted(usrloc.tables.get("location", {}))
            if (bindings := usrloc.fetch("location", user))
        ]
        calls = self.sip.router.served["calls"]
        request.setHeader(b"content-type", b"text/html; charset=utf-8")
        return f"<h1>Registered</h1><ul>{''.join(rows)}</ul><p>{calls} calls so far</p>".encode("utf-8", "replace")


async def main(reactor: Any, *arguments: str) -> None:
    parser = argparse.ArgumentParser(description="A SIP server inside a Twisted web application.")
    parser.add_argument("--listen", action="append", help="as in udp:127.0.0.1:5060; may be given several times")
    parser.add_argument("--web", default="tcp:8080:interface=127.0.0.1", help="where the page is [%(default)s]")
    parser.add_argument("--secret-file", help="where the secret of dialog marks is kept")
    options = parser.parse_args(arguments)
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)

    try:
        server = sipexpress.Server(
            Phones, reactor, listen=options.listen or (), secret_file=options.secret_file, drain=2
        )
        await server.startService()
        # SIGINT and SIGTERM stop the reactor, which waits for what its triggers return.
        reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
        await serverFromString(reactor, options.web).listen(Site(UsersPage(server)))
    except (ConfigError, CannotListenError) as error:
        raise SystemExit(f"embed_in_app: {error}") from None
    await Deferred()  # never fires: a signal ends the program


if __name__ == "__main__":
    react(main, sys.argv[1:])
