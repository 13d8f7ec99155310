"""Colours by meaning, for light and dark, the same in pictures and tables.

Outcomes and tones take after Okabe and Ito's palette ("Color Universal Design", 2008), which people with any kind of
colour blindness can tell apart; text tones are darkened or lightened to a contrast of 4.5 against their ground.
A picture names a colour as `var(--name)`: a page sets it by CSS, `resolved` sets it for a file.
"""

from collections.abc import Mapping
from typing import Final, Literal

Theme = Literal["light", "dark"]

COLOURS: Final[Mapping[str, tuple[str, str]]] = {  # name: (light, dark)
    "page": ("#f5f6f8", "#11151b"),
    "surface": ("#ffffff", "#191e26"),
    "sunken": ("#eef0f4", "#222933"),
    "ink": ("#18202c", "#e7eaef"),
    "muted": ("#556070", "#a4aebb"),
    "line": ("#d5dae1", "#343c48"),
    "grid": ("#e7eaef", "#2a313c"),
    "link": ("#0b57a4", "#8ac1ff"),
    "good": ("#00644f", "#5fd6b7"),
    "good-ground": ("#dff3ed", "#12352d"),
    "bad": ("#a53600", "#ffa27a"),
    "bad-ground": ("#fde9df", "#47210f"),
    "unclear": ("#715300", "#f1cd62"),
    "unclear-ground": ("#fbf0cd", "#3b3010"),
    "void": ("#6a2a86", "#d9aef0"),
    "void-ground": ("#f2e6f8", "#381f47"),
    "neutral": ("#465162", "#b9c3cf"),
    "neutral-ground": ("#e9ecf1", "#29313c"),
    "mark-good": ("#009e73", "#2cc29a"),
    "mark-bad": ("#d55e00", "#ff7f33"),
    "mark-unclear": ("#e0a100", "#e8bd3c"),
    "mark-void": ("#8e44ad", "#b983d6"),
    "mark-neutral": ("#8a94a3", "#7d8896"),
    "outcome-ok": ("#8fcbb9", "#2f7a68"),
    "outcome-failed": ("#d55e00", "#ff7f33"),
    "outcome-timed_out": ("#aa4499", "#d884c9"),
    "outcome-rate_limited": ("#e0a100", "#efc94c"),
    "outcome-challenged": ("#7a8b00", "#c3d24a"),
    "outcome-abandoned": ("#882255", "#e08fb4"),
    "outcome-rejected": ("#4a9bd1", "#6cb5e8"),
    "outcome-transport_error": ("#332288", "#9488ea"),
    "outcome-dropped": ("#39414e", "#d3d9e1"),
    "outcome-unfinished": ("#9aa3af", "#78838f"),
    "outcome-other": ("#8a6d3b", "#c8ab78"),
    "p50": ("#6f8396", "#8fa3b6"),
    "p95": ("#3d86d2", "#5f9fe0"),
    "p99": ("#0a2140", "#f2f7ff"),
    "series-1": ("#1f66ad", "#86bdf2"),
    "series-2": ("#d55e00", "#ff7f33"),
    "series-3": ("#00806a", "#4fcbae"),
    "series-4": ("#aa4499", "#d884c9"),
    "series-5": ("#8a6d00", "#dcc05a"),
    "series-6": ("#39414e", "#d3d9e1"),
    "fault": ("#d55e00", "#ff7f33"),
}


def variable(name: str) -> str:
    """How a picture or a style names a colour."""
    return f"var(--{name})"


def outcome_colour(outcome: str) -> str:
    name = f"outcome-{outcome}"
    return variable(name if name in COLOURS else "outcome-other")


def colour(name: str, theme: Theme) -> str:
    return COLOURS[name][theme == "dark"]


def resolved(text: str, theme: Theme) -> str:
    """Every `var(--name)` in the text as its colour."""
    for name in COLOURS:
        text = text.replace(variable(name), colour(name, theme))
    return text
