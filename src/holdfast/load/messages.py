"""What master and workers tell each other over Locust's channel, beside what Locust says itself.

before   hello ─▶ · time ⇄ · ◀─ job, with its part · prepared, with the visitors it needs ─▶ · ◀─ Locust's spawn ·
         parked ─▶ · all of them: ready
during   ◀─ told: go, stop · delta 1, 2, … ─▶ · ◀─ ack of each · events ─▶
after    done, with how many deltas there were ─▶, once the last is acknowledged: the sum is told
"""

from typing import Final

HELLO: Final = "holdfast_hello"
TIME: Final = "holdfast_time"
JOB: Final = "holdfast_job"
PREPARED: Final = "holdfast_prepared"  # {"visitors"}
PROBLEMS: Final = "holdfast_problems"
PARKED: Final = "holdfast_parked"
TOLD: Final = "holdfast_told"  # what a runner says to a session: go, stop; or {"refused": why}
EVENT: Final = "holdfast_event"
DELTA: Final = "holdfast_delta"  # {"number", "blob"}; numbers count from 1
ACK: Final = "holdfast_ack"  # {"number", "written"}: it need not be sent again; not written, it never can be
DONE: Final = "holdfast_done"  # the session's totals, {"deltas": how many were made}, and {"cut_short": why} if it was
