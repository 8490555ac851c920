"""Ready routers: what runs when the user has not written one."""

from sipexpress.routers.lan import Lan

__all__ = ["Lan"]
