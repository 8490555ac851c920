"""The server's log: Twisted's Logger with a level below which nothing is made."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger, LogLevel


class Log(Logger):
    """Events below `threshold` cost one comparison."""

    threshold = LogLevel.info

    def set_level(self, name: str) -> None:
        """``debug``, ``info``, ``warn``, ``error`` or ``critical``."""
        self.threshold = LogLevel.levelWithName(name)

    def emit(self, level: Any, format: str | None = None, **kwargs: object) -> None:  # noqa: A002 - Twisted's name
        """Pass an event on."""
        if level >= self.threshold:
            super().emit(level, format, **kwargs)
