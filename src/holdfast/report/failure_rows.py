"""The words of the table of failures: a message a row, the most frequent first."""

from collections.abc import Sequence
from typing import Final

from holdfast.report.figures import count, percent, several
from holdfast.run.summary import FailureGroup

HEAD: Final = ("message", "count", "of all", "first", "last", "most in")


def figures_of_failure(group: FailureGroup) -> list[str]:
    """What stands under `HEAD`."""
    return [
        group.message,
        count(group.count),
        percent(group.share),
        f"{group.first_at:.0f}\u202fs",
        f"{group.last_at:.0f}\u202fs",
        places_of(group),
    ]


def places_of(group: FailureGroup) -> str:
    """ "sign_in/sign_in/POST session 9, billing_inquiry/sign_in/POST code 7, 2 more places"."""
    named = [f"{name} {count(n)}" if len(group.places) > 1 else name for name, n in group.places.items()]
    more = [several(group.more_places, "more place")] if group.more_places else []
    return ", ".join([*named, *more])


def shown(groups: Sequence[FailureGroup], most: int) -> tuple[Sequence[FailureGroup], str]:
    """The first `most`, and what is to be said of the others."""
    left = groups[most:]
    if not left:
        return groups, ""
    said = f"{several(len(left), 'more message')} with {several(sum(g.count for g in left), 'failure')}"
    return groups[:most], said
