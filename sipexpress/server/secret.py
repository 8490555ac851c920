"""Secrets and unguessable names: tags, branches, dialog marks (64 random or keyed bits)."""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from pathlib import Path

from sipexpress.errors import ConfigError

SIZE = 32
TAG_LENGTH = 16
"""Bytes of a tag of this server."""


def load_secret(path: Path) -> bytes:
    """The secret in the file `path`; it is made there, mode 0600, when the file is missing.

    Raises ConfigError when the file cannot be used or is not what this function wrote.
    """
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_bytes()
            if len(secret) != SIZE:
                raise ConfigError(f"secret_file {path}: expected {SIZE} bytes, found {len(secret)}") from None
            if path.stat().st_mode & 0o077:
                raise ConfigError(f"secret_file {path}: others may read it; chmod 600 it") from None
            return secret
        secret = os.urandom(SIZE)
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
        return secret
    except OSError as error:
        raise ConfigError(f"secret_file {path}: {error.strerror}") from None


def default_secret_file() -> Path:
    """Where the secret is kept when the setting secret_file does not say."""
    if os.geteuid() == 0:
        return Path("/var/lib/sipexpress/secret")
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "sipexpress" / "secret"


@lru_cache(8192)  # the requests of one call set-up ask for the same mark
def _mark(keyed: hmac.HMAC, call_id: bytes, tag: bytes) -> bytes:
    mac = keyed.copy()
    # The length keeps the two apart, whatever bytes a peer puts into them.
    mac.update(b"%d %b%b" % (len(call_id), call_id, tag))
    return mac.digest()[:8].hex().encode()


class Secret:
    """Everything that is derived from the server's secret."""

    __slots__ = ("_at", "_branch_prefix", "_hop_key", "_key", "_marks", "_pool")

    def __init__(self, secret: bytes, process: int = 0) -> None:
        self._key = hashlib.blake2b(secret, person=b"sx-tags", digest_size=32).digest()
        self._marks = hmac.new(hashlib.blake2b(secret, person=b"sx-marks", digest_size=32).digest(), digestmod="sha256")
        self._hop_key = hashlib.blake2b(secret, person=b"sx-hops", digest_size=32).digest()
        # The process number leaves room for several processes on one port.
        self._branch_prefix = b"z9hG4bK%x-" % process
        self._pool = b""
        self._at = 0

    def branch(self) -> bytes:
        """A new branch parameter (RFC 3261 8.1.1.7): 16 hex digits of it are from the system's random source."""
        at = self._at
        if at >= len(self._pool):
            self._pool = os.urandom(4096).hex().encode()
            at = 0
        self._at = at + 16
        return self._branch_prefix + self._pool[at : at + 16]

    def tag(self, *parts: bytes) -> bytes:
        """A tag that is the same for the same parts: a retransmitted request gets the same one."""
        return hashlib.blake2b(b"\0".join(parts), key=self._key, digest_size=8).hexdigest().encode()

    def hop(self, *parts: bytes) -> bytes:
        """The check value of a stateless branch. It has a key of its own, and each part its length before it: a peer
        chooses the parts of tags, which it gets to see.
        """
        text = b"".join([b"%d %b" % (len(part), part) for part in parts])
        return hashlib.blake2b(text, key=self._hop_key, digest_size=8).hexdigest().encode()

    def mark(self, call_id: bytes, tag: bytes) -> bytes:
        """The dialog mark: HMAC-SHA256 over Call-ID and From tag, cut to 64 bits."""
        return _mark(self._marks, call_id, tag)

    def check_mark(self, mark: bytes, call_id: bytes, tags: tuple[bytes | None, ...]) -> bool:
        """Whether `mark` was made for this Call-ID and one of the tags."""
        for tag in tags:  # noqa: SIM110 - a generator costs as much as the look-up
            if tag is not None and hmac.compare_digest(mark, self.mark(call_id, tag)):
                return True
        return False
