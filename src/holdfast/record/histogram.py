"""A mergeable log-linear histogram of durations, error at most 0.4 %.

A duration is counted in whole microseconds `v`. Below 256 each value has its own bucket; above, each octave is cut
into 128 equal ones:

    s = max(0, bit_length(v) - 8)        index = (s << 7) + (v >> s)

so a bucket is `2^s` wide and starts at 128 · 2^s or more; its midpoint is off by at most 2^(s-1) / (128 · 2^s) = 1/256
= 0.39 %. The same scheme as HdrHistogram's (Tene), sparse. Merging is adding counts, so any order and grouping of
merges gives the same histogram.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import numpy.typing as npt

MICROSECONDS: Final = 1e6
_LARGEST = (1 << 50) - 1  # 35 years in microseconds: no duration of ours is longer


def bucket_indexes(durations: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Seconds, shape (n,), to bucket indexes, shape (n,). Negative durations (clock noise) count as 0."""
    values = np.rint(np.clip(durations * MICROSECONDS, 0, _LARGEST)).astype(np.int64)
    exponents = np.frexp(values.astype(np.float64))[1].astype(np.int64)  # bit_length for integers below 2^53
    shifts = np.maximum(exponents - 8, 0)
    return (shifts << 7) + (values >> shifts)


def bucket_index(duration: float) -> int:
    """The bucket of one duration in seconds."""
    value = min(max(round(duration * MICROSECONDS), 0), _LARGEST)
    shift = max(value.bit_length() - 8, 0)
    return (shift << 7) + (value >> shift)


def bucket_bounds(index: int) -> tuple[float, float]:
    """[low, high) of a bucket, in seconds: it counts the whole microseconds `low <= v < high`."""
    if index < 256:
        return index / MICROSECONDS, (index + 1) / MICROSECONDS
    shift = (index >> 7) - 1
    mantissa = index - (shift << 7)
    return (mantissa << shift) / MICROSECONDS, ((mantissa + 1) << shift) / MICROSECONDS


def bucket_middle(index: int) -> float:
    """The duration, in seconds, that stands for the bucket; exact below 256 µs."""
    if index < 256:
        return index / MICROSECONDS
    low, high = bucket_bounds(index)
    return (low + high) / 2


@dataclass(slots=True)
class Histogram:
    """Counts by bucket index. Mutable while it is being filled; treat it as a value after that."""

    counts: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, durations: Iterable[float]) -> Self:
        """From seconds, in one vectorised pass."""
        values = np.fromiter(durations, dtype=np.float64)
        indexes, counts = np.unique(bucket_indexes(values), return_counts=True)
        return cls(dict(zip(indexes.tolist(), counts.tolist(), strict=True)))

    @classmethod
    def sum(cls, parts: Iterable["Histogram"]) -> Self:
        merged = cls()
        for part in parts:
            merged.merge(part)
        return merged

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def add(self, duration: float, times: int = 1) -> None:
        index = bucket_index(duration)
        self.counts[index] = self.counts.get(index, 0) + times

    def merge(self, other: "Histogram") -> None:
        mine = self.counts
        for index, count in other.counts.items():
            mine[index] = mine.get(index, 0) + count

    def quantile(self, q: float) -> float | None:
        """The nearest-rank quantile in seconds, off by at most 0.4 %; None when empty."""
        total = self.count
        if total == 0:
            return None
        rank = max(1, math.ceil(q * total))
        seen = 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= rank:
                return bucket_middle(index)
        raise AssertionError("unreachable: the ranks cover the counts")

    def count_up_to(self, limit: float) -> int:
        """How many took at most `limit` seconds.

        A bucket that the limit cuts counts as slower, so the answer is never greener than the evidence: it errs by
        at most the bucket's width, 0.8 % of the limit.
        """
        edge = round(limit * MICROSECONDS)
        return sum(
            count for index, count in self.counts.items() if round(bucket_bounds(index)[1] * MICROSECONDS) - 1 <= edge
        )

    def to_bytes(self) -> bytes:
        """Sorted (index step, count) pairs as LEB128 varints: some 3 bytes a bucket."""
        encoded = bytearray()
        previous = 0
        for index in sorted(self.counts):
            _append_varint(encoded, index - previous)
            _append_varint(encoded, self.counts[index])
            previous = index
        return bytes(encoded)

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Self:
        """The inverse of `to_bytes`. Raises ValueError when the bytes are cut short."""
        numbers = _varints(encoded)
        if len(numbers) % 2:
            raise ValueError("a histogram is pairs of numbers")
        counts: dict[int, int] = {}
        index = 0
        for step, count in zip(numbers[::2], numbers[1::2], strict=True):
            index += step
            counts[index] = count
        return cls(counts)


def quantiles_of(histogram: Histogram, slowest: float | None = None) -> Mapping[str, float | None]:
    """p50, p95, p99, p999 and max in seconds; no quantile above the true maximum `slowest`, where it is known."""
    names = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}
    found = {name: histogram.quantile(q) for name, q in names.items()}
    if slowest is None:
        return found
    return {
        n: slowest if n == "max" and v is not None else v if v is None else min(v, slowest) for n, v in found.items()
    }


def _append_varint(encoded: bytearray, number: int) -> None:
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)


def _varints(encoded: bytes) -> list[int]:
    numbers: list[int] = []
    number = shift = 0
    for byte in encoded:
        number |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            numbers.append(number)
            number = shift = 0
    if shift:
        raise ValueError("the last number is cut short")
    return numbers
