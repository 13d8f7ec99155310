"""The synthetics child process of a run; see `child`."""

import sys

from holdfast.synthetics.child import main

sys.exit(main())
