"""The one exception by which the account service says no: status, code, words, and when to come back."""


class Refusal(Exception):  # noqa: N818  not an error of the service: an answer
    """An answer that is not what was asked for. `retry_after` in seconds; it becomes the header."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


def invalid_credentials() -> Refusal:
    """The same for an unknown address and a wrong password."""
    return Refusal(401, "invalid_credentials", "The email or the password is not right.")


def invalid_code() -> Refusal:
    return Refusal(401, "invalid_code", "The code is not right, or was used before.")


def not_signed_in() -> Refusal:
    return Refusal(401, "not_signed_in", "Sign in first.")


def not_found(what: str) -> Refusal:
    return Refusal(404, "not_found", f"There is no such {what}.")


def invalid_field(name: str, expected: str) -> Refusal:
    return Refusal(422, "invalid_field", f"{name}: {expected}.")


def too_many(what: str, retry_after: float) -> Refusal:
    return Refusal(429, "rate_limited", f"Too many {what}. Try again later.", retry_after)


def unavailable(part: str, retry_after: float = 1.0) -> Refusal:
    return Refusal(503, f"{part}_unavailable", "This does not work just now. Try again shortly.", retry_after)


def fresh_factor_required() -> Refusal:
    return Refusal(403, "fresh_factor_required", "Prove your second factor again: the last time is too long ago.")
