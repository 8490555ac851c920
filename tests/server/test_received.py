"""Where replies go: received and rport (RFC 3261 18.2.1, 18.2.2; RFC 3581)."""

from __future__ import annotations

from typing import Any

import sipexpress
from sipexpress import use
from sipexpress.modules import Sl, Tm
from sipexpress.testing import Phone
from tests.routers import Plain
from tests.server.behavior import HERE, CallCase


class Answering(sipexpress.Router):
    """Answers 200, with a transaction where the method is INFO."""

    sl = use(Sl)
    tm = use(Tm)

    def route(self) -> None:
        if self.method == "INFO":
            self.tm.t_reply(200, "OK")
        else:
            self.sl.sl_send_reply(200, "OK")


class ReceivedTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Answering)

    def answered(self, via: str, host: str = "10.0.1.1", port: int = 5060, method: str = "MESSAGE") -> Any:
        """The packet that answers a request with a Via sent from `host` and `port`."""
        sender = self.phone("alice", host, port)
        data = sender._new(method, "sip:x@10.0.0.1", [], b"")
        start = data.index(b"Via: ")
        end = data.index(b"\r\n", start)
        sender.send_raw(data[:start] + b"Via: " + via.encode() + data[end:], HERE)
        self.clock.advance(0.1)
        (answer,) = self.wire.sent("SIP/2.0", HERE)[-1:]
        sender.socket.stop()
        return answer

    def via_of(self, packet: Any) -> str:
        return next(str(line[5:], "ascii") for line in packet.data.split(b"\r\n") if line.startswith(b"Via: "))

    def test_variants(self) -> None:
        """TRN-19, NAT-01 to NAT-03: what the Via says, where the request came from, where the reply goes."""
        base = "SIP/2.0/UDP"
        for via, source, destination, parameters in (
            ("10.0.1.1:5060;branch=z9hG4bKa", 5060, 5060, ""),
            ("10.0.1.1;branch=z9hG4bKa", 5060, 5060, ""),
            ("10.0.1.1;branch=z9hG4bKa", 40000, 5060, ""),
            ("10.0.1.1:5070;branch=z9hG4bKa", 40000, 5070, ""),
            ("10.0.1.1:5070;branch=z9hG4bKa;rport", 40000, 40000, ";received=10.0.1.1;rport=40000"),
            ("192.168.7.7:5070;rport;branch=z9hG4bKa", 40000, 40000, ";received=10.0.1.1;rport=40000"),
            ("192.168.7.7:5070;branch=z9hG4bKa", 40000, 5070, ";received=10.0.1.1"),
            ("192.168.7.7;branch=z9hG4bKa", 40000, 5060, ";received=10.0.1.1"),
            ("phone.example:5070;branch=z9hG4bKa", 40000, 5070, ";received=10.0.1.1"),
            ("10.0.1.1;branch=z9hG4bKa;received=10.9.9.9", 5060, 5060, ";received=10.0.1.1"),
            ("10.0.1.1;branch=z9hG4bKa;rport=1234;received=10.9.9.9", 5070, 5070, ";received=10.0.1.1;rport=5070"),
            ("10.9.9.9;branch=z9hG4bKa;maddr=10.9.9.9;ttl=1", 5060, 5060, ";maddr=10.9.9.9;ttl=1;received=10.0.1.1"),
        ):
            for method in ("MESSAGE", "INFO"):
                branch = f"z9hG4bK{abs(hash((via, source, method)))}"
                answer = self.answered(f"{base} {via.replace('z9hG4bKa', branch)}", port=source, method=method)
                self.assertEqual(answer.destination, ("10.0.1.1", destination), via)
                got = self.via_of(answer)
                sent_by = via.partition(";")[0]
                self.assertEqual(got.partition(";")[0], f"{base} {sent_by}")
                self.assertEqual(got.partition(f";branch={branch}")[2], parameters, via)

    def test_other_vias_stay(self) -> None:
        answer = self.answered(
            "SIP/2.0/UDP 192.168.7.7;branch=z9hG4bKa;rport, SIP/2.0/TCP 172.16.1.1;branch=z9hG4bKb;received=1.2.3.4"
        )
        lines = [line for line in answer.data.split(b"\r\n") if line.startswith(b"Via:")]
        self.assertEqual(
            b", ".join(line[5:] for line in lines),
            b"SIP/2.0/UDP 192.168.7.7;branch=z9hG4bKa;received=10.0.1.1;rport=5060, "
            b"SIP/2.0/TCP 172.16.1.1;branch=z9hG4bKb;received=1.2.3.4",
        )


class RelayedTests(CallCase):
    def test_a_caller_behind_nat(self) -> None:
        """Its Via names a private address: everything goes back to where it sent from."""
        self.server = self.serve(Plain)
        alice, bob = self.phone("alice", port=40000), self.phone("bob")
        bob.register()
        self.clock.advance(0.1)
        data = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
        hidden = data.replace(b"Via: SIP/2.0/UDP 10.0.1.1:40000", b"Via: SIP/2.0/UDP 192.168.7.7:5060")
        exchange = alice.send(hidden, HERE)
        self.clock.advance(0.2)
        bob.calls[0].reject(486)
        self.clock.advance(0.2)
        self.assertEqual(exchange.statuses, [100, 180, 486])
        vias = bob.calls[0].request.header_values("via")
        self.assertIn(b"192.168.7.7:5060", vias[1])
        self.assertIn(b";received=10.0.1.1;rport=40000", vias[1])
        self.assert_empty()

    def test_our_own_via_asks_for_rport(self) -> None:
        """TRN-18: and names the port that we send from."""
        self.server = self.serve(Plain)
        alice, bob = self.registered("alice", "bob")
        alice.invite("bob")
        self.clock.advance(0.2)
        via = bob.calls[0].request.via
        self.assertEqual((via.host, via.port, via.rport), ("10.0.0.1", 5060, ""))

    def test_force_rport(self) -> None:
        """As if the caller had asked for it."""

        class Forcing(Plain):
            async def route(self) -> Any:
                self.force_rport()
                return await super().route()

        self.server = self.serve(Forcing)
        alice, bob = self.phone("alice", port=40000), self.phone("bob")
        bob.register()
        self.clock.advance(0.1)
        data = alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
        hidden = data.replace(b"Via: SIP/2.0/UDP 10.0.1.1:40000", b"Via: SIP/2.0/UDP 192.168.7.7:5060")
        exchange = alice.send(hidden.replace(b";rport", b""), HERE)
        self.clock.advance(0.2)
        self.assertEqual(exchange.statuses, [100, 180])


class MatchingTests(CallCase):
    """Which messages belong to which transaction (RFC 3261 17.2.3)."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.serve(Plain)
        self.alice, self.bob = self.registered("alice", "bob")

    def sent(self, data: bytes, sender: Phone | None = None) -> None:
        (sender or self.alice).send_raw(data, HERE)
        self.clock.advance(0.1)

    def test_the_same_branch_of_two_hops(self) -> None:
        """IST-13: sent-by counts."""
        carol = self.phone("carol")
        for phone in (self.alice, carol):
            data = phone._new("INVITE", "sip:bob@10.0.0.1", [], b"")
            branch = data.partition(b"branch=")[2].partition(b";")[0]
            self.sent(data.replace(branch, b"z9hG4bKsame"), phone)
        self.assertEqual(len(self.bob.calls), 2)

    def test_the_same_branch_of_two_methods(self) -> None:
        """IST-14."""
        data = self.alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
        self.sent(data)
        self.sent(data.replace(b"INVITE", b"OPTIONS"))
        self.sent(data.replace(b"INVITE", b"MESSAGE"))
        self.assertEqual([request.method for request in self.bob.requests], ["INVITE", "OPTIONS", "MESSAGE"])

    def test_a_branch_in_other_case(self) -> None:
        """IST-15: tokens compare without case."""
        data = self.alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
        branch = data.partition(b"branch=")[2].partition(b";")[0]
        self.sent(data)
        self.sent(data.replace(branch, branch.upper()))
        self.assertEqual(len(self.bob.calls), 1)

    def test_an_old_phone_without_the_magic_cookie(self) -> None:
        """IST-12 (RFC 2543): retransmission, CANCEL and ACK are found by the other fields."""
        new = self.alice._new("INVITE", "sip:bob@10.0.0.1", [], b"")
        branch = new.partition(b"branch=")[2].partition(b";")[0]
        for via in (b";branch=1", b""):
            old = new.replace(b";branch=" + branch, via).replace(b"Call-ID: ", b"Call-ID: x" + via.strip(b";"))
            calls = len(self.bob.calls)
            self.sent(old)
            self.sent(old)
            self.assertEqual(len(self.bob.calls), calls + 1)
            self.sent(old.replace(b"INVITE", b"CANCEL"))
            self.assertTrue(self.bob.calls[-1].canceled)
            (failure,) = self.to(self.alice, "SIP/2.0 487")[-1:]
            tag = failure.data.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]
            to = old.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]
            count = len(self.to(self.alice, "SIP/2.0 487"))
            self.sent(old.replace(b"INVITE", b"ACK").replace(b"To: " + to, b"To: " + tag))
            self.clock.advance(5)
            self.assertLessEqual(len(self.to(self.alice, "SIP/2.0 487")), count)
        self.assert_empty()

    def test_a_200_for_a_cancel_ends_no_invite(self) -> None:
        """ICT-14: the method of CSeq counts."""
        call = self.alice.invite("bob")
        self.clock.advance(0.2)
        (ringing,) = self.wire.sent("SIP/2.0 180", self.bob.address)
        forged = ringing.data.replace(b"180 Ringing", b"200 OK").replace(b"1 INVITE", b"1 CANCEL")
        self.sent(forged, self.bob)
        self.assertEqual(call.status, 180)
        self.bob.calls[0].answer()
        self.clock.advance(0.2)
        self.assertEqual(call.status, 200)

    def test_a_stray_response(self) -> None:
        """ICT-12."""
        self.sent(
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKnone\r\n"
            b"Via: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\n"
            b"Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertEqual(self.to(self.bob), self.to(self.bob, "SIP/2.0 200 OK")[:1])  # its REGISTER's
        self.assertEqual(self.server.counters["stray_responses"], 1)
