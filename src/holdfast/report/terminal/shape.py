"""A load profile as 80 columns of text: the rate as it is planned, and under it the arrivals as one seed draws them."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console

from holdfast.report.figures import count, duration, number, percent, printable, rate, several, words
from holdfast.report.terminal.console import plain
from holdfast.run.shape import LoadShape

_COLUMNS: Final = 68
_LEFT: Final = 8
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_RATE_ROWS: Final = 9
_DRAWN_ROWS: Final = 5
_MARKS: Final = 4  # of the time axis, beside 0


def print_shape(shape: LoadShape, console: Console) -> None:
    """What it is, how it looks, what it adds up to."""
    console.print(plain(f"{printable(shape.name)}: {printable(shape.description)}", "bold"), soft_wrap=True)
    for line in shape_lines(shape):
        console.print(plain(line), soft_wrap=True)


def shape_lines(shape: LoadShape) -> Iterator[str]:
    """At most 80 columns wide."""
    if shape.rate:
        yield ""
        yield f"planned arrival rate, 1/s{_scaled(shape)}"
        yield from _graph(_means(shape.rate), shape.peak, _RATE_ROWS)
        yield from _axis(shape.duration)
        yield f"arrivals in each second, as drawn by seed {shape.seed} (▪ most, █ mean of a column)"
        yield from _graph(_means(shape.drawn), float(shape.busiest[1]), _DRAWN_ROWS, _greatest(shape.drawn))
        yield from _axis(shape.duration)
    yield ""
    yield from _facts(shape)


def _facts(shape: LoadShape) -> Iterator[str]:
    if shape.rate:
        second, most = shape.busiest
        mean = shape.expected / shape.duration if shape.duration else 0.0
        drawn = f"{count(shape.total_drawn)} drawn by seed {shape.seed}"
        yield _fact("arrivals", f"{count(shape.expected)} planned ({shape.arrivals}), {drawn}")
        yield _fact("rate", f"peak {rate(shape.peak)} at {duration(float(shape.peak_at))}, mean {rate(mean)}")
        yield _fact("busiest", f"{several(most, 'arrival')} in second {count(second)}")
        yield _fact("lasts", duration(shape.duration))
        yield _fact("visitors", f"at most {count(shape.at_most)} at once: a peak visit may take {_room(shape)}")
    if shape.virtual_users is not None:
        thinking = f"thinking {duration(shape.think_time)}" if shape.think_time else "without a pause"
        yield _fact("users", f"{count(shape.virtual_users)} virtual users, {thinking} between visits")
    yield _fact("arrive", f"{percent(shape.new_connections)} over a new connection; accounts are {shape.accounts}")
    label = "mix"
    for scenario, part in shape.mix.items():
        planned = f"  {count(part * shape.expected):>9}" if shape.rate else ""
        yield _fact(label, f"{words(printable(scenario)):<24.24} {percent(part):>7}{planned}".rstrip())
        label = ""


def _room(shape: LoadShape) -> str:
    """Little's law: how long a visit may last at the peak before nobody is free."""
    return duration(shape.at_most / shape.peak) if shape.peak else "as long as it likes"


def _scaled(shape: LoadShape) -> str:
    return f" (scaled by {number(shape.scale)})" if shape.scale != 1 else ""


def _fact(label: str, text: str) -> str:
    return f"{label:>{_LEFT}}  {text}"


def _columns(values: Sequence[float]) -> Iterator[Sequence[float]]:
    """The seconds of each column; where there are fewer seconds than columns each second takes several."""
    for column in range(_COLUMNS):
        begin = column * len(values) // _COLUMNS
        yield values[begin : max((column + 1) * len(values) // _COLUMNS, begin + 1)]


def _means(values: Sequence[float]) -> list[float]:
    return [sum(inside) / len(inside) for inside in _columns(values)]


def _greatest(values: Sequence[float]) -> list[float]:
    return [max(inside) for inside in _columns(values)]


def _graph(values: Sequence[float], top: float, rows: int, marks: Sequence[float] = ()) -> Iterator[str]:
    """Bars in eighths of a row, the highest value at the top; a mark where each of `marks` lies above its bar."""
    top = top or 1.0
    eighths = [
        round(value / top * rows * 8) if value <= 0 else max(1, round(value / top * rows * 8)) for value in values
    ]
    marked = [min(math.ceil(mark / top * rows), rows) - 1 for mark in marks] or [-1] * len(values)
    for row in range(rows - 1, -1, -1):
        bars = [_EIGHTHS[min(max(height - row * 8, 0), 8)] for height in eighths]
        line = "".join("▪" if bar == " " and at == row else bar for bar, at in zip(bars, marked, strict=True))
        level = top * (row + 1) / rows
        label = _level(level) if row in {rows - 1, (rows - 1) // 2} else ""
        yield f"{label:>{_LEFT}} ┤{line}".rstrip()
    yield f"{'0':>{_LEFT}} ┼{'─' * _COLUMNS}"


def _level(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"


def _axis(length: float) -> Iterator[str]:
    line = [" "] * (_LEFT + 2 + _COLUMNS + 2)
    for mark in range(_MARKS + 1):
        text = duration(length * mark / _MARKS) if mark else "0"
        begin = _LEFT + 2 + round(_COLUMNS * mark / _MARKS) - (0 if not mark else len(text) // 2)
        begin = min(begin, len(line) - len(text))
        line[begin : begin + len(text)] = text
    yield "".join(line).rstrip()
