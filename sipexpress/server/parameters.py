"""Converters and validators for parameters: numbers may be given as SER's strings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sipexpress.errors import RouteError

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?\Z")


def seconds(value: float | str) -> float:
    """A time in seconds, 0 or more. Raises ValueError."""
    text = str(value).strip()
    if isinstance(value, bool) or not _NUMBER.match(text):
        raise ValueError(f"{value!r}: expected a number of seconds")
    return float(text)


def whole(value: int | str) -> int:
    """A whole number, 0 or more. Raises ValueError."""
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"{value!r}: expected a whole number")
    return int(text)


def switch(value: bool | int | str) -> bool:
    """On or off: True, 1, "1", "yes", "on", and their opposites. Raises ValueError."""
    text = str(value).strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{value!r}: expected yes or no")


def maybe_switch(value: bool | int | str | None) -> bool | None:
    """On, off, or None: not said. Raises ValueError."""
    return None if value is None else switch(value)


def text(value: str) -> str:
    """A text. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r}: expected a text")
    return value


def between(low: int, high: int) -> Callable[[Any, Any, int], None]:
    """An attrs validator: from `low` to `high`."""

    def check(instance: Any, attribute: Any, value: int) -> None:
        if not low <= value <= high:
            raise ValueError(f"{value!r}: expected a number from {low} to {high}")

    return check


def number_of(value: int | str, where: str, low: int, high: int) -> int:
    """An argument of a function that has to be a number from `low` to `high`. Raises RouteError naming `where`."""
    if type(value) is int and low <= value <= high:
        return value
    digits = str(value).strip()
    if isinstance(value, bool) or not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise RouteError(f"{where}({value!r}): expected a number from {low} to {high}")
    number = int(digits)
    if not low <= number <= high:
        raise RouteError(f"{where}({value!r}): expected a number from {low} to {high}")
    return number


def code_of(code: int | str) -> int:
    """A status code to reply with. Raises RouteError."""
    return number_of(code, "reply", 100, 699)
