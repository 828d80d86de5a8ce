"""Run a test command again and again while other work keeps every core busy.

    python -m tools.busy [--runs 10] [--seeds 1 2 3 4 5] COMMAND...

The command gets `--randomly-seed=SEED`, the seeds taking turns. Exits with 1 if a run failed.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy_cores(number: int) -> Iterator[None]:
    """Keep so many cores busy for as long as the block lasts."""
    burners = [multiprocessing.Process(target=burn, daemon=True) for _ in range(number)]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.terminate()
            burner.join()


def burn() -> None:
    """Use all of a core, until terminated."""
    while True:
        pass


def main() -> int:
    """Run the command and print what became of each run."""
    parser = argparse.ArgumentParser(description="Run a test command while the machine is busy.")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--burners", type=int, default=os.cpu_count())
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    failed = 0
    with busy_cores(options.burners):
        for run in range(options.runs):
            seed = options.seeds[run % len(options.seeds)]
            begin = time.monotonic()
            result = subprocess.run(
                [*options.command, f"--randomly-seed={seed}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            failed += bool(result.returncode)
            seconds = time.monotonic() - begin
            last_line = result.stdout.strip().rpartition("\n")[2]
            print(f"run {run + 1}, seed {seed}, {seconds:.0f} s: {last_line}", flush=True)
            if result.returncode:
                print(result.stdout, flush=True)
    print(f"{options.runs - failed} of {options.runs} runs passed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
