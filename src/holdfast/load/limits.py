"""How far a generator may be trusted: every limit, and why it is where it is.

Each is a claim about when the generator's own share in what it measured stops being small: beyond `degraded` it shows,
beyond `invalid` it is what was measured. Times in seconds, shares 0 to 1.
"""

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limit:
    """A value above `degraded` degrades a run, one above `invalid` makes it invalid."""

    degraded: float
    invalid: float


# Lag is part of every response time we report. At 10 ms it begins to show in the quantiles of a web service; at 100 ms
# it is a tenth of a second, where a person notices (Miller 1968), and no longer the target's doing. Virtual users come
# when we get to them: theirs is what an arrival at any moment would have waited, by how long the loop stood still.
LAG: Final = Limit(0.010, 0.100)
# A loop that comes back late stamps ends late: answers that had arrived look slow. Judged by the p90 of each second's
# worst of 20 looks, so that one hiccup is not a verdict: what it did to arrivals is in the lag.
LOOP_DELAY: Final = Limit(0.050, 0.250)
# One event loop has one core. Queueing in it grows with 1/(1 - u): from 0.8 on it dominates (k6's advice: keep 20 %
# idle; Hyperfoil's watchdog: the same), at 0.95 it is 20 service times.
CPU: Final = Limit(0.80, 0.95)
# CPU time that the hypervisor gave to others stretches ours by 1/(1 - s): at 5 % every duration that takes CPU of ours
# may be a twentieth too long, at 20 % a quarter.
STEAL: Final = Limit(0.05, 0.20)
# A quota that is used up stops us for the rest of its period, 100 ms by default (Linux, sched-bwc.rst): as long as the
# lag that invalidates. Stopped in 1 % of the periods that is our p99, in 5 % our p95.
THROTTLED: Final = Limit(0.01, 0.05)
# The limit is a cliff: nothing before it, EMFILE after. Looked at once a second, so a fifth is left for what comes
# between two looks; above 95 % it may have been reached without our seeing it.
DESCRIPTORS: Final = Limit(0.80, 0.95)
# A dropped arrival was never sent: the target was spared. 0.1 % can be a burst; 1 % bends a p99.
DROPPED_SHARE: Final = Limit(0.001, 0.01)
# A refused visit asks less of the target than one that is let in. All of ours come from one address, where customers
# come from thousands: a limit per source is met here and nowhere else. 5 % may be the target's own answer to load; with
# 30 % the mix is another one than was asked for.
RATE_LIMITED_SHARE: Final = Limit(0.05, 0.30)
# Of a visit that did not end we know only how long it took at least. With 1 % of them the p99 is a lower bound, with
# 5 % the p95 is.
UNFINISHED_SHARE: Final = Limit(0.01, 0.05)
# What a request would have come to whose idle connection was closed under it nobody knows: it is left out of what is
# judged. 1 % of an answer may be missing before it bends a p99.
IDLE_CLOSED_SHARE: Final = Limit(0.01, math.inf)
# What others take of the processors while something of a run waits for one stretches its durations as stolen time does,
# and the target's as well: at 10 % a tenth of every duration that takes processor time may be theirs; at 30 % it is
# 1/(1 - 0.3), nearly half as long again, and a p95 is no longer the target's. On two cores that eight other jobs shared
# it was 79 to 95 %, and a healthy stack answered ten times as slowly; `make bench ONLY=gate` shows it quiet and beside
# two busy loops.
MACHINE: Final = Limit(0.10, 0.30)
# The ceiling is where lag or drops began on an idle stub; near it they may begin here too. The same 20 % as for CPU.
# Passing it invalidates nothing by itself: what a saturated generator does shows in lag and drops.
CEILING_DEGRADED: Final = 0.80
# A worker takes the run's clock from the answer that came soonest, so it is off by half that round trip at most
# (Cristian 1989). Its durations are its own clock's and stay right; what shifts is when its arrivals are due, and into
# which second and phase they fall. At 100 ms a tenth of a second's arrivals may stand in the one beside it.
CLOCK_ERROR: Final = Limit(0.100, math.inf)
# Least n for which a distribution-free one-sided 95 % upper bound exists: 59 for the p95, 299 for the p99
# (0.95^59 < 0.05, 0.99^299 < 0.05; Wilks 1941).
SAMPLES_FOR_P95: Final = 59
SAMPLES_FOR_P99: Final = 299
