"""The load child, with its processor time sampled: `sampled.py FILE`, then as `python -m holdfast.load`.

A timer on processor time interrupts it (each tick of the kernel) and the frame it was in is counted. (cProfile would
charge a greenlet's time to whoever was switched to.) FILE gets the functions with the most time of their own; what C
code takes (send, recv, the loop's waiting) is the calling line's.
"""

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

PERIOD: Final = 0.001
AFTER: Final = 1.0  # seconds of processor time: imports and preparation are not what is looked for
TOP: Final = 15


def main() -> None:
    file = Path(sys.argv[1])
    own: Counter[tuple[str, str]] = Counter()
    lines: Counter[tuple[str, str, int]] = Counter()

    def look(_: int, frame: FrameType | None) -> None:
        if frame is not None:
            code = frame.f_code
            own[code.co_filename, code.co_qualname] += 1
            lines[code.co_filename, code.co_qualname, frame.f_lineno] += 1

    from holdfast.load.child import main as play

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, AFTER, PERIOD)
    code = 1
    try:
        code = play()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        file.write_text(_shown(own, lines), encoding="utf-8")
        sys.stderr.flush()
        os._exit(code)


def _shown(own: Counter[tuple[str, str]], lines: Counter[tuple[str, str, int]]) -> str:
    total = max(sum(own.values()), 1)
    shown = [f"{total:,} samples"]
    for (filename, function), count in own.most_common(TOP):
        hottest = max((n, line) for (f, name, line), n in lines.items() if (f, name) == (filename, function))
        place = "/".join(Path(filename).parts[-2:])
        shown.append(f"{count / total:6.1%}  {function}  {place}, mostly line {hottest[1]}")
    return "\n".join(shown) + "\n"


if __name__ == "__main__":
    main()
