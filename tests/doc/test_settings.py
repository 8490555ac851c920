"""The settings that the reference names do what it says."""

from __future__ import annotations

import re
from typing import Any

import attrs
from twisted.scripts._twistd_unix import ServerOptions

from sipexpress.server.reload import AT_START
from sipexpress.server.settings import REFUSED, Settings
from sipexpress.sip.message import Response
from sipexpress.tap import Options
from sipexpress.testing import IncomingCall, Phone, RouterTestCase
from tests.house.code import ROOT, sources
from tests.routers import Plain


class EverySettingTests(RouterTestCase):
    """None is there for show."""

    def test_every_setting_is_read_somewhere(self) -> None:
        code = "\n".join(path.read_text(encoding="utf-8") for path in sources().values())
        silent = [field.name for field in attrs.fields(Settings) if f"settings.{field.name}" not in code]
        self.assertEqual(silent, [])

    def test_no_setting_is_refused(self) -> None:
        self.assertEqual({field.name for field in attrs.fields(Settings)} & set(REFUSED), set())

    def test_the_options_that_refusals_name_exist(self) -> None:
        known = {option.rstrip("=") for option in [*ServerOptions().longOpt, *Options().longOpt]}
        named = {option for text in REFUSED.values() for option in re.findall(r"--([a-z-]+)", text)}
        self.assertIn("logfile", named)
        self.assertEqual(named - known, set())

    def test_the_page_says_what_counts_from_the_next_start_on(self) -> None:
        text = " ".join((ROOT / "doc" / "install.rst").read_text(encoding="utf-8").split())
        sentence = text[: text.index("count from the next start on")].rpartition(". ")[2]
        named = {name for name in AT_START if f"``{name}``" in sentence}
        named |= {name for name in AT_START if name.startswith("tcp_") and "``tcp_...``" in sentence}
        self.assertEqual(named, set(AT_START))

    def test_what_is_read_at_the_start_only_says_so_when_it_changes(self) -> None:
        server = self.serve(Plain)
        self.successResultOf(server.reload(Plain, {}, {"dns_timeout": 1, "tcp_max_connections": 5, "drain": 0}))
        self.assertEqual((server.settings.dns_timeout, server.settings.tcp_max_connections), (5.0, 16_384))
        self.assertEqual(server.settings.drain, 0)


class CheckViaTests(RouterTestCase):
    """check_via: a response whose top Via does not name the server is dropped."""

    def call(self, host: str, **settings: Any) -> list[int]:
        """The responses to a call that bob answers with `host` in the top Via."""
        self.serve(Plain, **settings)
        alice, bob = self.registered("alice", "bob")

        def answer(call: IncomingCall) -> None:
            data = bob.received_messages[-1].raw
            via = data.partition(b"\r\nVia: ")[2].partition(b"\r\n")[0]
            branch = via.partition(b";")[2]
            bob.send_raw(self.busy(data, via, b"SIP/2.0/UDP %b;%b" % (host.encode(), branch)), ("10.0.0.1", 5060))

        bob.on_call = answer
        call = alice.invite("bob")
        self.clock.advance(1)
        return call.statuses

    def busy(self, invite: bytes, old: bytes, new: bytes) -> bytes:
        names = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:")
        lines = [line for line in invite.split(b"\r\n") if line.lower().startswith(names)]
        head = b"\r\n".join([b"SIP/2.0 486 Busy Here", *lines, b"Content-Length: 0", b"", b""])
        return head.replace(old, new, 1)

    def test_off(self) -> None:
        self.assertEqual(self.call("192.0.2.9:5060"), [100, 486])

    def test_a_foreign_via(self) -> None:
        self.assertEqual(self.call("192.0.2.9:5060", check_via=True), [100])

    def test_its_own(self) -> None:
        self.assertEqual(self.call("10.0.0.1:5060", check_via=True), [100, 486])


class ReplyToViaTests(RouterTestCase):
    """reply_to_via: replies go to the sent-by of the top Via."""

    def options(self, via: str, **settings: Any) -> list[tuple[str, int]]:
        """Where the answer to an OPTIONS from 10.0.1.1:5060 with that Via goes."""
        self.serve(Plain, **settings)
        phone = self.phone("alice")
        data = self.compose(phone).replace(b"SIP/2.0/UDP 10.0.1.1:5060", b"SIP/2.0/UDP " + via.encode())
        phone.send_raw(data, phone.server)
        self.clock.advance(1)
        return [packet.destination for packet in self.wire.sent("SIP/2.0 200")]

    def compose(self, phone: Phone) -> bytes:
        me = "<sip:alice@10.0.0.1>"
        return phone.compose("OPTIONS", "sip:10.0.0.1", f"{me};tag=1", me, "options", 1).replace(b";rport", b"")

    def test_off_means_the_source_address_and_the_port_of_via(self) -> None:
        self.assertEqual(self.options("10.0.9.9:5070"), [("10.0.1.1", 5070)])

    def test_on(self) -> None:
        self.assertEqual(self.options("10.0.9.9:5070", reply_to_via=True), [("10.0.9.9", 5070)])

    def test_a_name_is_not_looked_up(self) -> None:
        self.assertEqual(self.options("phone.example:5070", reply_to_via=True), [("10.0.1.1", 5070)])

    def test_the_via_still_says_where_it_came_from(self) -> None:
        self.serve(Plain, reply_to_via=True)
        phone = self.phone("alice")
        phone.send_raw(self.compose(phone).replace(b"10.0.1.1:5060", b"other.example:5060"), phone.server)
        self.clock.advance(1)
        (answer,) = phone.received_messages
        assert isinstance(answer, Response)
        self.assertEqual(answer.via.received, "10.0.1.1")
