"""SIP URIs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import UriError
from sipexpress.sip.tel import TelUri
from sipexpress.sip.uri import MAX_URI, OtherUri, Uri, parse_uri, unescape
from tests.sip.samples import anything

# RFC 3261 19.1.4, the examples in their order.
EQUAL = (
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
)
DIFFERENT = (
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
)
# The rules of the same section, one by one.
EQUAL_BY_RULE = (
    ("sip:a@h", "SIP:a@H"),
    ("sip:a@h;x=y;z", "sip:a@h;Z;X=Y"),
    ("sip:a%2Db@h", "sip:a-b@h"),
    ("sip:a%3ab@h", "sip:a%3Ab@h"),
    ("sip:a@h;%78=%79", "sip:a@h;x=y"),
    ("sip:a@h;user=phone", "sip:a@h;user=PHONE"),
    ("sip:a@h?A=1", "sip:a@h?a=1"),
    ("sip:[2001:DB8::1]", "sip:[2001:db8::1]"),
)
DIFFERENT_BY_RULE = (
    ("sip:a@h", "sips:a@h"),
    ("sip:a@h", "sip:A@h"),
    ("sip:a@h", "sip:h"),
    ("sip:a@h", "sip:a:@h"),
    ("sip:a:b@h", "sip:a:B@h"),
    ("sip:a@h:5061", "sip:a@h:5062"),
    ("sip:a@h", "sip:a@h;user=ip"),
    ("sip:a@h", "sip:a@h;ttl=1"),
    ("sip:a@h", "sip:a@h;method=INVITE"),
    ("sip:a@h", "sip:a@h;maddr=h"),
    ("sip:a@h;maddr=1", "sip:a@h;maddr=2"),
    ("sip:a@h;x=1", "sip:a@h;x=2"),
    ("sip:a@h;x=%26", "sip:a@h;x=&"),
    ("sip:a%3Bb@h", "sip:a;b@h"),
    ("sip:a%2541@h", "sip:a%41@h"),
    ("sip:a@h?x=1", "sip:a@h?x=2"),
    ("sip:a@h?x=1", "sip:a@h?x=1&x=1"),
    ("sip:a@h?x=1", "sip:a@h?x=1&y=2"),
    ("sip:a@h.", "sip:a@h"),
)


class EqualityTests(SynchronousTestCase):
    """RFC 3261 19.1.4."""

    def test_those_that_the_rfc_calls_equal(self) -> None:
        for one, other in EQUAL:
            self.assertEqual(parse_uri(one), parse_uri(other))
            self.assertEqual(parse_uri(other), parse_uri(one))
            self.assertEqual(hash(parse_uri(one)), hash(parse_uri(other)), one)

    def test_those_that_the_rfc_calls_different(self) -> None:
        for one, other in DIFFERENT:
            self.assertNotEqual(parse_uri(one), parse_uri(other))
            self.assertNotEqual(parse_uri(other), parse_uri(one))

    def test_the_rules(self) -> None:
        for one, other in EQUAL_BY_RULE:
            self.assertEqual(parse_uri(one), parse_uri(other))
            self.assertEqual(hash(parse_uri(one)), hash(parse_uri(other)), one)
        for one, other in DIFFERENT_BY_RULE:
            self.assertNotEqual(parse_uri(one), parse_uri(other))
            self.assertNotEqual(parse_uri(other), parse_uri(one))

    def test_other_things_are_different(self) -> None:
        self.assertNotEqual(parse_uri("sip:+1@h;user=phone"), parse_uri("tel:+1"))
        self.assertNotEqual(parse_uri("sip:a@h"), "sip:a@h")
        self.assertNotEqual(parse_uri("http://h/a"), parse_uri("http://h/b"))
        self.assertEqual(parse_uri("http://h/a"), parse_uri("http://h/a"))


class ParseTests(SynchronousTestCase):
    """RFC 3261 19.1.1 and 19.1.3."""

    def parts(self, text: str) -> tuple[object, ...]:
        uri = Uri.parse(text)
        self.assertEqual(str(uri), text)
        return uri.user, uri.password, uri.host, uri.port, uri.params, uri.headers

    def test_examples(self) -> None:
        """RFC 3261 19.1.3."""
        for text, parts in (
            ("sip:alice@atlanta.com", ("alice", None, "atlanta.com", None, (), None)),
            (
                "sip:alice:secretword@atlanta.com;transport=tcp",
                ("alice", "secretword", "atlanta.com", None, (("transport", "tcp"),), None),
            ),
            (
                "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
                ("alice", None, "atlanta.com", None, (), "subject=project%20x&priority=urgent"),
            ),
            (
                "sip:+1-212-555-1212:1234@gateway.com;user=phone",
                ("+1-212-555-1212", "1234", "gateway.com", None, (("user", "phone"),), None),
            ),
            ("sips:1212@gateway.com", ("1212", None, "gateway.com", None, (), None)),
            ("sip:alice@192.0.2.4", ("alice", None, "192.0.2.4", None, (), None)),
            (
                "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
                (None, None, "atlanta.com", None, (("method", "REGISTER"),), "to=alice%40atlanta.com"),
            ),
            ("sip:alice;day=tuesday@atlanta.com", ("alice;day=tuesday", None, "atlanta.com", None, (), None)),
        ):
            self.assertEqual(self.parts(text), parts)

    def test_odd_ones(self) -> None:
        for text, parts in (
            ("sip:a:@h", ("a", "", "h", None, (), None)),
            ("sip:a?b=c@h", ("a?b=c", None, "h", None, (), None)),
            ("sip:a@h?", ("a", None, "h", None, (), "")),
            ("sip:a/b&c=+$,@h", ("a/b&c=+$,", None, "h", None, (), None)),
            ("sip:h.example.com.:5061", (None, None, "h.example.com.", 5061, (), None)),
            ("sip:[2001:db8::1]:5060;lr", (None, None, "[2001:db8::1]", 5060, (("lr", None),), None)),
            ("sip:a@h;lr=on;maddr=[::1]", ("a", None, "h", None, (("lr", "on"), ("maddr", "[::1]")), None)),
            ("sip:\u00e4@h", ("\u00e4", None, "h", None, (), None)),
        ):
            self.assertEqual(self.parts(text), parts)

    def test_sips(self) -> None:
        self.assertTrue(Uri.parse("SIPS:a@h").is_sips)
        self.assertFalse(Uri.parse("sip:a@h").is_sips)

    def test_escapes_stay_as_written(self) -> None:
        uri = Uri.parse("sip:sips%3Auser%40example.com@example.net")
        self.assertEqual((uri.user, uri.host), ("sips%3Auser%40example.com", "example.net"))
        self.assertEqual(uri.user_unescaped, "sips:user@example.com")

    def test_unescaping_happens_once(self) -> None:
        self.assertEqual(unescape("%25%34%31"), "%41")
        self.assertEqual(unescape("%2541"), "%41")
        self.assertEqual(unescape("%c3%a4%ff").encode("utf-8", "surrogateescape"), b"\xc3\xa4\xff")
        self.assertEqual(unescape("null-%00-null"), "null-\0-null")
        self.assertEqual(unescape("100%, %4"), "100%, %4")

    def test_escaped_parameter_names(self) -> None:
        uri = Uri.parse("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31")
        self.assertEqual((uri.param("lr"), uri.param("name"), uri.param("x")), ("", "v%61lue%25%34%31", None))

    def test_parameters_are_found_without_case(self) -> None:
        self.assertEqual(Uri.parse("sip:h;TRANSPORT=TCP;Lr").params, (("transport", "TCP"), ("lr", None)))

    def test_what_is_none(self) -> None:
        for text in (
            *("", "sip", "sip:", "sip:@h", "sip:a@", "sip:a@b@c", "sip: a@h", "sip:a@h ", "sip:a @h", "sip:a@h\n"),
            *(
                "sip:a@h:",
                "sip:a@h:x",
                "sip:a@h:0",
                "sip:a@h:65536",
                "sip:a@h:+5060",
                "sip:a@h:5_060",
                "sip:a@h:123456",
            ),
            *(
                "sip:a@h:\u0665",
                "sip:a@[::1",
                "sip:a@::1",
                "sip:a@[]",
                "sip:a@[g]",
                "sip:a@-h",
                "sip:a@h-",
                "sip:a@h/b",
            ),
            *("sip:a@h;x=1;x=2", "sip:a@h;X;x", "sip:a@h;%78;x", "sip:a@h;=1", "sip:a@h;x y", "sip:a@h?x y"),
            *("sip:a@h;x=<b>", 'sip:a@h;x="b"', "sip:a%@h", "sip:a%4@h", "sip:a@h;x=%", "sip:a@h?x=%zz"),
            *("<sip:a@h>", '"a" <sip:a@h>', "sip:a@h;x=\0", "sip:a@h?x=\x7f", "sip:\x01@h", "x:\0", "sip:a:b:c@h"),
            *("//h", ":h", "1x:h", "x:", "x: ", "x:a b", "sip:a@h\u0661"),
        ):
            self.assertRaises(UriError, parse_uri, text)

    def test_letters_that_only_fold_to_ascii(self) -> None:
        # The long s is an s, the Kelvin sign a k and the dotless i an i to Python's re.IGNORECASE.
        for text in ("\u017fip:a@h", "s\u0131p:a@h", "sip:\u212a.example", "sip:a@example.\u0130", "sip\u017f:a@h"):
            self.assertRaises(UriError, parse_uri, text)

    def test_length(self) -> None:
        longest = "sip:" + "a" * (MAX_URI - 6) + "@h"
        self.assertEqual(str(parse_uri(longest)), longest)
        for text in (longest + "h", "x:" + "a" * MAX_URI, "tel:" + "1" * MAX_URI):
            self.assertRaises(UriError, parse_uri, text)

    def test_other_schemes(self) -> None:
        uri = parse_uri("HTTPS://example.com/a?b#c")
        self.assertIsInstance(uri, OtherUri)
        self.assertEqual((uri.scheme, str(uri), uri.param("x")), ("https", "HTTPS://example.com/a?b#c", None))
        self.assertIsInstance(parse_uri("tel:+1"), TelUri)
        self.assertRaises(UriError, Uri.parse, "tel:+1")

    def test_bytes(self) -> None:
        uri = parse_uri(b"sip:\xff@h")
        self.assertEqual(str(uri).encode("utf-8", "surrogateescape"), b"sip:\xff@h")


class ReplaceTests(SynchronousTestCase):
    """A URI with other parts."""

    def test_each_part(self) -> None:
        uri = Uri.parse("sip:a:b@h:5061;lr?x=1")
        for parts, text in (
            ({"user": "c"}, "sip:c:b@h:5061;lr?x=1"),
            ({"user": None, "password": None}, "sip:h:5061;lr?x=1"),
            ({"password": None}, "sip:a@h:5061;lr?x=1"),
            ({"host": "[::1]", "port": None}, "sip:a:b@[::1];lr?x=1"),
            ({"port": 5070}, "sip:a:b@h:5070;lr?x=1"),
            ({"params": ()}, "sip:a:b@h:5061?x=1"),
            ({"params": (("transport", "tcp"), ("lr", None))}, "sip:a:b@h:5061;transport=tcp;lr?x=1"),
            ({"headers": None}, "sip:a:b@h:5061;lr"),
            ({"scheme": "sips"}, "sips:a:b@h:5061;lr?x=1"),
        ):
            self.assertEqual(str(uri.replace(**parts)), text)
        self.assertEqual(str(uri), "sip:a:b@h:5061;lr?x=1")

    def test_a_part_never_becomes_another(self) -> None:
        uri = Uri.parse("sip:a@h")
        for parts in (
            {"user": "b@evil"},
            {"user": "b:c"},
            {"user": "b\r\n"},
            {"user": ""},
            {"host": "h;maddr=192.0.2.1"},
            {"host": "h?x=1"},
            {"host": "evil@h"},
            {"host": "h:5070"},
            {"host": ""},
            {"port": 0},
            {"port": 70000},
            {"port": -1},
        ):
            self.assertRaises(UriError, uri.replace, **parts)

    def test_an_escaped_parameter_never_becomes_another(self) -> None:
        uri = Uri.parse("sip:a@h;x%3Bmaddr%3D192.0.2.1=1;%3Flr")
        changed = uri.replace(port=5070)
        self.assertEqual((changed.param("maddr"), changed.param("lr"), changed.headers), (None, None, None))
        self.assertEqual(changed.params, uri.params)

    def test_unknown_parts(self) -> None:
        self.assertRaises(TypeError, Uri.parse("sip:a@h").replace, domain="x")

    def test_no_uri_changes(self) -> None:
        # Each is kept and given to all who ask for the same text.
        for text, name in (("sip:a@h", "user"), ("tel:+1", "number"), ("http://h", "text"), ("sip:a@h", "other")):
            self.assertRaises(AttributeError, setattr, parse_uri(text), name, "x")
            self.assertEqual(str(parse_uri(text)), text)


class PropertyTests(SynchronousTestCase):
    chars = st.text("abcXYZ019-_.!~*'()&=+$,;?/", min_size=1, max_size=8)
    hosts = st.sampled_from(["h", "Example.COM", "a-b.c.", "192.0.2.1", "[2001:db8::1]", "1"])
    params = st.lists(st.sampled_from([";lr", ";transport=tcp", ";x=", ";y=%41", ";z=[::1]", ";%6d=1"]), unique=True)
    uris = st.builds(
        lambda scheme, user, password, host, port, params, headers: (
            f"{scheme}:"
            + (
                ""
                if user is None
                else user
                + ("" if password is None else ":" + password.replace(";", "").replace("?", "").replace("/", ""))
                + "@"
            )
            + host
            + ("" if port is None else f":{port}")
            + "".join(params)
            + headers
        ),
        st.sampled_from(["sip", "sips", "SIP"]),
        st.none() | chars,
        st.none() | chars,
        hosts,
        st.none() | st.integers(1, 65535),
        params,
        st.sampled_from(["", "?", "?a=b", "?a=b&c=%20"]),
    )

    @given(uris)
    def test_what_is_read_is_written(self, text: str) -> None:
        uri = Uri.parse(text)
        self.assertEqual(str(uri), text)
        again = Uri(uri.scheme, uri.user, uri.password, uri.host, uri.port, uri.params, uri.headers)
        self.assertEqual(again, uri)
        self.assertEqual(hash(again), hash(uri))
        self.assertEqual(uri.replace(), uri)

    @given(uris, uris)
    def test_equality_is_the_same_from_both_sides(self, one: str, other: str) -> None:
        a, b = parse_uri(one), parse_uri(other)
        self.assertEqual(a == b, b == a)
        if a == b:
            self.assertEqual(hash(a), hash(b))

    @given(st.sampled_from([b"", b"sip:", b"sip:a@h", b"tel:", b"tel:+1", b"sips:[", b"x:"]), anything)
    def test_any_bytes_are_read_or_refused(self, start: bytes, rest: bytes) -> None:
        try:
            uri = parse_uri(start + rest)
        except UriError:
            return
        self.assertEqual(str(uri).encode("utf-8", "surrogateescape"), start + rest)
        self.assertEqual(uri, parse_uri(start + rest))
        self.assertIsInstance(hash(uri), int)
        self.assertNotIn("\n", str(uri))
        if isinstance(uri, Uri):
            self.assertEqual(uri.host, uri.host.encode("ascii").decode())
            self.assertIsInstance(uri.user_unescaped, (str, type(None)))
            self.assertEqual(uri.replace(headers=None).params, uri.params)
