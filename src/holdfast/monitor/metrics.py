"""What holdfast tells Prometheus: every metric by name, kind, labels and meaning. Data; see `exporter`."""

from dataclasses import dataclass
from typing import Final, Literal

from holdfast.slo.promql import RESPONSE, SAMPLES

LADDER: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Edges of the histogram, seconds, beside every `under` of the objectives."""
MOST_NAMES: Final = 1_000
"""Names of samples that are exported; those that come later are not, and it says so."""

_SERIES: Final = ("source", "name", "outcome", "scenario")


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` as Prometheus stores it; of a histogram without _bucket, _sum and _count."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    labels: tuple[str, ...]
    text: str


SAMPLES_METRIC: Final = Metric(
    SAMPLES,
    "counter",
    _SERIES,
    "Samples by outcome: scenarios and journeys (name without a slash), steps (one slash), requests (more).",
)
UNCOUNTED_METRIC: Final = Metric(
    "holdfast_uncounted_samples_total",
    "counter",
    _SERIES,
    "Samples that count in no error budget: of phases that are not judged, of a capacity search, arrivals that "
    "found no free account, and what was nobody's failure (`idle_closed`, `thinking`).",
)
RESPONSE_METRIC: Final = Metric(
    RESPONSE,
    "histogram",
    _SERIES,
    "Response time from the moment a sample was due. Its sum is off by at most 0.4 %.",
)
NAMES_LEFT_OUT: Final = Metric(
    "holdfast_names_left_out", "gauge", (), f"Names that are not exported, because {MOST_NAMES:,} others are."
)
LAST_SAMPLE: Final = Metric(
    "holdfast_last_sample_timestamp_seconds",
    "gauge",
    (),
    "The second in which the newest sample was due; absent while there is none.",
)
OBJECTIVE_TARGET: Final = Metric(
    "holdfast_objective_target_ratio", "gauge", ("objective", "service"), "The share of events that must be good."
)
OBJECTIVE_WINDOW: Final = Metric(
    "holdfast_objective_window_seconds", "gauge", ("objective", "service"), "The length of the objective's window."
)
OBJECTIVE_BURN_RATE: Final = Metric(
    "holdfast_objective_burn_rate_ratio",
    "gauge",
    ("objective",),
    "The burn rate that the guard of a run saw last; absent where nothing was counted.",
)

METRICS: Final = (
    SAMPLES_METRIC,
    UNCOUNTED_METRIC,
    RESPONSE_METRIC,
    NAMES_LEFT_OUT,
    LAST_SAMPLE,
    OBJECTIVE_TARGET,
    OBJECTIVE_WINDOW,
    OBJECTIVE_BURN_RATE,
)
