"""What an objective's annotations say of its traffic, so that one visitor's bad minute wakes nobody.

holdfast.dev/min-failures: "5"       failed events that a long window must hold before it fires
holdfast.dev/expected-rate: 10/h     how many events there are; then a warning tells which alerts hang on one or two
"""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from holdfast.errors import Problem
from holdfast.slo.annotations import EXPECTED_RATE, MIN_FAILURES
from holdfast.slo.objective import AnyObjective
from holdfast.slo.rule_checks import Traffic

_COUNT: Final = re.compile(r"[0-9]{1,9}")
_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*/\s*(s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def traffic_of(objective: AnyObjective) -> tuple[Traffic, list[Problem]]:
    """`Traffic()` where nothing is said."""
    problems: list[Problem] = []
    least = objective.annotations.get(MIN_FAILURES, "0").strip()
    if not _COUNT.fullmatch(least):
        what = f'{MIN_FAILURES} of {objective.name}: "{least}" is not a whole number'
        problems.append(Problem(objective.where, what, 'write one such as "5"'))
        least = "0"
    rate = objective.annotations.get(EXPECTED_RATE)
    found = None if rate is None else _RATE.fullmatch(rate.strip())
    if rate is not None and (found is None or not Decimal(found[1])):
        what = f'{EXPECTED_RATE} of {objective.name}: "{rate}" is not a rate'
        problems.append(Problem(objective.where, what, "write events a second, minute, hour or day, such as 10/h"))
        found = None
    a_second = None if found is None else Fraction(found[1]) / _SECONDS[found[2]]
    return Traffic(int(least), a_second), problems
