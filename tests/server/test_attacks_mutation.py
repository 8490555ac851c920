"""Valid messages with something broken in them: whatever a peer sends, the server lives and logs no traceback."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.server.server import Server
from sipexpress.testing import IncomingCall, Phone
from sipexpress.testing.clock import VirtualClock
from sipexpress.testing.names import Names
from sipexpress.testing.wire import Wire, WireNetwork
from tests.routers import Plain

SIZES = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

PIECES = [
    b"", b" ", b"\t", b";", b",", b'"', b"\\", b"<", b">", b"@", b"?", b"=", b":", b"%", b"%0d%0a", b"\0", b"\x1b[31m",
    b"\x80", b"\xc2\x85", b"\xff", "\u0661".encode(), b"\r\n ", b"-1", b"0", b"99999", b"4294967296", b"1" * 30, b"*",
    b"[", b"]", b"[::1]", b"[fe80::1%25lo]", b";;", b";=", b";lr", b";dm=00", b";maddr=fe80::1%ee", b";branch=",
    b";branch=z9hG4bK", b";rport=x", b";received=10.9.9.9", b";tag=a@b", b";tag=", b";q=\xd9\xa0", b";expires=-5",
    b"sip:", b"tel:+1", b"foo:\x1b", b"sips:a@b", b"sip:x@localhost", b"z9hG4bKsx.", b"SIP/2.0/UDP ", b"a" * 5000,
    b"INVITE", b"invite", b"CANCEL", b"ACK", b"REGISTER", b"\r\nContact: *", b"\r\nRoute: <sip:10.0.0.1;lr>",
    b"\r\nRoute: ,", b"\r\nVia: ,", b"\r\nVia: SIP/2.0/UDP [;branch=1", b"\r\nExpires: x", b"\r\nTo: <sip:b@c>",
    b"\r\nRecord-Route: x", b"\r\nMax-Forwards: 0", b"\r\nContent-Length: 5", b"\r\nCSeq: 1 BYE",
]  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[float, float, bytes]]:
    """Places (as fractions of the message), how much is cut out there, and what is put in."""
    return draw(
        st.lists(
            st.tuples(
                st.floats(0, 1),
                st.sampled_from([0.0, 0.0, 0.002, 0.01, 0.05]),
                st.sampled_from(PIECES) | st.binary(max_size=4),
            ),
            min_size=1,
            max_size=4,
        )
    )


def mutated(data: bytes, changes: list[tuple[float, float, bytes]]) -> bytes:
    """The message with the changes, from the end to the front."""
    for place, share, piece in sorted(changes, reverse=True):
        at = int(place * len(data))
        data = data[:at] + piece + data[at + int(share * len(data)) :]
    return data


class Scene:
    """A server with two registered phones, and one that sends what it likes."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.wire = Wire(self.clock)
        self.server = Server(
            Plain, self.clock, network=WireNetwork(self.wire), resolver=Names(self.clock), secret=b"test" * 8, drain=0
        )
        self.server.startService()
        self.alice, self.bob = Phone(self.wire, "alice", "10.0.1.1"), Phone(self.wire, "bob", "10.0.1.2")
        self.mallory = Phone(self.wire, "mallory", "10.0.1.3")
        for phone in (self.alice, self.bob):
            phone.register()
        self.clock.advance(0.1)
        self.bob.on_call = IncomingCall.answer
        self.mallory.received = lambda data, flow: None  # type: ignore[method-assign]

    def deaf(self, phone: Phone) -> None:
        """A phone of the test must not stumble over what the server forwards."""
        kept = phone.received

        def received(data: bytes, flow: Any) -> None:
            try:
                kept(data, flow)
            except Exception:  # the peers are not what is tested
                return

        phone.received = received  # type: ignore[method-assign]

    def good_call(self) -> bool:
        """Whether a call still goes through."""
        call = self.alice.invite("bob")
        self.clock.advance(1)
        if call.status != 200:
            return False
        bye = call.bye()
        self.clock.advance(1)
        return bye.status == 200

    def close(self) -> None:
        self.server.stopService()


class MutationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.failures: list[Any] = []
        observer: Any = self.noted
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def noted(self, event: Any) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical) or event.get("log_failure") is not None:
            self.failures.append(event)

    def play(self, scene: Scene, data: bytes) -> None:
        """Send `data`; nothing may be raised or logged, and a good call still works."""
        for phone in (scene.alice, scene.bob):
            scene.deaf(phone)
        scene.mallory.send_raw(data, scene.mallory.server)
        scene.clock.advance(1)
        self.assertTrue(scene.good_call(), data)
        self.assertEqual(self.failures, [], data)
        scene.clock.advance(300)
        self.assertEqual((len(scene.server.servers), len(scene.server.clients)), (0, 0), data)
        self.assertEqual((scene.server.pending.count, len(scene.server.runs)), (0, 0), data)
        scene.close()

    @SIZES
    @given(st.sampled_from(["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "BYE", "ACK", "CANCEL", "FOO"]), mutations())
    def test_requests(self, method: str, changes: list[tuple[float, float, bytes]]) -> None:
        scene = Scene()
        uri = {"REGISTER": "sip:10.0.0.1", "OPTIONS": "sip:10.0.0.1"}.get(method, "sip:bob@10.0.0.1")
        routes = ["<sip:10.0.0.1;lr;dm=0011223344556677>"] if method in ("BYE", "ACK") else []
        to = "<sip:bob@10.0.0.1>" + (";tag=1" if routes else "")
        data = scene.mallory.compose(
            method, uri, "<sip:mallory@10.0.0.1>;tag=9", to, "call-m", 1, [("Expires", "60")], b"body", routes
        )
        self.play(scene, mutated(data, changes))

    @SIZES
    @given(
        st.sampled_from([100, 180, 200, 302, 401, 486, 503, 603]),
        st.booleans(),
        mutations(),
    )
    def test_responses(self, status: int, reliable: bool, changes: list[tuple[float, float, bytes]]) -> None:
        scene = Scene()
        bob = scene.bob
        bob.on_call = lambda call: None
        scene.alice.invite("bob")
        scene.clock.advance(0.1)
        invite = bob.calls[0].request
        bob.on_call = IncomingCall.answer
        copied = [line for key, line in invite.header_lines() if key in ("via", "from", "to", "call-id", "cseq")]
        lines = [b"SIP/2.0 %d Whatever" % status, *copied, b"WWW-Authenticate: Digest x", b"Contact: <sip:x@y>"]
        data = b"\r\n".join([*lines, b"Content-Length: 0\r\n\r\n"])
        for phone in (scene.alice, scene.bob):
            scene.deaf(phone)
        bob.send_raw(mutated(data, changes), bob.server)
        scene.clock.advance(400)
        self.assertEqual(self.failures, [])
        self.assertEqual((len(scene.server.servers), len(scene.server.clients)), (0, 0), data)
        self.assertTrue(scene.good_call())
        scene.close()
