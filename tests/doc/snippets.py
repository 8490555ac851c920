"""The snippets of the documentation: what stands in code blocks, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.code import ROOT

DOC = ROOT / "doc"

_DIRECTIVE = re.compile(r"( *)\.\. (code-block|code|sourcecode|parsed-literal|literalinclude|doctest)::[ ]*(.*)$")
_OPTION = re.compile(r" +:([\w-]+):[ ]*(.*)$")
_FENCE = re.compile(r"```(\w*)$")


class Snippet:
    """One block. `kind` is its language; ``literalinclude``, ``literal`` and ``doctest`` are kinds too."""

    def __init__(self, page: Path, line: int, kind: str, text: str, options: dict[str, str]) -> None:
        self.page = page
        self.line = line
        self.kind = kind
        self.text = text
        self.options = options

    @property
    def caption(self) -> str:
        """The file that it is; empty when it is a fragment."""
        return self.options.get("caption", "")

    @property
    def role(self) -> str:
        """What a fragment belongs into: ``in-router``, ``in-test``, ``continued``, or nothing."""
        return self.options.get("class", "")

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line} ({self.kind}{' ' + self.caption if self.caption else ''})"


def pages() -> list[Path]:
    """README.md and every page of the documentation."""
    return [ROOT / "README.md", *(path for path in sorted(DOC.rglob("*.rst")) if "_build" not in path.parts)]


def snippets(page: Path) -> list[Snippet]:
    """The snippets of a page in their order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return list(_markdown(page, lines) if page.suffix == ".md" else _rst(page, lines))


def _block(lines: list[str], at: int, indent: int) -> tuple[str, int]:
    """The lines from `at` on that are indented by more than `indent`, without that; and where they end."""
    end = at
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
        end += 1
    body = lines[at:end]
    depth = min((len(line) - len(line.lstrip()) for line in body if line.strip()), default=0)
    return "\n".join(line[depth:] for line in body).strip("\n") + "\n", end


def _rst(page: Path, lines: list[str]) -> Iterator[Snippet]:
    at = 0
    while at < len(lines):
        line = lines[at]
        found = _DIRECTIVE.match(line)
        start = at + 1
        at += 1
        if found is not None:
            indent, name, argument = len(found.group(1)), found.group(2), found.group(3).strip()
            options = {}
            while at < len(lines) and (option := _OPTION.match(lines[at])):
                options[option.group(1)] = option.group(2).strip()
                at += 1
            text, at = _block(lines, at, indent)
            if name == "literalinclude":
                yield Snippet(page, start, name, argument, options)
            else:
                yield Snippet(page, start, argument or "literal", text, options)
        elif line.lstrip().startswith(">>>"):
            yield Snippet(page, start, "doctest", line, {})
        elif line.rstrip().endswith("::") and not line.lstrip().startswith(".. "):
            text, at = _block(lines, at, len(line) - len(line.lstrip()))
            yield Snippet(page, start, "literal", text, {})


def _markdown(page: Path, lines: list[str]) -> Iterator[Snippet]:
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        start = at + 1
        if fence is not None:
            end = lines.index("```", start)
            saved = re.search(r"[Ss]ave (?:it|the class above) as `([\w.]+)`", "\n".join(lines[end:]))
            options = {"caption": saved.group(1)} if saved else {}
            yield Snippet(page, start, fence.group(1) or "literal", "\n".join(lines[start:end]) + "\n", options)
            at = end + 1
        elif lines[at].startswith("    ") and not lines[at - 1].strip():
            text, at = _block(lines, at, 3)
            yield Snippet(page, start, "shell", text, {})
        else:
            for command in re.findall(r"`(twistd [^`]+)`", lines[at]):
                yield Snippet(page, start, "shell", command + "\n", {})
            at += 1
