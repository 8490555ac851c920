"""Location stores whose answers wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from sipexpress import use
from sipexpress.interfaces import ILocationStore
from sipexpress.modules import Usrloc
from tests.routers import Plain


@implementer(ILocationStore)
class HeldStore(Usrloc):
    """Every question waits until the test lets it go on."""

    def start(self) -> None:
        self.held: list[tuple[str, Deferred[Any], Callable[[], Any]]] = []
        super().start()

    def fetch(self, table: str, aor: str) -> Any:
        return self.hold(f"fetch {aor}", lambda: Usrloc.fetch(self, table, aor))

    def store(self, table: str, aor: str, bindings: Any) -> Any:
        return self.hold(f"store {aor}", lambda: Usrloc.store(self, table, aor, bindings))

    def hold(self, what: str, work: Callable[[], Any]) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self.held.append((what, answer, work))
        return answer

    @property
    def asked(self) -> list[str]:
        """What waits, in order."""
        return [what for what, _, _ in self.held]

    def release(self, number: int = 0, error: Exception | None = None) -> None:
        """Let one question go on: with what memory says, or with an error."""
        _, answer, work = self.held.pop(number)
        if error is not None:
            answer.errback(error)
        else:
            answer.callback(work())

    def release_all(self) -> None:
        """Let everything go on, until nothing waits."""
        while self.held:
            self.release()


class Held(Plain):
    """Registers in a HeldStore."""

    usrloc = use(HeldStore)
