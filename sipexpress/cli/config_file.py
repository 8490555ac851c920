"""The TOML file: ``[server]`` holds settings, ``[module.tm]`` the parameters of a module."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sipexpress.errors import ConfigError
from sipexpress.server.settings import nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_config(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """(settings, parameters by module). Raises ConfigError naming the file, and the line where TOML is wrong."""
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    for key in content:
        if key not in ("server", "module"):
            hint = nearest(key, ["server", "module"]) or "; there are [server] and [module.name]"
            raise ConfigError(f"{path}: unknown table [{key}]{hint}")
    settings = content.get("server", {})
    modules = content.get("module", {})
    if not isinstance(settings, dict) or not isinstance(modules, dict):
        raise ConfigError(f"{path}: server and module have to be tables, as in [server] and [module.tm]")
    for name, values in modules.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: module.{name} has to be a table: write [module.{name}]")
    return settings, modules
