"""Loops: a request that comes back the way it went (RFC 3261 16.3 step 4, RFC 5393 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipexpress.errors import UriError
from sipexpress.sip.message import Request, parse_message
from sipexpress.sip.uri import Uri, parse_uri
from sipexpress.sip.via import branch_of
from sipexpress.transaction.response_context import Branch

if TYPE_CHECKING:
    from sipexpress.server.call import Call
    from sipexpress.server.server import Server
    from sipexpress.transport.flow import Flow


def looped(server: Server, request: Request, flow: Flow) -> bool:
    """Whether a Via of `request` is of a branch that forwards what came with the same Route, for the same
    user and host, from the same address.

    The source counts because routes may decide by it: a box that screens calls gives them back unchanged.
    Other parameters of the Request-URI do not: location services look at user and host.
    """
    for via in request.header_list("via"):
        key = branch_of(via)
        machine = None if key is None else server.clients.get(key)
        branch: Branch | None = None if machine is None else machine.owner  # type: ignore[assignment]
        if branch is None:
            continue
        call: Call = branch.call  # type: ignore[assignment]
        if call.source.address == flow.address and _place(call.request) == _place(request):
            before = parse_message(call.request.raw)
            if before.header_list("route") == request.header_list("route"):
                return True
    return False


def _place(request: Request) -> object:
    try:
        uri = parse_uri(request.original_uri)
    except UriError:
        return request.original_uri
    return (uri.user, uri.host.lower(), uri.port) if isinstance(uri, Uri) else str(uri)
