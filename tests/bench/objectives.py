"""Objectives by the thousand: what is read, worked out, played back and generated, one measure in each module."""

import backtest
import budgets
import definitions
import rules
from figure import Group

from bench import Bench


def run(bench: Bench) -> Group:
    parts = [part.run(bench) for part in (definitions, budgets, backtest, rules)]
    text = " ".join(part.about for part in parts)
    return Group("slo", text, tuple(figure for part in parts for figure in part.figures))
