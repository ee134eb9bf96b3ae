"""Runs the benchmarks: `python -m benchmarks [--rounds N] [--kale COMMAND]`."""

from __future__ import annotations

import argparse
import sys

from benchmarks import compile as compile_benchmark


def main() -> int:
    """Run what was asked for; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--kale", metavar="COMMAND", help="`kale` of an environment that has kubeflow-kale"
    )
    options = parser.parse_args()
    rows = compile_benchmark.run(rounds=options.rounds, kale=options.kale)
    print(f"{'what':<58} {'measured':>12} {'target':>9}")
    for row in rows:
        print(f"{row.what:<58} {row.measured:>12} {row.target:>9}  {'' if row.met else 'MISSED'}")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
