"""How long a visitor has waited for the next one-time code: a test's own wait, and so no part of any duration."""


class CodeWaits:
    """Of one visit. A wait is told as it begins, and counts as far as it has passed."""

    __slots__ = ("_before", "_seconds", "_since")

    def __init__(self) -> None:
        self._before = self._since = self._seconds = 0.0

    def begin(self, now: float, seconds: float) -> None:
        self._before, self._since, self._seconds = self.until(now), now, seconds

    def until(self, now: float) -> float:
        """Seconds of all waits that have passed."""
        return self._before + min(self._seconds, max(now - self._since, 0.0))

    def waits(self, now: float) -> bool:
        return now - self._since < self._seconds
