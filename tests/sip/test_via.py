"""Via."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError
from sipexpress.sip.headers import value_of
from sipexpress.sip.via import Via, branch_of, split_first
from tests.sip.samples import anything


class ViaTests(SynchronousTestCase):
    """RFC 3261 20.42."""

    def test_parts(self) -> None:
        via = Via.parse(b"SIP/2.0/UDP pc33.atlanta.com:5066;branch=z9hG4bK776asdhds;received=192.0.2.1;rport=5070")
        self.assertEqual((via.transport, via.host, via.port), ("UDP", "pc33.atlanta.com", 5066))
        self.assertEqual((via.branch, via.received, via.rport), ("z9hG4bK776asdhds", "192.0.2.1", "5070"))

    def test_what_may_be_missing(self) -> None:
        via = Via.parse(b"SIP/2.0/UDP h")
        self.assertEqual((via.port, via.params, via.branch, via.received, via.rport), (None, (), None, None, None))

    def test_rport_that_is_asked_for(self) -> None:
        """RFC 3581 3."""
        self.assertEqual(Via.parse(b"SIP/2.0/UDP h;rport;branch=a").rport, "")

    def test_white_space(self) -> None:
        for text in (
            b"SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
            b"SIP  /    2.0\r\n /UDP\r\n    first.example.com : 4000\r\n ; maddr = a;branch  =\r\n z9hG4bKa7c6a8dlze.1",
        ):
            via = Via.parse(text)
            self.assertEqual((via.transport, via.host, via.port), ("UDP", "first.example.com", 4000))
            self.assertEqual(via.branch, "z9hG4bKa7c6a8dlze.1")

    def test_case(self) -> None:
        via = Via.parse(b"sip/2.0/udp Example.COM;BRANCH=zA;RPort")
        self.assertEqual((via.transport, via.host, via.branch, via.rport), ("UDP", "Example.COM", "zA", ""))

    def test_other_transports(self) -> None:
        self.assertEqual(Via.parse(b"SIP/2.0/TLS-SCTP h").transport, "TLS-SCTP")

    def test_ipv6(self) -> None:
        via = Via.parse(b"SIP/2.0/UDP [2001:db8::9:1]:5060;received=2001:db8::9:255;branch=z9hG4bKas3-111")
        self.assertEqual((via.host, via.port, via.received), ("2001:db8::9:1", 5060, "2001:db8::9:255"))

    def test_the_first_of_a_list(self) -> None:
        via = Via.parse(b'SIP/2.0/UDP a;x=",";branch=1 , SIP/2.0/TCP b;branch=2')
        self.assertEqual((via.host, via.branch), ("a", "1"))

    def test_what_is_none(self) -> None:
        for text in (
            b"",
            b"SIP/2.0/UDP",
            b"SIP/2.0/UDP ",
            b"SIP/3.0/UDP h",
            b"SIP/2.0 h",
            b"SIP/2.0/U/P h",
            b"SIP/2.0/UDPh",
            b"SIP/2.0/UDP h:",
            b"SIP/2.0/UDP h:0",
            b"SIP/2.0/UDP h:65536",
            b"SIP/2.0/UDP h:5060x",
            b"SIP/2.0/UDP h:+5060",
            b"SIP/2.0/UDP h:5_0",
            b"SIP/2.0/UDP h:\xd9\xa5",
            b"SIP/2.0/UDP h:99999999999",
            b"SIP/2.0/UDP [::1",
            b"SIP/2.0/UDP ::1",
            b"SIP/2.0/UDP a b",
            b"SIP/2.0/UDP a/b",
            b"SIP/2.0/UDP h\0",
            b"SIP/2.0/UDP h branch=1",
            b",SIP/2.0/UDP h",
        ):
            self.assertRaises(HeaderError, Via.parse, text)

    def test_letters_that_only_fold_to_ascii(self) -> None:
        # The long s is an s, and the Kelvin sign a k, to Python's re.IGNORECASE.
        for text in ("\u017fIP/2.0/UDP h", "SIP/2.0/TL\u017f h", "SIP/2.0/UDP \u212a", "SIP/2.0/UDP \u0131"):
            self.assertRaises(HeaderError, Via.parse, text.encode())

    def test_bad_parameters(self) -> None:
        for text in (b";", b";;", b";branch=a;", b";branch=a b", b';x="', b";branch=a;;rport", b"; =a"):
            self.assertRaises(HeaderError, Via.parse, b"SIP/2.0/UDP h" + text)


class BranchTests(SynchronousTestCase):
    """The short way to the branch."""

    def test_it_is_found(self) -> None:
        for text, branch in (
            (b"SIP/2.0/UDP h;branch=z9", b"z9"),
            (b"SIP/2.0/UDP h ; Branch = z9 ;x", b"z9"),
            (b"SIP/2.0/UDP h;branch=z9, SIP/2.0/UDP i;branch=z8", b"z9"),
            (b"SIP/2.0/UDP h, SIP/2.0/UDP i;branch=z8", None),
            (b"SIP/2.0/UDP h;xbranch=z9", None),
            (b"SIP/2.0/UDP h;branch", None),
            (b"SIP/2.0/UDP h;branch=", None),
            (b"", None),
        ):
            self.assertEqual(branch_of(text), branch, text)

    def test_quoted_strings_do_not_count(self) -> None:
        self.assertEqual(branch_of(b'SIP/2.0/UDP h;x=";branch=evil";branch=z9'), b"z9")
        self.assertEqual(branch_of(b'SIP/2.0/UDP h;x="\\";branch=evil";branch=z9'), b"z9")
        self.assertEqual(branch_of(b'SIP/2.0/UDP h;x="a,b";branch=z9'), b"z9")
        self.assertIsNone(branch_of(b'SIP/2.0/UDP h;x=";branch=evil"'))
        self.assertIsNone(branch_of(b'SIP/2.0/UDP h;x=";branch=evil'))

    pieces = st.sampled_from(
        [
            b";branch=a",
            b";Branch = b",
            b";x=1",
            b";rport",
            b';y=";branch=c"',
            b';y=",\\";branch=d"',
            b", SIP/2.0/TCP i",
            b"\t",
        ]
    )

    @given(st.lists(pieces, max_size=6).map(b"".join))
    def test_it_is_what_the_whole_via_says(self, rest: bytes) -> None:
        text = b"SIP/2.0/UDP h" + rest
        branch = branch_of(text)
        self.assertEqual(Via.parse(text).branch, None if branch is None else branch.decode())


class LineTests(SynchronousTestCase):
    """A header line is read in one step where it is written as usual."""

    starts = st.sampled_from((b"Via: ", b"v: ", b"VIA:", b"Via:  ", b"Via : "))
    hops = st.sampled_from(
        (b"SIP/2.0/UDP h", b"SIP/2.0/TCP h.example:5070", b"SIP/2.0/UDP [2001:db8::1]:5060", b"sip/2.0/udp h")
    )
    ends = st.lists(
        st.sampled_from(
            (b";branch=z9hG4bKa", b";rport", b";rport=5", b";received=192.0.2.1", b";x=1", b" ", b",", b"\r\n ")
        ),
        max_size=4,
    ).map(b"".join)

    @given(starts, hops, ends)
    def test_it_says_what_its_value_says(self, start: bytes, hop: bytes, end: bytes) -> None:
        def read(of: Callable[[bytes], Via], text: bytes) -> object:
            try:
                via = of(text)
            except HeaderError as error:
                return str(error)
            return [via.transport, via.host, via.port, via.branch, via.received, via.rport, via.params, via.more]

        line = start + hop + end
        self.assertEqual(read(Via.of_line, line), read(Via.parse, value_of(line)))


class FirstTests(SynchronousTestCase):
    """The first of a list and the rest."""

    def test_split(self) -> None:
        for text, first, rest in (
            (b"a", b"a", b""),
            (b"a,b", b"a", b"b"),
            (b"a , b, c", b"a", b"b, c"),
            (b'a;x="1,2", b', b'a;x="1,2"', b"b"),
            (b'a;x="\\",", b, c', b'a;x="\\","', b"b, c"),
            (b'a, b;x="1,2"', b"a", b'b;x="1,2"'),
        ):
            got = split_first(text)
            self.assertEqual((got[0], got[1].strip()), (first, rest), text)

    @given(anything)
    def test_any_bytes(self, text: bytes) -> None:
        first, rest = split_first(text)
        self.assertIn(first, text)
        self.assertLessEqual(len(first) + len(rest.strip()), len(text) * 2)
