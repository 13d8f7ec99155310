"""Rules: how long those of a thousand objectives take, with their unit tests and routing.

rules.py            as a group of the bench
rules.py --child    one measurement in a process of its own, as JSON on stdout

From objectives in memory to the text of every file that `slo rules --out` writes; nothing is read and nothing written.
"""

import json
import subprocess
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from figure import Figure, Group

if TYPE_CHECKING:
    from bench import Bench

OBJECTIVES: Final = 1000
MOST_SECONDS: Final = 3.0


def run(bench: "Bench") -> Group:
    found = [_measured() for _ in range(bench.rounds)]
    how = (
        f"{OBJECTIVES:,} objectives, {found[0]['rules']:,.0f} rules, {found[0]['megabytes']:.0f} MB of text; "
        f"the worst of {bench.rounds} processes"
    )
    seconds = max(one["seconds"] for one in found)
    figures = (Figure("rules, their unit tests and routing", seconds, "s", how, MOST_SECONDS),)
    return Group("slo", "Prometheus rules of many objectives, from memory to text.", figures)


def _measured() -> dict[str, float]:
    told = subprocess.run([sys.executable, __file__, "--child"], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def child() -> None:
    from holdfast.slo.objective import Objective, Query, QueryRatio
    from holdfast.slo.rule_files import Layout, rule_files
    from holdfast.slo.rule_set import rule_set
    from holdfast.slo.window import rolling

    def query(text: str) -> Query:
        return Query("prometheus", {"query": text})

    targets = [Decimal("0.99"), Decimal("0.995"), Decimal("0.999"), Decimal("0.9999")]
    windows = [rolling("28d"), rolling("30d")]
    objectives = [
        Objective(
            f"objective-{number}",
            f"Objective {number}",
            f"service-{number % 40}",
            "What customers do works.",
            targets[number % 4],
            windows[number % 2],
            QueryRatio(
                "requests",
                query(f'http_requests_total{{job="j{number}"}}'),
                bad=query(f'http_requests_total{{job="j{number}",code=~"5.."}}'),
            ),
            f"docs/runbooks/{number}.md",
            "somebody",
            "",
        )
        for number in range(OBJECTIVES)
    ]
    began = time.perf_counter()
    made = rule_set(objectives)
    files = rule_files(made, Layout(), ())
    seconds = time.perf_counter() - began
    rules = sum(len(group.rules) for each in made.rules for group in each.groups)
    megabytes = sum(len(file.text) for file in files) / 1e6
    print(json.dumps({"seconds": seconds, "rules": rules, "megabytes": megabytes, "files": len(files)}))


if __name__ == "__main__":
    child()
