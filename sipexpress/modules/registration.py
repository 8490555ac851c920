"""What a REGISTER asks for, and what becomes of the bindings (RFC 3261 10.2, 10.3)."""

from __future__ import annotations

import re

from sipexpress.errors import ParseError, SipExpressError
from sipexpress.server.location import Binding
from sipexpress.sip.message import Request
from sipexpress.sip.nameaddr import NameAddr
from sipexpress.sip.uri import AnyUri, Uri, parse_uri

MAX_AOR = 256
MAX_CONTACT = 512
FOREVER = 2**32 - 1

# 423 is for times below one hour (10.3 step 7).
_HOUR = 3600
_PREFERENCE = re.compile(r"(?:[0-9]\.?[0-9]{0,3}|\.[0-9]{1,3})\Z")


class Refused(SipExpressError):
    """The REGISTER gets an error reply."""

    def __init__(self, code: int, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.headers = headers


class Change:
    """One Contact of a REGISTER: `expires` in seconds, 0 = remove."""

    __slots__ = ("expires", "q", "uri")

    def __init__(self, uri: Uri, expires: int, q: float | None) -> None:
        self.uri = uri
        self.expires = expires
        self.q = q


def aor_of(uri: AnyUri, use_domain: bool) -> str:
    """The address-of-record of a URI: the user part without escapes, with ``@host`` where
    `use_domain`. Raises Refused. The user part keeps its case (RFC 3261 19.1.4).
    """
    if not isinstance(uri, Uri):
        raise Refused(400, "Bad Request (not a SIP URI)")
    user = uri.user_unescaped
    if not user:
        raise Refused(400, "Bad Request (no user part)")
    aor = f"{user}@{uri.host.lower().rstrip('.')}" if use_domain else user
    if len(aor) > MAX_AOR:
        raise Refused(500, "AOR too long")
    return aor


def check_extensions(msg: Request) -> None:
    """Raise Refused where the REGISTER requires an extension: none is known here (10.3 step 2)."""
    required = msg.header_list("require")
    if required:
        names = b", ".join(required).decode("utf-8", "surrogateescape")
        raise Refused(420, "Bad Extension", (("Unsupported", names),))


def changes_of(msg: Request, default_expires: int, min_expires: int, max_expires: int) -> list[Change] | None:
    """The changes that a REGISTER wants: None = remove all (``*``), [] = only ask. Raises Refused."""
    try:
        header = _whole(msg.header("expires"))
        if msg.contact_star:
            if msg.header_list("contact") != [b"*"] or header != 0:
                raise Refused(400, "Bad Request (Contact * needs to stand alone, with Expires: 0)")
            return None
        changes = []
        for contact in msg.contacts:
            changes.append(_change(contact, default_expires if header is None else header))
    except ParseError:
        raise Refused(400, "Bad Request (Contact or Expires cannot be read)") from None
    for change in changes:
        if max_expires and change.expires > max_expires:
            change.expires = max_expires
        if 0 < change.expires < min(min_expires, _HOUR):
            raise Refused(423, "Interval Too Brief", (("Min-Expires", str(min_expires)),))
    return changes


def _whole(raw: bytes | None) -> int | None:
    if raw is None:
        return None
    # Garbage counts as 3600 (RFC 3261 10.2.1.1 with 20.19 of old clients).
    return min(int(raw), FOREVER) if raw.isdigit() and len(raw) <= 10 else 3600


def _change(contact: NameAddr, default: int) -> Change:
    uri = contact.uri
    if not isinstance(uri, Uri):
        raise Refused(400, "Bad Request (Contact is not a SIP URI)")
    if len(contact.uri_text) > MAX_CONTACT:
        raise Refused(400, "Bad Request (Contact is too long)")
    expires = contact.param("expires")
    seconds = default if expires is None else _whole(expires.encode("utf-8", "replace"))
    q = contact.param("q")
    # Escaped headers would end up in requests to this contact: dropped (RFC 3261 19.1.5).
    bare = uri if uri.headers is None else uri.replace(headers=None)
    return Change(bare, 3600 if seconds is None else seconds, None if q is None else _q(q))


def _q(text: str) -> float:
    if not _PREFERENCE.match(text) or float(text) > 1.0:
        raise Refused(400, "Bad Request (q is not between 0 and 1)")
    return float(text)


class Registration:
    """One REGISTER applied to the bindings of its address-of-record. All or nothing."""

    def __init__(self, msg: Request, changes: list[Change] | None, now: float) -> None:
        self._call_id = msg.call_id[:255].decode("utf-8", "surrogateescape")
        self._cseq = msg.cseq.number
        agent = msg.header("user-agent")
        self._agent = "" if agent is None else agent[:255].decode("utf-8", "replace")
        self._changes = changes
        self._now = now

    def applied(self, bindings: list[Binding], made: Binding, max_contacts: int) -> list[Binding]:
        """The bindings afterwards; `made` carries what new ones share (received, flags, flow). Raises Refused."""
        if self._changes is None:
            if not all(self._in_order(binding) for binding in bindings):
                raise Refused(500, "CSeq is out of order")
            return []
        wanted = {str(change.uri) for change in self._changes if change.expires}
        if max_contacts and len(wanted) > max(max_contacts, len(bindings)):
            # Before they are compared with each other, which costs their square.
            raise Refused(503, "Too many registered contacts")
        left = list(bindings)
        for change in self._changes:
            known = next((binding for binding in left if _same(binding.contact, change.uri)), None)
            if known is not None:
                if not self._in_order(known):
                    continue
                at = left.index(known)
                left[at : at + 1] = [self._binding(change, made)] if change.expires else []
            elif change.expires:
                left.append(self._binding(change, made))
        if max_contacts and len(left) > max_contacts and len(left) > len(bindings):
            raise Refused(503, "Too many registered contacts")
        # One without q counts as 1.0.
        return sorted(left, key=lambda binding: -1.0 if binding.q is None else -binding.q)

    def _in_order(self, binding: Binding) -> bool:
        """False for a retransmission. Raises Refused for what was overtaken (RFC 3261 10.3 step 7)."""
        if binding.call_id != self._call_id or binding.cseq < self._cseq:
            return True
        if binding.cseq == self._cseq:
            return False
        raise Refused(500, "CSeq is out of order")

    def _binding(self, change: Change, made: Binding) -> Binding:
        return Binding(
            str(change.uri),
            self._now + change.expires,
            q=change.q if change.q is not None else made.q,
            call_id=self._call_id,
            cseq=self._cseq,
            received=made.received,
            user_agent=self._agent,
            flags=made.flags,
            flow=made.flow,
            updated=self._now,
        )


def _same(contact: str, uri: Uri) -> bool:
    return contact == str(uri) or parse_uri(contact) == uri


def contact_header(bindings: list[Binding], now: float) -> tuple[tuple[str, str], ...]:
    """The Contact header of a reply; nothing when there are no bindings."""
    parts = []
    for binding in bindings:
        text = f"<{binding.contact}>"
        if binding.q is not None:
            text += f";q={binding.q:g}"
        text += f";expires={FOREVER if binding.permanent else max(0, round(binding.expires - now))}"
        if binding.received:
            text += f';received="{_escaped(binding.received)}"'
        parts.append(text)
    return (("Contact", ", ".join(parts)),) if parts else ()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
