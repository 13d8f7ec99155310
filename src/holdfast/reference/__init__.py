"""The reference stack: a small, real account self-service stack to test, and its supervisor.

`start_stack(StackSettings(replicas=2), Path(".holdfast/stack"))` and, later, `stop_stack(state)`.
"""

from holdfast.reference.deaths import Death
from holdfast.reference.settings import StackSettings
from holdfast.reference.state import ProcessStatus, StackStatus, read_stack, stack_status, start_stack, stop_stack
from holdfast.reference.state_folder import StackState, remove_abandoned

__all__ = [
    "Death",
    "ProcessStatus",
    "StackSettings",
    "StackState",
    "StackStatus",
    "read_stack",
    "remove_abandoned",
    "stack_status",
    "start_stack",
    "stop_stack",
]
