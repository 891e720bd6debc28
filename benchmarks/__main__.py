"""Command line of the benchmarks."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from benchmarks.check import check
from benchmarks.diff import diff
from benchmarks.install import install, install_with_pulls, real_charts
from benchmarks.measure import Result
from benchmarks.planning import planning
from benchmarks.preview import objects, preview
from benchmarks.start import start, start_built
from sandbox.sandbox import Sandbox

BENCHMARKS: dict[str, Callable[[], Result]] = {
    "planning": planning,
    "check": check,
    "diff": diff,
    "preview": preview,
    "objects": objects,
    "install": install,
    "install-pulls": install_with_pulls,
    "start": start,
    "start-built": start_built,
}
if folder := os.environ.get("DYNAMO_CHARTS"):
    BENCHMARKS["install-real"] = partial(install, real_charts(folder))
    BENCHMARKS["install-pulls-real"] = partial(install_with_pulls, real_charts(folder))
WITHOUT_TOOLCHAIN = {"planning", "check", "start-built"}
ON_REQUEST = {"start", "start-built"}
"""Benchmarks that fill new caches; they run only if they are named."""


def main() -> int:
    """Run the benchmarks and print their results; return 1 if a target is missed."""
    parser = _parser()
    arguments = parser.parse_args()
    if unknown := set(arguments.name) - set(BENCHMARKS):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; allowed: {', '.join(BENCHMARKS)}")
    names = arguments.name or [name for name in BENCHMARKS if name not in ON_REQUEST]
    if not WITHOUT_TOOLCHAIN.issuperset(names):
        Sandbox().tools.provide()  # before anything is measured
    results: list[Result] = []
    for name in names:
        result = BENCHMARKS[name]()
        results.append(result)
        if not arguments.json:
            print(_lines(result), flush=True)
    if arguments.json:
        print(json.dumps([{**asdict(result), "met": result.met} for result in results], indent=2))
    return 0 if all(result.met for result in results) else 1


def _lines(result: Result) -> str:
    figure, target = (f"{value:.2f} {result.unit}" for value in (result.figure, result.target))
    sides = [side for side in (result.ours, result.theirs) if side]
    lines = [f"{'✓' if result.met else '✗'} {result.name:<18} {figure:>8}  at most {target:<7}  {result.what}"]
    lines += ["  ".join([*(f"  {side.clock:7.2f} s" for side in sides), "wall clock"])]
    lines += ["  ".join([*(f"  {side.processor:7.2f} s" for side in sides), "CPU"])]
    return "\n".join([*lines, *(f"  {seconds:7.1f} s  {step}" for step, seconds in result.profile)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the cost of the module. Each result compares medians of alternating runs.",
        epilog="The exit code is 1 if a target is missed.",
    )
    parser.add_argument(
        "name",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(BENCHMARKS)}; default: all except {' and '.join(sorted(ON_REQUEST))}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
