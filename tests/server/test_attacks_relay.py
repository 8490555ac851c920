"""Strangers who want the server to send something for them: to others, to itself, round and round."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Maxfwd, Registrar, Rr, Sl, Tm, Usrloc
from sipexpress.testing import IncomingCall, Phone, RouterTestCase
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase, silent

VICTIM = "10.9.9.9"


class TargetTests(RouterTestCase):
    """Where a request goes is what the route decided, not what a parameter says."""

    class Gateway(sipexpress.Router):
        """Everything for this server goes to one gateway."""

        sl = use(Sl)
        tm = use(Tm)

        def route(self) -> Any:
            if self.uri != self.myself:
                return self.sl.sl_send_reply(403)
            self.rewritehostport("10.0.1.2:5060")
            return self.tm.t_relay()

    def to_victim(self) -> int:
        return len([packet for packet in self.wire.packets if packet.destination[0] == VICTIM])

    def test_maddr_makes_a_uri_foreign(self) -> None:
        self.serve(self.Gateway)
        exchange = self.phone("mallory").request("MESSAGE", f"sip:x@10.0.0.1;maddr={VICTIM}")
        self.clock.advance(1)
        self.assertEqual((exchange.status, self.to_victim()), (403, 0))

    def test_maddr_of_this_server(self) -> None:
        self.serve(self.Gateway)
        alice, gateway = self.phone("alice"), self.phone("gateway")
        exchange = alice.request("MESSAGE", "sip:x@10.0.0.1;maddr=10.0.0.1")
        self.clock.advance(1)
        self.assertEqual((exchange.status, len(gateway.requests)), (200, 1))

    def test_a_new_host_takes_maddr_away(self) -> None:
        class Careless(self.Gateway):  # type: ignore[name-defined, misc]
            def route(self) -> Any:
                self.rewritehost("10.0.1.2")
                return self.tm.t_relay()

        self.serve(Careless)
        mallory, gateway = self.phone("mallory"), self.phone("gateway")
        mallory.request("MESSAGE", f"sip:x@10.0.0.1;maddr={VICTIM};user=phone")
        self.clock.advance(1)
        self.assertEqual(self.to_victim(), 0)
        self.assertEqual(str(gateway.requests[0].uri), "sip:x@10.0.1.2;user=phone")

    def test_an_address_of_this_server_in_another_spelling(self) -> None:
        class Six(self.Gateway):  # type: ignore[name-defined, misc]
            listen = ("udp:[2001:db8::1]:5060",)

            def route(self) -> Any:
                seen.append(self.uri == self.myself)
                self.sl.sl_send_reply(200)

        seen: list[bool] = []
        self.serve(Six)
        phone = self.phone("alice", "2001:db8::9", server=("2001:db8::1", 5060))
        for host in ("2001:db8::1", "2001:DB8:0:0::1", "2001:0db8::0001", "2001:db8:0:0:0:0:0:1"):
            phone.request("MESSAGE", f"sip:x@[{host}]")
        self.clock.advance(0.1)
        self.assertEqual(seen, [True] * 4)


class ContactTests(RouterTestCase):
    """A contact is a place that calls are sent to: it must not be one that its user may not reach."""

    class Named(Plain):
        registrar = use(Registrar, allow_contact_names=True)

    def status(self, phone: Phone, contact: str) -> int:
        exchange = phone.register(contact=contact)
        self.clock.advance(0.1)
        return exchange.status

    def test_other_ports_of_this_server(self) -> None:
        self.serve(Plain)
        bob = self.phone("bob")
        for host in ("10.0.0.1:5061", "10.0.0.1:53", "10.0.0.1", "[::ffff:10.0.0.1]:53", "10.0.1.1;maddr=10.0.0.1"):
            self.assertEqual(self.status(bob, f"<sip:bob@{host}>"), 403, host)

    def test_a_phone_on_the_servers_own_machine(self) -> None:
        self.serve(Plain)
        bob = self.phone("bob", "10.0.0.1", 5070)
        self.assertEqual(self.status(bob, "<sip:bob@10.0.0.1:5070>"), 200)
        self.assertEqual(self.status(bob, "<sip:bob@10.0.0.1:5060>"), 403)

    def test_addresses_in_disguise(self) -> None:
        self.serve(Plain, trusted=["10.7.0.0/16"])
        bob = self.phone("bob")
        for host in (
            *("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "[fe80::1]"),
            *("169.254.169.254", "224.0.1.75", "[ff02::1]", "255.255.255.255", "10.255.255.255", "240.0.0.1"),
            *("10.7.0.1", "[::ffff:10.7.0.1]", "127.1", "2130706433", "localhost", "LOCALHOST.", "10.0.1.1.", "x.y"),
            *("10.0.1.1;maddr=127.0.0.1", "10.0.1.1;maddr=::1", "10.0.1.1;maddr=[::1]", "10.0.1.1;maddr=localhost"),
            *("10.0.1.1;maddr=2001:db8::1%25lo", "10.0.1.1;maddr=::1%25lo", "10.0.1.1;maddr=10.7.0.1"),
            *("10.0.1.1;MADDR=127.0.0.1", "10.0.1.1;m%61ddr=127.0.0.1"),
        ):
            self.assertEqual(self.status(bob, f"<sip:bob@{host}>"), 403, host)

    def test_names_of_this_machine(self) -> None:
        self.serve(self.Named, aliases=["sip.example"])
        bob = self.phone("bob")
        for host in (
            "localhost",
            "LOCALHOST",
            "localhost.",
            "localhost:99",
            "sip.example",
            "SIP.example.",
            "10.0.0.1:7",
        ):
            self.assertEqual(self.status(bob, f"<sip:bob@{host}>"), 403, host)
        self.assertEqual(self.status(bob, "<sip:bob@phone.example>"), 200)


class LoopTests(CallCase):
    """Two servers, or two users, that point at each other (RFC 5393)."""

    class Trusting(Plain):
        """Lets contacts be anywhere."""

        registrar = use(Registrar, allow_contacts="10.0.0.0/8")

    def test_forks_that_point_back_are_bounded(self) -> None:
        """RFC 5393 section 3: without loop detection these are 2**70 requests."""
        one = self.serve(self.Trusting)
        two = self.serve(self.Trusting, host="10.0.0.2")
        here, there = self.phone("m"), self.phone("m", server=("10.0.0.2", 5060))
        here.user = there.user = "m"
        for phone, other in ((here, "10.0.0.2"), (there, "10.0.0.1")):
            phone.register(contact=f"<sip:m@{other};x=1>, <sip:m@{other};x=2>")
        self.clock.advance(1)
        self.wire.packets.clear()
        call = here.invite("m")
        self.clock.advance(60)
        self.assertEqual(call.status, 482)
        self.assertLess(len(self.wire.sent("INVITE")), 60)
        self.clock.advance(60)
        self.assert_empty(one)
        self.assert_empty(two)

    def test_a_spiral_is_no_loop(self) -> None:
        class Renaming(Plain):
            async def route(self) -> Any:
                if self.method == "INVITE" and self.uri == "sip:a@10.0.0.1":
                    self.rewriteuser("b")
                    return self.tm.t_relay()
                return await super().route()

        self.serve(Renaming)
        alice, bob = self.registered("alice", "b")
        bob.on_call = IncomingCall.answer
        call = alice.invite("a")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)

    def test_through_a_neighbor_and_back(self) -> None:
        """The same Request-URI from another hop may be on its way on: a box that screens calls sends it back."""

        class Screened(Plain):
            async def route(self) -> Any:
                if self.method == "INVITE" and self.src_ip == "10.0.1.1":
                    return self.forward_by_box()
                return await super().route()

            def forward_by_box(self) -> Any:
                self.msg.dst_uri = b"sip:10.0.0.2"
                return self.tm.t_relay()

        class Box(sipexpress.Router):
            tm = use(Tm)

            def route(self) -> Any:
                return self.tm.t_relay()

        self.serve(Screened)
        self.serve(Box, host="10.0.0.2")
        alice, bob = self.registered("alice", "bob")
        bob.on_call = IncomingCall.answer
        call = alice.invite("bob")
        self.clock.advance(1)
        self.assertEqual(call.status, 200)


class ReflectionTests(RouterTestCase):
    """Replies go where the request came from, and are not much longer."""

    def test_no_via_aims_a_reply_at_others(self) -> None:
        self.serve(Plain)
        victim, mallory = self.phone("victim", VICTIM), self.phone("mallory")
        data = mallory._new("MESSAGE", "sip:nobody@10.0.0.1", [], b"")
        for via in (
            b"SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK1",
            b"SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK2;rport=5060;received=10.9.9.9",
            b"SIP/2.0/UDP 10.0.1.1;branch=z9hG4bK3;maddr=10.9.9.9;ttl=255",
            b"SIP/2.0/TCP 10.9.9.9;branch=z9hG4bK4",
            b"SIP/2.0/UDP 10.0.1.1;received=10.9.9.9;branch=z9hG4bK5, SIP/2.0/UDP 10.9.9.9",
            b"SIP/2.0/UDP victim.example;branch=z9hG4bK6;Received=10.9.9.9",
        ):
            head, _, rest = data.partition(b"Via: ")
            mallory.send_raw(head + b"Via: " + via + b"\r\n" + rest.partition(b"\r\n")[2], HERE)
        self.clock.advance(40)
        self.assertEqual(victim.received_messages, [])
        self.assertEqual({packet.destination for packet in self.wire.sent("", HERE)}, {mallory.address})
        self.assertEqual(len(self.wire.sent("", HERE)), 6)

    def test_a_source_without_a_port_is_no_trouble(self) -> None:
        server = self.serve(Plain)
        data = self.phone("mallory")._new("MESSAGE", "sip:nobody@10.0.0.1", [], b"")
        server.received(data, server.sockets[0].flow_to(("10.0.1.1", 0)))
        server.received(data.replace(b";rport", b""), server.sockets[0].flow_to(("10.0.1.1", 0)))
        self.clock.advance(1)
        self.assertEqual([packet.destination[1] for packet in self.wire.sent("SIP/2.0 404")], [0, 5060])

    def test_stateless_replies_are_sent_once_and_are_short(self) -> None:
        self.serve(Plain)
        mallory = self.phone("mallory")
        for method, to in (("INVITE", "nobody"), ("MESSAGE", "nobody"), ("OPTIONS", ""), ("REGISTER", "")):
            data = mallory._new(method, mallory.aor(to) if to else "sip:10.0.0.1", [], b"")
            mallory.send_raw(data, HERE)
            self.clock.advance(60)
            reply = self.wire.packets[-1]
            self.assertEqual(reply.source, HERE)
            self.assertLess(len(reply.data), 2 * len(data))
        self.assertEqual(len(self.wire.sent("", HERE)), 4)

    def test_a_reply_is_never_answered(self) -> None:
        self.serve(Plain)
        mallory = self.phone("mallory")
        for status in (100, 180, 200, 404, 503, 699):
            mallory.send_raw(
                b"SIP/2.0 %d x\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\n\r\n" % status, HERE
            )
        self.clock.advance(40)
        self.assertEqual(self.wire.sent("", HERE), [])


class MarkTests(RouterTestCase):
    """A mark opens its own dialog only, and nothing that looks like one opens any."""

    class Marked(sipexpress.Router):
        maxfwd = use(Maxfwd)
        sl = use(Sl)
        rr = use(Rr)
        usrloc = use(Usrloc)

        def route(self) -> Any:
            return self.sl.sl_send_reply(200 if self.rr.loose_route() else 403)

    def test_forged_marks(self) -> None:
        server = self.serve(self.Marked)
        alice = self.phone("alice")

        def tried(mark: str, call_id: str = "call", tag: str = "one") -> int:
            data = alice.compose(
                "BYE", "sip:x@10.0.1.9", f"<sip:a@b>;tag={tag}", "<sip:c@d>;tag=two", call_id, 1,
                routes=[f"<sip:10.0.0.1;dm={mark};lr>"],
            )  # fmt: skip
            exchange = alice.send(data, HERE)
            self.clock.advance(0.1)
            return exchange.status

        mark = server.secret.mark(b"call", b"one").decode()
        self.assertEqual(tried(mark), 200)
        for forged in (
            *(
                "",
                mark[:-1],
                mark + "0",
                mark[:8],
                mark[:-1] + "\u00e9",
                "\u0661" * 16,
                "0" * 16,
                "0" * 3000,
                "%30" * 16,
            ),
            *('"' + mark + '"', mark + "%00"),
        ):
            self.assertEqual(tried(forged), 403, forged)
        self.assertEqual(tried(mark, call_id="Call"), 403)
        self.assertEqual(tried(mark, tag="One"), 403)
        self.assertEqual(tried(mark, call_id="cal", tag="lone"), 403)
        # Both texts may hold a NUL: where one ends and the other begins must not be open.
        split = server.secret.mark(b"a\0b", b"c").decode()
        self.assertEqual((tried(split, "a\0b", "c"), tried(split, "a", "b\0c")), (200, 403))


class CancelTests(CallCase):
    def test_only_the_hop_that_sent_an_invite_can_cancel_it(self) -> None:
        self.server = self.serve(Plain)
        (bob,) = self.phones("bob", silent)
        alice, mallory = self.phone("alice"), self.phone("mallory")
        call = alice.invite("bob")
        self.clock.advance(0.1)
        bob.calls[0].ring()
        self.clock.advance(0.1)
        lines = [
            line
            for key, line in call.request.header_lines()
            if key in ("via", "from", "to", "call-id", "cseq", "max-forwards")
        ]
        cancel = b"\r\n".join([b"CANCEL sip:bob@10.0.0.1 SIP/2.0", *lines, b"\r\n"]).replace(b"1 INVITE", b"1 CANCEL")
        mallory.send_raw(cancel, HERE)
        for change in ((b"Call-ID: ", b"Call-ID: x"), (b"CSeq: 1", b"CSeq: 2"), (b";tag=", b";tag=x")):
            alice.send_raw(cancel.replace(*change), HERE)
        self.clock.advance(1)
        self.assertEqual(call.status, 180)
        self.assertEqual(self.to(bob, "CANCEL"), [])
        self.assertEqual(self.wire.sent("SIP/2.0 200", HERE), self.wire.sent("SIP/2.0 200", HERE)[:1])
        self.assertEqual(self.server.counters["foreign_cancels"], 4)
        alice.send_raw(cancel, HERE)
        self.clock.advance(1)
        self.assertEqual(len(self.to(bob, "CANCEL")), 1)
