"""`make fuzz`: the property tests and mutated files, round after round with new examples, for as long as one likes.

    python tests/fuzz.py [--minutes 10] [--seed N] [PATH ...]

Ends with the first round that fails, and prints its seed: `--seed N` draws the same examples again. Hypothesis prints
the smallest example it found with a `@reproduce_failure` line; it is kept in .hypothesis and tried first from then on.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
MARKS = ("@given(", "import dice", "RuleBasedStateMachine")


def drawing_tests() -> list[Path]:
    """The files whose tests draw their examples."""
    found = (path for path in sorted(TESTS.rglob("test_*.py")) if path.parent.name != "integration")
    return [path for path in found if any(mark in path.read_text(encoding="utf-8") for mark in MARKS)]


def main() -> int:
    """The exit code of the round that failed; 0 when none did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no round after so long")
    parser.add_argument("--seed", type=int, help="one round, with the examples of this seed")
    parser.add_argument("paths", nargs="*", help="test files; all that draw examples if none is named")
    asked = parser.parse_args()
    paths = asked.paths or [str(path) for path in drawing_tests()]
    until, rounds = time.monotonic() + 60 * asked.minutes, 0
    while True:
        seed = random.SystemRandom().randrange(2**32) if asked.seed is None else asked.seed
        rounds += 1
        print(f"round {rounds}, seed {seed}", flush=True)
        arguments = [f"--hypothesis-seed={seed}", "-p", "no:randomly", "-q", "-n", os.environ.get("JOBS", "3")]
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, *paths],
            env={**os.environ, "HOLDFAST_SEED": str(seed)},
            check=False,
        ).returncode
        if code:
            print(f"seed {seed} fails; again: {sys.executable} tests/fuzz.py --seed {seed} {' '.join(asked.paths)}")
            return code
        if asked.seed is not None or time.monotonic() >= until:
            print(f"{rounds} rounds of {len(paths)} files, and nothing found")
            return 0


if __name__ == "__main__":
    sys.exit(main())
