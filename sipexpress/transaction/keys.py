"""Matching keys of server transactions (RFC 3261 17.2.3)."""

from __future__ import annotations

from sipexpress.sip.message import Request
from sipexpress.sip.via import Via, split_first

MAGIC = "z9hG4bK"


def server_key(request: Request, via: Via, invite: bool) -> bytes:
    """The key of the transaction that `request` belongs to.

    With `invite` it is the key of the INVITE that an ACK or CANCEL goes with. Branches
    without the magic cookie are matched by the fields of RFC 2543.
    """
    branch = via.branch
    method = "INVITE" if invite else request.method
    # Tokens compare without case (RFC 3261 7.3.1), the cookie included; methods with it (7.1).
    if branch is not None and len(branch) > 7 and (branch.startswith(MAGIC) or branch[:7].lower() == "z9hg4bk"):
        port = via.port
        # The tab cannot stand in any of the parts.
        hop = f"{branch}\t{via.host}\t{'' if port is None else port}\t".lower()
        return (hop + method).encode("utf-8", "surrogateescape")
    return b"\t".join(
        (
            b"2543",
            request.call_id,
            b"%d" % request.cseq.number,
            request.from_tag or b"",
            request.original_uri,
            # The ACK for a failure carries the INVITE's top Via and no other, and a To tag of its own.
            split_first(request.header_values("via")[0])[0],
            b"" if method == "INVITE" else request.to_tag or b"",
            method.encode("ascii"),
        )
    )
