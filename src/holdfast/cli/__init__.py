"""The command line: parse, call, print, exit. The one place that leaves the process."""

import mmap
import os
import sys

_HOLDFAST_FAILED = 70  # ExitCode.HOLDFAST_FAILED, which may be what cannot be imported
_LEAST_BYTES = 120 << 20
_COMPLETING = "_HOLDFAST_COMPLETE"  # set where the shell asks click for completions, which leaves by sys.exit()


def main() -> None:
    """The `holdfast` command. Whatever happens, from the first import on, its exit code is one of the table's."""
    code = _HOLDFAST_FAILED
    try:
        code = _run(sys.argv[1:])
    except SystemExit as left:
        if os.environ.get(_COMPLETING) and isinstance(left.code, int):
            code = left.code
        else:  # no command of ours leaves so: an author's code did, and its word is no exit code of the table's
            _say_last(left)
    except KeyboardInterrupt:
        code = 130
    except BaseException as error:  # noqa: BLE001 - an installation that is not whole, or no memory
        _say_last(error)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    from holdfast.cli.streams import outcome_with, outlive_readers
    from holdfast.process import hear_endings

    hear_endings()
    outlive_readers()
    _require_memory()
    from holdfast.cli.program import invoke

    return outcome_with(invoke(arguments))


def _require_memory() -> None:
    """Raises MemoryError where numpy would find too little.

    Its OpenBLAS does not raise then: it leaves the process with exit code 1, which here says that an objective was
    missed. It takes 32 MB for each of its threads, of which no arithmetic of ours needs more than one.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        mmap.mmap(-1, _LEAST_BYTES).close()  # asked for and given back: no page of it is touched
    except OSError as error:
        raise MemoryError(f"this process may not have {_LEAST_BYTES >> 20} MB more (ulimit -v)") from error


def _say_last(error: BaseException) -> None:
    try:
        from holdfast.process import crash_message, print_safely

        print_safely(crash_message(error))
    except BaseException:  # noqa: BLE001 - nothing of ours can be imported
        os.write(2, b"holdfast itself failed, and could not write why\n")
