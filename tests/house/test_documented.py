"""What is public says what it is."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from sipexpress.routing.use import Functions, ModuleBase
from tests.house.code import parse, sources

_WAITING = ("Waits.", "Does not wait.")


def undocumented(name: str, tree: ast.Module) -> Iterator[str]:
    """The public module, classes, functions and properties of a file that have no docstring."""
    if not ast.get_docstring(tree):
        yield name
    pending: list[tuple[str, ast.AST]] = [(name, tree)]
    while pending:
        prefix, node = pending.pop()
        for child in ast.iter_child_nodes(node):
            # What is hidden from type checkers overrides something that is documented where it is from.
            if isinstance(child, (ast.If, ast.Try)) and "not TYPE_CHECKING" not in ast.unparse(child).splitlines()[0]:
                pending.append((prefix, child))
            if not isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            full = f"{prefix}.{child.name}"
            if child.name.startswith("_"):
                continue
            if not ast.get_docstring(child) and not _only_for_types(child):
                yield f"{full} (line {child.lineno})"
            if isinstance(child, ast.ClassDef):
                pending.append((full, child))


def _only_for_types(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """An overload, or the setter of a property that is documented above."""
    return any(
        ast.unparse(each) in ("overload", "typing.overload") or ast.unparse(each).endswith((".setter", ".deleter"))
        for each in node.decorator_list
    )


def unexplained(tree: ast.Module, cls: str, names: list[str]) -> list[str]:
    """Those of the fields of a class that no text follows."""
    (node,) = (each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == cls)
    explained = set()
    for one, after in zip(node.body, node.body[1:], strict=False):
        text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and after.value.value
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(text, str):
            explained.add(one.target.id)
    return [name for name in names if name not in explained]


def module_classes() -> list[tuple[str, Any]]:
    """The modules that `use()` takes, with the file each is in."""
    found = []
    for name in sources():
        if name.startswith("sipexpress.modules."):
            for value in vars(importlib.import_module(name)).values():
                if isinstance(value, type) and issubclass(value, ModuleBase) and value.__module__ == name:
                    found.append((name, value))
    return found


_SPARSE = """
class A:
    b: int = 1
    'text'
    c: int = 2
    def d(self): pass
    def _e(self): pass
    if not TYPE_CHECKING:
        def f(self): pass
"""


class DocumentedTests(SynchronousTestCase):
    """Docstrings are the reference."""

    def test_everything_public_has_a_docstring(self) -> None:
        missing = [line for name, path in sources().items() for line in undocumented(name, parse(path))]
        self.assertEqual(missing, [])

    def test_every_module_parameter_is_explained(self) -> None:
        missing = []
        for name, cls in module_classes():
            parameters = [field.name for field in attrs.fields(cls) if field.init and not field.name.startswith("_")]
            tree = parse(sources()[name])
            missing += [f"{name}.{cls.__name__}.{each}" for each in unexplained(tree, cls.__name__, parameters)]
        self.assertEqual(missing, [])

    def test_every_module_function_says_whether_it_waits(self) -> None:
        silent, torn = [], []
        for name, cls in module_classes():
            self.assertTrue(issubclass(cls.functions, Functions))
            for each, function in vars(cls.functions).items():
                if each.startswith("_") or not callable(function):
                    continue
                said = [text for text in _WAITING if text in " ".join((function.__doc__ or "").split())]
                if not said:
                    silent.append(f"{name}.{each}")
                elif len(said) > 1:
                    torn.append(f"{name}.{each}")
        self.assertEqual((silent, torn), ([], []))

    def test_the_modules_are_found(self) -> None:
        names = {cls.name for _, cls in module_classes()}
        self.assertTrue({"tm", "sl", "rr", "maxfwd", "usrloc", "registrar"} <= names)

    def test_what_is_missing_is_seen(self) -> None:
        tree = ast.parse(_SPARSE)
        self.assertEqual(list(undocumented("x", tree)), ["x", "x.A (line 2)", "x.A.d (line 6)"])
        self.assertEqual(unexplained(tree, "A", ["b", "c"]), ["c"])
