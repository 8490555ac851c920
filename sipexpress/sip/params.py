"""Parameters behind semicolons: ``;name=value;flag;other="quoted"`` (RFC 3261 25.1 generic-param)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sipexpress.errors import HeaderError

Params = tuple[tuple[str, str | None], ...]
"""(name in lower case, value as written or None), in order."""

_PARAM = re.compile(
    r"""[ \t]*;[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)"""
    r"""(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s;,"=<>?]*(?:=+[^\s;,"=<>?]*)*))?[ \t]*"""
)


def parse_params(text: str, what: str) -> Params:
    """The parameters in `text`, which is empty or begins with a semicolon. Raises HeaderError naming `what`."""
    if not text:
        return ()
    params = []
    at = 0
    end = len(text)
    while at < end:
        found = _PARAM.match(text, at)
        if found is None:
            raise HeaderError(f"{what}: cannot read the parameters {text[at : at + 60]!r}")
        params.append((found.group(1).lower(), found.group(2)))
        at = found.end()
    return tuple(params)


def param_of(params: Params, name: str) -> str | None:
    """The value of the parameter `name` (lower case); "" when it has none, None when it is not there."""
    for key, value in params:
        if key == name:
            return "" if value is None else value
    return None


def write_params(params: Iterable[tuple[str, str | None]]) -> str:
    """``;name=value`` for each."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params)


def unquote(value: str) -> str:
    """A quoted string without its quotes and backslashes; any other text as it is."""
    if len(value) >= 2 and value[0] == '"' == value[-1]:
        return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    return value
