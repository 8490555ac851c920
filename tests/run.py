"""Run the tests with trial; the last line is ``N passed, N failed, N skipped``.

python tests/run.py [test names, as for trial]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.python import filepath
from twisted.trial.reporter import TreeReporter
from twisted.trial.runner import TestLoader, TestSuite, TrialRunner

ROOT = Path(__file__).resolve().parent.parent


def main(names: list[str]) -> int:
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    # The tests import the project's own modules, wherever it is installed.
    loader = TestLoader()
    suite = TestSuite([loader.loadByName(name, recurse=True) for name in names or ["tests"]])
    runner = TrialRunner(TreeReporter, workingDirectory=str(filepath.FilePath(str(ROOT)).child("_trial_temp").path))
    result: Any = runner.run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skips)
    passed = result.successes + len(result.expectedFailures)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
