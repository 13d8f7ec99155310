"""Deltas on their way from a worker to the master: each written exactly once, whatever is lost, doubled or overtaken.

A worker numbers its deltas from 1, keeps each until it is acknowledged, and sends it again until then. The master keeps
which numbers it has dealt with, and acknowledges no other. What was made and never written is known at the end.
"""

from collections import deque
from dataclasses import dataclass, field


class Outgoing:
    """A worker's end. `add` may be called by another thread than the rest."""

    def __init__(self, again: float) -> None:
        """`again`: seconds after which a delta that was sent and not acknowledged is due again."""
        self._again = again
        self._added: deque[bytes] = deque()
        self._numbered = 0
        self._kept: dict[int, bytes] = {}
        self._sent: dict[int, float] = {}

    def add(self, blob: bytes) -> None:
        self._added.append(blob)

    @property
    def made(self) -> int:
        """How many there ever were."""
        return self._numbered + len(self._added)

    @property
    def outstanding(self) -> int:
        """How many were not acknowledged, or not even sent."""
        return len(self._kept) + len(self._added)

    def due(self, now: float) -> list[tuple[int, bytes]]:
        """What is to be sent, in order of number: what never was, and what was sent too long ago."""
        while self._added:
            self._numbered += 1
            self._kept[self._numbered] = self._added.popleft()
        return [
            (number, blob)
            for number, blob in self._kept.items()
            if number not in self._sent or now - self._sent[number] >= self._again
        ]

    def sent(self, number: int, now: float) -> None:
        """It went out. To be told after that, never before: one that failed is due at once."""
        if number in self._kept:
            self._sent[number] = now

    def acknowledged(self, number: int) -> None:
        """Forget it."""
        self._kept.pop(number, None)
        self._sent.pop(number, None)


@dataclass(slots=True)
class Receipts:
    """The master's end, of one worker: which numbers were dealt with, written or refused for good."""

    written: int = 0
    refused: set[int] = field(default_factory=set)
    _all_up_to: int = 0
    _beyond: set[int] = field(default_factory=set)  # those after the first that is missing

    def has(self, number: int) -> bool:
        return number <= self._all_up_to or number in self._beyond

    def write(self, number: int) -> None:
        """It is in the file. Once for each number."""
        self.written += 1
        self._settle(number)

    def refuse(self, number: int) -> None:
        """It can never be: sent again it would be the same bytes."""
        self.refused.add(number)
        self._settle(number)

    def _settle(self, number: int) -> None:
        self._beyond.add(number)
        while self._all_up_to + 1 in self._beyond:
            self._all_up_to += 1
            self._beyond.remove(self._all_up_to)
