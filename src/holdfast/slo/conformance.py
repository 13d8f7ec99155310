"""OpenSLO v1's rules between properties: plain data in, every broken rule out, each with its file, line and path.

They look at the data as it stands, whatever else is wrong with it, so that all problems of a file are told at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.alert_conformance import POLICY, entry_problems, lookback_of
from holdfast.slo.resolving import Resolve, list_of, mapping_of
from holdfast.slo.window import seconds_of
from holdfast.workspace.document import Document, PropertyPath, nearest

_SLICED: Final = ("Timeslices", "RatioTimeslices")


def empty_problems(document: Document) -> Iterator[Problem]:
    """Keys with nothing behind them, anywhere: neither left out nor given."""
    to_see: list[tuple[PropertyPath, Any]] = [((), document.data)]
    while to_see:
        at, data = to_see.pop(0)
        children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
        for key, value in children:
            if value is None:
                yield Problem(document.where((*at, key)), f'"{key}" is empty', "fill it, or remove it")
            to_see.append(((*at, key), value))


def slo_problems(document: Document, resolve: Resolve) -> Iterator[Problem]:
    """Of a document of kind SLO."""
    at: PropertyPath = ("spec",)
    spec = mapping_of(mapping_of(document.data).get("spec"))
    yield from _window_problems(document, spec)
    entries = list_of(spec.get("objectives"))
    if "objectives" in spec and not entries:
        yield Problem(document.where((*at, "objectives")), "there is no objective", "write - target: 0.99")
    yield from _indicator_choice(document, spec, entries)
    yield from _indicators(document, at, spec, resolve)
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue  # told with the shape
        place = (*at, "objectives", index)
        yield from _entry_problems(document, place, entry, spec)
        yield from _indicators(document, place, entry, resolve)
        own = is_threshold(entry, resolve)
        yield from _threshold_problems(document, place, entry, own if own is not None else is_threshold(spec, resolve))
    yield from _composite_problems(document, spec, entries)
    if is_threshold(spec, resolve) and len(entries) > 1:
        yield Problem(
            document.where((*at, "objectives")), "a thresholdMetric takes one objective", "write one SLO for each"
        )
    for index, policy in enumerate(list_of(spec.get("alertPolicies"))):
        place = (*at, "alertPolicies", index)
        if isinstance(policy, dict):
            yield from entry_problems(document, place, policy, POLICY, resolve)
            yield from _lookback_problems(document, place, policy, entries, resolve)


def indicator_problems(document: Document, at: PropertyPath, spec: Mapping[str, Any]) -> Iterator[Problem]:
    """Of an indicator's `spec`, inline or in a document of kind SLI."""
    threshold, ratio = "thresholdMetric" in spec, "ratioMetric" in spec
    if threshold == ratio:
        what = "both a thresholdMetric and a ratioMetric" if ratio else "neither a ratioMetric nor a thresholdMetric"
        yield Problem(document.where(at), f"the indicator has {what}", "write one of the two")
    if threshold:
        place = (*at, "thresholdMetric", "metricSource")
        yield from _source_problems(document, place, mapping_of(spec.get("thresholdMetric")))
    metric = mapping_of(spec.get("ratioMetric"))
    if metric:
        yield from _ratio_problems(document, (*at, "ratioMetric"), metric)


def _ratio_problems(document: Document, place: PropertyPath, metric: Mapping[str, Any]) -> Iterator[Problem]:
    sides = [side for side in ("good", "bad", "total") if side in metric]
    if "raw" in metric:
        for side in sides:
            yield Problem(document.where((*place, side)), f'"{side}" stands beside "raw"', "raw is the ratio: keep one")
        if "rawType" not in metric:
            yield Problem(document.where((*place, "rawType")), '"rawType" is missing', "write success or failure")
    else:
        if "rawType" in metric:
            yield Problem(document.where((*place, "rawType")), '"rawType" without "raw"', "remove it")
        if "total" not in metric:
            yield Problem(document.where((*place, "total")), '"total" is missing', "add the metric of all events")
        if ("good" in metric) == ("bad" in metric):
            what = '"good" and "bad" stand together' if "good" in metric else '"good" is missing'
            yield Problem(document.where((*place, "good")), what, 'write "good", or else "bad"')
    for side in (*sides, *(["raw"] if "raw" in metric else [])):
        yield from _source_problems(document, (*place, side, "metricSource"), mapping_of(metric[side]))


def _source_problems(document: Document, at: PropertyPath, metric: Mapping[str, Any]) -> Iterator[Problem]:
    source = mapping_of(metric.get("metricSource"))
    if source and "type" not in source and "metricSourceRef" not in source:
        yield Problem(document.where((*at, "type")), '"type" is missing', "write type: holdfast")


def _window_problems(document: Document, spec: Mapping[str, Any]) -> Iterator[Problem]:
    windows = list_of(spec.get("timeWindow"))
    at: PropertyPath = ("spec", "timeWindow")
    if "timeWindow" in spec and len(windows) != 1:
        advice = "write one: [{duration: 28d, isRolling: true}]"
        yield Problem(document.where(at), f"{len(windows)} time windows", advice)
    for index, window in enumerate(windows):
        rolling, calendar = mapping_of(window).get("isRolling") is True, "calendar" in mapping_of(window)
        if rolling and calendar:
            place = (*at, index, "calendar")
            yield Problem(document.where(place), "a rolling window has no calendar", "remove it, or isRolling")
        elif not rolling and not calendar:
            what = "a window that is not rolling needs a calendar"
            yield Problem(document.where((*at, index)), what, "write isRolling: true, or a calendar")


def _indicator_choice(document: Document, spec: Mapping[str, Any], entries: list[Any]) -> Iterator[Problem]:
    at: PropertyPath = ("spec",)
    above = [key for key in ("indicator", "indicatorRef") if key in spec]
    if len(above) > 1:
        yield Problem(document.where((*at, "indicatorRef")), "indicator and indicatorRef stand together", "keep one")
    inside = [
        (index, key)
        for index, entry in enumerate(entries)
        for key in ("indicator", "indicatorRef")
        if key in mapping_of(entry)
    ]
    for index, key in inside if above else ():
        place = (*at, "objectives", index, key)
        yield Problem(document.where(place), f"the SLO has an {above[0]} already", "keep it in one of the two places")
    if not above:
        without = [index for index in range(len(entries)) if index not in {i for i, _ in inside}]
        if not inside:
            yield Problem(document.where((*at, "indicator")), '"indicator" is missing', "or indicatorRef: add one")
        for index in without if inside else ():
            place = (*at, "objectives", index)
            yield Problem(document.where(place), "this objective has no indicator", "add indicator, or indicatorRef")


def _indicators(document: Document, at: PropertyPath, holder: Mapping[str, Any], resolve: Resolve) -> Iterator[Problem]:
    inline = mapping_of(holder.get("indicator")).get("spec")
    if isinstance(inline, dict):
        yield from indicator_problems(document, (*at, "indicator", "spec"), inline)
    name = holder.get("indicatorRef")
    if name is not None and resolve("SLI", name) is None:
        what = f'there is no SLI "{name}" in these files'
        yield Problem(document.where((*at, "indicatorRef")), what, nearest(str(name), resolve.names("SLI")))


def _entry_problems(
    document: Document, at: PropertyPath, entry: Mapping[str, Any], spec: Mapping[str, Any]
) -> Iterator[Problem]:
    if ("target" in entry) == ("targetPercent" in entry):
        what = "target and targetPercent stand together" if "target" in entry else '"target" is missing'
        yield Problem(document.where((*at, "target")), what, "write one, such as target: 0.99")
    method = spec.get("budgetingMethod")
    wanted = {"timeSliceTarget": method == "Timeslices", "timeSliceWindow": method in _SLICED}
    for key, needed in wanted.items():
        if needed and key not in entry:
            yield Problem(document.where((*at, key)), f'"{key}" is missing', f"{method} needs it")
        elif key in entry and not needed and isinstance(method, str):
            yield Problem(document.where((*at, key)), f"{key} means nothing with {method}", "remove it")
    yield from _slice_problems(document, at, entry, spec)


def _composite_problems(document: Document, spec: Mapping[str, Any], entries: list[Any]) -> Iterator[Problem]:
    """A slice of a composite is one stretch of time for all of its objectives."""
    if "indicator" in spec or "indicatorRef" in spec or spec.get("budgetingMethod") not in _SLICED:
        return
    lengths = [_slice_seconds(mapping_of(entry)) for entry in entries]
    first = next((length for length in lengths if length is not None), None)
    for index, length in enumerate(lengths):
        if length is not None and length != first:
            what = f"the slices of a composite have one length, and another objective's is {first:g} s"
            where = document.where(("spec", "objectives", index, "timeSliceWindow"))
            yield Problem(where, what, "give all objectives the same timeSliceWindow")


def _slice_problems(
    document: Document, at: PropertyPath, entry: Mapping[str, Any], spec: Mapping[str, Any]
) -> Iterator[Problem]:
    windows = list_of(spec.get("timeWindow"))
    piece = _slice_seconds(entry)
    try:
        whole = seconds_of(mapping_of(windows[0] if windows else None).get("duration"))
    except ValueError:
        return  # told with the property itself
    if piece is not None and (piece >= whole or whole % piece):
        where = document.where((*at, "timeSliceWindow"))
        yield Problem(where, "the time slice does not divide the time window", "choose a shorter one that does")


def _lookback_problems(
    document: Document, at: PropertyPath, policy: Mapping[str, Any], entries: list[Any], resolve: Resolve
) -> Iterator[Problem]:
    """A burn rate of slices is no finer than a slice."""
    slices = [piece for piece in (_slice_seconds(mapping_of(entry)) for entry in entries) if piece is not None]
    try:
        lookback = seconds_of(lookback_of(policy, resolve))
    except ValueError:
        return  # told with the property itself
    if slices and lookback < max(slices):
        what = f"the alert looks back {lookback} s, less than the time slice of {max(slices):g} s"
        yield Problem(document.where(at), what, "lengthen its lookbackWindow, or shorten the slice")


def _slice_seconds(entry: Mapping[str, Any]) -> float | None:
    """None where there is none that can be read."""
    written = entry.get("timeSliceWindow")
    try:
        if isinstance(written, (int, float)) and not isinstance(written, bool):
            piece = float(written) * 60  # a bare number is minutes
        else:
            piece = float(seconds_of(written))
    except (ValueError, OverflowError):
        return None
    return piece if piece > 0 else None


def _threshold_problems(
    document: Document, at: PropertyPath, entry: Mapping[str, Any], threshold: bool | None
) -> Iterator[Problem]:
    for key in ("op", "value"):
        if threshold is True and key not in entry:
            yield Problem(document.where((*at, key)), f'"{key}" is missing', "a thresholdMetric is compared with it")
        elif threshold is False and key in entry:
            yield Problem(document.where((*at, key)), f"{key} belongs to a thresholdMetric", "remove it")


def is_threshold(holder: Mapping[str, Any], resolve: Resolve) -> bool | None:
    """Whether an SLO's spec or objective has, or names, a thresholdMetric; None where it has no indicator to tell."""
    spec = mapping_of(mapping_of(holder.get("indicator")).get("spec"))
    if "indicatorRef" in holder:
        spec = resolve("SLI", holder["indicatorRef"]) or {}
    if ("thresholdMetric" in spec) == ("ratioMetric" in spec):
        return None
    return "thresholdMetric" in spec
