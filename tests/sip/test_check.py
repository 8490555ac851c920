"""What every request must carry."""

from __future__ import annotations

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import MessageError
from sipexpress.sip.check import MAX_VIAS, defect, printable_reason
from sipexpress.sip.message import Request, parse_message
from tests.sip.samples import INVITE, anything, invite, messages, request

GOOD = {
    b"Via": b"SIP/2.0/UDP h;branch=z9hG4bKa",
    b"To": b"<sip:a@b>",
    b"From": b"<sip:c@d>;tag=1",
    b"Call-ID": b"e",
    b"CSeq": b"1 INVITE",
    b"Max-Forwards": b"70",
}


def with_header(name: bytes, *values: bytes) -> Request:
    """A good request with these values of one header."""
    lines = [other + b": " + text for other, text in GOOD.items() if other != name]
    return request(*lines, *(name + b": " + text for text in values))


class DefectTests(SynchronousTestCase):
    """RFC 3261 8.1.1, 16.3."""

    def test_none(self) -> None:
        self.assertIsNone(defect(invite()))
        self.assertIsNone(defect(with_header(b"Max-Forwards")))

    def test_what_has_to_be_there_once(self) -> None:
        for name in (b"To", b"From", b"Call-ID", b"CSeq"):
            self.assertEqual(defect(with_header(name)), f"no {name.decode().lower()} header")
            twice = with_header(name, GOOD[name], GOOD[name])
            self.assertEqual(defect(twice), f"more than one {name.decode().lower()} header")

    def test_compact_forms_count(self) -> None:
        lines = [name + b": " + text for name, text in GOOD.items()]
        self.assertEqual(defect(request(*lines, b"t: <sip:x@y>;tag=")), "more than one to header")

    def test_no_via(self) -> None:
        self.assertEqual(defect(with_header(b"Via")), "no Via header")

    def test_number_of_vias(self) -> None:
        one = GOOD[b"Via"]
        self.assertIsNone(defect(with_header(b"Via", *[one] * MAX_VIAS)))
        self.assertEqual(defect(with_header(b"Via", *[one] * (MAX_VIAS + 1))), "too many Via headers")

    def test_vias_in_lists_count(self) -> None:
        one = GOOD[b"Via"]
        self.assertIsNone(defect(with_header(b"Via", b",".join([one] * MAX_VIAS))))
        self.assertEqual(defect(with_header(b"Via", b",".join([one] * (MAX_VIAS + 1)))), "too many Via headers")
        self.assertEqual(defect(with_header(b"Via", one, b", ".join([one] * MAX_VIAS))), "too many Via headers")

    def test_commas_of_others_do_not_count(self) -> None:
        lines = [name + b": " + text for name, text in GOOD.items()]
        self.assertIsNone(defect(request(*lines, b"X: " + b"," * 200, body=b"," * 200)))
        self.assertIsNone(defect(with_header(b"Via", GOOD[b"Via"] + b';x="' + b"," * 200 + b'"')))

    def test_max_forwards(self) -> None:
        for text in (b"0", b"70", b"255", b"0068"):
            self.assertIsNone(defect(with_header(b"Max-Forwards", text)))
        for text in (b"", b"-1", b"+1", b"1_0", b"7.0", b"ten", b"\xd9\xa1", b"\xb2", b"1" * 11, b"70 70", b"7;x"):
            self.assertEqual(defect(with_header(b"Max-Forwards", text)), "Max-Forwards is not a number")

    def test_cseq(self) -> None:
        self.assertEqual(defect(with_header(b"CSeq", b"1 BYE")), "the CSeq method is not the method")
        self.assertEqual(defect(with_header(b"CSeq", b"1 invite")), "the CSeq method is not the method")
        for text in (b"", b"INVITE", b"2147483648 INVITE", b"1_0 INVITE"):
            self.assertIn("CSeq", defect(with_header(b"CSeq", text)) or "")

    def test_via(self) -> None:
        for text in (b"", b"x", b"SIP/2.0/UDP", b"SIP/2.0/UDP h:99999", b"SIP/2.0/UDP [x"):
            self.assertIn("Via", defect(with_header(b"Via", text)) or "")

    def test_parameters_of_via(self) -> None:
        # They are read before anything is answered.
        for text in (b";;", b";", b";branch=a;;b", b';x="', b";branch=a b"):
            self.assertIn("Via", defect(with_header(b"Via", b"SIP/2.0/UDP h" + text)) or "", text)

    def test_request_uri(self) -> None:
        for uri in (b"<sip:a@b>", b"sip:", b"sip:a@b:0", b"\xff", b"sip:a@b;x;x", b"a" * 5000):
            message = parse_message(INVITE.replace(b"sip:bob@biloxi.com", uri, 1))
            assert isinstance(message, Request)
            why = defect(message)
            assert why is not None
            self.assertRegex(why, r"\A[ -'*-~]{1,80}\Z")

    def test_reasons_can_stand_in_a_status_line(self) -> None:
        self.assertEqual(printable_reason("a\r\nb\0(c) \u00e4\x7f" + "x" * 100), "a??b??c? ??" + "x" * 69)

    @given(messages())
    def test_any_request(self, data: bytes) -> None:
        message = parse_message(data)
        if isinstance(message, Request):
            why = defect(message)
            self.assertRegex(why or "none", r"\A[ -~]+\Z")

    @given(anything, anything, anything)
    def test_any_bytes(self, via: bytes, cseq: bytes, uri: bytes) -> None:
        lines = [name + b": " + text for name, text in GOOD.items() if name not in (b"Via", b"CSeq")]
        try:
            message = request(*lines, b"Via: " + via, b"CSeq: " + cseq, uri=uri)
        except MessageError:
            return
        self.assertRegex(defect(message) or "none", r"\A[ -~]+\Z")
