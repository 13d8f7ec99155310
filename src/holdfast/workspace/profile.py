"""A load profile: how visitors arrive, and what they do. Files under `scenarios/profiles/`.

kind: LoadProfile
arrivals: poisson                # or uniform; `virtual_users: 50` with `think_time` makes it a closed model
stages: [{ramp_to: 40/s, over: 30s}, {hold: 40/s, for: 2m}]
mix: {sign_in: 5, billing_inquiry: 3}
visitors: {at_most: 400}
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from holdfast.workspace.binding import Broken, Definition, Duration, Rate


class Stage(Definition):
    """A stretch of the arrival rate: a ramp from the rate before it, or a hold."""

    ramp_to: Rate | None = None
    over: Duration | None = None
    hold: Rate | None = None
    for_: Annotated[Duration | None, Field(alias="for")] = None

    def broken(self) -> Iterator[Broken]:
        ramp = self.ramp_to is not None and self.over is not None
        hold = self.hold is not None and self.for_ is not None
        if ramp == hold or (self.ramp_to is None) != (self.over is None) or (self.hold is None) != (self.for_ is None):
            what = "a stage is either a ramp or a hold"
            yield Broken((), what, "write {ramp_to: 40/s, over: 30s} or {hold: 40/s, for: 2m}")

    @property
    def seconds(self) -> float:
        return (self.over if self.over is not None else self.for_) or 0.0


class Visitors(Definition):
    """The pool that takes the arrivals."""

    at_most: Annotated[int, Field(gt=0, le=20_000)] = 400


class LoadProfile(Definition):
    """See the module."""

    kind: Literal["LoadProfile"]
    description: Annotated[str, Field(min_length=1)]
    arrivals: Literal["poisson", "uniform"] = "poisson"
    stages: Annotated[tuple[Stage, ...], Field(strict=False)] = ()
    virtual_users: Annotated[int | None, Field(gt=0, le=20_000)] = None
    think_time: Duration | None = None
    mix: Annotated[dict[str, Annotated[float, Field(gt=0, strict=False)]], Field(min_length=1)]
    visitors: Visitors = Visitors()

    def broken(self) -> Iterator[Broken]:
        if bool(self.stages) == (self.virtual_users is not None):
            what = "a profile is either an open model or a closed one"
            fix = "write either stages (open model: an arrival rate) or virtual_users (closed model)"
            yield Broken(("virtual_users",) if self.stages else (), what, fix, ("stages", "virtual_users"))
        if self.think_time is not None and self.virtual_users is None:
            what = "think_time belongs to a closed model"
            yield Broken(("think_time",), what, "write virtual_users too", ("virtual_users",))

    @property
    def seconds(self) -> float:
        """How long the stages last; 0 for a closed model, which lasts as long as the plan."""
        return sum(stage.seconds for stage in self.stages)

    def expected_arrivals(self, duration: float, scale: float = 1.0) -> float:
        """The open model's planned arrivals in the first `duration` seconds; the last rate holds on."""
        rate = 0.0
        left, arrivals = duration, 0.0
        for stage in self.stages:
            length = min(stage.seconds, left)
            target = stage.hold if stage.hold is not None else stage.ramp_to or 0.0
            start = target if stage.hold is not None else rate
            end = start + (target - start) * (length / stage.seconds if stage.seconds else 1.0)
            arrivals += (start + end) / 2 * length
            rate, left = end, left - length
        return (arrivals + rate * max(left, 0.0)) * scale
