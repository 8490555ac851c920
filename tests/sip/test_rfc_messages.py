"""Messages of RFC 3261 section 24 and some of RFC 4475, read and written. What a server does with the
latter is not looked at here.
"""

from __future__ import annotations

from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError, MessageError, UriError
from sipexpress.sip.check import defect
from sipexpress.sip.compose import compose_reply, received_via
from sipexpress.sip.frame import Framer
from sipexpress.sip.message import Request, Response, parse_message
from sipexpress.sip.uri import Uri
from tests.sip.samples import DATA, rfc


def torture(name: str) -> Request:
    """A request of RFC 4475, which is written as it was read."""
    data = rfc(f"rfc4475/{name}.dat")
    message = parse_message(data)
    assert isinstance(message, Request)
    assert message.to_bytes() == data
    return message


class SessionTests(SynchronousTestCase):
    """RFC 3261 24."""

    def test_all_are_written_as_they_were_read(self) -> None:
        names = sorted(path.name for path in (DATA / "rfc3261").glob("*.sip"))
        self.assertEqual(len(names), 16)
        stream = b"".join(rfc(f"rfc3261/{name}") for name in names)
        framer = Framer()
        messages = framer.feed(stream)
        self.assertEqual((len(messages), framer.damage), (16, ""))
        for name, data in zip(names, messages, strict=True):
            message = parse_message(data)
            self.assertEqual((message.to_bytes(), name), (data, name))
            self.assertIn(message.call_id, (b"843817637684230@998sdasdh09", b"a84b4c76e66710"))
            if isinstance(message, Request):
                self.assertIsNone(defect(message), name)
                self.assertIn(message.method, name)
            else:
                self.assertIn(str(message.status), name)

    def test_the_proxies_hand_the_answer_back(self) -> None:
        """The 200 of 24.2 loses one Via at each hop: F9, F10, F11."""
        hops = [rfc(f"rfc3261/{name}-200.sip") for name in ("21", "22", "23")]
        self.assertEqual([len(parse_message(data).header_list("via")) for data in hops], [3, 2, 1])
        for data, following in pairwise(hops):
            message = parse_message(data)
            assert isinstance(message, Response)
            popped = message.without_via()
            assert popped is not None
            self.assertEqual(parse_message(popped).header_list("via"), parse_message(following).header_list("via"))

    def test_received(self) -> None:
        """What atlanta.com's proxy writes into the Via of F1 is what F4 shows."""
        asked = parse_message(rfc("rfc3261/13-INVITE.sip"))
        assert isinstance(asked, Request)
        line = received_via(asked, "192.0.2.1", None)
        sent = parse_message(rfc("rfc3261/17-INVITE.sip"))
        self.assertEqual(line.partition(b": ")[2], sent.header_list("via")[-1].replace(b" ;", b";"))

    def test_a_reply_to_the_invite(self) -> None:
        asked = parse_message(rfc("rfc3261/17-INVITE.sip"))
        assert isinstance(asked, Request)
        ringing = parse_message(compose_reply(asked, 180, "Ringing", b"a6c85cf"))
        theirs = parse_message(rfc("rfc3261/18-180.sip"))
        for key in ("from", "to", "call-id", "cseq"):
            self.assertEqual(ringing.header(key), theirs.header(key))


class ValidTests(SynchronousTestCase):
    """RFC 4475 3.1.1: odd, and right."""

    def test_white_space(self) -> None:
        message = torture("wsinv")
        self.assertIsNone(defect(message))
        self.assertEqual((message.to.uri_text, message.to_tag), ("sip:vivekg@chair-dnrc.example.com", b"1918181833n"))
        self.assertEqual((message.from_.display, message.from_tag), ('J Rosenberg \\"', b"98asjd8"))
        self.assertEqual((message.cseq, message.header("max-forwards")), ((9, "INVITE"), b"0068"))
        self.assertEqual((message.via.host, message.via.branch), ("192.0.2.2", "390skdjuw"))
        self.assertEqual(len(message.header_list("via")), 3)
        self.assertEqual((message.header("subject"), len(message.body)), (b"", 150))
        self.assertEqual(message.header("newfangledheader"), b"newfangled value continued newfangled value")
        self.assertEqual(message.header_values("unknownheaderwithunusualvalue"), [b";;,,;;,;"])
        (contact,) = message.contacts
        self.assertEqual(
            (contact.display, contact.param("newparam"), contact.param("q")), ('Quoted string ""', "newvalue", "0.33")
        )
        self.assertIn(b"lr;unknownwith=value;unknown-no-value", message.header_list("route")[0])

    def test_every_legal_character(self) -> None:
        message = torture("intmeth")
        self.assertIsNone(defect(message))
        self.assertEqual(message.method, "!interesting-Method0123456789_*+`.%indeed'~")
        self.assertEqual(message.to.display, "BEL:\x07 NUL:\0 DEL:\x7f")
        self.assertEqual(
            (message.from_.display, message.from_.uri_text),
            ("token1~` token2'+_ token3*%!.-", "sip:mundane@example.com"),
        )
        self.assertEqual(message.from_tag, b"_token~1'+`*%!-.")
        self.assertEqual(message.call_id, b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{")
        uri = Uri.parse(str(message.uri))
        self.assertEqual((uri.host, uri.password), ("example.com", "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"))

    def test_escapes(self) -> None:
        message = torture("esc01")
        uri = Uri.parse(str(message.uri))
        self.assertEqual((uri.user_unescaped, uri.host), ("sips:user@example.com", "example.net"))
        self.assertEqual(message.to.uri, Uri.parse("sip:user@example.com"))
        (contact,) = message.contacts
        self.assertEqual(contact.uri.param("lr"), "")
        self.assertEqual(contact.uri.param("name"), "v%61lue%25%34%31")

    def test_percents_that_are_no_escapes(self) -> None:
        message = torture("esc02")
        self.assertEqual((message.method, message.to.display), ("RE%47IST%45R", "%Z%45"))
        self.assertEqual(
            [one.uri_text for one in message.contacts], ["sip:alias1@host1.example.com", "sip:alias3@host3.example.com"]
        )
        self.assertEqual(message.header("c%6fntact"), b"<sip:alias2@host2.example.com>")

    def test_escaped_nul(self) -> None:
        first, second = torture("escnull").contacts
        self.assertNotEqual(first.uri, second.uri)

    def test_semicolon_in_the_user_part(self) -> None:
        uri = torture("semiuri").uri
        assert isinstance(uri, Uri)
        self.assertEqual((uri.user_unescaped, uri.host, uri.params), ("user;par=u@example.net", "example.com", ()))

    def test_transports(self) -> None:
        message = torture("transports")
        self.assertEqual(len(message.header_list("via")), 5)
        self.assertIsNone(defect(message))

    def test_long_values(self) -> None:
        message = torture("longreq")
        self.assertIsNone(defect(message))
        self.assertEqual(len(message.header_list("via")), 34)
        self.assertEqual(len(message.contacts), 1)

    def test_multipart(self) -> None:
        self.assertIn(b"\r\n--", torture("mpart01").body)

    def test_two_requests_in_one_datagram(self) -> None:
        """3.1.1.9: the second is ignored."""
        data = rfc("rfc4475/dblreq.dat")
        message = parse_message(data)
        self.assertLess(len(message.to_bytes()), len(data))
        self.assertTrue(data.startswith(message.to_bytes()))
        self.assertEqual(message.body, b"")

    def test_reasons(self) -> None:
        for name, reason in (("unreason", "= 2**3 * 5**2 "), ("noreason", "")):
            data = rfc(f"rfc4475/{name}.dat")
            message = parse_message(data)
            assert isinstance(message, Response)
            self.assertTrue(message.reason.startswith(reason))
            self.assertEqual(message.to_bytes(), data)
            message.add("X-Y", "z")
            self.assertEqual(message.to_bytes().split(b"\r\n")[0], data.split(b"\r\n")[0])


class InvalidTests(SynchronousTestCase):
    """RFC 4475 3.1.2 and 3.3: not to be read, or not everything of it."""

    def test_no_messages(self) -> None:
        for name in ("lwsruri", "lwsstart", "trws", "bigcode", "ncl", "clerr", "mcl01"):
            self.assertRaises(MessageError, parse_message, rfc(f"rfc4475/{name}.dat"))

    def test_separators_that_are_too_many(self) -> None:
        message = torture("badinv01")
        self.assertIn("Via", defect(message) or "")
        self.assertRaises(HeaderError, getattr, message, "contacts")

    def test_quote_that_is_not_closed(self) -> None:
        message = torture("quotbal")
        self.assertRaises(HeaderError, getattr, message, "to")
        self.assertIsNone(message.to_tag)

    def test_brackets_around_the_request_uri(self) -> None:
        message = torture("ltgtruri")
        self.assertRaises(UriError, getattr, message, "uri")
        self.assertIsNotNone(defect(message))

    def test_numbers_that_are_too_large(self) -> None:
        self.assertRaises(HeaderError, getattr, torture("scalar02"), "cseq")

    def test_headers_that_are_missing_or_there_twice(self) -> None:
        self.assertIsNotNone(defect(torture("insuf")))
        self.assertIsNotNone(defect(torture("multi01")))
