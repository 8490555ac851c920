"""usrloc: the location store, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

import attrs
from zope.interface import implementer

from sipexpress.errors import ConfigError, SipExpressError, UriError
from sipexpress.interfaces import ILocationStore, IModule
from sipexpress.routing.use import Functions, ModuleBase
from sipexpress.server.location import Binding
from sipexpress.server.parameters import between, maybe_switch, seconds, switch, whole
from sipexpress.sip.uri import parse_uri

_CHUNK = 5000


class UsrlocFunctions(Functions):
    """usrloc has no functions for routes: they call ``self.registrar``."""

    __slots__ = ()


def _table(value: dict[str, str] | None) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise ValueError(f"{value!r}: expected a table of address-of-record = SIP URI")
    for uri in value.values():
        try:
            parse_uri(uri)
        except UriError:
            raise ValueError(f"{uri!r}: expected a URI") from None
    return dict(value)


@implementer(IModule, ILocationStore)
@attrs.define(kw_only=True, eq=False)
class Usrloc(ModuleBase):
    """Registrations by table and address-of-record. Any name given to save or lookup is a table;
    usual ones are ``location`` and ``aliases``.
    """

    name: ClassVar[str] = "usrloc"
    functions: ClassVar[type[UsrlocFunctions]] = UsrlocFunctions

    db_mode: int = attrs.field(default=0, converter=whole, validator=between(0, 0))
    """0 = memory only: bindings are lost when the server ends, and phones register again. This
    version has no other mode."""
    timer_interval: float = attrs.field(default=60.0, converter=seconds)
    """Seconds between two removals of expired bindings (they are never used once expired)."""
    use_domain: bool | None = attrs.field(default=None, converter=maybe_switch)
    """Whether ``alice@a.example`` and ``alice@b.example`` are two users; by default where the
    server has more than one alias."""
    desc_time_order: bool = attrs.field(default=False, converter=switch)
    """Newest contact first, whatever its q."""
    max_records: int = attrs.field(default=1_000_000, converter=whole)
    """Addresses-of-record in all tables; beyond, save answers 500."""
    aliases: dict[str, str] = attrs.field(default=None, converter=_table)
    """Permanent entries of the table ``aliases``: address-of-record -> SIP URI."""

    server: Any = attrs.field(default=None, init=False)
    tables: dict[str, dict[str, list[Binding]]] = attrs.field(factory=dict, init=False)
    _timer: Any = attrs.field(default=None, init=False)
    _old_aliases: dict[str, str] = attrs.field(factory=dict, init=False)

    @property
    def records(self) -> int:
        """How many addresses-of-record there are."""
        return sum(map(len, self.tables.values()))

    def inherit(self, before: Any) -> None:
        """Keep the registrations."""
        self.tables = before.tables
        self._old_aliases = before.aliases

    def attach(self, server: Any) -> None:
        """Meet the server."""
        self.server = server
        if self.use_domain is None:
            self.use_domain = len(server.identity.aliases) > 1
        if not self.timer_interval:
            raise ConfigError("module usrloc: timer_interval: expected more than 0 seconds")

    def start(self) -> None:
        """Fill in the aliases; begin to remove what expires."""
        for aor in self._old_aliases.keys() - self.aliases.keys():
            self.store("aliases", aor, [binding for binding in self.fetch("aliases", aor) if not binding.permanent])
        for aor, uri in self.aliases.items():
            self.store("aliases", aor, [Binding(uri, 0.0, permanent=True)])
        self._timer = self.server.later(self.timer_interval, self._expire)

    def stop(self) -> None:
        """No more timers."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def fetch(self, table: str, aor: str) -> list[Binding]:
        """The valid bindings of `aor`, best first."""
        bindings = self.tables.get(table, {}).get(aor)
        if bindings is None:
            return []
        now = self.server.wall()
        return [binding for binding in bindings if binding.valid(now)]

    def store(self, table: str, aor: str, bindings: list[Binding]) -> None:
        """Make `bindings` the bindings of `aor`. Raises SipExpressError at max_records."""
        records = self.tables.get(table, {})
        if not bindings:
            records.pop(aor, None)
            if not records:
                self.tables.pop(table, None)  # its name may have come from a peer
            return
        if aor not in records and self.records >= self.max_records:
            raise SipExpressError(f"usrloc holds max_records = {self.max_records} records")
        if self.desc_time_order:
            bindings = sorted(bindings, key=lambda binding: -binding.updated)
        records[aor] = bindings
        self.tables[table] = records

    def _expire(self) -> None:
        places = ((table, aor) for table in list(self.tables) for aor in list(self.tables.get(table, ())))
        self._expire_some(places)

    def _expire_some(self, places: Iterator[tuple[str, str]]) -> None:
        """A part at a time, so that a large table never stops the server."""
        now = self.server.wall()
        some = list(islice(places, _CHUNK))
        for table, aor in some:
            bindings = self.tables.get(table, {}).get(aor)
            if bindings is None:
                continue
            left = [binding for binding in bindings if binding.valid(now)]
            if len(left) != len(bindings):
                self.store(table, aor, left)
        self._timer = (
            self.server.later(0, self._expire_some, places)
            if len(some) == _CHUNK
            else self.server.later(self.timer_interval, self._expire)
        )
