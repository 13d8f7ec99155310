"""How often a verdict is wrong: runs drawn whose true ratio is exactly the target, judged, counted.

    verdict_errors.py [--runs 4000] [--write]

Both "met" and "missed" are errors then, and each may come up in at most 5 % of the runs. Prints Markdown;
--write puts it between the marks in docs/reference/verdicts.md. Takes some minutes of one core.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.slo.bounds import chance_of_at_least, chance_of_at_most
from holdfast.slo.indicator import Counts
from holdfast.slo.verdict import Verdict, judge

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.unit.failure_patterns import Pattern, Shape, clustered, drifting, outages  # noqa: E402

PAGE: Final = ROOT / "docs" / "reference" / "verdicts.md"
BEGIN: Final = "<!-- verdict_errors.py: begin -->\n"
END: Final = "<!-- verdict_errors.py: end -->\n"
SEED: Final = 20_240
ALPHA: Final = 0.05

PATTERNS: Final[dict[str, tuple[Pattern, str]]] = {
    "independent": (clustered(0.0), "–"),
    "one second, rho 0.01": (clustered(0.01), "1 s"),
    "one second, rho 0.05": (clustered(0.05), "1 s"),
    "one second, rho 0.2": (clustered(0.2), "1 s"),
    "outages of 5 s, 10 % of the time": (outages(5, 0.1), "5 s"),
    "outages of 5 s, 5 % of the time": (outages(5, 0.05), "5 s"),
    "outages of 10 s, 10 % of the time": (outages(10, 0.1), "10 s"),
    "AR(1), coefficient 0.8": (drifting(0.8), "5 s"),
    "AR(1), coefficient 0.9": (drifting(0.9), "10 s"),
}
HARD: Final[dict[str, tuple[Pattern, str]]] = {
    "outages of 10 s, 5 % of the time": (outages(10, 0.05), "10 s"),
    "outages of 5 s, 2 % of the time": (outages(5, 0.02), "5 s"),
    "AR(1), coefficient 0.9, sigma 1.5": (drifting(0.9, 1.5), "10 s"),
    "AR(1), coefficient 0.97": (drifting(0.97), "33 s"),
}
SHAPES: Final = (Shape(600, 100, 0.001), Shape(600, 20, 0.01), Shape(1800, 100, 0.001))
Rates = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description="error rates of verdicts, in simulation")
    parser.add_argument("--runs", type=int, default=4000, help="of each pattern and shape")
    parser.add_argument("--write", action="store_true", help=f"write them into {PAGE.relative_to(ROOT)}")
    asked = parser.parse_args()
    text = "\n".join([*_errors(asked.runs), *_powers(asked.runs), ""])
    print(text)
    if asked.write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        PAGE.write_text(before + BEGIN + text + END + rest.split(END)[1], encoding="utf-8")


def _errors(runs: int) -> list[str]:
    noise = 1.96 * (ALPHA * (1 - ALPHA) / runs) ** 0.5
    lines = [f"{runs:,} runs each, seed {SEED}. A rate of 5 % is seen as 5 % ± {noise * 100:.1f} %.", ""]
    for title, patterns, floored in (
        ("At or below nominal", PATTERNS, False),
        ("Fewer than about five outages to be expected, or heavier tails", HARD, True),
    ):
        lines += [f"**{title}**", ""]
        head = ["run", "failures", "last", "plain: met / missed", "measured: met / missed"]
        head += ["with the true effect as floor"] if floored else []
        lines += [_row(head), _row(["---"] * len(head))]
        for shape in SHAPES:
            for name, (pattern, lasting) in patterns.items():
                bad = pattern(np.random.default_rng(SEED), shape, runs)
                cells = [_of(shape), name, lasting, _shown(_rates(shape, bad, _plain(shape.share)))]
                cells.append(_shown(_rates(shape, bad, _measured(shape.share))))
                if floored:
                    effect = _true_effect(shape, bad)
                    rates = _rates(shape, bad, _measured(shape.share, effect))
                    cells.append(f"{_shown(rates)} (effect {effect:.0f})")
                lines.append(_row(cells))
        lines.append("")
    return lines


def _powers(runs: int) -> list[str]:
    """What the care costs where failures are independent."""
    lines = ["**Power, independent failures**", ""]
    head = ["run", "met at ¼ of the budget", "met at ½", "missed at 1½", "missed at twice"]
    lines += [_row(head), _row(["---"] * len(head))]
    for shape in (Shape(100, 100, 0.001), Shape(600, 20, 0.001), *SHAPES):
        cells = [_of(shape)]
        for times, wanted in ((0.25, 0), (0.5, 0), (1.5, 1), (2.0, 1)):
            drawn = Shape(shape.seconds, shape.each, shape.share * times)
            bad = clustered(0.0)(np.random.default_rng(SEED), drawn, runs)
            plain = _rates(shape, bad, _plain(shape.share))[wanted]
            measured = _rates(shape, bad, _measured(shape.share))[wanted]
            cells.append(f"{measured * 100:.1f} % (plain {plain * 100:.1f} %)")
        lines.append(_row(cells))
    return lines


def _rates(shape: Shape, bad: np.ndarray, verdict_of: Callable[[Counts], Verdict]) -> Rates:
    verdicts = [verdict_of(shape.counts(one)) for one in bad]
    return verdicts.count(Verdict.MET) / len(verdicts), verdicts.count(Verdict.MISSED) / len(verdicts)


def _measured(budget: float, floor: float = 1.0) -> Callable[[Counts], Verdict]:
    target = round(1 - budget, 6)
    return lambda counts: judge(counts, target, effect_floor=floor).verdict


def _plain(budget: float) -> Callable[[Counts], Verdict]:
    """A binomial interval that takes every event for independent."""

    def verdict_of(counts: Counts) -> Verdict:
        bad, total = counts.bad_events, counts.total_events
        if chance_of_at_most(bad, total, budget) <= ALPHA:
            return Verdict.MET
        return Verdict.MISSED if chance_of_at_least(bad, total, budget) < ALPHA else Verdict.INCONCLUSIVE

    return verdict_of


def _true_effect(shape: Shape, bad: np.ndarray) -> float:
    """The variance of whole runs' failures over what independent events would have."""
    return float(bad.sum(axis=1).var() / (shape.seconds * shape.each * shape.share * (1 - shape.share)))


def _of(shape: Shape) -> str:
    return f"{shape.seconds} s × {shape.each}/s at {100 - shape.share * 100:g} %"


def _shown(rates: Rates) -> str:
    return f"{rates[0] * 100:.1f} / {rates[1] * 100:.1f} %"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
