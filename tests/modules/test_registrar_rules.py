"""registrar: the rules of RFC 3261 10.3 one by one."""

from __future__ import annotations

from tests.modules.registrar_case import RegistrarTestCase


class RuleTests(RegistrarTestCase):
    """Step by step."""

    def test_REG_14_the_user_of_the_request_uri_does_not_matter(self) -> None:
        self.play()
        self.assertEqual(self.send(uri="sip:someone@10.0.0.1").status, 200)
        self.assertEqual((self.stored(), self.stored("someone")), (["sip:bob@10.0.1.1:5060"], []))

    def test_REG_16_the_canonical_address(self) -> None:
        self.play()
        self.send(to='"Bob" <sip:%62o%62@10.0.0.1;user=phone>;x=y')
        self.assertEqual(self.stored(), ["sip:bob@10.0.1.1:5060"])
        self.send(to="sip:b@10.0.0.1")
        self.assertEqual(self.stored("b"), ["sip:bob@10.0.1.1:5060"])

    def test_REG_18_an_extension_that_is_required(self) -> None:
        """Step 2."""
        self.play()
        exchange = self.send(lines=b"Contact: <sip:bob@10.0.1.1>\r\nRequire: path, 100rel\r\nRequire: gruu\r\n")
        self.assertEqual(exchange.status, 420)
        self.assertEqual(exchange.response.header_list("unsupported"), [b"path", b"100rel", b"gruu"])
        self.assertEqual(self.stored(), [])

    def test_REG_19_record_route_is_ignored(self) -> None:
        self.play()
        exchange = self.send(lines=b"Contact: <sip:bob@10.0.1.1>\r\nRecord-Route: <sip:10.9.9.9;lr>\r\n")
        self.assertEqual((exchange.status, exchange.response.header("record-route")), (200, None))

    def test_a_to_that_names_nobody(self) -> None:
        """Step 5."""
        self.play()
        for to in (
            "<sip:10.0.0.1>",
            "<tel:+123>",
            "<mailto:bob@example.com>",
            "<bob",
            "<sip:bob@>",
            "<sip:b%zz@10.0.0.1>",
        ):
            self.assertEqual(self.send(to=to).status, 400, to)
        self.assertEqual(self.send(to=f"<sip:{'b' * 300}@10.0.0.1>").status, 500)
        self.assertEqual(self.server.boot.find("usrloc").records, 0)

    def test_star_before_anything(self) -> None:
        """Step 6: nothing to remove."""
        self.play()
        exchange = self.send(lines=b"Contact: *\r\nExpires: 0\r\n")
        self.assertEqual((exchange.status, self.contacts(exchange)), (200, []))

    def test_star_without_expires(self) -> None:
        self.play()
        self.send()
        for lines in (
            b"Contact: *\r\n",
            b"Contact: *\r\nExpires: 1\r\n",
            b"Contact: *\r\nExpires: x\r\n",
            b"Contact: *\r\nContact: *\r\nExpires: 0\r\n",
            b"Contact: <sip:bob@10.0.1.1>\r\nContact: *\r\nExpires: 0\r\n",
            b"Contact: *, *\r\nExpires: 0\r\n",
        ):
            self.assertEqual(self.send(cseq=2, lines=lines).status, 400, lines)
        self.assertEqual(self.stored(), ["sip:bob@10.0.1.1:5060"])

    def test_star_in_short_form(self) -> None:
        self.play()
        self.send()
        self.assertEqual(self.send(cseq=2, lines=b"m:*\r\nExpires: 0\r\n").status, 200)
        self.assertEqual(self.stored(), [])

    def test_star_in_the_wrong_order(self) -> None:
        """Same Call-ID, and no higher CSeq: nothing is removed."""
        self.play()
        self.send(cseq=5)
        for cseq in (4, 5):
            exchange = self.send(cseq=cseq, lines=b"Contact: *\r\nExpires: 0\r\n")
            self.assertEqual((exchange.status, len(self.stored())), (500, 1), cseq)
        self.assertEqual(self.send(cseq=6, lines=b"Contact: *\r\nExpires: 0\r\n").status, 200)

    def test_star_of_another_device(self) -> None:
        self.play()
        self.send(cseq=5)
        self.assertEqual(self.send(cseq=1, call_id="other", lines=b"Contact: *\r\nExpires: 0\r\n").status, 200)
        self.assertEqual(self.stored(), [])

    def test_star_comes_twice(self) -> None:
        self.play()
        self.send(cseq=5)
        for _ in range(2):
            self.assertEqual(self.send(cseq=6, lines=b"Contact: *\r\nExpires: 0\r\n").status, 200)

    def test_the_wrong_order_stops_the_whole_request(self) -> None:
        """Step 7: all or nothing."""
        self.play()
        self.send(cseq=5)
        lines = b"Contact: <sip:bob@10.0.1.1:7000>, <sip:bob@10.0.1.1:5060>;expires=60\r\n"
        self.assertEqual(self.send(cseq=4, lines=lines).status, 500)
        self.assertEqual(self.stored(), ["sip:bob@10.0.1.1:5060"])

    def test_removal_in_the_wrong_order(self) -> None:
        self.play()
        self.send(cseq=5)
        lines = b"Contact: <sip:bob@10.0.1.1:5060>;expires=0\r\n"
        self.assertEqual(self.send(cseq=4, lines=lines).status, 500)
        self.assertEqual(len(self.stored()), 1)

    def test_removing_a_contact_that_is_not_there(self) -> None:
        self.play()
        self.send()
        exchange = self.send(cseq=2, lines=b"Contact: <sip:bob@10.0.1.1:9999>;expires=0\r\n")
        self.assertEqual((exchange.status, len(self.contacts(exchange))), (200, 1))

    def test_a_forbidden_contact_may_be_removed(self) -> None:
        self.play()
        self.assertEqual(self.send(lines=b"Contact: <sip:bob@127.0.0.1>;expires=0\r\n").status, 200)

    def test_REG_22_equal_contacts_are_one(self) -> None:
        """RFC 3261 19.1.4."""
        self.play()
        self.send(lines=b"Contact: <sip:bob@10.0.1.1:5060;ob>\r\n")
        self.send(cseq=2, lines=b"Contact: <SIP:%62ob@10.0.1.1:5060>\r\n")
        self.assertEqual(len(self.stored()), 1)
        self.send(cseq=3, lines=b"Contact: <sip:bob@10.0.1.1:5060;transport=tcp>, <sip:Bob@10.0.1.1:5060>\r\n")
        self.assertEqual(len(self.stored()), 3)

    def test_the_same_contact_twice_in_one_request(self) -> None:
        self.play()
        exchange = self.send(lines=b"Contact: <sip:bob@10.0.1.1>;q=0.3, <sip:bob@10.0.1.1>;q=0.4\r\n")
        self.assertEqual((exchange.status, len(self.stored())), (200, 1))

    def test_parameters_with_and_without_brackets(self) -> None:
        """REG-22: without brackets they are the header's (RFC 3261 20.10)."""
        self.play()
        exchange = self.send(lines=b"Contact: sip:bob@10.0.1.1;expires=77;q=0.2\r\n")
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1>;q=0.2;expires=77"])

    def test_REG_23_an_escaped_nul_is_another_user(self) -> None:
        self.play()
        self.send(to="<sip:null-%00-null@10.0.0.1>")
        self.assertEqual(len(self.stored("null-\0-null")), 1)
        self.assertEqual(self.stored("null-"), [])

    def test_preferences(self) -> None:
        self.play()
        for number, q in enumerate(("0", "1", "0.5", "0.123", "1.000", "0."), 1):
            lines = f"Contact: <sip:bob@10.0.1.1:{6000 + number}>;q={q}\r\n".encode()
            self.assertEqual(self.send(cseq=number, lines=lines).status, 200, q)
        for q in ("2", "-1", "high", "", "nan", "1.5", "0.5.5", "1e0", "\u0661", "0x1", "+1", "0_1"):
            lines = f"Contact: <sip:bob@10.0.1.1:7000>;q={q}\r\n".encode()
            self.assertEqual(self.send(cseq=50, lines=lines).status, 400, q)

    def test_expires_that_are_no_numbers(self) -> None:
        """They count as 3600."""
        self.play()
        for number, lines in enumerate(
            (b";expires=soon\r\n", b";expires=\r\n", b";expires=-1\r\n", b"\r\nExpires: x\r\n"), 1
        ):
            exchange = self.send(cseq=number, lines=b"Contact: <sip:bob@10.0.1.1>" + lines)
            self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1>;expires=3600"], lines)

    def test_the_longest_time_there_is(self) -> None:
        self.play()
        exchange = self.send(lines=b"Contact: <sip:bob@10.0.1.1>;expires=4294967295\r\n")
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1>;expires=4294967295"])

    def test_the_reply_repeats_nothing_that_was_not_asked(self) -> None:
        self.play()
        exchange = self.send(lines=b'Contact: <sip:bob@10.0.1.1>;+sip.instance="<urn:uuid:1>";x=y\r\n')
        self.assertEqual(self.contacts(exchange), ["<sip:bob@10.0.1.1>;expires=3600"])
