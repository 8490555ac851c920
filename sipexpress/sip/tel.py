"""tel: URIs (RFC 3966)."""

from __future__ import annotations

import re

from sipexpress.errors import HeaderError, UriError
from sipexpress.sip.params import Params, param_of, parse_params, write_params

_TEL = re.compile(
    r"tel:(\+[\-.()]*[0-9][0-9\-.()]*|[\-.()]*[0-9A-Fa-f*#][0-9A-Fa-f*#\-.()]*)(;.*)?\Z", re.IGNORECASE | re.ASCII
)
_SEPARATORS = str.maketrans("", "", "-.()")


class TelUri:
    """An immutable telephone number; equal when the digits and parameters are (RFC 3966 section 4)."""

    __slots__ = ("_text", "number", "params")

    scheme = "tel"

    number: str
    """With its visual separators; global ones begin with +."""
    params: Params
    _text: str

    def __init__(self, number: str, params: Params, text: str) -> None:
        put = object.__setattr__
        put(self, "number", number)
        put(self, "params", params)
        put(self, "_text", text)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a URI does not change")

    @classmethod
    def parse(cls, text: str) -> TelUri:
        """Read a tel URI. Raises UriError."""
        found = _TEL.match(text)
        if found is None:
            raise UriError(f"{text[:80]!r} is not a tel URI")
        try:
            params = parse_params(found.group(2) or "", "tel URI")
        except HeaderError as error:
            raise UriError(str(error)) from None
        return cls(found.group(1), params, text)

    @property
    def digits(self) -> str:
        """The number without visual separators."""
        return self.number.translate(_SEPARATORS)

    def param(self, name: str) -> str | None:
        """The value of a parameter; "" when it has none, None when it is not there."""
        return param_of(self.params, name)

    def _key(self) -> tuple[object, ...]:
        params = ((name, None if value is None else _plain(name, value)) for name, value in self.params)
        return self.digits.lower(), tuple(sorted(params, key=str))

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, TelUri) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        return self._text or f"tel:{self.number}{write_params(self.params)}"

    def __repr__(self) -> str:
        return f"<TelUri {self}>"


def _plain(name: str, value: str) -> str:
    digits = name == "ext" or (name == "phone-context" and value.startswith("+"))
    return (value.translate(_SEPARATORS) if digits else value).lower()
