"""Finding the router that --router names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from sipexpress.errors import ConfigError
from sipexpress.interfaces import IRouter
from sipexpress.server.settings import nearest


def find_router(spec: str, directory: str = ".", fresh: bool = False) -> Any:
    """The router class (or object) that `spec` names: ``pkg.mod.Class``, ``pkg.mod:Class`` or
    ``path/to/file.py:Class``. `directory` comes first on ``sys.path``;
    with `fresh` the module is read again.

    Raises ConfigError when there is none; what the user's module raises itself passes through.
    """
    if not isinstance(spec, str):  # from the TOML file
        raise ConfigError(f"router {spec!r}: expected a text")
    folder = str(Path(directory).resolve())
    try:
        if not Path(folder).is_dir():
            raise ConfigError(f"app-dir {directory!r}: there is no such directory")
    except OSError as error:
        raise ConfigError(f"app-dir {folder}: {error.strerror}") from None
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if ":" in spec:
        where, _, name = spec.rpartition(":")
    elif spec.endswith(".py"):
        raise ConfigError(f"router {spec!r}: expected {spec}:Class")
    else:
        where, _, name = spec.rpartition(".")
    if not where or not name or (where.startswith(".") and not where.endswith(".py")):
        raise ConfigError(f"router {spec!r}: expected module.Class or path/to/file.py:Class")
    module = _from_file(spec, Path(folder) / where) if where.endswith(".py") else _from_path(spec, where, folder, fresh)
    found = getattr(module, name, None)
    if found is None:
        names = [each for each, value in vars(module).items() if _is_router(value) and not each.startswith("_")]
        hint = nearest(name, names) or (f"; it has {', '.join(names)}" if names else "; it has no router")
        raise ConfigError(f"router {spec!r}: {where} has no {name}{hint}")
    if not _is_router(found):
        raise ConfigError(f"router {spec!r}: {name} is no subclass of sipexpress.Router")
    return found


def _is_router(value: Any) -> bool:
    return IRouter.implementedBy(value) if isinstance(value, type) else IRouter.providedBy(value)


def _from_path(spec: str, where: str, folder: str, fresh: bool) -> ModuleType:
    known = sys.modules.pop(where, None) if fresh and not where.startswith("sipexpress.") else None
    try:
        return importlib.import_module(where)
    except BaseException as error:
        if known is not None:
            sys.modules[where] = known
        # Only where the named module itself is missing: an import inside it that fails is the user's to see.
        if (
            isinstance(error, ModuleNotFoundError)
            and error.name is not None
            and f"{where}.".startswith(f"{error.name}.")
        ):
            raise ConfigError(
                f"router {spec!r}: there is no module {error.name!r} in {folder} or on sys.path"
            ) from None
        raise


def _from_file(spec: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"router {spec!r}: there is no file {path}")
    name = path.stem
    while _is_taken(name, path):
        name += "_"
    loader = importlib.util.spec_from_file_location(name, path)
    assert loader is not None
    assert loader.loader is not None
    known = sys.modules.get(name)
    module = sys.modules[name] = importlib.util.module_from_spec(loader)
    try:
        loader.loader.exec_module(module)
    except BaseException:
        if known is None:
            del sys.modules[name]
        else:
            sys.modules[name] = known
        raise
    return module


def _is_taken(name: str, path: Path) -> bool:
    """Whether a module that is not this file has the name, as ``queue`` has when the file is queue.py."""
    known = sys.modules.get(name)
    return name in sys.stdlib_module_names or (known is not None and getattr(known, "__file__", None) != str(path))
