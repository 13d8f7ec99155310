"""The command line: parse, call, print, exit. The one place that leaves the process."""

import os
import sys

_HOLDFAST_FAILED = 70  # ExitCode.HOLDFAST_FAILED, which may be what cannot be imported


def main() -> None:
    """The `holdfast` command. Whatever happens, from the first import on, its exit code is one of the table's."""
    code = _HOLDFAST_FAILED
    try:
        code = _run(sys.argv[1:])
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else _HOLDFAST_FAILED
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
    from holdfast.cli.program import invoke

    return outcome_with(invoke(arguments))


def _say_last(error: BaseException) -> None:
    try:
        from holdfast.process import crash_message, print_safely

        print_safely(crash_message(error))
    except BaseException:  # noqa: BLE001 - nothing of ours can be imported
        os.write(2, b"holdfast itself failed, and could not write why\n")
