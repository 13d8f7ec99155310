"""Numbers of the command line that are numbers."""

import math

import click


class Finite(click.FloatRange):
    """A `click.FloatRange` that refuses "nan", which lies within any range, and "inf"."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return found
