"""What workers measured, into `run.db`: each delta once, acknowledged when it is in the file and not before."""

import logging
import sqlite3
from collections.abc import Callable
from typing import Final

import gevent
from gevent.hub import get_hub
from gevent.queue import Queue

from holdfast.load.admission import Member
from holdfast.load.deltas import of_worker, unpacked
from holdfast.record.store import RunStore

_log: Final = logging.getLogger(__name__)

Acknowledge = Callable[[Member, int, bool], None]  # of a member, its delta of a number: whether it was written
Refuse = Callable[[Member, int, str], None]  # why a delta can never be written


class Writing:
    """A queue of deltas, and the one greenlet that empties it into the file."""

    def __init__(self, store: RunStore, acknowledge: Acknowledge, refuse: Refuse) -> None:
        self._store = store
        self._acknowledge = acknowledge
        self._refuse = refuse
        self._queue: Queue[tuple[Member, int, bytes] | None] = Queue()
        self._greenlet = gevent.spawn(self._write_all)

    def put(self, member: Member, number: int, blob: bytes) -> None:
        self._queue.put((member, number, blob))

    def close(self) -> None:
        """Returns when all that came is in the file."""
        self._queue.put(None)
        self._greenlet.join()
        self._store.close()

    def _write_all(self) -> None:
        while (delta := self._queue.get()) is not None:
            member, number, blob = delta
            receipts = member.receipts
            try:
                if not receipts.has(number):
                    self._write(member, number, blob)
            except sqlite3.Error as error:
                _log.warning("delta %d of %s could not be written yet: %s", number, member.name, error)
                continue  # without a word its worker sends it again
            self._acknowledge(member, number, number not in receipts.refused)

    def _write(self, member: Member, number: int, blob: bytes) -> None:
        try:
            folded, gauges = unpacked(blob)
        except ValueError as error:
            member.receipts.refuse(number)
            self._refuse(member, number, str(error))
            return
        # In a native thread, and in one transaction: a half of it must not be written a second time.
        get_hub().threadpool.apply(self._store.write, (folded, of_worker(gauges, member.number)))
        member.receipts.write(number)
