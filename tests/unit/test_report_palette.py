"""Colours can be read, and pictures and tables use the same ones."""

import pytest

from holdfast.record.sample import OUTCOMES
from holdfast.report.palette import COLOURS, colour, outcome_colour, resolved, variable


def _luminance(hexadecimal: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *((tone, f"{tone}-ground") for tone in ("good", "bad", "unclear", "void", "neutral")),
        *((tone, "surface") for tone in ("good", "bad", "unclear", "void", "neutral", "ink", "muted", "link")),
        *((tone, "page") for tone in ("ink", "muted", "link")),
        *((tone, "sunken") for tone in ("ink", "muted")),
        ("ink", "unclear-ground"),
        ("ink", "line"),
    ],
)
def test_text_has_a_contrast_of_at_least_four_and_a_half(text, ground, theme):
    assert _contrast(colour(text, theme), colour(ground, theme)) >= 4.5


def test_every_outcome_has_a_colour_of_its_own():
    assert len({outcome_colour(outcome) for outcome in OUTCOMES}) == len(OUTCOMES)


def test_an_outcome_not_known_has_a_colour_too():
    assert outcome_colour("<script>") == variable("outcome-other")


def test_a_file_gets_colours_instead_of_names():
    text = " ".join(variable(name) for name in COLOURS)
    assert "var(" not in resolved(text, "dark")
