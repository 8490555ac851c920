"""A case that reads what the server logs."""

from __future__ import annotations

from typing import Any

from twisted.logger import globalLogPublisher

from tests.server.behavior import CallCase


class LogCase(CallCase):
    """A case that reads the server's log."""

    def setUp(self) -> None:
        super().setUp()
        self.events: list[Any] = []
        publisher: Any = globalLogPublisher
        publisher.addObserver(self.events.append)
        self.addCleanup(publisher.removeObserver, self.events.append)

    def logged(self, level: str) -> list[str]:
        """What was logged at a level by the server."""
        return [
            event["log_format"].format(**{key: str(value) for key, value in event.items()})
            for event in self.events
            if event.get("log_level") is not None
            and event["log_level"].name == level
            and str(event.get("log_namespace", "")).startswith("sipexpress")
        ]
