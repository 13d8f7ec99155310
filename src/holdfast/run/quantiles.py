"""Histograms in, the quantiles that a summary shows out."""

from collections.abc import Iterable

from holdfast.record.histogram import Histogram, quantiles_of
from holdfast.run.load_summary import Quantiles


def quantiles(histograms: Iterable[Histogram], slowest: float | None = None) -> Quantiles:
    """Of all of them together. `slowest`: the exact maximum, seconds, where it is known."""
    return Quantiles(**quantiles_of(Histogram.sum(histograms), slowest))
