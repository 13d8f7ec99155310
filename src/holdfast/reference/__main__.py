"""The supervisor's process: `python -m holdfast.reference --state-dir D --settings JSON [--owner-pipe]`.

Serves until SIGTERM, SIGINT, SIGHUP, POST /stop or, with --owner-pipe, the end of stdin. Exit: 0; 2 when it did not
come up; 70 when it failed itself.
"""

import argparse
import asyncio
import fcntl
import json
import os
import sys
import threading
from pathlib import Path

from holdfast.errors import ExitCode, HoldfastError, Problem, TargetError
from holdfast.private import UMASK
from holdfast.process import ending_signals, guarded, undo_inherited
from holdfast.reference.settings import StackSettings, read_settings
from holdfast.reference.state_folder import clean_up_stale
from holdfast.reference.supervisor import Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m holdfast.reference", description="The reference stack.")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON object, see StackSettings")
    parser.add_argument("--owner-pipe", action="store_true", help="stop at the end of stdin")
    options = parser.parse_args()
    try:
        settings = read_settings(options.settings)
        os.umask(UMASK)
        state_dir = options.state_dir.resolve()
        state_dir.mkdir(parents=True, exist_ok=True)
        # Held as long as we live: two supervisors must not share a folder, nor one clean up behind the other's back.
        folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TargetError(Problem(str(state_dir), "another stack is using this folder")) from None
        clean_up_stale(state_dir)
        asyncio.run(_supervise(settings, state_dir, options.owner_pipe))
    except HoldfastError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return int(ExitCode.MET)


async def _supervise(settings: StackSettings, state_dir: Path, owner_pipe: bool) -> None:
    loop = asyncio.get_running_loop()
    supervisor = Supervisor(settings, state_dir)
    for number in ending_signals():
        loop.add_signal_handler(number, supervisor.stopping.set)
    if owner_pipe:
        _watch_owner(loop, supervisor.stopping)
    try:
        await supervisor.open()
        await supervisor.stopping.wait()
    finally:
        await supervisor.close()


def _watch_owner(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    def read_until_end() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stopping.set)

    threading.Thread(target=read_until_end, name="owner", daemon=True).start()


if __name__ == "__main__":
    undo_inherited()
    sys.exit(guarded(main))
