"""One noun, one file: none above 400 lines."""

from __future__ import annotations

import statistics

from twisted.trial.unittest import SynchronousTestCase

from tests.house.code import ROOT, sources

LIMIT = 400


class SizeTests(SynchronousTestCase):
    """Lines of a file."""

    def test_no_file_is_above_the_limit(self) -> None:
        others = [path for folder in ("examples", "tests", "bench") for path in (ROOT / folder).rglob("*.py")]
        long = {
            str(path.relative_to(ROOT)): lines
            for path in [*sources().values(), *others]
            if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LIMIT
        }
        self.assertEqual(long, {})

    def test_most_files_are_short(self) -> None:
        lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in sources().values()]
        self.assertLess(statistics.median(lines), 150)
