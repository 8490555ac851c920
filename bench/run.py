"""``make bench``: sipexpress and Kamailio at the same work, one after the other, in one run."""

from __future__ import annotations

import argparse
import pstats
import sys
import tempfile
from pathlib import Path
from statistics import median

from measure import Result, measure
from servers import Failed, Kamailio, Ours, Served

ONLY: dict[str, type[Served]] = {"ours": Ours, "kamailio": Kamailio}
NOISE = 0.15
ROW = "{:<12}{:>5}{:>10}{:>8}{:>9}{:>9}{:>10}{:>14}{:>10}{:>8}"
HEAD = ("server", "run", "completed", "failed", "retrans", "dropped", "CPU s", "CPU ms/call", "PSS MiB", "others")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument("--rate", type=float, default=1000, help="calls per second [%(default)s]")
    parser.add_argument("--seconds", type=float, default=40, help="seconds of load in each run [%(default)s]")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each server [%(default)s]")
    parser.add_argument("--only", choices=sorted(ONLY), help="measure one server, compare nothing")
    parser.add_argument(
        "--profile", action="store_true", help="run sipexpress under cProfile and print where time goes"
    )
    given = parser.parse_args()
    if given.rate <= 0 or given.seconds <= 0 or given.rounds < 1 or given.rate * given.seconds < 1:
        parser.error("rate, seconds and rounds must be above 0, and make one call at least")
    return given


def show(number: int, result: Result) -> None:
    print(
        ROW.format(
            result.server,
            number,
            result.completed,
            result.failed,
            result.retransmissions,
            result.dropped,
            f"{result.cpu:.2f}",
            f"{result.per_call:.4f}",
            f"{result.pss:.1f}",
            f"{result.strangers:.2f}",
        ),
        flush=True,
    )


def verdict(ours: list[Result], theirs: list[Result]) -> bool:
    """Say how the servers compare; whether both bars hold."""
    cpu = [median(each.per_call for each in results) for results in (ours, theirs)]
    pss = [median(each.pss for each in results) for results in (ours, theirs)]
    failed = sum(each.failed for each in ours)
    faster, smaller = cpu[0] <= cpu[1], pss[0] <= pss[1]
    print()
    for what, unit, (mine, other), holds in (("CPU per call", "ms", cpu, faster), ("PSS", "MiB", pss, smaller)):
        word = "holds" if holds else "FAILS"
        print(
            f"{what:<13}{mine:>9.3f} {unit:<4}kamailio{other:>9.3f} {unit:<4}ratio {mine / other:.3f}  (<= 1.0 {word})"
        )
    if failed:
        print(f"{failed} calls through sipexpress FAILED")
    if any(each.failed for each in theirs):
        print("calls through kamailio failed: the figures compare little")
    noise = max(each.strangers for each in (*ours, *theirs))
    if noise > NOISE:
        print(f"other programs used up to {noise:.2f} CPU meanwhile: the figures are not to be relied on")
    return faster and smaller and not failed


def profile(rate: float, seconds: float) -> int:
    with tempfile.TemporaryDirectory() as folder:
        Ours.profile = Path(folder) / "stats"
        result = measure(Ours, rate, seconds)
        print(ROW.format(*HEAD))
        show(1, result)
        print("\nunder the profiler, so slower; the warm-up and the start are in these figures:")
        pstats.Stats(str(Ours.profile)).sort_stats("tottime").print_stats(40)
    return 1 if result.failed else 0


def main() -> int:
    given = options()
    try:
        if given.profile:
            return profile(given.rate, given.seconds)
        kinds = [ONLY[given.only]] if given.only else [Ours, Kamailio]
        results: dict[type[Served], list[Result]] = {kind: [] for kind in kinds}
        print(f"{given.rate:g} calls/s, {given.seconds:g} s in each run, CPython {sys.version.split()[0]}")
        print(ROW.format(*HEAD), flush=True)
        for number in range(1, given.rounds + 1):
            for kind in kinds:
                result = measure(kind, given.rate, given.seconds)
                results[kind].append(result)
                show(number, result)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if given.only:
        return 1 if any(each.failed for each in results[kinds[0]]) else 0
    return 0 if verdict(results[Ours], results[Kamailio]) else 1


if __name__ == "__main__":
    sys.exit(main())
