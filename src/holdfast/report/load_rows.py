"""The words of the load's shortest table: a scenario a row, and what became of the visits that were not ok."""

from typing import Final

from holdfast.record.sample import DROPPED, EXCUSED, OK
from holdfast.report.figures import count, duration, percent, rate, several, words
from holdfast.run.load_summary import JUDGED, Quantiles, SeriesResult
from holdfast.run.summary import WHOLE_RUN, Summary

REQUEST_HEAD: Final = ("request", "count", "per second", "failed", "p50", "p95", "p99")
HEAD: Final = ("scenario", "visits", "per second", "ok", "p50", "p95", "p99")


def scenarios_of(summary: Summary) -> list[SeriesResult]:
    """A summary of an older version has those of the whole run only."""
    if summary.load is None:
        return []
    whole = [one for one in summary.load.series if one.phase == WHOLE_RUN and one.depth == 1]
    return list(summary.load.scenarios) or whole


def over(found: list[SeriesResult]) -> str:
    """Which part of the run the table is of."""
    return "over the judged phases" if any(one.phase == JUDGED for one in found) else "over the whole run"


def figures_of(one: SeriesResult) -> list[str]:
    """What stands under `HEAD`. Of all that was sent, whatever came of it."""
    counted = one.count - sum(one.outcomes.get(outcome, 0) for outcome in EXCUSED)
    ok_share = one.outcomes.get(OK, 0) / counted if counted else None
    return [one.name, count(one.count), rate(one.rate), percent(ok_share), *_times(one.response)]


def requests_of(summary: Summary, most: int) -> tuple[list[SeriesResult], str]:
    """The first `most` by how many failed, then by how many there were; and what is to be said of the others."""
    found = list(summary.load.requests) if summary.load else []
    left = found[most:]
    if not left:
        return found, ""
    failed = sum(failed_of(one) for one in left)
    how = "none of which failed" if not failed else f"of which {count(failed)} failed"
    return found[
        :most
    ], f"{several(len(left), 'more request')} by name, sent {count(sum(o.count for o in left))} times, {how}"


def figures_of_request(one: SeriesResult) -> list[str]:
    """What stands under `REQUEST_HEAD`."""
    failed = failed_of(one)
    share = f" ({percent(failed / one.count)})" if failed else ""
    return [one.name, count(one.count), rate(one.rate), f"{count(failed)}{share}", *_times(one.response)]


def failed_of(one: SeriesResult) -> int:
    """Whatever did not end ok, without what the network is excused for."""
    return one.count - sum(one.outcomes.get(outcome, 0) for outcome in (OK, *EXCUSED))


def figures_of_ok(one: SeriesResult) -> list[str]:
    """The same of the ok ones alone, as a second row; nothing where it would say the same, or none was."""
    fine = one.outcomes.get(OK, 0)
    return ["· the ok ones", count(fine), "", "", *_times(one.response_ok)] if fine and not_all_ok(one) else []


def not_all_ok(one: SeriesResult) -> bool:
    """Whether anything that was sent was not ok."""
    return any(one.outcomes[outcome] for outcome in one.outcomes.keys() - {OK, DROPPED, *EXCUSED})


def went_wrong(one: SeriesResult) -> str:
    """ "failed 237 (500), transport error 61 (ConnectionRefusedError)", the most first. Empty where all was ok."""
    bad = sorted(((n, outcome) for outcome, n in one.outcomes.items() if outcome != OK and n), reverse=True)
    return ", ".join(f"{words(outcome)} {count(n)}{_why(one, outcome, n)}" for n, outcome in bad)


def went_wrong_lines(summary: Summary) -> list[str]:
    """ "buy: failed 237 (500)", of the scenarios whose visits did not all end ok."""
    said = [(one.name, went_wrong(one)) for one in scenarios_of(summary)]
    return [f"{name}: {text}" for name, text in said if text]


def _why(one: SeriesResult, outcome: str, number: int) -> str:
    """The most frequent reason; how often, where there were others."""
    found = [(n, key) for key, n in one.details.items() if key.startswith(f"{outcome}: ")]
    if not found:
        return ""
    most, key = max(found, key=lambda item: item[0])
    detail = key.removeprefix(f"{outcome}: ")
    return f" ({detail})" if most == number else f" ({detail} {count(most)} times)"


def _times(quantiles: Quantiles) -> list[str]:
    return [duration(quantiles.p50), duration(quantiles.p95), duration(quantiles.p99)]
