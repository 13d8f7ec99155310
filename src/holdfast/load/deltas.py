"""What a worker measured in a second, as bytes on their way to the master, and back again.

Plain lists in MessagePack (Locust's own wire format): reading them can make numbers, text and bytes, nothing else.
"""

from dataclasses import replace
from typing import Any, Final

import msgpack

from holdfast.record.recorder import Folded
from holdfast.record.sample import Sample
from holdfast.record.store import Gauge, interval_of

_INTERVALS: Final = "intervals"
_EXEMPLARS: Final = "exemplars"
_GAUGES: Final = "gauges"


def packed(folded: Folded | None, gauges: list[Gauge]) -> bytes:
    """Of one flush of a worker's recorder; either part may be empty."""
    found = folded or Folded((), ())
    bytes_: bytes = msgpack.packb(
        {
            _INTERVALS: [
                [
                    i.second, i.source, i.name, i.outcome, i.detail, i.count, i.response.to_bytes(),
                    None if i.lag is None else i.service.to_bytes(),  # with no lag the two are the same
                    None if i.lag is None else i.lag.to_bytes(), i.slowest,
                ]
                for i in found.intervals
            ],
            _EXEMPLARS: [
                [s.at, s.source, s.name, s.outcome, s.duration, s.lag, s.detail, s.trace_id] for s in found.exemplars
            ],
            _GAUGES: [[g.at, g.source, g.name, g.value] for g in gauges],
        }
    )  # fmt: skip
    return bytes_


def unpacked(blob: bytes) -> tuple[Folded, list[Gauge]]:
    """Raises ValueError when it is not what `packed` makes."""
    try:
        found: dict[str, list[list[Any]]] = msgpack.unpackb(blob)
        intervals = tuple(interval_of(*row) for row in found[_INTERVALS])
        exemplars = tuple(Sample(*row) for row in found[_EXEMPLARS])
        gauges = [Gauge(*row) for row in found[_GAUGES]]
    except (KeyError, TypeError, ValueError, msgpack.UnpackException) as error:
        raise ValueError(f"not a delta of a worker: {type(error).__name__}") from error
    return Folded(intervals, exemplars), gauges


def of_worker(gauges: list[Gauge], number: int) -> list[Gauge]:
    """The same, told apart from other workers' by their source: "generator/1"."""
    return [replace(gauge, source=f"{gauge.source}/{number}") for gauge in gauges]
