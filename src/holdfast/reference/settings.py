"""What a reference stack may be told: its size, its capacity, its limits. JSON in, `StackSettings` out, and back."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.errors import Problem, raise_input_error


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Seconds and counts. The stated capacity of one replica is `workers / service_time` requests a second."""

    replicas: int = 2
    accounts: int = 2000
    """How many generated accounts are seeded, from index 0 on."""
    workers: int = 3
    """Requests that one replica works on at the same time; the others wait."""
    service_time: float = 0.06
    """Seconds that each request holds a worker, beside its real work."""
    restart_delay: float = 5.0
    """Seconds between the death of a process and its restart."""
    port: int | None = None
    """Port of the edge; None: any free one."""
    session_seconds: float = 1800.0
    """How long a session lives."""
    fresh_factor_seconds: float = 300.0
    """How long a proven second factor allows risky actions."""
    sign_in_failures: int = 10
    """Failed sign-ins of one account in a minute before further ones are refused."""
    client_requests: int | None = None
    """Requests of one client address in a minute. None: no limit, because behind the edge all share one address."""
    failover: bool = True
    """Whether the edge leaves out a replica that does not answer. Without it, what falls to that one is lost."""
    failing_share: float = 0.0
    """Share of the requests, 0 to 1, that are answered 500 after they took a worker as long as any."""
    keep_logs: bool = False
    """Leave the log folder behind when the stack goes down."""

    @property
    def capacity(self) -> float:
        """Requests a second that the whole stack can serve, by its own statement."""
        return self.replicas * self.workers / self.service_time if self.service_time else float("inf")

    def as_json(self) -> dict[str, object]:
        return dataclasses.asdict(self)


_LEAST: Final[Mapping[str, float]] = {
    "replicas": 1, "accounts": 1, "workers": 1, "service_time": 0.0, "restart_delay": 0.0, "port": 1,
    "session_seconds": 1.0, "fresh_factor_seconds": 0.0, "sign_in_failures": 1, "client_requests": 1,
    "failing_share": 0.0,
}  # fmt: skip
_MOST: Final[Mapping[str, float]] = {
    "replicas": 32,
    "accounts": 1_000_000,
    "workers": 1000,
    "port": 65535,
    "failing_share": 1,
}
_WHOLE: Final = frozenset({"replicas", "accounts", "workers", "port", "sign_in_failures", "client_requests"})
_SWITCHES: Final = frozenset({"keep_logs", "failover"})
_MAY_BE_ABSENT: Final = frozenset({"port", "client_requests"})


def read_settings(values: Mapping[str, object], where: str = "stack settings") -> StackSettings:
    """Check decoded JSON and make settings of it. Raises InputError with every problem."""
    names = {field.name for field in dataclasses.fields(StackSettings)}
    problems = [
        Problem(f"{where}.{name}", "is not a setting of the stack", f"Settings: {', '.join(sorted(names))}.")
        for name in values
        if name not in names
    ]
    for name in sorted(names & set(values)):
        wrong = _complaint(name, values[name])
        if wrong:
            problems.append(Problem(f"{where}.{name}", wrong))
    raise_input_error(problems)
    return StackSettings(**values)  # type: ignore[arg-type]  # each value was checked above


def _complaint(name: str, value: object) -> str:
    if value is None and name in _MAY_BE_ABSENT:
        return ""
    if name in _SWITCHES:
        return "" if isinstance(value, bool) else "must be true or false"
    number = int if name in _WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, number):
        return f"must be a {'whole ' if name in _WHOLE else ''}number, not {value!r}"
    least, most = _LEAST[name], _MOST.get(name, float("inf"))
    if not least <= value <= most:
        return f"must be at least {least:g}" + (f" and at most {most:g}" if most != float("inf") else "")
    return ""


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """What one replica is told by the supervisor, over its stdin: it holds passwords."""

    name: str
    port: int
    postgres_port: int
    valkey_port: int
    identity_url: str
    billing_url: str
    messages_url: str
    password: str = dataclasses.field(repr=False)
    stack: StackSettings = StackSettings()

    def as_json(self) -> dict[str, object]:
        return dataclasses.asdict(self)


def read_replica_settings(values: Mapping[str, object]) -> ReplicaSettings:
    """The inverse of `ReplicaSettings.as_json`. Raises InputError."""
    stack = values.get("stack", {})
    rest = {name: value for name, value in values.items() if name != "stack"}
    return ReplicaSettings(**rest, stack=read_settings(stack if isinstance(stack, Mapping) else {}))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class PartnersSettings:
    """What the partners process is told by the supervisor, over its stdin. `secret`: its signing keys come from it."""

    port: int
    secret: str = dataclasses.field(repr=False)

    def as_json(self) -> dict[str, object]:
        return dataclasses.asdict(self)
