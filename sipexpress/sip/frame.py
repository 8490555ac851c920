"""Messages out of a byte stream (RFC 3261 18.3, RFC 5626 3.5.1)."""

from __future__ import annotations

import re

from sipexpress.errors import MessageError
from sipexpress.sip.headers import unfold
from sipexpress.sip.message import MAX_BODY
from sipexpress.sip.scan import MAX_HEADER_BLOCK

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.IGNORECASE)

PING = b"\r\n\r\n"
"""What `feed` gives for a keep-alive that wants CRLF back."""


class Framer:
    """Cuts a stream into messages. Every byte is looked at a bounded number of times."""

    __slots__ = ("_buffer", "_needed", "_seen", "damage", "max_body", "max_header")

    def __init__(self, max_header: int = MAX_HEADER_BLOCK, max_body: int = MAX_BODY) -> None:
        self.max_header = max_header
        self.max_body = max_body
        self.damage = ""
        """Why the stream cannot be cut any more; empty while it can."""
        self._buffer = bytearray()
        self._seen = 0
        """Up to here the buffer holds no end of the header."""
        self._needed = 0
        """The length of the message at the front, once its header is complete."""

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        # No more than three bytes of a keep-alive wait for the rest of it.
        return len(self._buffer) > 3 or bool(self._buffer.strip(b"\r\n"))

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; give the messages that are complete, and PING for each keep-alive.

        When the stream cannot be cut any more, `damage` says why: close the connection.
        """
        messages: list[bytes] = []
        if self.damage:
            return messages
        buffer = self._buffer
        buffer += data
        at = 0
        while True:
            if not self._needed:
                at = self._skip_blank(at, messages)
                try:
                    if not self._find_end(at):
                        break
                except MessageError as error:
                    self.damage = str(error)
                    buffer.clear()
                    return messages
            if len(buffer) - at < self._needed:
                break
            messages.append(bytes(buffer[at : at + self._needed]))
            at += self._needed
            self._needed = 0
            self._seen = at
        del buffer[:at]
        self._seen = max(0, self._seen - at)
        return messages

    def _skip_blank(self, at: int, messages: list[bytes]) -> int:
        """Line ends between messages; each double one is a keep-alive (a lone CR waits for its LF)."""
        buffer = self._buffer
        while buffer[at : at + 4] == PING:
            messages.append(PING)
            at += 4
        if buffer[at : at + 2] == b"\r\n" and len(buffer) - at > 2 and buffer[at + 2] != 0x0D:
            at += 2
        if self._seen < at:
            self._seen = at
        return at

    def _find_end(self, at: int) -> bool:
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n", self._seen)
        if end < 0 or end < at:
            self._seen = max(at, len(buffer) - 3)
            if self._seen - at > self.max_header:
                raise MessageError(f"no empty line within the first {self.max_header} bytes")
            return False
        if end - at > self.max_header:
            raise MessageError(f"a header of more than {self.max_header} bytes")
        lengths = {unfold(value) for value in _LENGTH.findall(bytes(buffer[at : end + 2]))}
        if len(lengths) != 1:
            raise MessageError("no Content-Length over a stream" if not lengths else "two different Content-Length")
        (text,) = lengths
        if not text.isdigit() or len(text) > 10:
            raise MessageError(f"Content-Length {text[:20]!r}: expected a number")
        if int(text) > self.max_body:
            raise MessageError(f"a body of {int(text)} bytes is above the limit of {self.max_body}")
        self._needed = end - at + 4 + int(text)
        return True
