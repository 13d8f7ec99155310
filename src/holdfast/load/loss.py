"""What a run by several workers has lost, each told once: a worker that is gone, deltas that are in no file."""

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.load.admission import Member
from holdfast.load.measured import DELTAS_LOST, WORKER_LOST


class Losses:
    """`tell(kind, worker=…, reason=…)`: where they are told."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell

    def worker(self, member: Member, reason: str) -> None:
        """It is gone: its part of the arrivals was not played to the end."""
        member.lost = reason
        self._tell(WORKER_LOST, worker=member.name, reason=reason)

    def done(self, member: Member, facts: Mapping[str, Any]) -> None:
        """It told its totals, which count; when it ended before its time, it is lost all the same."""
        member.done = facts
        if facts.get("cut_short") and not member.lost:
            self.worker(member, str(facts["cut_short"]))

    def unplayed(self, member: Member, due: int) -> None:
        """Hold what it says it planned against `due`, how many arrivals its part had at least."""
        if member.done is not None and not member.lost and int(member.done["planned"]) < due:
            self.worker(member, f"it played {member.done['planned']} arrivals, and its part had {due} or more")

    def unreadable(self, member: Member, number: int, error: str) -> None:
        self._tell(DELTAS_LOST, worker=member.name, reason=f"delta {number} cannot be read: {error}")

    def reckon(self, member: Member) -> None:
        """Hold what it says it made against what was written. To be called when nothing is still to be written."""
        if member.done is None:
            return  # it is lost, and that was told
        made, receipts = int(member.done["deltas"]), member.receipts
        if made != receipts.written + len(receipts.refused):
            reason = f"it made {made} deltas, and {receipts.written} were written"
            self._tell(DELTAS_LOST, worker=member.name, reason=reason)


def why_gone(member: Member, exit_codes: Mapping[int, int], is_heard: Callable[[str], bool]) -> str:
    """Empty while it is there. `exit_codes`: of processes of this machine that ended, by process id."""
    if member.process_id in exit_codes:
        return f"its process ended with exit code {exit_codes[member.process_id]}"
    return "" if is_heard(member.client) else "nothing was heard of it for 4 s"
