"""`python -m holdfast.chaos`: the chaos child of a run."""

import sys

from holdfast.chaos.child import main

if __name__ == "__main__":
    sys.exit(main())
