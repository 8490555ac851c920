"""maxfwd: the hop limit (RFC 3261 16.6 step 3, 20.22)."""

from __future__ import annotations

from typing import ClassVar

import attrs
from zope.interface import implementer

from sipexpress.interfaces import IModule
from sipexpress.routing.marks import allowed
from sipexpress.routing.use import Functions, ModuleBase
from sipexpress.server.kinds import REQUEST
from sipexpress.server.parameters import between, number_of, whole


class MaxfwdFunctions(Functions):
    """What routes call as ``self.maxfwd``."""

    __slots__ = ()

    module: Maxfwd

    @allowed(REQUEST)
    def mf_process_maxfwd_header(self, default: int | str) -> bool:
        """Count one hop: decrement Max-Forwards, or add it with the value `default` (0 to 255; SER maxfwd).

        False when it is 0 already: reply 483. Call it once for each request. Does not wait.
        """
        limit = self.module.max_limit
        msg = self.ctx.msg
        value = msg.max_forwards
        if value is None:
            value = number_of(default, "mf_process_maxfwd_header", 0, 255)
            msg.insert(len(msg.keys), "max-forwards", b"Max-Forwards: %d" % (min(value, limit) if limit else value))
            return True
        if value == 0:
            return False
        value -= 1
        if limit and value > limit:
            value = limit
        msg.replace_first("max-forwards", b"Max-Forwards: %d" % value)
        return True


@implementer(IModule)
@attrs.define(kw_only=True, eq=False)
class Maxfwd(ModuleBase):
    """The hop limit."""

    name: ClassVar[str] = "maxfwd"
    functions: ClassVar[type[MaxfwdFunctions]] = MaxfwdFunctions

    max_limit: int = attrs.field(default=70, converter=whole, validator=between(0, 255))
    """Larger values are lowered to it before forwarding; 0 = off."""
