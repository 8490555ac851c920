"""The project's own source files, as the house tests look at them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sipexpress"


def module_name(path: Path) -> str:
    """``sipexpress.sip.via`` for its file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> dict[str, Path]:
    """Every module of the package by name."""
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def room_of(name: str) -> str:
    """The room of a module; the top of the house is ``face``."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "face"


def imported(tree: ast.Module, name: str, is_package: bool) -> Iterator[tuple[str, ast.stmt]]:
    """Each module that a file imports anywhere, and the statement; ``from x import y`` gives x.y when that is one."""
    known = sources()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *([base] if base else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield (full if full in known else base), node


def typing_only(tree: ast.Module) -> set[int]:
    """The ids of the statements under ``if TYPE_CHECKING:``, which never run."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            found |= {id(each) for inner in node.body for each in ast.walk(inner)}
    return found


def at_import(tree: ast.Module) -> set[int]:
    """The ids of the statements that run when the module is imported: all but the insides of functions."""
    found: set[int] = set()

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                found.add(id(child))
                walk(child)

    walk(tree)
    return found - typing_only(tree)
