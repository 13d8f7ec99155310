"""How much traffic met a fault: counted around it, told in its span, and none is no proof."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.chaos import actions, undo
from holdfast.chaos.context import VARIABLE, Context, write_context
from holdfast.chaos.experiment import Experiment
from holdfast.chaos.faults import traffic
from holdfast.chaos.keeping import Keeper
from holdfast.chaos.narrator import Narrator
from holdfast.chaos.schema import FaultName
from holdfast.chaos.story import Story
from holdfast.clock import SystemClock
from holdfast.errors import Problem, TargetError
from holdfast.proxy.client import ProxyExposure, UpstreamFacts
from holdfast.record.timeline import Span
from holdfast.redaction import Redactor
from holdfast.workspace.target import Connection

TARGET = Connection("reference", "http://127.0.0.1:1", proxy_url="http://127.0.0.1:2")
FAULT = FaultName(kind="replica_kill", target="account-1")


def story(**counted: int | None) -> Story:
    path = Path("chaos/kill.yaml")
    experiment = Experiment("kill", path, "Kill", "A kill", "recover", 60.0, 30.0, FAULT, True, {})
    return Story("kill", experiment, 0.0, 9.0, "replica_kill", "account-1", **counted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counted", "touched"),
    [
        ({}, None),
        ({"chunks_met": 7, "connections_met": 0}, 7),
        ({"chunks_met": 0, "connections_met": 3}, 0),
        ({"connections_met": 3}, 3),
        ({"connections_met": 0}, 0),
        ({"connections_met": 0, "arrivals_before": 10, "arrivals_after": 10}, 0),
        ({"connections_met": 0, "arrivals_before": 10, "arrivals_after": 14}, 4),
        ({"connections_met": 3, "arrivals_before": 10, "arrivals_after": 14}, 7),
        ({"arrivals_before": 10, "arrivals_after": 14}, 4),
        ({"connections_met": 0, "arrivals_before": 10}, 0),
        ({"connections_met": 1, "arrivals_before": 10, "arrivals_after": 2}, 1),  # the proxy began anew
    ],
)
def test_what_a_fault_touched_is_chunks_or_else_connections(counted: Mapping[str, int], touched: int | None) -> None:
    found = story(**counted)

    assert found.touched == touched
    assert found.span().attributes["touched"] == touched


# The edge's count


class Proxy:
    """Stands in for the fault proxy: an edge over two replicas, and a link that is not balanced."""

    def __init__(self, url: str) -> None:
        self.url = url

    def balancers(self) -> dict[str, tuple[UpstreamFacts, ...]]:
        return {"edge": (UpstreamFacts("127.0.0.1:3", False, 0, served=5, refused=2, ejections=1),)}

    def exposure(self) -> dict[str, ProxyExposure]:
        return {name: ProxyExposure(count, 0, 0, 0, {}) for name, count in (("edge", 12), ("postgres", 400))}


class ProxyThatEnded(Proxy):
    def balancers(self) -> dict[str, tuple[UpstreamFacts, ...]]:
        raise TargetError(Problem(self.url, "does not answer"))


def test_what_came_is_counted_at_the_edge_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "ProxyClient", Proxy)

    assert traffic.arrivals(TARGET) == 12


def test_where_nothing_counts_what_came_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "ProxyClient", ProxyThatEnded)

    assert traffic.arrivals(TARGET) is None
    assert traffic.arrivals(Connection("staging", "http://127.0.0.1:1")) is None


# Counted around the fault


class Kill:
    """A fault that touches nothing, in a dataclass's place."""

    target = "account-1"

    def prepare(self, connection: Connection, entry_id: str) -> undo.Undo:
        return undo.Undo("fix", {"process": "account-1"})

    def inject(self, connection: Connection, how: undo.Undo, seconds: float) -> int | None:
        return 0


@pytest.mark.parametrize(("came", "touched"), [((10, 10), 0), ((10, 25), 15), ((None, None), 0)])
def test_what_comes_between_injection_and_revert_met_the_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, came: tuple[int | None, int | None], touched: int
) -> None:
    context = Context(TARGET, tmp_path / "undo.jsonl", "kill", folder=tmp_path)
    counts = iter(came)
    order: list[str] = []

    def arrivals(_: Connection) -> int | None:
        order.append("counted")
        return next(counts)

    def repair(*_: object) -> str:
        order.append("undone")
        return "account-1 is running"

    monkeypatch.setenv(VARIABLE, str(write_context(context)))
    monkeypatch.setattr(actions, "read_fault", lambda *_: (Kill(), []))
    monkeypatch.setattr(actions, "arrivals", arrivals)
    monkeypatch.setattr(undo, "REPAIRS", {"fix": repair})
    found = story()
    narrator = Narrator(found, tmp_path / "control", SystemClock(), Silent(), Keeper({}, Redactor()))  # type: ignore[arg-type]

    for function, output in (("inject", actions.inject("replica_kill")), ("revert", actions.revert())):
        narrator.activity_completed(activity(function), {"activity": {}, "status": "succeeded", "output": output})
    narrator.activity_completed(  # the rollback finds nothing left, and changes nothing of what was counted
        activity("revert"), {"activity": {}, "status": "succeeded", "output": actions.revert()}
    )

    assert order == ["counted", "counted", "undone"]
    assert found.touched == touched


class Silent:
    def event(self, kind: str, **facts: object) -> None: ...

    def span(self, span: Span) -> None: ...


def activity(function: str) -> dict[str, Any]:
    provider = {"type": "python", "module": "holdfast.chaos.actions", "func": function}
    return {"type": "action", "name": function, "provider": provider}
