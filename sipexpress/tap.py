"""``twistd sipexpress``: options, and the service that twistd runs."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python import usage

from sipexpress.cli.config_file import read_config
from sipexpress.cli.find_router import find_router
from sipexpress.errors import ConfigError
from sipexpress.server.garbage import Collector, tune_gc
from sipexpress.server.server import Server
from sipexpress.server.settings import nearest

DEFAULT_ROUTER = "sipexpress.routers.Lan"


class Options(usage.Options):
    """The command line."""

    synopsis = "[options]"
    longdesc = (
        "Runs a SIP server for a router: a Python class derived from sipexpress.Router. Without --router it is "
        "sipexpress.routers.Lan, which serves the phones of the local network. "
        "SIGTERM ends it once the calls under way are set up; "
        "SIGHUP reads the configuration file and the router again."
    )
    optParameters = [
        ["router", "r", None, "the router: module.Class or path/to/file.py:Class", str],
        ["config", "c", None, "a TOML file with [server] and [module.NAME] tables", str],
        ["app-dir", None, ".", "where --router and its imports are looked for", str],
        ["advertise", None, None, "host[:port] for Via and Record-Route, behind 1:1 NAT", str],
        ["log-level", None, None, "debug, info, warn, error or critical [default: info]", str],
        ["drain", None, None, "seconds that calls being set up may take when the server ends [default: 10]", str],
        ["secret-file", None, None, "where the secret of dialog marks is kept", str],
    ]
    optFlags = [
        ["trace", None, "log each SIP message, secrets masked"],
        ["check", None, "import the router, check every module and parameter, and exit"],
    ]
    compData = usage.Completions(
        optActions={"config": usage.CompleteFiles("*.toml"), "app-dir": usage.CompleteDirs()},
        multiUse=["listen", "alias", "modparam"],
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.listen: list[str] = []
        self.aliases: list[str] = []
        self.modparams: dict[str, dict[str, str]] = {}

    def opt_listen(self, text: str) -> None:
        """udp:5060, tcp:192.0.2.1:5060 and so on; may be given several times, and replaces the router's list"""
        self.listen.append(text)

    def opt_alias(self, text: str) -> None:
        """a name that counts as this server, besides its addresses; may be given several times"""
        self.aliases.append(text)

    def opt_modparam(self, text: str) -> None:
        """module.parameter=value, as in tm.fr_timer=10; may be given several times"""
        found = re.match(r"([A-Za-z_]\w*)\.([A-Za-z_]\w*)=(.*)\Z", text, re.DOTALL)
        if found is None:
            raise usage.UsageError(f"--modparam {text}: expected module.parameter=value, as in tm.fr_timer=10")
        module, name, value = found.groups()
        self.modparams.setdefault(module, {})[name] = value

    opt_l = opt_listen
    opt_a = opt_alias
    opt_m = opt_modparam

    def parseOptions(self, options: Any = None) -> None:
        """Read the arguments; an unknown option is answered with the nearest right one."""
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            found = re.match(r"option (--?)(\S+) not recognized", str(error))
            if found is None:
                raise
            names = [name.rstrip("=") for name in self.longOpt]
            name = found.group(2)
            if self.parent is not None and name in [each.rstrip("=") for each in self.parent.longOpt]:
                raise usage.UsageError(f"--{name} is an option of twistd itself: write it before sipexpress") from None
            raise usage.UsageError(f"unknown option {found.group(1)}{name}{nearest(name, names)}") from None

    def parseArgs(self, *args: str) -> None:
        """There are no arguments besides options."""
        if args:
            raise usage.UsageError(f"unexpected argument {args[0]!r}: a router is given as --router={args[0]}")


def _plan(options: Options) -> tuple[str, dict[str, Any], dict[str, dict[str, Any]]]:
    """(router, settings, modparams): command line before TOML. Raises ConfigError."""
    settings: dict[str, Any] = {}
    modparams: dict[str, dict[str, Any]] = {}
    router = DEFAULT_ROUTER
    if options["config"]:
        settings, modparams = read_config(Path(options["config"]))
        router = settings.pop("router", router)
    for option in ("advertise", "log-level", "drain", "secret-file"):
        if options[option] is not None:
            settings[option.replace("-", "_")] = options[option]
    if options["trace"]:
        settings["trace"] = True
    if options.listen:
        settings["listen"] = options.listen
    if options.aliases:
        settings["aliases"] = options.aliases
    for module, values in options.modparams.items():
        modparams[module] = {**modparams.get(module, {}), **values}
    return options["router"] or router, settings, modparams


def _server(options: Options, reactor: Any) -> Server:
    spec, settings, modparams = _plan(options)
    router = find_router(spec, options["app-dir"])
    return Server(router, reactor, modparams=modparams, **settings)


def makeService(options: Options) -> IService:
    """The service of ``twistd sipexpress``. It opens nothing yet; what is wrong ends the program in one line."""
    from twisted.internet import reactor

    try:
        server = _server(options, reactor)
    except ConfigError as error:
        raise SystemExit(f"sipexpress: {error}") from None
    except Exception:
        traceback.print_exc()
        raise SystemExit("sipexpress: the router could not be imported") from None
    if options["check"]:
        print(summary(server))  # noqa: T201 - the answer of --check
        raise SystemExit(0)
    return TapService(options, server, reactor)


def summary(server: Server) -> str:
    """What --check says of a good configuration."""
    cls = type(server.router)
    modules = ", ".join(module.name for module in server.boot.modules.values()) or "none"
    listen = ", ".join(server.settings.listen or server.router.listen)
    return f"sipexpress: {cls.__module__}.{cls.__qualname__} is good: modules {modules}; listens on {listen}"


class TapService(Service):
    """A server together with what only a program of its own may touch: signals, limits, the garbage collector."""

    def __init__(self, options: Options, server: Server, reactor: Any) -> None:
        self._options = options
        self._reactor = reactor
        self._log = Logger(namespace="sipexpress")
        self._ending = False
        self._collector = Collector(reactor, lambda: not len(self.server.servers))
        self._terminal = None if options.parent is None or options.parent["nodaemon"] else _copy_of_stderr()
        self.server = server
        self.name = "sipexpress"

    def privilegedStartService(self) -> None:
        """Open the sockets; a port that cannot be had ends the program in one line."""
        raise_file_limit()
        try:
            self.server.privilegedStartService()
        except ConfigError as error:
            self._fail(error)

    def _fail(self, error: ConfigError) -> None:
        parent = self._options.parent
        if parent is None:
            raise error
        self._tell(str(error))
        if not parent["nodaemon"]:
            self._log.critical("{error}", error=str(error))
            # Of an exception twistd would print 100 bytes here, and a traceback into the log.
            os.write(parent["statusPipe"], b"1 the server did not start")
        raise SystemExit(1)

    def _tell(self, reason: str) -> None:
        """The last words, where the command was given; by now twistd has turned sys.stderr into its log."""
        parent = self._options.parent
        if parent is not None and parent["pidfile"]:
            with suppress(OSError):
                os.unlink(parent["pidfile"])
        if self._terminal is None:
            print(f"sipexpress: {reason}", file=sys.__stderr__)
        else:
            os.write(self._terminal, f"sipexpress: {reason}\n".encode())

    def _leave_terminal(self) -> None:
        if self._terminal is not None:
            os.close(self._terminal)  # a shell in a pipe waits for whoever holds it
            self._terminal = None

    def startService(self) -> None:
        """Start the modules, and look after signals."""
        super().startService()  # type: ignore[no-untyped-call]
        self._reactor.callWhenRunning(self._listen_to_signals)
        self.server.startService().addCallbacks(self._started, self._failed)

    def _started(self, result: object) -> None:
        self._leave_terminal()
        tune_gc()
        self._collector.start()

    def _failed(self, failure: Any) -> None:
        if failure.check(ConfigError):
            self._log.critical("{error}", error=failure.getErrorMessage())
            self._tell(failure.getErrorMessage())
        else:
            self._log.failure("the server did not start", failure)
            self._tell("the server did not start; the log says why")
        self._leave_terminal()
        self._reactor.callWhenRunning(self._quit, 1)

    def _quit(self, code: int) -> None:
        # sys.exit inside the reactor would be logged and ignored.
        self._reactor.addSystemEventTrigger("after", "shutdown", os._exit, code)
        self._stop_reactor()

    def stopService(self) -> Deferred[None] | None:
        """Drain, then close everything."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._collector.stop()
        return self.server.stopService()

    # signals

    def _listen_to_signals(self) -> None:
        # twistd would end with the signal as its exit code; a server that was asked to stop ends with 0.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._reactor.callFromThread(self.terminate))
        signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self.reload))

    def terminate(self) -> None:
        """End: the first time let transactions finish, the second time at once."""
        if self._ending:
            self.server.hurry()
            return
        self._ending = True
        self._log.info("the server ends; transactions have {drain} s", drain=self.server.settings.drain)
        self.server.stopService().addBoth(lambda _: self._stop_reactor())

    def _stop_reactor(self) -> None:
        if self._reactor.running:
            self._reactor.stop()

    def reload(self) -> None:
        """SIGHUP: read the TOML file and the router again, look for new addresses. What is wrong changes nothing."""
        ensureDeferred(self._reload()).addErrback(
            lambda failure: self._log.failure("SIGHUP: nothing was changed", failure)
        )

    async def _reload(self) -> None:
        try:
            spec, settings, modparams = _plan(self._options)
            router = find_router(spec, self._options["app-dir"], fresh=True)
            await self.server.reload(router, modparams, settings)
        except ConfigError as error:
            self._log.error("SIGHUP: nothing was changed: {error}", error=str(error))
        else:
            self._log.info("SIGHUP: configuration and router are new")
        self.server.rescan()


def _copy_of_stderr() -> int | None:
    """A file descriptor that is still the terminal when twistd has gone into the background."""
    try:
        return os.dup(2)
    except OSError:  # there is none
        return None


def raise_file_limit() -> None:
    """Let the process open as many files as it may: each TCP connection is one."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


__all__ = ["Options", "makeService"]
