"""Containment, abandonment and likeness in every report of a run."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from tests.unit.report_samples import VARIANTS

from holdfast.report import html, markdown
from holdfast.report.drop_off import by_loss, came_through, funnels_of, lost_as
from holdfast.report.terminal import render
from holdfast.run.load_summary import Funnel, FunnelStep, Likeness, Quantiles
from holdfast.run.summary import Summary

STEPS = (
    FunnelStep(
        "sign_in", 50, 44, 0.88, 0.1, 0.2, (0.78, 0.95), 0.88, (0.78, 0.95), {"ok": 44, "failed": 2, "abandoned": 4}
    ),
    FunnelStep("open_invoice", 44, 44, 1.0, 0.1, 0.2, (0.93, 1.0), 0.88, (0.78, 0.95), {"ok": 44}),
)
DEFLECTION = Funnel(
    "support_deflection", "load", 50, 44, STEPS, 0.88, (0.78, 0.95), 6, 0.12, (0.05, 0.22), {"ok": 44, "abandoned": 6}
)
TIMES = Quantiles(0.067, 0.09, 0.1, 0.1, 0.1)


def _likeness(verdict: str) -> Likeness:
    return Likeness(
        "probe", "reset_known", "reset_unknown", verdict, 300, 300, TIMES, TIMES, 0.51, (0.47, 0.55), "because <it>"  # type: ignore[arg-type]
    )  # fmt: skip


def _summary(*verdicts: str) -> Summary:
    summary = VARIANTS[next(iter(VARIANTS))]()
    assert summary.load is not None
    load = replace(summary.load, funnels=(DEFLECTION,), likenesses=tuple(map(_likeness, verdicts)))
    return replace(summary, load=load)


def _pages(summary: Summary) -> dict[str, str]:
    console = Console(width=100, color_system=None, file=io.StringIO(), _environ={})
    render(summary, console)
    assert isinstance(console.file, io.StringIO)
    return {"terminal": console.file.getvalue(), "markdown": markdown.render(summary), "html": html.render(summary)}


@pytest.mark.parametrize("kind", ["terminal", "markdown", "html"])
def test_containment_and_abandonment_are_shown_with_how_sure_they_are(kind: str) -> None:
    text = " ".join(_pages(_summary())[kind].split())
    assert "44 of 50 came through (78 % to 95 %), 6 gave up (5 % to 22 %)" in text.replace("\u202f", " ").replace(
        "\xa0", " "
    )


@pytest.mark.parametrize("kind", ["terminal", "markdown", "html"])
def test_each_verdict_on_who_has_an_account_is_shown_and_its_reason_is_text(kind: str) -> None:
    page = _pages(_summary("yes", "no", "inconclusive"))[kind]
    assert "Can anybody learn who has an account?" in page
    for said in ("cannot be told apart", "can be told apart", "may or may not be told apart"):
        assert said in " ".join(page.split())
    assert ("because <it>" in page) == (kind == "terminal")


@pytest.mark.parametrize("kind", ["terminal", "markdown", "html"])
def test_a_run_that_compared_nothing_does_not_ask(kind: str) -> None:
    assert "who has an account" not in _pages(_summary())[kind]


def test_those_who_lost_the_greatest_share_at_a_step_stand_first_and_of_equal_shares_those_who_lost_most() -> None:
    def lost(name: str, started: int, completed: int) -> Funnel:
        step = replace(STEPS[0], reached=started, completed=completed)
        return replace(DEFLECTION, name=name, started=started, completed=completed, steps=(step,))

    many, few = lost("a_thousand", 1000, 970), lost("seven", 7, 6)
    large, small = lost("large", 1000, 900), lost("in_small", 10, 9)
    assert [funnel.name for funnel in by_loss([many, lost("whole", 5, 5), few])] == ["seven", "a_thousand"]
    assert [funnel.name for funnel in by_loss([small, large])] == ["large", "in_small"]


def test_what_became_of_the_lost_is_said_the_most_first() -> None:
    assert lost_as(STEPS[0]) == "4 abandoned, 2 failed"
    assert lost_as(STEPS[1]) == ""


def test_who_never_started_drops_off_nowhere() -> None:
    empty = replace(DEFLECTION, started=0)
    summary = _summary()
    assert summary.load is not None
    summary = replace(summary, load=replace(summary.load, funnels=(empty,)), journeys=())
    assert funnels_of(summary) == []
    assert "gave up" not in came_through(replace(DEFLECTION, abandoned=0))


def test_a_step_that_nobody_reached_has_no_interval_of_a_share_that_nobody_measured() -> None:
    unreached = FunnelStep("pay", 0, 0, None, None, None, (0.0, 1.0), None, (0.0, 1.0), {})
    funnel = replace(DEFLECTION, steps=(*STEPS, unreached))
    summary = _summary()
    assert summary.load is not None

    page = html.render(replace(summary, load=replace(summary.load, funnels=(funnel,))))
    reached, of_it = (_row(page, name).replace("\u202f", " ") for name in ("open_<wbr>invoice", "pay"))

    assert "93 % to 100 %" in reached.replace("\xa0", " ")
    assert " to " not in of_it


def _row(page: str, step: str) -> str:
    """What the table of a funnel says of a step."""
    return page.partition(f'<th scope="row">{step}</th>')[2].partition("</tr>")[0]
