"""The command line: parse, call, print, exit. The one place that leaves the process."""

import sys


def main() -> None:
    """The `holdfast` command."""
    from holdfast.cli.streams import outlive_readers

    outlive_readers()
    from holdfast.cli.program import invoke

    sys.exit(invoke(sys.argv[1:]))
