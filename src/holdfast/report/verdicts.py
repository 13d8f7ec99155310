"""What a verdict or an outcome looks like: its tone, its mark, its words. No verdict is told by its colour alone."""

from collections.abc import Mapping
from typing import Final, Literal

from holdfast.record.sample import OK, OUTCOMES
from holdfast.report.figures import words
from holdfast.run.summary import Summary

Tone = Literal["good", "bad", "unclear", "void", "neutral"]

MARKS: Final[Mapping[Tone, str]] = {"good": "✓", "bad": "✕", "unclear": "?", "void": "!", "neutral": "·"}
"""`void` is a measurement that cannot be trusted: it says nothing of the target, and must not look like a miss."""

_OUTCOMES: Final[Mapping[str, Tone]] = {outcome: "good" if outcome == OK else "bad" for outcome in OUTCOMES}
_TONES: Final[Mapping[str, Tone]] = {
    **_OUTCOMES,
    "met": "good",
    "missed": "bad",
    "inconclusive": "unclear",
    "invalid": "void",
    "clean_up_failed": "bad",
    "interrupted": "unclear",
    "valid": "good",
    "degraded": "unclear",
    "done": "good",
    "failed": "bad",
    "pending": "unclear",
    "passed": "good",
    "deviated": "bad",
    "not-recovered": "bad",
    "baseline-not-met": "unclear",
    "fault-not-applied": "unclear",
    "error": "bad",
    "good": "good",
    "bad": "bad",
    "unclear": "unclear",
}


def tone(verdict: str) -> Tone:
    """Of any verdict, validity, outcome or clean-up; a word not known is neutral."""
    return _TONES.get(verdict, "neutral")


def mark(verdict: str) -> str:
    return MARKS[tone(verdict)]


def marked(verdict: str) -> str:
    """ "✓ met"."""
    return f"{mark(verdict)} {words(verdict)}"


def word_of(summary: Summary) -> str:
    """The run's verdict in a word. Met and missed are said of objectives alone: where none was asked, a run of journeys
    or of an experiment passed or failed, and one of load was measured."""
    if summary.objectives:
        return word_for(summary.verdict, "objectives")
    return word_for(summary.verdict, "walks" if summary.journeys or summary.faults else "load")


def word_for(verdict: str, asked: Literal["objectives", "walks", "load"]) -> str:
    """The same, by what was asked of a run (see `run.shelf.Kept`)."""
    if asked == "objectives" or verdict not in {"met", "missed"}:
        return words(verdict)
    if verdict == "missed":
        return "failed"
    return "passed" if asked == "walks" else "measured"
