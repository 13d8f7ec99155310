"""The process's own output: whoever stops reading it changes neither the work nor the exit code.

`head` closes its end of the pipe after some lines. Click and rich would leave with 1 then, which here says that an
objective was missed, and Python's flush at exit with 120. So the stream itself goes on, into nothing.
"""

import io
import os
import sys
from pathlib import Path
from typing import TextIO


class _Unread(io.FileIO):
    """A file that nobody needs to read: what is written after its reader left is dropped."""

    def write(self, data: "bytes | bytearray | memoryview[int]", /) -> int:  # type: ignore[override]
        try:
            written = super().write(data)
        except BrokenPipeError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())  # also for what else writes to it, such as an interpreter that ends
            os.close(nothing)
            return len(data)
        return written


def outlive_readers() -> None:
    """Replace stdout and stderr by streams that a closed pipe cannot end. Before anything else has hold of them."""
    sys.stdout = _outliving(sys.stdout)
    sys.stderr = _outliving(sys.stderr)


def _outliving(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed by whoever started us
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = _Unread(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),  # type: ignore[type-var]  # as Python does, unbuffered
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
