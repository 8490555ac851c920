"""Every snippet of README.md and of the documentation is executed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sipexpress.server.location import Binding
from sipexpress.testing import IncomingCall, RouterTestCase
from tests.doc.page import Page
from tests.doc.snippets import DOC, pages, snippets
from tests.house.code import ROOT


class SnippetTests(RouterTestCase):
    """One test for each page that has snippets."""

    def run_page(self, path: Path) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        Page(path, folder, self.play).run()

    def play(self, router: Any) -> None:
        """A router serves two phones: whatever comes gets an answer, and nothing is logged as an error."""
        super().setUp()
        server = self.serve(router, listen=("udp:5060", "tcp:5060"))
        alice, bob = self.phone("alice"), self.phone("bob")
        usrloc = server.boot.find("usrloc")
        if usrloc is not None:
            forever = Binding("sip:bob@10.0.1.2:5060", 0.0, permanent=True)
            for aor in ("bob", "bob@10.0.0.1"):
                usrloc.store("location", aor, [forever])
        bob.on_call = IncomingCall.answer
        asked = [alice.register()]
        self.clock.advance(1)
        asked += [alice.invite("bob"), alice.invite("nobody"), bob.request("MESSAGE", "bob")]
        self.clock.advance(40)
        for exchange in asked:
            self.assertGreaterEqual(exchange.status, 200, exchange.request.raw)
            self.assertNotEqual(exchange.status, 500, exchange.request.raw)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual([server.counters[name] for name in ("route_errors", "unfinished_routes")], [0, 0])


def _add(path: Path) -> None:
    name = "_".join(re.findall(r"[a-z]+", str(path.relative_to(ROOT).with_suffix("")).lower()))
    setattr(SnippetTests, f"test_{name}", lambda self: self.run_page(path))


for _path in pages():
    if snippets(_path):
        _add(_path)


class FoundTests(RouterTestCase):
    """No block is overlooked."""

    def test_every_code_block_is_found(self) -> None:
        for path in pages():
            text = path.read_text(encoding="utf-8")
            directives = len(re.findall(r"\.\. (?:code-block|literalinclude)::", text))
            fences = text.count("```") // 2 if path.suffix == ".md" else 0
            commands = len(re.findall(r"(?m)^ {4}\S+ .*#|`twistd ", text)) if path.suffix == ".md" else 0
            self.assertGreaterEqual(len(snippets(path)), directives + fences + (commands > 0), path)

    def test_the_pages_that_teach_have_snippets(self) -> None:
        for name in ("index", "install", "security", "tutorial/hello-world", "tutorial/first-router"):
            self.assertNotEqual(snippets(DOC / f"{name}.rst"), [], name)
        for path in (DOC / "howto").glob("*.rst"):
            self.assertNotEqual(snippets(path), [], path)

    def write(self, text: str) -> Path:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        path = folder / "page.rst"
        path.write_text(text, encoding="utf-8")
        return path

    def failing(self, text: str) -> str:
        """What playing a page with that text says."""
        path = self.write(text)
        folder = path.parent / "play"
        folder.mkdir()
        return str(self.assertRaises(AssertionError, Page(path, folder, lambda router: None).run))

    def test_an_unknown_kind_fails(self) -> None:
        for text in (
            ".. code-block:: perl\n\n   print\n",
            "So::\n\n   print\n",
            ">>> 1 + 1\n2\n",
            "* item\n\n  .. code-block:: yaml\n\n     a: 1\n",
        ):
            self.assertIn("a kind that the test does not know", self.failing(text), text)

    def test_an_unknown_command_fails(self) -> None:
        self.assertIn("rm -rf", self.failing(".. code-block:: shell\n\n   rm -rf x\n"))

    def test_a_wrong_snippet_fails(self) -> None:
        wrong = ".. code-block:: toml\n\n   [server]\n   lissten = []\n"
        self.assertIn("did you mean 'listen'?", self.failing(wrong))
        self.assertIn("is not in", self.failing(".. code-block:: text\n\n   wonders\n"))
        test = ".. code-block:: python\n   :caption: test_x.py\n\n   def broken(:\n"
        self.assertIn("ended with 1", self.failing(test))
        self.assertIn("no tests in test_x", self.failing(test.replace("def broken(:", "x = 1")))

    def test_a_later_block_replaces_the_file(self) -> None:
        one = ".. code-block:: python\n   :caption: a.py\n\n   {}\n\n"
        path = self.write(one.format("x = 1") + one.format("x = 2"))
        folder = path.parent / "play"
        folder.mkdir()
        Page(path, folder, lambda router: None).run()
        self.assertEqual((folder / "a.py").read_text(), "x = 2\n")
