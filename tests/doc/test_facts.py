"""What the documentation lists is what the code has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from sipexpress import modules
from sipexpress.modules import registrar
from sipexpress.server import call, deliver, inbound
from sipexpress.server.settings import REFUSED, Settings
from sipexpress.sip import check, message, scan, uri
from sipexpress.transport import resolve, tcp
from tests.doc.snippets import DOC
from tests.house.code import sources

_LIMITS = {
    "targets of one ``t_relay()``": call.MAX_TARGETS,
    "branches of one request, over all of its failure routes": call.MAX_BRANCHES,
    "transactions towards targets, for each of ``max_transactions``": call.MAX_TARGETS,
    "replies of one branch that wait for a reply route": deliver.LANE_LIMIT,
    "bytes of a message's header": scan.MAX_HEADER_BLOCK,
    "header fields of a message": scan.MAX_HEADERS,
    "bytes of a body": message.MAX_BODY,
    "Via entries of a request": check.MAX_VIAS,
    "characters of a URI": uri.MAX_URI,
    "bytes that wait for a peer which does not read": tcp.SEND_QUEUE,
    "INVITEs that the server itself answered with a 2xx, and that wait for their ACK": inbound.ACK_LIMIT,
    "REGISTERs of one user that wait for each other": registrar._LANE,
    "answers of name servers that are kept, and names that are asked for at once": resolve.CACHE,
}
"""The limits that are no settings or parameters."""


def text_of(name: str) -> str:
    return (DOC / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands below a title, up to the next one."""
    behind = text.partition(f"\n{title}\n{'-' * len(title)}\n")[2]
    return re.split(r"\n[^\n]+\n-{3,}\n", behind)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of a list-table, row by row."""
    found: list[list[str]] = []
    for mark, cell in re.findall(r"(?m)^   ([* ]) - (.*(?:\n {7}.*)*)", text):
        if mark == "*":
            found.append([])
        found[-1].append(" ".join(cell.split()))
    return found


def parameter(module: str, name: str) -> Any:
    """The default of a module's parameter."""
    (cls,) = (getattr(modules, each) for each in modules.__all__ if getattr(modules, each).name == module)
    return attrs.fields_dict(cls)[name].default


class SecurityTests(SynchronousTestCase):
    """The tables of security.rst."""

    def test_limits(self) -> None:
        table = rows(section(text_of("security.rst"), "Limits"))[1:]
        self.assertGreater(len(table), 15)
        seen = set()
        for what, said, _ in table:
            named = re.search(r"\(``(\w+)``(?: of (\w+))?\)", what)
            if named is None:
                seen.add(what)
                limit = _LIMITS[what]
            elif named.group(2):
                limit = parameter(named.group(2), named.group(1))
            else:
                limit = getattr(Settings(), named.group(1))
            self.assertEqual(float(said), limit, what)
        self.assertEqual(seen, set(_LIMITS))

    def test_every_setting_that_limits_is_there(self) -> None:
        text = section(text_of("security.rst"), "Limits")
        for field in attrs.fields(Settings):
            if field.name.startswith(("max_", "tcp_max_")) and field.name != "max_len":
                self.assertIn(f"``{field.name}``", text)

    def test_counters(self) -> None:
        cells = " ".join(name for name, _ in rows(section(text_of("security.rst"), "Counters")))
        code = "\n".join(path.read_text(encoding="utf-8") for path in sources().values())
        calls = " ".join(re.findall(r"counters\.note\((.*)\)", code))
        self.assertEqual(set(re.findall(r"``(\w+)``", cells)), set(re.findall(r'"([a-z_]+)"', calls)))


class ModulesTests(SynchronousTestCase):
    """The modules and what waits in them."""

    def test_every_module_has_a_page(self) -> None:
        listed = re.findall(r"(?m)^   (\w+)$", text_of("modules/index.rst"))
        classes = [getattr(modules, name) for name in modules.__all__]
        self.assertEqual(set(listed), {cls.name for cls in classes})
        for cls in classes:
            self.assertIn(f".. sipmodule:: {cls.__module__}.{cls.__name__}\n", text_of(f"modules/{cls.name}.rst"))

    def test_what_waits(self) -> None:
        waiting = set()
        for name in modules.__all__:
            for function, value in vars(getattr(modules, name).functions).items():
                if callable(value) and "Waits." in (value.__doc__ or ""):
                    waiting.add(function)
        sentence = re.search(r"These functions may wait, .*?\.", text_of("howto/waiting.rst"), re.DOTALL)
        assert sentence is not None
        self.assertEqual(set(re.findall(r"``(\w+)``", sentence.group())) - {"await"}, waiting)

    def test_the_pages_name_existing_files(self) -> None:
        missing = []
        for path in DOC.rglob("*.rst"):
            for name in re.findall(r"``((?:examples|sip|transport|server|routing)/[\w/]+\.py)``", path.read_text()):
                base = DOC.parent if name.startswith("examples/") else DOC.parent / "sipexpress"
                if not Path(base / name).is_file():
                    missing.append((path.name, name))
        self.assertEqual(missing, [])


class PortingTests(SynchronousTestCase):
    """howto/porting.rst."""

    def test_the_globals_that_stay_are_settings(self) -> None:
        text = section(text_of("howto/porting.rst"), "Globals")
        stay = set(re.findall(r"``(\w+)``", text.partition("These stay")[2].partition(";")[0]))
        self.assertGreater(len(stay), 5)
        self.assertEqual(stay - {field.name for field in attrs.fields(Settings)}, set())

    def test_no_global_of_ser_is_forgotten(self) -> None:
        known = {field.name for field in attrs.fields(Settings)} | set(REFUSED)
        # The globals that "SER - Getting Started" sets, and its manual's others of version 0.9.
        names = (
            "debug fork log_stderror log_facility listen port alias children dns rev_dns fifo fifo_db_url check_via "
            "reply_to_via syn_branch sip_warning server_signature mhomed advertised_address advertised_port "
            "disable_tcp tcp_children tcp_connect_timeout tcp_send_timeout maxbuffer user group chroot workdir memlog"
        )
        self.assertEqual(set(names.split()) - known, set())
