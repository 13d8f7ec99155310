"""The process's own output: whoever stops reading it changes neither the work nor the exit code.

`head` closes its end of the pipe after some lines, a terminal goes with its window, and a log's disk fills up. Click
and rich would leave with 1 then, which here says that an objective was missed, and Python's flush at exit with 120. So
the stream itself goes on, into nothing. A reader that left wanted no more; but a full disk holds half of a result that
somebody will read, so a command that went well ends with 3 then.
"""

import errno
import io
import os
import select
import sys
from pathlib import Path
from typing import Final, TextIO

from holdfast.errors import ExitCode
from holdfast.process import print_safely

_READER_LEFT: Final = {errno.EPIPE, errno.EIO, errno.ENXIO, errno.ESHUTDOWN, errno.ECONNRESET}
_STANDARD_STREAMS: Final = (0, 1, 2)


class _Unread(io.FileIO):
    """A file that nobody needs to read: what is written after its reader left is dropped."""

    lost: OSError | None = None  # why what was printed is not whole

    def write(self, data: "bytes | bytearray | memoryview[int]", /) -> int:  # type: ignore[override]
        try:
            while (written := super().write(data)) is None:  # who shares the pipe with us made it non-blocking
                select.select([], [self], [])
        except OSError as error:
            if error.errno not in _READER_LEFT:
                self.lost = error
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())  # also for what else writes to it, such as an interpreter that ends
            os.close(nothing)
            return len(data)
        return written


def outlive_readers() -> None:
    """Replace stdout and stderr by streams that nothing can end. Before anything else has hold of them."""
    _take_standard_descriptors()
    sys.stdout = _outliving(sys.stdout)
    sys.stderr = _outliving(sys.stderr)


def outcome_with(code: int) -> int:
    """The exit code of a command that ended with `code`, now that all is printed."""
    lost = _lost(sys.stdout)
    if code != ExitCode.MET or lost is None:
        return code
    print_safely(f"error: what was printed is not whole: {lost.strerror}")
    return int(ExitCode.INCONCLUSIVE)


def _lost(stream: TextIO) -> OSError | None:
    try:
        stream.flush()
    except (OSError, ValueError):
        return None
    raw = getattr(stream, "buffer", None)
    raw = getattr(raw, "raw", raw)
    return raw.lost if isinstance(raw, _Unread) else None


def _take_standard_descriptors() -> None:
    """A stream that was closed by who started us leaves its number to the next file: a database, say."""
    for number in _STANDARD_STREAMS:
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)


def _outliving(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed by whoever started us
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = _Unread(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),  # type: ignore[type-var]  # as Python does, unbuffered
        encoding=stream.encoding,
        errors="backslashreplace",  # a terminal that knows no "✓" still shows all the rest
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
