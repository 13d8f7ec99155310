"""The words of a funnel: what became of those who did not get through, and how sure a share is."""

from collections.abc import Sequence

from holdfast.record.sample import OK
from holdfast.report.figures import count, percent, words
from holdfast.run.funnels import losses
from holdfast.run.load_summary import Funnel, FunnelStep, Likeness
from holdfast.run.summary import Summary


def funnels_of(summary: Summary) -> list[Funnel]:
    """Those of scenarios and of journeys that anybody started, or would have."""
    found = [*(summary.load.funnels if summary.load else ()), *(journey.funnel for journey in summary.journeys)]
    return [funnel for funnel in found if funnel.started or funnel.dropped]


def is_whole(funnel: Funnel) -> bool:
    """Whether nobody was lost: at no step, outside of them, or before they began."""
    steps = all(step.completed == step.reached for step in funnel.steps)
    return steps and not funnel.outside and not funnel.dropped


def by_loss(funnels: Sequence[Funnel]) -> list[Funnel]:
    """Those that lost anybody, the one with the greatest share lost at a step first."""
    lossy = [funnel for funnel in funnels if not is_whole(funnel)]
    worst = {funnel.name: max((loss.share for loss in losses([funnel])), default=0.0) for funnel in lossy}
    return sorted(lossy, key=lambda funnel: (-worst[funnel.name], -(funnel.started - funnel.completed), funnel.name))


def lost_as(step: FunnelStep) -> str:
    """ "8 abandoned, 4 failed", the most first."""
    lost = sorted(((n, outcome) for outcome, n in step.outcomes.items() if outcome != OK and n), reverse=True)
    return ", ".join(f"{count(n)} {words(outcome)}" for n, outcome in lost)


def between(interval: tuple[float, float]) -> str:
    """ "90 % to 95 %"."""
    return f"{percent(interval[0])} to {percent(interval[1])}"


def came_through(funnel: Funnel) -> str:
    """Containment, and abandonment where somebody gave up."""
    said = f"{count(funnel.completed)} of {count(funnel.started)} came through"
    if funnel.abandoned:
        said += f" ({between(funnel.interval)}), {count(funnel.abandoned)} gave up"
        said += f" ({between(funnel.abandonment_interval)})"
    return said


def told_apart(likeness: Likeness) -> str:
    """ "account_enumeration: sign_in_known and sign_in_unknown can be told apart"."""
    verdict = {"yes": "cannot be told apart", "no": "can be told apart"}
    said = verdict.get(likeness.indistinguishable, "may or may not be told apart")
    return f"{likeness.scenario}: {likeness.known} and {likeness.unknown} {said}"


def tone_of(likeness: Likeness) -> str:
    """The verdict whose mark and colour it gets."""
    return {"yes": "met", "no": "missed"}.get(likeness.indistinguishable, "inconclusive")
