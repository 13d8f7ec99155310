"""The log of a child process: its file descriptors 1 and 2, and what is written to them, without the secrets that are
known by then.

Python's own streams are not all that is written there: what an author's file starts (`subprocess.run`) inherits both
descriptors, and so do a browser and its driver. So both lead through a pipe into the stream that redacts.
"""

import _thread  # threads of the kernel's, also where Locust makes greenlets of those of `threading`
import atexit
import codecs
import faulthandler
import os
import sys
from select import POLLIN, poll  # likewise
from typing import Final

from holdfast.redaction import RedactedStream, Redactor

_AT_ONCE: Final = 65_536
_IDLE_MILLISECONDS: Final = 500
_END_SECONDS: Final = 5.0


class ChildLog(RedactedStream):
    """A text stream into the log, with all that comes by way of the descriptors. `flush` brings it up to date."""

    def __init__(self, redactor: Redactor) -> None:
        """Take the descriptors 1 and 2 of this process; where 2 led to is the log. Before Locust is imported."""
        self._file = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
        super().__init__(self._file, redactor)
        self._pipe, writing = os.pipe()
        os.set_blocking(self._pipe, False)
        for descriptor in (1, 2):
            os.dup2(writing, descriptor)
        os.close(writing)
        # Lines of its own: somebody may write a secret in pieces.
        self._piped = RedactedStream(self._file, redactor)
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._reading = _thread.RLock()  # a handler of a signal may print, too
        self._ending, self._end = os.pipe()
        self._ended = _thread.allocate_lock()
        self._ended.acquire()
        self._process = os.getpid()
        # A process that dies of a signal has no time to read what it said of it.
        faulthandler.enable(self._file)
        _thread.start_new_thread(self._keep_reading, ())
        atexit.register(self._stop_reading)

    def flush(self) -> None:
        self._read()
        super().flush()

    def fileno(self) -> int:
        """For who hands it on to a process of his own."""
        return 2

    def _keep_reading(self) -> None:
        waiting = poll()
        for descriptor in (self._pipe, self._ending):
            waiting.register(descriptor, POLLIN)
        patience = None
        while True:
            seen = [descriptor for descriptor, _ in waiting.poll(patience)]
            self._read()
            if not seen or self._ending in seen:
                self._piped.flush()  # the end of its line does not come
            if self._ending in seen:
                self._ended.release()
                return
            patience = _IDLE_MILLISECONDS if seen else None

    def _stop_reading(self) -> None:
        """Before the interpreter is taken down, which stops a thread where it is, with the locks that it holds."""
        if os.getpid() != self._process:  # a copy of it, without the thread
            return
        os.write(self._end, b".")
        self._ended.acquire(timeout=_END_SECONDS)

    def _read(self) -> None:
        """All that is in the pipe."""
        if os.getpid() != self._process:
            return
        with self._reading:
            while True:
                try:
                    data = os.read(self._pipe, _AT_ONCE)
                except BlockingIOError:
                    break
                if not data:
                    break
                self._piped.write(self._decoder.decode(data))
            self._file.flush()


def take_standard_streams(redactor: Redactor) -> None:
    """Whatever this process or one that it starts prints goes into its log, redacted."""
    sys.stdout = sys.stderr = ChildLog(redactor)
