"""The tables of settings, of the command's options, and of SER's globals that are no settings here.

``.. sipsettings:: sipexpress.server.settings.Settings``, ``.. sipoptions:: sipexpress.tap.Options``,
``.. sipglobals:: sipexpress.server.settings.REFUSED``.
"""

from __future__ import annotations

import inspect
from typing import Any

from modules import Generated, fields_table, table


class SipSettings(Generated):
    """The settings of a server."""

    def lines(self, thing: Any) -> list[str]:
        """A table."""
        return fields_table(thing)


class SipGlobals(Generated):
    """What to use instead of a global of SER."""

    def lines(self, thing: Any) -> list[str]:
        """A table of the sentences with which the server refuses them, those with the same one in one row."""
        names: dict[str, list[str]] = {}
        for name, instead in thing.items():
            names.setdefault(instead, []).append(f"``{name}``")
        rows = [(", ".join(found), instead) for instead, found in names.items()]
        return table(("in ser.cfg", "here"), "40 60", rows)


class SipOptions(Generated):
    """The options of a command."""

    def lines(self, thing: Any) -> list[str]:
        """A table of flags, parameters and options with a method, in this order."""
        short = {getattr(thing, name): name[4:] for name in dir(thing) if name.startswith("opt_") and len(name) == 5}
        rows = []
        for name in dir(thing):
            method = getattr(thing, name)
            own = any(name in vars(base) for base in thing.__mro__ if base.__module__ == thing.__module__)
            if name.startswith("opt_") and len(name) > 5 and own:
                letter = f", ``-{short[method]}``" if method in short else ""
                rows.append((f"``--{name[4:].replace('_', '-')}=``{letter}", " ".join(inspect.getdoc(method).split())))
        for long, letter, _, text, *_ in thing.optParameters:
            rows.append((f"``--{long}=``" + (f", ``-{letter}``" if letter else ""), text))
        for long, letter, text in thing.optFlags:
            rows.append((f"``--{long}``" + (f", ``-{letter}``" if letter else ""), text))
        return table(("option", "meaning"), "30 70", sorted(rows))


def setup(app: Any) -> dict[str, Any]:
    """Make the directives known."""
    app.add_directive("sipsettings", SipSettings)
    app.add_directive("sipglobals", SipGlobals)
    app.add_directive("sipoptions", SipOptions)
    return {"parallel_read_safe": True}
