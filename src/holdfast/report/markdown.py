"""A summary as report.md: GitHub's Markdown, short enough for a CI step summary, the answers first."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from holdfast.report.drop_off import between, came_through, funnels_of, lost_as, told_apart, tone_of
from holdfast.report.failure_rows import HEAD as FAILURE_HEAD
from holdfast.report.failure_rows import figures_of_failure, shown
from holdfast.report.figures import checked, count, duration, moment, percent, printable, rate, share
from holdfast.report.load_rows import (
    HEAD,
    REQUEST_HEAD,
    figures_of,
    figures_of_ok,
    figures_of_request,
    over,
    requests_of,
    scenarios_of,
    went_wrong,
)
from holdfast.report.matrix import matrix, not_met, weights
from holdfast.report.verdicts import mark, marked
from holdfast.run.funnels import losses, lost_beside_steps
from holdfast.run.summary import WHOLE_RUN, Answer, CapacityResult, FaultResult, ObjectiveResult, Summary

LONGEST: Final = 60_000  # bytes; GitHub's step summary takes 1 MiB, a comment 65,536 characters
_LONGEST_TEXT: Final = 600
_MOST_ROWS: Final = 60
_MOST_MESSAGES: Final = 20
_MOST_REQUESTS: Final = 30
_SPECIAL: Final = re.compile(r"([\\`*_\[\]|#~])")


def render(summary: Summary) -> str:
    """Sections by importance; what does not fit any more is left to the page, and said."""
    sections = [
        _banner(summary),
        _answers(summary),
        _notices(summary),
        _objectives(summary),
        _failures(summary),
        _load(summary),
        _requests(summary),
        _faults(summary),
        _funnels(summary),
        _likenesses(summary),
        _capacity(summary.capacity, summary.capacity_reason),
        _validity(summary),
        _provenance(summary),
    ]
    text = ""
    for section in filter(None, sections):
        if len((text + section).encode()) > LONGEST - 200:
            return text + "_The rest did not fit here; it stands in report.html._\n"
        text += section + "\n"
    return text


def _banner(summary: Summary) -> str:
    run = summary.run
    facts = [
        f"plan {_text(run.plan)}",
        f"target {_text(run.target)}",
        moment(run.started),
        duration(run.ended - run.started),
        f"exit code {summary.exit_code}",
    ]
    return f"## {mark(summary.verdict)} {_text(summary.headline)}\n\n{' · '.join(facts)}\n"


def _answers(summary: Summary) -> str:
    lines = [line for answer in summary.answers for line in _answer(answer)]
    return "\n".join(lines) + "\n" if lines else ""


def _answer(answer: Answer) -> list[str]:
    """One line; an answer of several has each beneath it."""
    asked, said = f"- {mark(answer.verdict)} **{_text(answer.question)}**", answer.answer.split("\n")
    if len(said) == 1:
        return [f"{asked} {_text(answer.answer)}"]
    return [asked, *(f"  - {_text(line)}" for line in said)]


def _notices(summary: Summary) -> str:
    lines = [f"> - {_text(notice)}" for notice in summary.notices[:_MOST_ROWS]]
    return "\n".join(["> [!NOTE]", *lines]) + "\n" if lines else ""


def _objectives(summary: Summary) -> str:
    if not summary.objectives:
        return "### Objectives\n\nNo objective was asked for.\n"
    laid_out = matrix(summary)
    head = ["objective", "target"]
    head += [c.title + ("" if c.judged else " (not judged)") for c in laid_out.columns]
    rows = [
        [row.title, _target(row.target, row.gate), *(_cell(row.results.get(c.phase)) for c in laid_out.columns)]
        for row in laid_out.rows
    ]
    reasons = [
        f"- {marked(o.verdict)}: **{_text(o.display_name or o.name)}** in {_stretch(o.phase)}: "
        f"{_text(o.reason)}{_why(o)}"
        for o in not_met(summary)
        if o.verdict == "missed" or o.decides
    ]
    told = [f"- {_text(weight)}" for weight in weights(summary)]
    if told:
        told = ["", "What the events are worth over the run:", "", *told]
    return "\n".join(["### Objectives", "", *_table(head, rows), "", *reasons, *told, ""])


def _load(summary: Summary) -> str:
    """Nothing where there was none: what did not run needs no table."""
    found = scenarios_of(summary)
    if not found:
        return ""
    rows = []
    for one in found:
        rows.append([*figures_of(one), went_wrong(one) or "–"])
        if beside := figures_of_ok(one):
            rows.append([*beside, ""])
    told = f"Visits {over(found)}; response time of all that was sent."
    return "\n".join(["### Load", "", told, "", *_table([*HEAD, "not ok"], rows), ""])


def _failures(summary: Summary) -> str:
    """Nothing where nothing failed."""
    if not summary.failures:
        return ""
    groups, more = shown(summary.failures, _MOST_MESSAGES)
    table = _table(FAILURE_HEAD, [figures_of_failure(group) for group in groups])
    told = "Every failure once, where it happened, by message; times are seconds after the run's time 0."
    return "\n".join(["### Failures", "", told, "", *table, *(["", f"And {more}."] if more else []), ""])


def _requests(summary: Summary) -> str:
    found, more = requests_of(summary, _MOST_REQUESTS)
    if not found:
        return ""
    told = f"Requests {over(found)}, those that failed most first; response time of all that was sent."
    table = _table(REQUEST_HEAD, [figures_of_request(one) for one in found])
    return "\n".join(["### Requests", "", told, "", *table, *(["", f"And {more}."] if more else []), ""])


def _faults(summary: Summary) -> str:
    if not summary.faults:
        return f"### Faults\n\nNone: {_text(summary.faults_reason)}.\n"
    head = [
        "fault",
        "verdict",
        "clean-up",
        "felt after",
        "alert after",
        "recovered after",
        "bad events",
        "budget spent",
    ]
    return "\n".join(["### Faults", "", *_table(head, [_fault(fault) for fault in summary.faults]), ""])


def _fault(fault: FaultResult) -> list[str]:
    more = "more than " if fault.recovery_censored else ""
    spent = "; ".join(f"{name}: {share(part)}" for name, part in fault.budget_spent.items())
    return [
        fault.title,
        marked(fault.verdict),
        marked(fault.clean_up),
        duration(fault.time_to_impact),
        duration(fault.time_to_detect),
        more + duration(fault.time_to_recover),
        count(fault.bad_events) + (f" on {fault.objective}" if fault.objective else ""),
        spent or "–",
    ]


def _funnels(summary: Summary) -> str:
    found = funnels_of(summary)
    rows = [
        [
            loss.funnel.name, loss.step.name, count(loss.step.reached), lost_as(loss.step), percent(loss.step.ratio),
            between(loss.step.interval),
        ]
        for loss in losses(found)
    ]  # fmt: skip
    title = "### Where customers drop off\n"
    if not found:
        return f"{title}\nNo scenario or journey was started.\n"
    given_up = [f"- {_text(funnel.name)}: {came_through(funnel)}" for funnel in found if funnel.abandoned]
    given_up += [f"- {_text(text)}" for funnel in found for text in lost_beside_steps(funnel)]
    if not rows and not given_up:
        return f"{title}\nNowhere: every step that was reached was completed.\n"
    head = ["scenario or journey", "step", "reached", "lost", "through", "95 % sure on either side"]
    return "\n".join(
        [title, *(_table(head, rows) if rows else []), *(["", *given_up] if rows and given_up else given_up), ""]
    )


def _likenesses(summary: Summary) -> str:
    found = summary.load.likenesses if summary.load else ()
    if not found:
        return ""
    head = ["known and unknown", "p50 of either", "p95 of either", "second slower", "reason"]
    rows = [
        [
            f"{mark(tone_of(one))} {told_apart(one)}",
            f"{duration(one.known_response.p50)}, {duration(one.unknown_response.p50)}",
            f"{duration(one.known_response.p95)}, {duration(one.unknown_response.p95)}",
            f"{percent(one.slower)} of pairs ({between(one.interval)})",
            one.reason,
        ]
        for one in found
    ]
    return "\n".join(["### Can anybody learn who has an account?", "", *_table(head, rows), ""])


def _capacity(capacity: CapacityResult | None, reason: str) -> str:
    if capacity is None:
        return f"### Capacity\n\nNot measured: {_text(reason)}.\n"
    lines = []
    if capacity.sizing is not None:
        sizing = capacity.sizing
        lines.append(
            f"**{count(sizing.replicas)} replicas for a peak of {rate(sizing.peak)}**: "
            f"{count(sizing.replicas_without_spare)} to carry it, {count(sizing.spare)} spare; "
            f"{percent(sizing.utilisation_at_peak)} busy at the peak."
        )
        lines += [f"- {_text(assumption)}" for assumption in sizing.assumptions]
    else:
        lines.append(f"No sizing: {_text(capacity.reason)}.")
    head = ["arrival rate", "verdict", "p95", "finished", "reason"]
    rows = [[rate(p.rate), marked(p.verdict), duration(p.p95), rate(p.achieved), p.reason] for p in capacity.probes]
    held = (
        f"{count(capacity.replicas)} replicas held {rate(capacity.low)} "
        f"({_confirmed(capacity.confirmed_low)}) and not {rate(capacity.high)} ({_confirmed(capacity.confirmed_high)})"
    )
    stated = "" if capacity.stated is None else f"; stated: {rate(capacity.stated)}"
    return "\n".join(["### Capacity", "", *lines, "", f"{held}{stated}.", "", *_table(head, rows), ""])


def _validity(summary: Summary) -> str:
    title = f"### Measurement: {marked(summary.validity.verdict)}"
    if not summary.validity.checks:
        return f"{title}\n\nNothing was checked: no part of this run could be too slow by itself.\n"
    head = ["check", "verdict", "value", "limit", "reason"]
    rows = [
        [c.name, marked(c.verdict), checked(c.name, c.value), checked(c.name, c.limit), c.reason]
        for c in summary.validity.checks
    ]
    return "\n".join([title, "", *_table(head, rows), ""])


def _provenance(summary: Summary) -> str:
    run = summary.run
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return f"run {_text(run.id)} · seed {run.seed} · plan {_text(run.plan_hash)} · {_text(versions)}\n"


def _why(result: ObjectiveResult) -> str:
    return f" Why: {_text(result.cause)}." if result.cause else ""


def _cell(result: ObjectiveResult | None) -> str:
    if result is None:
        return "–"
    return f"{mark(result.verdict)} {percent(result.ratio)} ({count(result.good)} of {count(result.total)})"


def _target(target: float, gate: float) -> str:
    return percent(target) + (f" (this run: {percent(gate)})" if gate < target else "")


def _stretch(phase: str) -> str:
    return "the judged phases together" if phase == WHOLE_RUN else _text(phase)


def _confirmed(confirmed: bool) -> str:
    return "confirmed" if confirmed else "not confirmed"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    written = [_line(row) for row in rows]
    left_out = len(written) - _MOST_ROWS
    more = [_line([f"… and {left_out} more in report.html", *[""] * (len(head) - 1)])] if left_out > 0 else []
    return [_line(head), "|" + " --- |" * len(head), *written[:_MOST_ROWS], *more]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_text(cell) for cell in cells) + " |"


def _text(text: str) -> str:
    """As it is, on one line: nothing in it is Markdown or HTML."""
    flat = re.sub(r"[ \t\r\n\u2028\u2029]+", " ", printable(text)).strip()
    short = flat if len(flat) <= _LONGEST_TEXT else flat[: _LONGEST_TEXT - 1] + "…"
    escaped = short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", escaped)
