"""The start of a process of the stack: its settings come as one JSON line on stdin, never on disk or in its arguments.

End of file on stdin means that the supervisor is gone: then the process goes too, at once.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any


def read_first_line() -> Mapping[str, Any]:
    """Block for the settings. Exits when the supervisor is gone already."""
    line = sys.stdin.readline()
    if not line:
        sys.exit(1)
    settings: Mapping[str, Any] = json.loads(line)
    return settings


def exit_with_supervisor() -> None:
    """Watch stdin from a thread, and exit at its end without ceremony: nobody is left to stop us properly."""

    def wait_for_end() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=wait_for_end, name="owner", daemon=True).start()
