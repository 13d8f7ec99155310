"""Why an arrival was dropped, as details of samples say it, and what would help."""

from collections.abc import Mapping
from typing import Final

from holdfast.record.sample import NO_ACCOUNT

NO_VISITOR: Final = "no free visitor"
GENERATOR_LATE: Final = "generator late"

_TOO_SLOW: Final = "the generator could not keep up: take more workers (--workers N) or ask for less"
_CURES: Final[Mapping[str, str]] = {
    NO_ACCOUNT: "give the target more accounts",
    NO_VISITOR: "raise the profile's visitors: at_most",
    GENERATOR_LATE: _TOO_SLOW,
}


def cure_for(dropped: Mapping[str, int], *, late: bool) -> str:
    """`dropped`: how many by why. `late`: whether the generator was: more visitors would only make it later."""
    most = max(dropped, key=lambda why: dropped[why], default=NO_VISITOR)
    return _TOO_SLOW if late and most == NO_VISITOR else _CURES.get(most, most)
