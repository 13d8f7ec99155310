"""Where tests draw their examples from: a seed that is fixed, so that no landing depends on luck, or a new one.

`make fuzz` sets HOLDFAST_SEED, and so does whoever wants to see one of its rounds again.
"""

import os
import random
from typing import Final

SEED: Final = os.environ.get("HOLDFAST_SEED", "")


def dice(fixed: int) -> random.Random:
    """`fixed`: the test's own seed, which tells it from others; drawn from the round's where there is one."""
    return random.Random(f"{SEED}/{fixed}" if SEED else fixed)
