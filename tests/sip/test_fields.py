"""Reading header fields, and edits of them: visible at once, everywhere, and only in the message edited."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import canonical
from sipexpress.sip.message import Request, Response, header_line, parse_message
from tests.sip.samples import INVITE, invite, messages, request, token, value

KEYS = ("via", "route", "from", "to", "call-id", "subject", "contact", "x-one", "content-length")


class ReadingTests(SynchronousTestCase):
    """The ways to look at headers."""

    def test_the_first_value(self) -> None:
        message = request(b"Via: a", b"v:  b \t", b"To: c")
        self.assertEqual(message.header("via"), b"a")
        self.assertEqual(message.header("to"), b"c")
        self.assertIsNone(message.header("from"))

    def test_all_values(self) -> None:
        message = request(b"Via: a", b"To: c", b"v:  b \t", b"VIA :c, d")
        self.assertEqual(message.header_values("via"), [b"a", b"b", b"c, d"])
        self.assertEqual(message.header_list("via"), [b"a", b"b", b"c", b"d"])
        self.assertEqual(message.lines("via"), [b"Via: a", b"v:  b \t", b"VIA :c, d"])
        self.assertEqual(message.lines("from"), [])

    def test_lines_by_key(self) -> None:
        message = request(b"Via: a", b"To: c", b"v: b", b"X: y")
        self.assertEqual(message.lines_in(("to", "via")), [b"Via: a", b"To: c", b"v: b"])
        self.assertEqual([key for key, _ in message.header_lines()], ["via", "to", "via", "session-expires"])

    def test_has_header(self) -> None:
        message = request(b"Via:", b"t: c")
        self.assertTrue(message.has_header("via"))
        self.assertTrue(message.has_header("to"))
        self.assertFalse(message.has_header("from"))

    def test_colons_in_the_value(self) -> None:
        self.assertEqual(request(b"To: sip:a:b@c:5060").header("to"), b"sip:a:b@c:5060")

    def test_folded_values_are_read_on_one_line(self) -> None:
        for line in (
            b"To: a\r\n b",
            b"To:a \t\r\n\t  b",
            b"To:\r\n a\r\n b",
            b"To: a\r\n b\r\n ",
            b"To:\r\n \r\n a\r\n b \t",
        ):
            message = request(line)
            self.assertEqual(message.header("to"), b"a b", line)
            self.assertEqual(message.header_values("to"), [b"a b"], line)

    def test_a_value_never_holds_a_line_end(self) -> None:
        for line in (b"Call-ID: a\r\n ", b"Call-ID:\r\n \r\n\t", b"i:\r\n a"):
            message = request(line)
            for text in (message.call_id, message.header("call-id"), *message.header_list("call-id")):
                self.assertNotIn(b"\n", text or b"")

    def test_folding_does_not_matter_to_the_typed_headers(self) -> None:
        message = request(
            b"Via:\r\n SIP/2.0/UDP\r\n h;branch=z9\r\n ;rport",
            b"To:\r\n <sip:a@b>\r\n ;\r\n tag=1",
            b"CSeq:\r\n 7\r\n\tINVITE",
            b"Content-Length:\r\n 0\r\n ",
            b"m:\r\n <sip:c@d>,\r\n <sip:e@f>",
        )
        self.assertEqual((message.via.host, message.via.branch, message.via.rport), ("h", "z9", ""))
        self.assertEqual((message.to.tag, message.to_tag), ("1", b"1"))
        self.assertEqual(message.cseq, (7, "INVITE"))
        self.assertEqual([str(contact) for contact in message.contacts], ["<sip:c@d>", "<sip:e@f>"])


class EditTests(SynchronousTestCase):
    """Each way to edit, seen through the typed headers and on the wire."""

    def test_add(self) -> None:
        message = request(b"To: a")
        message.add("X-One", "b")
        message.add("X-Two", b"c", top=True)
        self.assertEqual(
            message.to_bytes(), b"INVITE sip:bob@biloxi.com SIP/2.0\r\nX-Two: c\r\nTo: a\r\nX-One: b\r\n\r\n"
        )

    def test_set_replaces_the_first_and_removes_the_others(self) -> None:
        message = request(b"v: a", b"To: b", b"Via: c", b"Via: d")
        message.set("Via", "e")
        self.assertEqual(message.header_lines(), [("via", b"Via: e"), ("to", b"To: b")])

    def test_set_adds_what_is_not_there(self) -> None:
        message = request(b"To: b")
        message.set("subject", "c")
        self.assertEqual(message.header_lines(), [("to", b"To: b"), ("subject", b"subject: c")])

    def test_remove(self) -> None:
        message = request(b"v: a", b"To: b", b"Via: c")
        self.assertEqual((message.remove("VIA"), message.remove("v"), message.remove("X")), (2, 0, 0))
        self.assertEqual(message.header_lines(), [("to", b"To: b")])

    def test_lines_are_replaced_in_their_order(self) -> None:
        message = request(b"Route: <sip:a;lr>,<sip:b;lr>,<sip:c;lr>", b"To: d")
        message.replace_lines("route", [b"Route: <sip:b;lr>", b"Route: <sip:c;lr>"])
        message.replace_lines("route", [b"Route: <sip:c;lr>", b"Route: <sip:b;lr>"])
        message.replace_lines("route", [b"Route: <sip:b;lr>", b"Route: <sip:x;lr>", b"Route: <sip:c;lr>"])
        self.assertEqual(message.header_list("route"), [b"<sip:b;lr>", b"<sip:x;lr>", b"<sip:c;lr>"])
        self.assertEqual(message.header_lines()[-1], ("to", b"To: d"))

    def test_typed_headers_follow(self) -> None:
        message = invite()
        read: dict[str, Callable[[], object]] = {
            "From": lambda: (str(message.from_), message.from_tag),
            "To": lambda: (str(message.to), message.to_tag),
            "Call-ID": lambda: message.call_id,
            "CSeq": lambda: message.cseq,
            "Via": lambda: (message.via.host, message.via.branch),
            "Contact": lambda: ([str(one) for one in message.contacts], message.contact_star),
        }
        values: dict[str, tuple[bytes, object]] = {
            "From": (b"<sip:x@y>;tag=new", ("<sip:x@y>;tag=new", b"new")),
            "To": (b"<sip:x@y>;tag=new", ("<sip:x@y>;tag=new", b"new")),
            "Call-ID": (b"new", b"new"),
            "CSeq": (b"1 BYE", (1, "BYE")),
            "Via": (b"SIP/2.0/TCP new;branch=z9", ("new", "z9")),
            "Contact": (b"*", ([], True)),
        }
        for name, (text, expected) in values.items():
            self.assertNotEqual(read[name](), expected)
            message.set(name, text)
            self.assertEqual(read[name](), expected)
        again = parse_message(message.to_bytes())
        self.assertEqual(again.header_lines(), message.header_lines())

    def test_a_list_that_was_given_is_the_callers_own(self) -> None:
        message = invite()
        message.contacts.clear()
        message.lines("via").clear()
        message.header_values("via").clear()
        message.header_list("via").clear()
        message.header_lines().clear()
        self.assertEqual(len(message.contacts), 1)
        self.assertEqual(message.to_bytes(), INVITE)

    def test_lines_that_were_handed_over_stay_the_callers_own(self) -> None:
        message = invite()
        lines = [b"Route: <sip:a;lr>"]
        message.replace_lines("route", lines)
        lines.append(b"Route: <sip:b;lr>")
        self.assertEqual(message.header_list("route"), [b"<sip:a;lr>"])

    def test_body(self) -> None:
        message = invite()
        message.body = b"longer body"
        self.assertEqual(message.body, b"longer body")
        self.assertEqual(message.header_values("content-length"), [b"11"])
        again = parse_message(message.to_bytes() + b"cut off")
        self.assertEqual(again.body, b"longer body")

    def test_body_of_a_message_without_length(self) -> None:
        message = request(b"To: a", body=b"old")
        message.body = b""
        self.assertTrue(message.to_bytes().endswith(b"To: a\r\nContent-Length: 0\r\n\r\n"))


class RefusedTests(SynchronousTestCase):
    """Headers are never built from text that could make other ones."""

    def test_line_ends_and_nul(self) -> None:
        for text in ("a\r\nRoute: <sip:evil>", "a\n", "\r", "a\0b", "\r\n folded"):
            for each in (text, text.encode()):
                message = invite()
                self.assertRaises(HeaderError, message.add, "X-One", each)
                self.assertRaises(HeaderError, message.set, "Subject", each)
                self.assertRaises(HeaderError, header_line, "X-One", each)
                self.assertEqual(message.to_bytes(), INVITE)

    def test_names_that_are_none(self) -> None:
        for name in ("", "a b", "a:b", "a\r\nb", "\u00e4", "<", "a ", " a", "a\0", "\udcff"):
            message = invite()
            self.assertRaises(HeaderError, message.add, name, "x")
            self.assertRaises(HeaderError, message.set, name, "x")
            self.assertRaises(HeaderError, message.remove, name)
            self.assertEqual(message.to_bytes(), INVITE)

    def test_what_is_no_text_at_all(self) -> None:
        # A lone surrogate that stands for no byte.
        self.assertRaises(HeaderError, header_line, "X-One", "\ud800")
        self.assertRaises(HeaderError, header_line, "\ud800", "x")

    def test_bytes_that_are_no_utf_8_pass(self) -> None:
        message = invite()
        message.add("X-One", b"\xff\xfe")
        message.add("X-Two", b"\xff".decode("utf-8", "surrogateescape"))
        self.assertEqual((message.header("x-one"), message.header("x-two")), (b"\xff\xfe", b"\xff"))


class CopyTests(SynchronousTestCase):
    """Branches of one request."""

    def test_each_is_on_its_own(self) -> None:
        first = invite()
        first.add("X-One", "before")
        second = first.copy()
        first.add("X-One", "first")
        second.add("X-One", "second")
        second.set("To", "<sip:x@y>")
        first.remove("Contact")
        second.body = b"second"
        self.assertEqual(first.header_values("x-one"), [b"before", b"first"])
        self.assertEqual(second.header_values("x-one"), [b"before", b"second"])
        self.assertEqual((str(first.to), str(second.to)), ('"Bob" <sip:bob@biloxi.com>', "<sip:x@y>"))
        self.assertEqual((len(first.contacts), len(second.contacts)), (0, 1))
        self.assertEqual((first.body, second.body), (b"v=0\n", b"second"))

    def test_the_request_uri(self) -> None:
        first = invite()
        second = first.copy()
        second.set_uri("sip:other@example.com")
        self.assertEqual((str(first.uri), str(second.uri)), ("sip:bob@biloxi.com", "sip:other@example.com"))
        self.assertEqual(second.original_uri, b"sip:bob@biloxi.com")
        self.assertEqual(first.to_bytes(), INVITE)

    def test_a_copy_of_a_copy(self) -> None:
        first = invite()
        second = first.copy()
        second.add("X-One", "a")
        third = second.copy()
        third.remove("X-One")
        self.assertEqual([one.header_values("x-one") for one in (first, second, third)], [[], [b"a"], []])


Model = list[tuple[str, bytes]]
Edit = Callable[[Request, Model], None]
edit_names = st.sampled_from(["Via", "v", "ROUTE", "From", "t", "Call-ID", "Subject", "m", "X-One"]) | token.map(
    bytes.decode
)


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    """One edit, made on a message and on a list of (key, line)."""
    name = draw(edit_names)
    key = canonical(name)
    texts = draw(st.lists(value, min_size=1, max_size=3))
    lines = [header_line(name, text)[1] for text in texts]
    kind = draw(st.sampled_from(["add", "top", "set", "remove", "first", "lines", "none"]))

    def replaced(model: Model, new: list[bytes]) -> None:
        at = next((n for n, (other, _) in enumerate(model) if other == key), len(model))
        rest = [pair for pair in model[at:] if pair[0] != key]
        model[at:] = [*((key, line) for line in new), *rest]

    def apply(message: Request, model: Model) -> None:
        if kind == "add":
            message.add(name, texts[0])
            model.append((key, lines[0]))
        elif kind == "top":
            message.add(name, texts[0], top=True)
            model.insert(0, (key, lines[0]))
        elif kind == "set":
            message.set(name, texts[0])
            replaced(model, lines[:1])
        elif kind == "remove":
            if message.remove(name) != sum(other == key for other, _ in model):
                raise AssertionError("remove() counts wrongly")
            replaced(model, [])
        elif kind == "first" and any(other == key for other, _ in model):
            message.replace_first(key, lines[0])
            at = next(n for n, (other, _) in enumerate(model) if other == key)
            model[at] = (key, lines[0])
        elif kind == "lines":
            message.replace_lines(key, lines)
            replaced(model, lines)

    return apply


requests = messages().filter(lambda data: not data.startswith(b"SIP"))


class PropertyTests(SynchronousTestCase):
    """Any edits in any order, held against a plain list."""

    def agrees(self, message: Request, model: Model) -> None:
        self.assertEqual(message.header_lines(), model)
        again = parse_message(message.to_bytes())
        self.assertEqual(again.header_lines(), model)
        self.assertEqual(again.body, message.body)
        for key in {*KEYS, *(key for key, _ in model)}:
            lines = [line for other, line in model if other == key]
            self.assertEqual(message.lines(key), lines)
            self.assertEqual(message.has_header(key), bool(lines))
            self.assertEqual(message.header_values(key), again.header_values(key))
            self.assertEqual(message.header_list(key), again.header_list(key))
            self.assertEqual(message.header(key), message.header_values(key)[0] if lines else None)
            self.assertEqual(message.lines_in((key,)), lines)
        self.assertEqual(self.typed(message), self.typed(again))

    def typed(self, message: Request | Response) -> list[object]:
        found: list[object] = [message.from_tag, message.to_tag, message.call_id]
        for read in ("from_", "to", "via", "cseq", "contacts"):
            try:
                got = getattr(message, read)
            except HeaderError as error:
                found.append(str(error))
            else:
                found.append((got.host, got.port) if read == "via" else str(got))
        return found

    @given(requests, st.lists(edits(), max_size=8))
    def test_every_reading_function_shows_every_edit(self, data: bytes, changes: list[Edit]) -> None:
        message = parse_message(data)
        assert isinstance(message, Request)
        model = message.header_lines()
        for change in changes:
            self.typed(message)
            change(message, model)
            self.agrees(message, model)

    @given(requests, st.lists(st.tuples(st.integers(0, 3), edits() | st.none()), max_size=12))
    def test_copies_never_see_each_others_edits(self, data: bytes, steps: list[tuple[int, Edit | None]]) -> None:
        message = parse_message(data)
        assert isinstance(message, Request)
        all_of_them = [(message, message.header_lines())]
        for number, change in steps:
            one, model = all_of_them[number % len(all_of_them)]
            if change is None:
                all_of_them.append((one.copy(), model.copy()))
            else:
                self.typed(one)
                change(one, model)
            for each, its_model in all_of_them:
                self.agrees(each, its_model)
