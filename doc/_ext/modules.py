"""``.. sipmodule:: sipexpress.modules.tm.Tm`` and ``.. sipcore:: sipexpress.routing.values.Values``.

The reference pages are made of what the code says, whenever they are built.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any, ClassVar

import attrs
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import signature, stringify_signature

from sipexpress.routing.marks import places

_SOURCE = re.compile(r"\s*\((?=RFC |SER |also )([^()]*)\)")
_WAITS = re.compile(r"\s*(Does not wait|Waits)\.")
_RFC = re.compile(r"RFC (\d+)((?:,? \d+(?:\.\d+)+)*)")
_ITEM = re.compile(r"\d+(?:\.\d+)+")


def load(name: str) -> Any:
    """The object with a dotted name."""
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def field_docs(cls: type) -> dict[str, str]:
    """The texts that follow the fields of a class in its source."""
    found = ModuleAnalyzer.for_module(cls.__module__).find_attr_docs()
    return {name: " ".join(" ".join(lines).split()) for (owner, name), lines in found.items() if owner == cls.__name__}


def default_of(field: Any) -> str:
    """The default of an attrs field, as one writes it."""
    value = field.default
    if value is None:
        return "not set"
    if isinstance(value, attrs.Factory) or value == () or value == "":
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"``{value:g}``" if isinstance(value, float) else f"``{value}``"


def table(heads: tuple[str, ...], widths: str, rows: list[tuple[str, ...]]) -> list[str]:
    """A list-table."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (heads, *rows):
        for number, cell in enumerate(row):
            lines.append(f"   {' ' if number else '*'} - {cell}")
    return [*lines, ""]


def fields_table(cls: type) -> list[str]:
    """The fields of an attrs class that a user may set."""
    docs = field_docs(cls)
    rows = [
        (f"``{field.name}``", default_of(field), docs.get(field.name, "")) for field in attrs.fields(cls) if field.init
    ]
    return table(("name", "default", "meaning"), "22 14 64", rows)


def _linked(match: re.Match[str]) -> str:
    number, sections = match.group(1), match.group(2)
    if not sections:
        return f":rfc:`{number}`"
    return ", ".join(f":rfc:`{number}#section-{item}`" for item in _ITEM.findall(sections))


def source_of(text: str) -> tuple[str, str]:
    """A docstring without its note on where the function is from, and that note with links."""
    notes = [note for note in _SOURCE.findall(text) if not note.startswith("also ")]
    parts = [part.strip() for note in notes for part in note.split(";")]
    linked = [_RFC.sub(_linked, part) for part in parts if not part.startswith("also ")]
    return _SOURCE.sub("", text), "; ".join(dict.fromkeys(linked))


def described(name: str, function: Any, others: list[str], origin: str = "") -> list[str]:
    """A function that routes call: ``py:method`` with its facts as fields."""
    text, source = source_of(inspect.getdoc(function) or "")
    waits = "Waits." in text
    text = _WAITS.sub("", text)
    call = re.sub(r"^\(self(, )?", "(", stringify_signature(signature(function), unqualified_typehints=True))
    facts = []
    mask = getattr(function, "_sx_allowed", None)
    facts.append(f":Allowed in: {'every kind of route' if mask in (None, 15) else places(mask)}")
    facts.append(f":Waits: {'yes: write ``await``' if waits else 'no'}")
    if source or origin:
        facts.append(f":From: {source or origin}")
    if others:
        facts.append(f":Also called: {', '.join(f'``{each}``' for each in others)}")
    body = [*text.splitlines(), "", *facts]
    return [f".. py:method:: {name}{call}", "", *(f"   {line}" if line else "" for line in body), ""]


def valued(name: str, value: property) -> list[str]:
    """A value that routes read: ``py:property``."""
    text, source = source_of(value.__doc__ or "")
    lines = inspect.cleandoc(text).splitlines() + (["", f":From: {source}"] if source else [])
    of = inspect.signature(value.fget).return_annotation if inspect.isfunction(value.fget) else inspect.Signature.empty
    kind = [f"   :type: {of}"] if isinstance(of, str) and of != "Any" else []
    return [f".. py:property:: {name}", *kind, "", *(f"   {line}" if line else "" for line in lines), ""]


class Generated(SphinxDirective):
    """A directive whose content is made from code."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        """Parse what `lines` gives."""
        thing = load(self.arguments[0])
        where = inspect.getsourcefile(import_module(self.arguments[0].rpartition(".")[0]))
        if where:
            self.env.note_dependency(where)
        made = StringList()
        for line in self.lines(thing):
            made.append(line, f"<{self.arguments[0]}>", 0)
        return self.parse_content_to_nodes_of(made)

    def parse_content_to_nodes_of(self, made: StringList) -> list[nodes.Node]:
        """Nested parse; sections are not made."""
        node = nodes.container()
        self.state.nested_parse(made, self.content_offset, node)
        return node.children

    def lines(self, thing: Any) -> list[str]:
        """The reStructuredText."""
        raise NotImplementedError


class SipModule(Generated):
    """The page of one module."""

    def lines(self, thing: Any) -> list[str]:
        """What it is, its parameters, its functions."""
        lines = [*inspect.cleandoc(thing.__doc__).splitlines(), ""]
        lines += [f"``from sipexpress.modules import {thing.__name__}``; ``{thing.name} = use({thing.__name__})``", ""]
        lines += [".. rubric:: Parameters", ""]
        lines += fields_table(thing) if any(field.init for field in attrs.fields(thing)) else ["It has none.", ""]
        lines += [".. rubric:: Functions", ""]
        found = public(thing.functions)
        if not found:
            lines += [*inspect.cleandoc(thing.functions.__doc__).splitlines(), ""]
        for name, (function, others) in found.items():
            lines += described(f"{thing.name}.{name}", function, others)
        return lines


def public(cls: type) -> dict[str, tuple[Any, list[str]]]:
    """What a class itself offers, in the order of its source, each with its other names."""
    found: dict[str, tuple[Any, list[str]]] = {}
    for name, value in vars(cls).items():
        if name.startswith("_") or not (inspect.isfunction(value) or isinstance(value, property)):
            continue
        for known, (other, others) in found.items():
            if other is value and known != name:
                others.append(name)
                break
        else:
            found[name] = (value, [])
    return found


class SipCore(Generated):
    """What one of the classes behind Router offers to routes.

    With ``:intro:``, what it says of itself comes first; ``:from:`` is where its functions come from unless they say.
    """

    option_spec: ClassVar = {"intro": directives.flag, "from": directives.unchanged}

    def lines(self, thing: Any) -> list[str]:
        """Its values and functions, as members of Router."""
        lines = [*inspect.cleandoc(thing.__doc__).splitlines(), ""] if "intro" in self.options else []
        for name, (value, others) in public(thing).items():
            if isinstance(value, property):
                lines += valued(f"Router.{name}", value)
            else:
                lines += described(f"Router.{name}", value, others, self.options.get("from", ""))
        return lines


def setup(app: Any) -> dict[str, Any]:
    """Make the directives known."""
    app.add_directive("sipmodule", SipModule)
    app.add_directive("sipcore", SipCore)
    return {"parallel_read_safe": True}
