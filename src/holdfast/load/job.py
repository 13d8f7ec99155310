"""The load child's job: the runner's JSON into frozen types, every problem at once.

In: the first line of the channel. Out: `Job`. Keys are listed in `child`; beside them

    stripe     {"index": k, "of": n}: this child is worker k of n, and takes its part of everything; default 0 of 1

and of a profile `new_connections` (share of the visits that open a connection) and `accounts` (leased or shared).
A profile may have stages and virtual users: that makes two loads, side by side.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from holdfast.errors import Problem, raise_input_error
from holdfast.load.arrivals import (
    POISSON,
    STRATIFIED,
    WHOLE,
    Arrival,
    RateStage,
    Spacing,
    Stage,
    Stripe,
    arrivals,
    fitted,
    stages_of,
)
from holdfast.workspace.tls import SYSTEM, Tls

_MOST_VISITORS: Final = 400
_SHARED: Final = "shared"


@dataclass(frozen=True, slots=True)
class OpenLoad:
    """Arrivals on a schedule, whatever becomes of them. `start` in seconds after time 0.

    `stripe`: which of the schedule's arrivals are this worker's; `at_most` is already its part.
    """

    name: str
    start: float
    stages: tuple[Stage, ...]
    mix: Mapping[str, float]
    spacing: Spacing
    seed: str
    at_most: int
    stratum: int = 1  # arrivals of one stratum, where the spacing is stratified
    stripe: Stripe = WHOLE
    new_connections: float = 1.0  # share of the visits that open a connection
    shared_accounts: bool = False  # whether two visitors may hold the same account

    def arrivals(self) -> Iterator[Arrival]:
        """This worker's, in order of time; offsets count from `start`."""
        return arrivals(self.stages, self.mix, self.seed, self.spacing, self.stratum, self.stripe)


@dataclass(frozen=True, slots=True)
class ClosedLoad:
    """So many virtual users, each with its next visit when the last is over and it has thought. Seconds."""

    name: str
    start: float
    end: float
    mix: Mapping[str, float]
    seed: str
    virtual_users: int
    think_time: float
    new_connections: float = 1.0
    shared_accounts: bool = False

    @property
    def at_most(self) -> int:
        return self.virtual_users


@dataclass(frozen=True, slots=True)
class TargetOfJob:
    """The part of the runner's `Connection` that load needs."""

    url: str
    outbox_url: str | None
    adapter: Path | None
    accounts: Mapping[str, Any] = field(repr=False)
    marker: str
    tls: Tls = SYSTEM
    code_margin: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What to do. `duration` counts from time 0; an adaptive child has none: it ends when it is told to."""

    anchor: float
    run_db: Path
    workspace: Path
    seed: int
    duration: float
    target: TargetOfJob
    loads: tuple[OpenLoad | ClosedLoad, ...]
    scenarios: Mapping[str, Path]
    first_account: int
    account_count: int
    adaptive: bool
    visitors: int
    drain: float
    stripe: Stripe = WHOLE

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        """Raises InputError when the load names scenarios that are not there; KeyError when it is no job of ours."""
        seed = int(message["seed"])
        workspace = Path(message["workspace"])
        given = message.get("stripe") or {}
        stripe = Stripe(int(given.get("index", 0)), int(given.get("of", 1)))
        raise_input_error(_stripe_problems(message, stripe))
        loads = tuple(
            load for index, entry in enumerate(message["load"]) for load in _loads(entry, f"{seed}/{index}", stripe)
        )
        scenarios = {name: Path(path) for name, path in message["scenarios"].items()}
        raise_input_error(_problems(loads, scenarios))
        adaptive = bool(message.get("adaptive", False))
        target = message["target"]
        adapter = target.get("adapter")
        return cls(
            anchor=float(message["anchor"]),
            run_db=Path(message["run_db"]),
            workspace=workspace,
            seed=seed,
            duration=float(message["duration"]),
            target=TargetOfJob(
                url=target["url"],
                outbox_url=target.get("outbox_url"),
                adapter=workspace / adapter if adapter else None,
                accounts=target.get("accounts") or {},
                marker=target.get("marker", "holdfast (synthetic)"),
                tls=Tls(**(target.get("tls") or {})),
                code_margin=target.get("code_margin"),
            ),
            loads=loads,
            scenarios=scenarios,
            first_account=int(message["accounts"]["first"]),
            account_count=int(message["accounts"]["count"]),
            adaptive=adaptive,
            visitors=stripe.share(int(message.get("at_most", _MOST_VISITORS)))
            if adaptive
            else max(sum(load.at_most for load in loads), 1),
            drain=float(message.get("drain", 10.0)),
            stripe=stripe,
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """An arrival rate of a capacity search, held for `seconds` from `start` (epoch) on."""

    name: str
    start: float
    seconds: float
    load: OpenLoad

    @classmethod
    def of(cls, message: Mapping[str, Any], seed: int, at_most: int, stripe: Stripe = WHOLE) -> Self:
        """`at_most`: of this worker. The message's `rate` is that of all workers together."""
        name, seconds, rate = str(message["name"]), float(message["seconds"]), float(message["rate"])
        load = OpenLoad(
            name=name,
            start=0.0,
            stages=(RateStage(rate, rate, seconds),),
            mix={str(k): float(v) for k, v in message["mix"].items()},
            # Of a few seconds' Poisson arrivals the count alone varies by a tenth; a held rate must be the one offered.
            spacing=STRATIFIED,
            seed=f"{seed}/{name}",
            at_most=at_most,
            stratum=max(1, round(rate)),
            stripe=stripe,
            new_connections=float(message.get("new_connections", 1.0)),
            shared_accounts=message.get("accounts") == _SHARED,
        )
        return cls(name, float(message["start"]), seconds, load)


def _loads(entry: Mapping[str, Any], seed: str, stripe: Stripe) -> Iterator[OpenLoad | ClosedLoad]:
    """This worker's part of one profile: an open load, a closed one, or both. None of a part that is empty."""
    profile = entry["profile"]
    name, scale = str(entry["name"]), float(entry.get("scale", 1.0))
    start, end = float(entry["start"]), float(entry["end"])
    mix = {str(scenario): float(weight) for scenario, weight in profile["mix"].items()}
    fresh = float(profile.get("new_connections", 1.0))
    shared = profile.get("accounts") == _SHARED
    if profile["stages"]:
        yield OpenLoad(
            name=name,
            start=start,
            stages=fitted(stages_of(profile, scale), end - start),
            mix=mix,
            spacing=profile.get("arrivals", POISSON),
            seed=seed,  # the same for all workers: they share one schedule
            at_most=stripe.share(int(profile.get("at_most") or _MOST_VISITORS)),
            stripe=stripe,
            new_connections=fresh,
            shared_accounts=shared,
        )
    if profile.get("virtual_users") is not None:
        users = stripe.share(max(1, round(profile["virtual_users"] * scale)))
        thinking = float(profile.get("think_time") or 0.0)
        if users:
            apart = f"{seed}/virtual_users/{stripe.index}"
            yield ClosedLoad(name, start, end, mix, apart, users, thinking, fresh, shared)


def _problems(loads: Sequence[OpenLoad | ClosedLoad], scenarios: Mapping[str, Path]) -> list[Problem]:
    return [
        Problem(load.name, f'there is no scenario "{scenario}"', f"known: {', '.join(sorted(scenarios))}")
        for load in loads
        for scenario in load.mix
        if scenario not in scenarios
    ]


def _stripe_problems(message: Mapping[str, Any], stripe: Stripe) -> Iterator[Problem]:
    if not 0 <= stripe.index < stripe.of:
        yield Problem("load job", f"worker {stripe.index} of {stripe.of} does not exist", "count them from 0")
        return
    for entry in message["load"]:
        at_most = int(entry["profile"].get("at_most") or _MOST_VISITORS)
        if entry["profile"]["stages"] and at_most < stripe.of:
            what = f"{at_most} visitors at most cannot be divided among {stripe.of} workers"
            yield Problem(str(entry["name"]), what, "raise visitors.at_most, or use fewer workers")
