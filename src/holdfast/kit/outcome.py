"""What went otherwise than the visitor wished: a measured fact, not a fault of ours."""

from typing import Final, NoReturn

from holdfast.record.sample import CHALLENGED, FAILED, IDLE_CLOSED, OK, OUTCOMES

NOT_OFFERED: Final = "not_offered"
_STATED: Final = {outcome: outcome for outcome in (*OUTCOMES, IDLE_CLOSED) if outcome != OK}


class OutcomeError(Exception):
    """Raised by a client or an adapter, recorded by the step it leaves, and the end of the visit.

    `outcome` is one of `holdfast.record.sample.OUTCOMES` and not ok. What is none of them is `failed`: a record holds
    no word that nobody knows, and nothing that was raised passes for ok. `detail`: a low-cardinality reason ("503",
    "ConnectTimeout"). `retry_after`: seconds the target asked us to wait, where it did.
    """

    def __init__(self, outcome: str, detail: str = "", retry_after: float | None = None) -> None:
        self.outcome = _STATED.get(outcome, FAILED)
        super().__init__(f"{self.outcome}: {detail}" if detail else self.outcome)
        self.detail = detail
        self.retry_after = retry_after


def failed(detail: str) -> OutcomeError:
    """The target answered, but not what it must: `raise failed("replay_differs")`."""
    return OutcomeError(FAILED, detail)


def challenged(detail: str) -> OutcomeError:
    """The target asks for one more proof than this visitor had to expect: `raise challenged("code")`."""
    return OutcomeError(CHALLENGED, detail)


class NotOfferedError(OutcomeError):
    """The stack has no such operation: recorded as `failed` with the detail `not_offered`."""

    def __init__(self) -> None:
        super().__init__(FAILED, NOT_OFFERED)


def not_offered(*_args: object, **_more: object) -> NoReturn:
    """What an adapter puts in place of an operation that its stack does not have: `erase_account = not_offered`.

    So written, a run whose scenario needs it is refused before it starts.
    """
    raise NotOfferedError
