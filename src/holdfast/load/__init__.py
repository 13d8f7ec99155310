"""Load: visitors that arrive on a schedule of their own, and an honest record of what they met.

`from holdfast.load import Visitor` is all that a scenario needs. Nothing heavy is imported before that name is used:
Locust patches the process it is imported in.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.load.visitor import Visitor

__all__ = ["Visitor"]


def __getattr__(name: str) -> object:
    if name == "Visitor":
        from holdfast.load.locust_stats import keep_three_digits
        from holdfast.load.visitor import Visitor

        keep_three_digits()  # here, as under plain Locust nothing else of ours is asked for
        return Visitor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
