"""Who may import whom."""

from __future__ import annotations

import ast
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.house.code import PACKAGE, at_import, imported, parse, room_of, sources

FLOORS = ["sip", "transaction", "server", "routing", "modules"]
TOP = ["routers", "management", "cli", "testing", "tap"]
BESIDE = ["transport", "media", "db"]
PURE = ["sip", "transaction"]
# Time, ids and logging come from above.
IMPURE = {"asyncio", "logging", "os", "random", "secrets", "select", "socket", "ssl", "threading", "time", "uuid"}


def may_import(room: str) -> set[str]:
    """The rooms that `room` may import, besides itself, `errors` and `interfaces`."""
    if room in FLOORS:
        below = set(FLOORS[: FLOORS.index(room)])
        return below | {"transport"} if "server" in {room, *below} else below
    if room in BESIDE:
        return {"sip"}
    if room in TOP:
        return {*FLOORS, *TOP, *BESIDE, "face"}
    if room == "face":
        return {*FLOORS, *TOP}
    return set()


def wrong(name: str, tree: ast.Module, is_package: bool = False) -> list[str]:
    """What a module imports against the rule."""
    room = room_of(name)
    found = []
    running = at_import(tree)
    for target, node in imported(tree, name, is_package):
        place = f"{name}:{node.lineno} imports {target}"
        if target == "sipexpress" or target.startswith("sipexpress."):
            other = room_of(target)
            free = {room, "errors"} if room in PURE else {room, "errors", "interfaces"}
            if other not in free | may_import(room):
                found.append(place)
            if room == other == "modules" and not is_package and is_module(target):
                found.append(place)
        elif room in PURE:
            top = target.partition(".")[0]
            if top not in sys.stdlib_module_names or top in IMPURE:
                found.append(place)
        reactor = target == "twisted.internet.reactor" or (
            target == "twisted.internet"
            and isinstance(node, ast.ImportFrom)
            and any(alias.name == "reactor" for alias in node.names)
        )
        if reactor and id(node) in running:
            found.append(f"{place} at module level")
    return found


def is_module(name: str) -> bool:
    """Whether a file of the room holds a module, which `use()` takes."""
    path = sources().get(name)
    if path is None or path.name == "__init__.py":
        return name == "sipexpress.modules"
    return any(
        isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "ModuleBase" for base in node.bases)
        for node in parse(path).body
    )


class ImportTests(SynchronousTestCase):
    """The rule holds, and the check sees what breaks it."""

    def test_every_module_keeps_to_its_floor(self) -> None:
        found = [
            line for name, path in sources().items() for line in wrong(name, parse(path), path.name == "__init__.py")
        ]
        self.assertEqual(found, [])

    def test_every_room_has_a_place_in_the_house(self) -> None:
        known = {*FLOORS, *TOP, *BESIDE, "face", "errors", "interfaces", "plugins"}
        self.assertEqual({room_of(name) for name in sources()} - known, set())
        self.assertTrue((PACKAGE / "py.typed").exists())

    def test_the_modules_are_seen_as_modules(self) -> None:
        self.assertTrue(is_module("sipexpress.modules.tm"))
        self.assertTrue(is_module("sipexpress.modules.registrar"))
        self.assertFalse(is_module("sipexpress.modules.registration"))

    def test_what_breaks_the_rule_is_seen(self) -> None:
        for name, line in [
            ("sipexpress.sip.x", "from sipexpress.transaction import keys"),
            ("sipexpress.sip.x", "from sipexpress.interfaces import IRouter"),
            ("sipexpress.sip.x", "import attrs"),
            ("sipexpress.sip.x", "import time"),
            ("sipexpress.transaction.x", "from twisted.logger import Logger"),
            ("sipexpress.transaction.x", "def f():\n    import random"),
            ("sipexpress.transport.x", "from ..server import server"),
            ("sipexpress.transport.x", "from sipexpress.transaction import keys"),
            ("sipexpress.server.x", "from sipexpress.db import port"),
            ("sipexpress.server.x", "import sipexpress.media"),
            ("sipexpress.server.x", "from sipexpress.routing.router import Router"),
            ("sipexpress.server.x", "from sipexpress import Router"),
            ("sipexpress.routing.x", "import sipexpress.modules.tm"),
            ("sipexpress.modules.x", "from sipexpress.modules.tm import Tm"),
            ("sipexpress.modules.x", "from sipexpress.modules import tm"),
            ("sipexpress.modules.x", "from .usrloc import Usrloc"),
            ("sipexpress.modules.x", "from sipexpress.modules import Tm"),
            ("sipexpress.modules.x", "from sipexpress.routers import Lan"),
            ("sipexpress.tap.x", "from twisted.internet import reactor"),
            ("sipexpress.server.x", "import twisted.internet.reactor"),
            ("sipexpress.server.x", "class A:\n    from twisted.internet import reactor"),
        ]:
            self.assertEqual(len(wrong(name, ast.parse(line))), 1, f"{name}: {line}")

    def test_what_keeps_to_the_rule_passes(self) -> None:
        for name, line in [
            ("sipexpress.sip.x", "import re\nfrom sipexpress.errors import ParseError"),
            ("sipexpress.modules.x", "from sipexpress.modules.registration import bindings"),
            ("sipexpress.tap.x", "def f():\n    from twisted.internet import reactor"),
            ("sipexpress.server.x", "from sipexpress.transport.flow import Flow"),
            ("sipexpress.transport.x", "from sipexpress.sip.frame import Framer"),
            ("sipexpress.cli.x", "from sipexpress.routing.router import Router"),
        ]:
            self.assertEqual(wrong(name, ast.parse(line)), [], f"{name}: {line}")
