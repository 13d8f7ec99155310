"""How an objective's standing is said, on the screen and on the page."""

from holdfast.report.figures import ABSENT, duration, money, share, words
from holdfast.slo.status import AgreementStatus, CreditStatus, ObjectiveStatus


def left_text(one: ObjectiveStatus) -> str:
    """The share of the budget that is left; ≈ where the window is not over."""
    about = "≈ " if one.estimated and one.budget.remaining is not None else ""
    return about + share(one.budget.remaining)


def gone_in(one: ObjectiveStatus) -> str:
    """When the budget will be gone: "5 d", "never", "gone already"."""
    found = one.exhaustion
    if found.seconds == 0:
        return "gone already"
    if not found.known:
        return ABSENT
    return "never" if found.seconds is None else duration(found.seconds)


def gone_between(one: ObjectiveStatus) -> str:
    """Between when and when, or why nothing bounds it."""
    found = one.exhaustion
    if not found.known or found.seconds == 0:
        return "" if found.known else found.reason
    if found.soonest is None:
        return found.reason
    if found.seconds is None:
        return f"{duration(found.soonest)} at worst"
    return f"{duration(found.soonest)} to {'never' if found.latest is None else duration(found.latest)}"


def gone_text(one: ObjectiveStatus) -> str:
    """ "5 d (2 d to 14 d)", "never (28 h at worst)"."""
    between = gone_between(one) if one.exhaustion.soonest else ""
    return f"{gone_in(one)} ({between})" if between else gone_in(one)


def credits_text(one: AgreementStatus) -> str:
    """ "now 10 % (1200.00 EUR), at best 0 %, projected 25 %"."""
    return ", ".join(
        f"{words(credit.when)} {ABSENT if credit.share is None else share(float(credit.share))}"
        + (f" ({money(credit.amount, one.currency)})" if credit.amount is not None else "")
        + (f", of which {share(credit.seen)} was seen" if _is_new(credit, one) else "")
        for credit in one.credits
    )


def _is_new(credit: CreditStatus, one: AgreementStatus) -> bool:
    """Whether it is the first of its window, of which not all was measured: told once."""
    last = credit.when == "last_window"
    first = next((each for each in one.credits if (each.when == "last_window") == last), None)
    return credit is first and credit.seen is not None and credit.seen < 1


def describe(one: ObjectiveStatus) -> list[str]:
    """What its figures need beside them to be read right, a sentence or so each."""
    lines = [*([one.reason] if one.verdict == "inconclusive" else []), *one.notes]
    lines += [f"{other.name}: {share(other.budget.remaining)} left" for other in one.alternatives]
    if one.estimated:
        to_date = f"so far {share(one.to_date.spent)} of the budget of the time so far is spent"
        lines.append(f"{to_date}; what is left of the whole window is estimated, at its traffic so far")
    return lines
