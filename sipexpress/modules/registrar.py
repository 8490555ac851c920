"""registrar: REGISTER, and where a user can be reached (RFC 3261 section 10)."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from typing import Any, ClassVar

import attrs
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from sipexpress.errors import ConfigError, ParseError
from sipexpress.interfaces import ILocationStore, IModule
from sipexpress.modules.contact_policy import check_contact
from sipexpress.modules.registration import (
    Refused,
    Registration,
    aor_of,
    changes_of,
    check_extensions,
    contact_header,
)
from sipexpress.routing.awaitable import Answer, Known
from sipexpress.routing.marks import allowed
from sipexpress.routing.use import Functions, ModuleBase
from sipexpress.server.kinds import FAILURE, REQUEST
from sipexpress.server.location import Binding
from sipexpress.server.parameters import between, maybe_switch, switch, whole
from sipexpress.sip.uri import parse_uri

_LANE = 16


class RegistrarFunctions(Functions):
    """What routes call as ``self.registrar``."""

    __slots__ = ()

    module: Registrar

    @allowed(REQUEST)
    def save(self, table: str) -> Answer[bool]:
        """Do what a REGISTER asks, in `table`, and answer it (RFC 3261 10.3; SER registrar). Waits.

        The address-of-record is that of To. True when it was answered 200. False when it was
        refused, and answered: 400 (To, Contact or Expires), 403 (a contact that is not the
        user's to name), 420 (an extension in Require), 423 (below min_expires), 500 (CSeq out
        of order, or the store failed), 503 (max_contacts).
        """
        return self.module.save(self.ctx, table, reply=True, name="registrar.save()")

    @allowed(REQUEST)
    def save_noreply(self, table: str) -> Answer[bool]:
        """The same as ``save`` without any reply, which the route then sends itself (SER registrar). Waits."""
        return self.module.save(self.ctx, table, reply=False, name="registrar.save_noreply()")

    @allowed(REQUEST)
    def save_memory(self, table: str) -> Answer[bool]:
        """The same as ``save`` for bindings that are never written to a database (SER registrar). Waits."""
        return self.module.save(self.ctx, table, reply=True, name="registrar.save_memory()")

    @allowed(REQUEST | FAILURE)
    def lookup(self, table: str) -> Answer[bool]:
        """Replace the Request-URI by the best contact of its user (SER registrar). Waits.

        With append_branches the other contacts become further targets. True when the user is
        registered; else False and nothing has changed. Flag nat_flag is set when a contact is
        behind NAT.
        """
        return self.module.lookup(self.ctx, table)

    @allowed(REQUEST | FAILURE)
    def registered(self, table: str) -> Answer[bool]:
        """Whether the user of the Request-URI is registered; changes nothing (SER registrar). Waits."""
        return self.module.fetch(self.ctx, table, "registrar.registered()", lambda ctx, bindings: len(bindings) > 0)


def _networks(value: tuple[str, ...] | list[str] | str) -> tuple[Any, ...]:
    items = value.split(",") if isinstance(value, str) else value
    texts = [str(item).strip() for item in items]
    return tuple(ipaddress.ip_network(text) for text in texts if text)


def _preference(value: float | str) -> float:
    number = float(value)
    if number != -1.0 and not 0.0 <= number <= 1.0:
        raise ValueError(f"{value!r}: expected a number from 0 to 1, or -1 for none")
    return number


@implementer(IModule)
@attrs.define(kw_only=True, eq=False)
class Registrar(ModuleBase):
    """The registrar. Needs a location store: usrloc."""

    name: ClassVar[str] = "registrar"
    functions: ClassVar[type[RegistrarFunctions]] = RegistrarFunctions

    default_expires: int = attrs.field(default=3600, converter=whole)
    """Seconds, where a REGISTER names none."""
    min_expires: int = attrs.field(default=60, converter=whole)
    """Shorter times, in seconds, are refused with 423, but never an hour or more; 0 = off."""
    max_expires: int = attrs.field(default=0, converter=whole)
    """Longer times, in seconds, are shortened; 0 = off."""
    default_q: float = attrs.field(default=-1.0, converter=_preference)
    """The preference (0 to 1) of contacts without one; -1 = none."""
    append_branches: bool = attrs.field(default=True, converter=switch)
    """Whether lookup calls all contacts, or only the best one."""
    case_sensitive: bool = attrs.field(default=True, converter=switch)
    """Whether Alice and alice are two users (RFC 3261 19.1.4; SER's default was no)."""
    nat_flag: int = attrs.field(default=4, converter=whole, validator=between(1, 31))
    """The message flag that says a contact is behind NAT."""
    use_domain: bool | None = attrs.field(default=None, converter=maybe_switch)
    """Has to be what usrloc says; by default it is."""
    realm_prefix: str = ""
    """With use_domain: a leading label of the domain, such as ``sip.``, that does not count."""
    received_avp: int = attrs.field(default=42, converter=whole)
    """The AVP with the real source of a REGISTER, as a URI."""
    max_contacts: int = attrs.field(default=10, converter=whole)
    """Contacts of one address-of-record; beyond, 503. 0 = unlimited."""
    retry_after: int = attrs.field(default=0, converter=whole)
    """Seconds in Retry-After of 5xx replies; 0 = no header."""
    allow_contacts: tuple[Any, ...] = attrs.field(default=(), converter=_networks)
    """Networks in which a contact is good whatever else forbids it, but for the server's own sockets."""
    allow_contact_names: bool = attrs.field(default=False, converter=switch)
    """Whether the host of a contact may be a name, which can lead anywhere."""

    server: Any = attrs.field(default=None, init=False)
    location: Any = attrs.field(default=None, init=False)
    _lanes: dict[tuple[str, str], deque[tuple[Saving, Answer[bool]]]] = attrs.field(factory=dict, init=False)

    def inherit(self, before: Any) -> None:
        """Keep the order of REGISTERs that are on their way."""
        self._lanes = before._lanes

    def attach(self, server: Any) -> None:
        """Find the location store."""
        self.server = server
        self.location = server.need(ILocationStore, self)

    def start(self) -> None:
        """Settle use_domain with the location store."""
        if self.use_domain is None:
            self.use_domain = bool(self.location.use_domain)
        elif self.use_domain != self.location.use_domain:
            raise ConfigError(
                f"registrar has use_domain {self.use_domain}, usrloc {self.location.use_domain}: set both alike"
            )

    def aor(self, uri: str | bytes) -> str:
        """The address-of-record of a URI, under which its bindings are kept. Raises UriError, Refused."""
        return _aor(uri, bool(self.use_domain), self.realm_prefix, self.case_sensitive)

    # lookup

    def lookup(self, ctx: Any, table: str) -> Answer[bool]:
        """See RegistrarFunctions.lookup."""
        return self.fetch(ctx, table, "registrar.lookup()", self._take)

    def fetch(self, ctx: Any, table: str, name: str, use: Callable[[Any, list[Binding]], bool]) -> Answer[bool]:
        """Give `use` the context and the bindings of the Request-URI's user; False where that is none."""
        try:
            aor = self.aor(ctx.msg.raw_uri)
        except (ParseError, Refused):
            return Known(False, ctx, name)
        found = self.location.fetch(table, aor)
        if type(found) is list:
            return Known(use(ctx, found), ctx, name)
        answer: Answer[bool] = Answer(ctx, name, lambda _: found.cancel())
        found.addCallbacks(lambda bindings: answer.callback(use(ctx, bindings)), answer.errback)
        return answer

    def _take(self, ctx: Any, bindings: list[Binding]) -> bool:
        if not bindings:
            return False
        call, msg = ctx.call, ctx.msg
        first = bindings[0]
        msg.set_uri(first.contact)
        msg.dst_uri = first.received.encode() if first.received else None
        msg.flow = first.flow
        used = bindings if self.append_branches else bindings[:1]
        behind_nat = first.flags & 1
        for binding in used[1:]:
            received = binding.received.encode() if binding.received else None
            contact = binding.contact.encode("utf-8", "surrogateescape")
            call.append_target(contact, received, binding.q, binding.flow)
            behind_nat |= binding.flags & 1
        if behind_nat:
            call.flags |= 1 << self.nat_flag
        return True

    # save

    def save(self, ctx: Any, table: str, reply: bool, name: str) -> Answer[bool]:
        """See RegistrarFunctions.save. REGISTERs of one address-of-record run one after the other."""
        saving = Saving(self, ctx, table, reply)
        if not saving.check():
            return Known(False, ctx, name)
        key = (table, saving.aor)
        lane = self._lanes.get(key)
        if lane is None:
            result = saving.run()
            if not isinstance(result, Deferred):
                return Known(result, ctx, name)
            answer: Answer[bool] = Answer(ctx, name)
            self._lanes[key] = deque()
            result.addCallback(self._saved, key, answer)
            return answer
        if len(lane) >= _LANE:
            return Known(saving.refuse(Refused(503, "Too many registrations at once")), ctx, name)
        answer = Answer(ctx, name)
        lane.append((saving, answer))
        return answer

    def _saved(self, result: bool, key: tuple[str, str], answer: Answer[bool]) -> None:
        """One REGISTER is done; the next one of its address-of-record has its turn."""
        lane = self._lanes[key]
        while True:
            if not answer.called:
                answer.callback(result)
            if not lane:
                del self._lanes[key]
                return
            saving, answer = lane.popleft()
            if answer.called:  # its route has ended, and the request has its answer
                continue
            outcome = saving.run()
            if isinstance(outcome, Deferred):
                outcome.addCallback(self._saved, key, answer)
                return
            result = outcome


class Saving:
    """One REGISTER on its way into the store."""

    __slots__ = ("_asks", "_ctx", "_module", "_registration", "_reply", "_table", "aor")

    def __init__(self, module: Registrar, ctx: Any, table: str, reply: bool) -> None:
        self._module = module
        self._ctx = ctx
        self._table = table
        self._reply = reply
        self.aor = ""

    def check(self) -> bool:
        """Read what the REGISTER asks; False when it was refused."""
        module, ctx = self._module, self._ctx
        msg = ctx.msg
        try:
            check_extensions(msg)
            self.aor = module.aor(msg.to.uri_text)
            changes = changes_of(msg, module.default_expires, module.min_expires, module.max_expires)
            for change in changes or ():
                if change.expires:
                    check_contact(
                        module.server,
                        change.uri,
                        ctx.call.source.address[0],
                        module.allow_contacts,
                        module.allow_contact_names,
                    )
        except ParseError:
            return self.refuse(Refused(400, "Bad Request (To cannot be read)"))
        except Refused as refused:
            return self.refuse(refused)
        self._asks = changes == []
        self._registration = Registration(msg, changes, module.server.wall())
        return True

    def run(self) -> bool | Deferred[bool]:
        """Fetch, apply, store, answer."""
        try:
            result = _then(self._module.location.fetch(self._table, self.aor), self._apply)
        except Exception:
            return self._failed(Failure())
        if isinstance(result, Deferred):
            result.addErrback(self._failed)
        return result

    def _apply(self, bindings: list[Binding]) -> bool | Deferred[bool]:
        if self._asks:
            return self._accept(bindings)
        module = self._module
        after = self._registration.applied(bindings, self._made(), module.max_contacts)
        return _then(module.location.store(self._table, self.aor, after), lambda _: self._accept(after))

    def _made(self) -> Binding:
        """What all contacts of this REGISTER share."""
        module, call = self._module, self._ctx.call
        received = "" if call.avp is None else str(call.avp.get(module.received_avp, ""))
        return Binding(
            "",
            0.0,
            q=None if module.default_q < 0 else module.default_q,
            received=received,
            flags=call.flags >> module.nat_flag & 1,
            flow=call.source if call.source.reliable else None,
        )

    def _accept(self, bindings: list[Binding]) -> bool:
        if not self._reply:
            return True
        now = self._module.server.wall()
        valid = [binding for binding in bindings if binding.valid(now)]
        headers = (*contact_header(valid, now), ("Date", formatdate(now, usegmt=True)))
        return bool(self._ctx.call.reply(200, "OK", headers))

    def refuse(self, refused: Refused) -> bool:
        """Answer with an error; always False."""
        if self._reply:
            headers = refused.headers
            if refused.code >= 500 and self._module.retry_after:
                headers = (*headers, ("Retry-After", str(self._module.retry_after)))
            self._ctx.call.reply(refused.code, refused.reason, headers)
        return False

    def _failed(self, failure: Failure) -> bool:
        if isinstance(failure.value, Refused):
            return self.refuse(failure.value)
        self._module.server.log.failure(
            "the location store failed (Call-ID {call_id})", failure, call_id=self._ctx.call.call_id
        )
        return self.refuse(Refused(500, "Server Internal Error"))


@lru_cache(4096)
def _aor(text: str | bytes, use_domain: bool, realm_prefix: str, case_sensitive: bool) -> str:
    aor = aor_of(parse_uri(text), use_domain)
    if use_domain and realm_prefix:
        user, _, host = aor.rpartition("@")
        aor = f"{user}@{host.removeprefix(realm_prefix.lower())}"
    return aor if case_sensitive else aor.lower()


def _then(value: Any, use: Callable[[Any], bool | Deferred[bool]]) -> bool | Deferred[bool]:
    """Give a value to `use`, now or when it comes."""
    return value.addCallback(use) if isinstance(value, Deferred) else use(value)
