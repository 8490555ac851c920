"""The borders of the house: what one room may ask of another (zope Interfaces)."""

from zope.interface import Attribute, Interface


class IRouter(Interface):
    """A user's routing logic, as the server sees it."""

    listen = Attribute("Where to listen, as texts like ``udp:5060``.")
    aliases = Attribute("Names that count as this server besides its addresses.")

    def modules(modparams):  # type: ignore[no-untyped-def]
        """Return the modules of the router: a dict of attribute name -> module, configured with
        what `modparams` (module name -> parameter -> value) overrides. Raise ConfigError.
        """

    def started(server):  # type: ignore[no-untyped-def]
        """The server runs; may wait."""

    def stopped(server):  # type: ignore[no-untyped-def]
        """The server ends; may wait."""

    def bind(modules):  # type: ignore[no-untyped-def]
        """Return an IRoutes for one server, whose modules are in the dict `modules`."""


class IRoutes(Interface):
    """The handlers of one router, bound to one server."""

    def run(handler, context, done):  # type: ignore[no-untyped-def]
        """Run `handler` (None: the request route) for `context`.

        Return None when it has ended (an exception that ended it propagates), else a run
        with ``cancel(why)``; then ``done(context, error)`` is called once, with None or the exception.
        """


class IModule(Interface):
    """A module: its parameters and its life cycle."""

    name = Attribute("SER's name of the module, as in ``modparam``.")
    functions = Attribute("The class of functions that routes may call.")

    def inherit(before):  # type: ignore[no-untyped-def]
        """Take over what `before`, the same module of the router before SIGHUP, holds."""

    def attach(server):  # type: ignore[no-untyped-def]
        """Meet the other modules (``server.need``) and check parameters; raise ConfigError."""

    def start():  # type: ignore[no-untyped-def]
        """Begin work; may return a Deferred."""

    def stop():  # type: ignore[no-untyped-def]
        """End work; may return a Deferred."""


class ILocationStore(Interface):
    """Where registrations live: tables of address-of-record -> bindings."""

    def fetch(table, aor):  # type: ignore[no-untyped-def]
        """Return the valid bindings of `aor`, best first: a list, or a Deferred of one."""

    def store(table, aor, bindings):  # type: ignore[no-untyped-def]
        """Make `bindings` the bindings of `aor`, all or nothing; None when done, or a Deferred.

        It has ended only when the write that the store promises has (memory, disk, database).
        """


ILocationStore.setTaggedValue("module", "usrloc = use(Usrloc)")


class INetwork(Interface):
    """The sockets of a server: real ones, or the in-memory wire of the test kit."""

    def open(specs, receiver, advertise):  # type: ignore[no-untyped-def]
        """Listen; return the list of sockets. Raise ConfigError, leaving nothing open."""

    def flow_to(protocol, address, prefer):  # type: ignore[no-untyped-def]
        """Return a flow to `address`, from the socket `prefer` where that fits; None when none fits."""

    def close():  # type: ignore[no-untyped-def]
        """Close all sockets; return a Deferred."""


class IResolver(Interface):
    """RFC 3263."""

    def locate(host, port, transport, sips):  # type: ignore[no-untyped-def]
        """Return the targets (protocol, ip, port) for a host, best first: a list, or a Deferred of one."""
