"""A load profile: how visitors arrive, and what they do. Files under `scenarios/profiles/`.

kind: LoadProfile
arrivals: poisson                       # or uniform
stages:                                 # an open model: one stage after another, each with one of these
  - {hold: 40/s, for: 2m}                                          # a constant rate
  - {ramp_to: 40/s, over: 30s}                                     # from the rate before it, in a straight line
  - {stairs: {from: 10/s, to: 50/s, steps: 5}, over: 5m}           # five holds of a minute: 10, 20, 30, 40, 50/s
  - {spike_to: 200/s, over: 10s, for: 20s}                         # up in 10 s, 20 s there, back in 10 s
  - {sine: {mean: 30/s, amplitude: 20/s, period: 10m}, for: 20m}   # a day's wave, from its lowest on
  - {curve: demand.csv, over: 10m, scale: 0.5}                     # a CSV: offset,rate or timestamps (`bin: 10s`)
virtual_users: 50                       # a closed model, alone or beside the stages, with the same mix;
think_time: 2s                          # it lasts as long as the plan
mix: {sign_in: 5, billing_inquiry: 3}
visitors: {at_most: 400, new_connections: 1.0}
accounts: leased                        # or shared: two visitors may hold the same one

The first stage starts from a rate of 0. A curve's time is stretched to `over` (default: its own length) and its rates
are multiplied by `scale`; its file is looked for beside the profile, then in the workspace (see `curve`).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import Field, PrivateAttr

from holdfast.workspace.binding import Broken, Definition, Duration, Rate
from holdfast.workspace.curve import Point
from holdfast.workspace.rate import ArrivalRate, RateStage, WaveStage, fitted
from holdfast.workspace.rate import Stage as Piece

_KINDS: Final = {  # what a stage may be: the properties it needs, those it may have
    "hold": (("for",), ()),
    "ramp_to": (("over",), ()),
    "stairs": (("over",), ()),
    "spike_to": (("over", "for"), ()),
    "sine": (("for",), ()),
    "curve": ((), ("over", "scale", "bin")),
}
_EXAMPLES: Final = {
    "hold": "{hold: 40/s, for: 2m}",
    "ramp_to": "{ramp_to: 40/s, over: 30s}",
    "stairs": "{stairs: {from: 10/s, to: 50/s, steps: 5}, over: 5m}",
    "spike_to": "{spike_to: 200/s, over: 10s, for: 20s}",
    "sine": "{sine: {mean: 30/s, amplitude: 20/s, period: 10m}, for: 20m}",
    "curve": "{curve: demand.csv, over: 10m}",
}
_MOST_STEPS: Final = 1000
_MOST_VISITORS: Final = 20_000
_MOST_WEIGHT: Final = 1e9  # of `inf`, or of a sum beyond all floats, no part can be told


class Stairs(Definition):
    """Holds of equal length, the first at `from`, the last at `to`."""

    from_: Annotated[Rate, Field(alias="from")]
    to: Rate
    steps: Annotated[int, Field(ge=2, le=_MOST_STEPS)]


class Sine(Definition):
    """A wave about `mean`, from its lowest on."""

    mean: Rate
    amplitude: Rate
    period: Duration

    def broken(self) -> Iterator[Broken]:
        if self.amplitude > self.mean:
            what = "the amplitude is greater than the mean: the rate would fall below 0"
            yield Broken(("amplitude",), what, "write at most the mean", ("amplitude", "mean"))
        if self.mean <= 0 or self.period <= 0:
            yield Broken((), "a wave needs a mean and a period above 0", _EXAMPLES["sine"], ("mean", "period"))


class Stage(Definition):
    """A stretch of the arrival rate, of one kind. See the module."""

    hold: Rate | None = None
    ramp_to: Rate | None = None
    stairs: Stairs | None = None
    spike_to: Rate | None = None
    sine: Sine | None = None
    curve: Annotated[str | None, Field(min_length=1)] = None
    over: Duration | None = None
    for_: Annotated[Duration | None, Field(alias="for")] = None
    scale: Annotated[float | None, Field(gt=0, strict=False)] = None
    bin: Annotated[Duration | None, Field(gt=0)] = None
    _points: tuple[Point, ...] = PrivateAttr(())

    def broken(self) -> Iterator[Broken]:
        kinds = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            what = "a stage is one of hold, ramp_to, stairs, spike_to, sine and curve"
            yield Broken((), f"{what}, not {_listed(kinds)}", f"write {_EXAMPLES[kinds[0] if kinds else 'hold']}")
            return
        (kind,) = kinds
        needed, possible = _KINDS[kind]
        given = [name for name in ("over", "for", "scale", "bin") if self._given(name)]
        missing = [name for name in needed if name not in given]
        foreign = [name for name in given if name not in (*needed, *possible)]
        if missing or foreign:
            wrong = [f"needs {_listed(missing)}"] * bool(missing) + [f"has no {_listed(foreign)}"] * bool(foreign)
            yield Broken((), f"a stage is of one kind, and {kind} {' and '.join(wrong)}", f"write {_EXAMPLES[kind]}")

    def with_points(self, points: Sequence[Point]) -> Self:
        """The same with what its curve's file holds."""
        copy = self.model_copy()
        copy._points = tuple(points)  # noqa: SLF001  a copy of this very class
        return copy

    def pieces(self, before: float) -> Iterator[Piece]:
        """As stretches with an integral in closed form. `before`: the rate where the stage before it ended."""
        over, long = self.over or 0.0, self.for_ or 0.0
        if self.hold is not None:
            yield RateStage(self.hold, self.hold, long)
        elif self.ramp_to is not None:
            yield RateStage(before, self.ramp_to, over)
        elif self.stairs is not None:
            low, rise = self.stairs.from_, self.stairs.to - self.stairs.from_
            for step in range(self.stairs.steps):
                rate = low + rise * step / (self.stairs.steps - 1)
                yield RateStage(rate, rate, over / self.stairs.steps)
        elif self.spike_to is not None:
            yield RateStage(before, self.spike_to, over)
            yield RateStage(self.spike_to, self.spike_to, long)
            yield RateStage(self.spike_to, before, over)
        elif self.sine is not None:
            yield WaveStage(self.sine.mean, self.sine.amplitude, self.sine.period, long)
        elif self._points:
            last = self._points[-1].offset
            stretch = 1.0 if self.over is None else self.over / last
            scale = self.scale if self.scale is not None else 1.0
            for one, next_one in pairwise(self._points):
                yield RateStage(one.rate * scale, next_one.rate * scale, (next_one.offset - one.offset) * stretch)

    def _given(self, name: str) -> bool:
        return getattr(self, "for_" if name == "for" else name) is not None


class Visitors(Definition):
    """The pool that takes the arrivals. `new_connections`: share of the visits that open one; the rest reuse one.

    People who come to a self-service site come cold, each over a connection of their own: hence 1.
    """

    at_most: Annotated[int, Field(gt=0, le=_MOST_VISITORS)] = 400
    new_connections: Annotated[float, Field(ge=0, le=1, strict=False)] = 1.0


class LoadProfile(Definition):
    """See the module."""

    kind: Literal["LoadProfile"]
    description: Annotated[str, Field(min_length=1)]
    arrivals: Literal["poisson", "uniform"] = "poisson"
    stages: Annotated[tuple[Stage, ...], Field(strict=False)] = ()
    virtual_users: Annotated[int | None, Field(gt=0, le=_MOST_VISITORS)] = None
    think_time: Duration | None = None
    mix: Annotated[dict[str, Annotated[float, Field(gt=0, le=_MOST_WEIGHT, strict=False)]], Field(min_length=1)]
    visitors: Visitors = Visitors()
    accounts: Literal["leased", "shared"] = "leased"

    def broken(self) -> Iterator[Broken]:
        if not self.stages and self.virtual_users is None:
            what = "a profile without visitors"
            fix = "write either stages (open model: an arrival rate) or virtual_users (closed model), or both"
            yield Broken((), what, fix, ("stages", "virtual_users"))
        if self.think_time is not None and self.virtual_users is None:
            what = "think_time belongs to a closed model"
            yield Broken(("think_time",), what, "write virtual_users too", ("virtual_users",))

    def with_curves(self, points: Iterable[Sequence[Point]]) -> Self:
        """The same with what the files of its curves hold, one for each stage (empty where it is no curve)."""
        stages = tuple(stage.with_points(found) for stage, found in zip(self.stages, points, strict=True))
        return self.model_copy(update={"stages": stages})

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The stages as stretches with an integral in closed form, in order."""
        found: list[Piece] = []
        for stage in self.stages:
            found += stage.pieces(found[-1].end_rate if found else 0.0)
        return tuple(found)

    @property
    def seconds(self) -> float:
        """How long the stages last; 0 for a closed model, which lasts as long as the plan."""
        return sum(piece.seconds for piece in self.pieces)

    def expected_arrivals(self, duration: float, scale: float = 1.0, after: float = 0.0) -> float:
        """The open model's planned arrivals in the `duration` seconds after `after`; the last rate holds on."""
        rate = ArrivalRate(fitted(self.pieces, after + duration))
        begin, end = rate.expected_at(np.array([after, after + duration]))
        return float(end - begin) * scale


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) if names else "none"
