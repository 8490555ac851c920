"""registrar: its parameters."""

from __future__ import annotations

from sipexpress import use
from sipexpress.modules import Registrar
from tests.modules.registrar_case import RegistrarTestCase


class ParameterTests(RegistrarTestCase):
    def test_default_expires(self) -> None:
        self.play(default_expires="600")
        self.assertEqual(self.contacts(self.send()), ["<sip:bob@10.0.1.1:5060>;expires=600"])

    def test_max_expires(self) -> None:
        self.play(max_expires=600)
        self.assertEqual(self.contacts(self.register(expires=7200)), ["<sip:bob@10.0.1.1:5060>;expires=600"])

    def test_min_expires(self) -> None:
        self.play(min_expires=120)
        exchange = self.register(expires=119)
        self.assertEqual((exchange.status, exchange.response.header("min-expires")), (423, b"120"))
        self.assertEqual(self.register(expires=120).status, 200)
        self.assertEqual(self.register(expires=0).status, 200)

    def test_no_min_expires(self) -> None:
        self.play(min_expires=0)
        self.assertEqual(self.contacts(self.register(expires=1)), ["<sip:bob@10.0.1.1:5060>;expires=1"])

    def test_an_hour_is_never_too_brief(self) -> None:
        """RFC 3261 10.3 step 7: 423 only below one hour."""
        self.play(min_expires=7200)
        self.assertEqual(self.register(expires=3599).status, 423)
        self.assertEqual(self.register(expires=3600).status, 200)

    def test_too_brief_for_one_of_two(self) -> None:
        self.play()
        exchange = self.send(lines=b"Contact: <sip:bob@10.0.1.1:1>, <sip:bob@10.0.1.1:2>;expires=5\r\n")
        self.assertEqual((exchange.status, self.stored()), (423, []))

    def test_default_q(self) -> None:
        self.play(default_q="0.7")
        self.assertEqual(self.contacts(self.send()), ["<sip:bob@10.0.1.1:5060>;q=0.7;expires=3600"])

    def test_max_contacts(self) -> None:
        self.play(max_contacts=2, retry_after=30)
        self.send(lines=b"Contact: <sip:bob@10.0.1.1:1>, <sip:bob@10.0.1.1:2>\r\n")
        refused = self.send(cseq=2, lines=b"Contact: <sip:bob@10.0.1.1:3>\r\n")
        self.assertEqual((refused.status, refused.response.header("retry-after")), (503, b"30"))
        self.assertEqual(self.stored(), ["sip:bob@10.0.1.1:1", "sip:bob@10.0.1.1:2"])
        replacing = b"Contact: <sip:bob@10.0.1.1:3>, <sip:bob@10.0.1.1:1>;expires=0\r\n"
        self.assertEqual(self.send(cseq=3, lines=replacing).status, 200)
        self.assertEqual(self.stored(), ["sip:bob@10.0.1.1:2", "sip:bob@10.0.1.1:3"])
        self.assertEqual(self.send(cseq=4, lines=b"Contact: <sip:bob@10.0.1.1:2>\r\n").status, 200, "a refresh")

    def test_expired_contacts_do_not_count(self) -> None:
        self.play(max_contacts=1)
        self.send(lines=b"Contact: <sip:bob@10.0.1.1:1>;expires=60\r\n")
        self.clock.advance(60)
        self.assertEqual(self.send(cseq=2, lines=b"Contact: <sip:bob@10.0.1.1:2>\r\n").status, 200)

    def test_unlimited(self) -> None:
        self.play(max_contacts=0)
        many = ", ".join(f"<sip:bob@10.0.1.1:{port}>" for port in range(6000, 6050))
        self.assertEqual(self.register(many).status, 200)
        self.assertEqual(len(self.stored()), 50)

    def test_append_branches(self) -> None:
        self.play(append_branches=0)
        self.register("<sip:bob@10.0.1.1:1>;q=0.1, <sip:bob@10.0.1.1:2>;q=0.9")
        self.phone("alice").invite("bob")
        self.clock.advance(0.1)
        self.assertEqual(
            [p.start_line for p in self.wire.sent("INVITE", ("10.0.0.1", 5060))], ["INVITE sip:bob@10.0.1.1:2 SIP/2.0"]
        )

    def test_REG_13_best_first(self) -> None:
        self.play()
        self.register("<sip:bob@10.0.1.1:1>;q=0.1, <sip:bob@10.0.1.1:2>;q=0.9, <sip:bob@10.0.1.1:3>")
        self.phone("alice").invite("bob")
        self.clock.advance(0.1)
        ports = [packet.destination[1] for packet in self.wire.sent("INVITE", ("10.0.0.1", 5060))]
        self.assertEqual(ports, [3, 2, 1])

    def test_case_sensitive(self) -> None:
        self.play(case_sensitive="no")
        self.register()
        call = self.phone("alice").invite("BOB")
        self.clock.advance(0.1)
        self.assertEqual(call.status, 180)

    def test_wrong_values(self) -> None:
        for name, value in (
            ("default_q", 2),
            ("default_q", -0.5),
            ("nat_flag", 0),
            ("nat_flag", 32),
            ("max_contacts", -1),
            ("min_expires", "soon"),
            ("allow_contacts", "10.0.0.0/99"),
            ("allow_contacts", ["example.com"]),
        ):
            with self.assertRaises(Exception) as caught:
                use(Registrar, **{name: value})  # type: ignore[arg-type]
            self.assertIn(name, str(caught.exception))
