"""Parameters behind semicolons."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.errors import HeaderError
from sipexpress.sip.params import Params, param_of, parse_params, unquote, write_params


class ParamsTests(SynchronousTestCase):
    """RFC 3261 25.1, generic-param."""

    def test_forms(self) -> None:
        cases: list[tuple[str, Params]] = [
            ("", ()),
            (";lr", (("lr", None),)),
            (";a=b", (("a", "b"),)),
            (";a=", (("a", ""),)),
            (" ; A \t=\t b ; c ", (("a", "b"), ("c", None))),
            (';a="b;c=\\"d,"', (("a", '"b;c=\\"d,"'),)),
            (";a=[::1];b=c=d==", (("a", "[::1]"), ("b", "c=d=="))),
            (";a;a=1", (("a", None), ("a", "1"))),
            (";n=\u00e4", (("n", "\u00e4"),)),
        ]
        for text, params in cases:
            self.assertEqual(parse_params(text, "x"), params, text)

    def test_what_is_none(self) -> None:
        for text in (
            "a",
            ";",
            ";;",
            ";a;;b",
            ";a;",
            ";=b",
            ";a b",
            ';a="b',
            ';a="b"c',
            ";a=b,c",
            ";a=<b>",
            ";\u00e4=1",
            ";a\n",
        ):
            self.assertRaises(HeaderError, parse_params, text, "x")

    def test_the_error_says_where(self) -> None:
        self.assertIn("Contact", str(self.assertRaises(HeaderError, parse_params, ";", "Contact")))

    def test_the_first_of_a_name_counts(self) -> None:
        params = parse_params(";a;a=1;b=2", "x")
        self.assertEqual([param_of(params, name) for name in ("a", "b", "c")], ["", "2", None])

    def test_quotes(self) -> None:
        for text, plain in (
            ("a", "a"),
            ('"a"', "a"),
            ('"a\\"b"', 'a"b'),
            ('"\\\\"', "\\"),
            ('""', ""),
            ('"', '"'),
            ('"a', '"a'),
            ('"\\\n"', "\n"),
        ):
            self.assertEqual(unquote(text), plain)

    @given(
        st.lists(
            st.tuples(
                st.text("abc-.!%*_+`'~", min_size=1),
                st.none()
                | st.text("ab:/[]?=@".replace("?", ""), max_size=5)
                | st.sampled_from(['"a;b"', '"\\""', '""']),
            ),
            max_size=6,
        ).map(tuple)
    )
    def test_what_is_written_is_read(self, params: Params) -> None:
        self.assertEqual(parse_params(write_params(params), "x"), params)
