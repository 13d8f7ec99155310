"""What went otherwise than the visitor wished: a measured fact, not a fault of ours."""

from holdfast.record.sample import CHALLENGED, FAILED, REJECTED


class OutcomeError(Exception):
    """Raised by a client or an adapter, recorded by the step it leaves, and the end of the visit.

    `outcome` is one of `holdfast.record.sample.OUTCOMES`, `detail` a low-cardinality reason ("503", "ConnectTimeout").
    `retry_after`: seconds the target asked us to wait, where it did.
    """

    def __init__(self, outcome: str, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{outcome}: {detail}" if detail else outcome)
        self.outcome = outcome
        self.detail = detail
        self.retry_after = retry_after


def failed(detail: str) -> OutcomeError:
    """The target answered, but not what it must: `raise failed("replay_differs")`."""
    return OutcomeError(FAILED, detail)


def challenged(detail: str) -> OutcomeError:
    """The target asks for one more proof than this visitor had to expect: `raise challenged("code")`."""
    return OutcomeError(CHALLENGED, detail)


def not_offered(operation: str) -> OutcomeError:
    """For an adapter whose target has no such operation: recorded as rejected, "no_sign_up", and the visit ends."""
    return OutcomeError(REJECTED, f"no_{operation}")
