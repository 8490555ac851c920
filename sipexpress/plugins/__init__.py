"""Where separately installed modules drop in: each adds a module to this package.

Nothing else belongs here: distributions share the directory (twisted.plugin).
"""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
__all__: list[str] = []
