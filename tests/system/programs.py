"""The programs of the system tests, whichever they are."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import SkipTest

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 20.0
"""Seconds that anything which takes well under one may take on a busy machine."""


def need(name: str) -> None:
    """Skip the test when a program or module is missing; where SIPEXPRESS_CI is set, fail."""
    if shutil.which(name) or (name == "pjsua2" and importlib.util.find_spec(name)):
        return
    if os.environ.get("SIPEXPRESS_CI"):
        raise AssertionError(f"{name} is not installed, and SIPEXPRESS_CI is set")
    raise SkipTest(f"{name} is not installed; see tests/system/install.sh")


def until(what: str, holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true value of `holds()`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def environment() -> dict[str, str]:
    """For child processes: they find this project, and print at once."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _end_with_parent() -> None:
    """In the child: when the run of the tests is killed, it ends as well."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Program:
    """A child process with its output in a file. It is the leader of its own process group."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self.output = folder / f"{name}.out"
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The end of its output, for messages."""
        return f"\n--- the end of the output of {self.name} ---\n{self.text()[-3000:]}"

    def until(self, what: str, holds: Callable[[], Any]) -> Any:
        """The first true value of `holds()`; fails, with its output, when it ends before or there is none in time."""

        def alive() -> Any:
            code = self.process.poll()
            if code is not None:
                raise AssertionError(f"{self.name} ended with {code} before this: {what}")
            return holds()

        try:
            return until(what, alive)
        except AssertionError as error:
            raise AssertionError(f"{error}{self.tail()}") from None

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds:g} s{self.tail()}") from None

    def kill(self) -> None:
        """Not even its children are left; for cleaning up."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
