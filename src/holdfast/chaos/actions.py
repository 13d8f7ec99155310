"""The actions that experiment files name: `inject`, `hold`, `revert`. They find their target in `context`.

    provider: {type: python, module: holdfast.chaos.actions, func: inject,
               arguments: {fault: latency, link: postgres, latency_ms: 300}}

They raise HoldfastErrors, which Chaos Toolkit records as the activity's failure.
"""

import logging
import os
from dataclasses import asdict, dataclass
from typing import Final

from holdfast.chaos import undo
from holdfast.chaos.context import Context, load_context, reverted_file
from holdfast.chaos.faults import read_fault
from holdfast.chaos.faults.fault import proxy_of, take_lease
from holdfast.chaos.faults.latency import chunks_met
from holdfast.chaos.faults.traffic import arrivals
from holdfast.chaos.presence import why_gone
from holdfast.chaos.repair import ENABLE_LINK, REMOVE_TOXIC
from holdfast.clock import Clock, SystemClock
from holdfast.errors import CleanUpError, HoldfastError, InputError, MeasurementError, Problem

# While a fault is held its lease is short and renewed, so that a dead child frees the target within this many seconds.
HELD_LEASE_SECONDS: Final = 15.0
_RENEW_SECONDS: Final = 4.0
_LEASE_MARGIN_SECONDS: Final = 5.0
_TICK_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 1.0  # between two looks at whether the fault is still in
_BY_THE_LOG: Final = "another process took it out by the undo log (`holdfast recover` does)"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gone:
    """A fault that is not in any more, though nobody of this experiment took it out; or of which nobody knows."""

    at: float  # seconds since the epoch: when it was seen
    why: str
    is_certain: bool

    def facts(self) -> dict[str, object]:
        return asdict(self)


def inject(fault: str, **arguments: object) -> dict[str, object]:
    """Put a fault in: its undo is on disk first. What was done, with the time of it (seconds since the epoch)."""
    context = _context()
    described, problems = read_fault(fault, arguments)
    if described is None or problems:
        unresolved = Problem(fault, "an argument is still a placeholder", "declare its configuration")
        raise InputError(*(problems or [unresolved]))
    with undo.locked(context.undo_log) as alone:
        if not alone:
            raise MeasurementError(Problem(str(context.undo_log), "another injection or undo does not end"))
        if context.stopping:
            raise MeasurementError(Problem(context.experiment, "was told to stop before its fault was in"))
        clock = _clock(context)
        entry_id = undo.new_id()
        how = described.prepare(context.target, entry_id)
        entry = undo.Entry(entry_id, clock.now(), context.experiment, how)
        undo.announce(context.undo_log, entry)
        injected_at = clock.now()
        met = described.inject(context.target, how, context.max_duration + _LEASE_MARGIN_SECONDS)
    _raise_if_undone_meanwhile(context, entry)
    target = how.arguments.get("process") or described.target
    return {
        "fault": fault,
        "target": target,
        "id": entry.id,
        "injected_at": injected_at,
        "connections_met": met,
        "arrivals": arrivals(context.target),
    }


def hold(seconds: float = 20.0) -> dict[str, object]:
    """Keep the fault in for so long, its lease renewed. Returns early when the experiment is told to stop.

    Looks once a second, and at its end, whether the fault is still in, and returns when it is not: "gone" says why.
    """
    context = _context()
    clock = _clock(context)
    start = renewed_at = looked_at = clock.now()
    _renew(context, HELD_LEASE_SECONDS)
    gone: Gone | None = None
    while (left := start + float(seconds) - clock.now()) > 0 and not context.stopping:
        if clock.now() - renewed_at >= _RENEW_SECONDS:
            renewed_at = clock.now()
            _renew(context, HELD_LEASE_SECONDS)
        if clock.now() - looked_at >= _LOOK_SECONDS:
            looked_at = clock.now()
            gone = _look_for_gone(context, clock)
            if gone is not None and gone.is_certain:
                break  # there is nothing to hold any more
        clock.sleep(min(left, _TICK_SECONDS))
    if gone is None or not gone.is_certain:
        gone = _look_for_gone(context, clock)
    # What comes between the hold and the revert may take its time.
    _renew(context, context.max_duration + _LEASE_MARGIN_SECONDS)
    return {"held": clock.now() - start, "stopped": context.stopping, "gone": None if gone is None else gone.facts()}


def revert() -> dict[str, object]:
    """Take out everything this experiment put in, newest first. May be repeated. Raises CleanUpError."""
    context = _context()
    clock = _clock(context)
    entries = undo.entries_of(context.undo_log, context.experiment)
    open_entries = [entry for entry, is_open in entries if is_open]
    gone = None if _was_reverted(context) else _look_for_gone(context, clock)
    came = arrivals(context.target) if open_entries else None
    results = undo.undo_all(context.undo_log, experiment=context.experiment, tokens=context.tokens, now=clock.now)
    reverted_at = clock.now()
    failed = [result for result in results if not result.undone]
    _note_reverted(context)
    if failed:
        raise CleanUpError(*(Problem(r.entry.undo.kind, r.detail, "run `holdfast recover`") for r in failed))
    return {
        "reverted": [{"id": r.entry.id, "outcome": r.outcome, "detail": r.detail} for r in results],
        "reverted_at": reverted_at,
        "chunks_met": chunks_met(entry.undo for entry, is_open in entries if is_open or gone is not None),
        "arrivals": came,
        "gone": None if gone is None else gone.facts(),
    }


def _context() -> Context:
    return load_context(os.environ)


def _clock(context: Context) -> Clock:
    return SystemClock() if context.anchor is None else SystemClock(context.anchor)


def _look_for_gone(context: Context, clock: Clock) -> Gone | None:
    """None while all that this experiment put in is in, and when it was told to stop: then it is taken out for that."""
    unknown = ""
    for entry, is_open in undo.entries_of(context.undo_log, context.experiment):
        why = "" if is_open else _BY_THE_LOG
        try:
            why = why or why_gone(entry, context.tokens)
        except HoldfastError as error:
            unknown = f"whether it was still in is not known: {error.problems[0].what}"
        if why and not context.stopping:
            seen = clock.now()
            return Gone(seen, _BY_THE_LOG if _is_closed_soon(context, entry, clock) else why, is_certain=True)
    return Gone(clock.now(), unknown, is_certain=False) if unknown and not context.stopping else None


def _is_closed_soon(context: Context, entry: undo.Entry, clock: Clock) -> bool:
    """Who undoes by the log takes out first, and says so in the log afterwards."""
    deadline = clock.now() + _LOOK_SECONDS
    while any(found.id == entry.id for found in undo.open_entries(context.undo_log)):
        if clock.now() >= deadline or context.stopping:
            return False
        clock.sleep(_TICK_SECONDS)
    return True


def _was_reverted(context: Context) -> bool:
    return context.folder is not None and reverted_file(context.folder).exists()


def _note_reverted(context: Context) -> None:
    if context.folder is not None:
        reverted_file(context.folder).touch()


def _raise_if_undone_meanwhile(context: Context, entry: undo.Entry) -> None:
    """An undo that would not wait for a slow injection found nothing to take out yet: take it out now."""
    if any(found.id == entry.id for found in undo.open_entries(context.undo_log)):
        return
    undo.announce(context.undo_log, entry)
    undo.undo_all(context.undo_log, experiment=context.experiment, tokens=context.tokens)
    raise MeasurementError(Problem(context.experiment, "was undone while its fault was being put in"))


def _renew(context: Context, seconds: float) -> None:
    for entry in undo.open_entries(context.undo_log):
        arguments = entry.undo.arguments
        if entry.experiment != context.experiment or "lease" not in arguments:
            continue
        toxics = ((arguments["link"], arguments["toxic"]),) if entry.undo.kind == REMOVE_TOXIC else ()
        enable = (arguments["link"],) if entry.undo.kind == ENABLE_LINK else ()
        try:
            take_lease(proxy_of(context.target), arguments["lease"], seconds, toxics, enable)
        except HoldfastError as error:
            log.warning("the lease of %s was not renewed: %s", entry.id, error)
