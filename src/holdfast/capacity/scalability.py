"""The Universal Scalability Law: measured loads in, a fitted curve and how far it may be trusted out.

    X(N) = l·N / (1 + s·(N - 1) + k·N·(N - 1))        R(N) = N / X(N)

N is concurrency in the system (throughput times response time, not a count of virtual users), s contention, k
crosstalk, l the throughput of one. With k > 0 throughput peaks at N* = sqrt((1 - s) / k); with k = 0 it nears l / s.
Source: Gunther, Guerrilla Capacity Planning (2007).

A fit is a second opinion, never the headline: six points of a published example put the peak at 203 where 310 was later
seen. A peak is therefore told only when the loads went as far as it; else it is "not identified".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FEWEST_LOADS: Final = 6
_NIL: Final = 1e-9
"""A bounded fit ends near 1e-22 where it means 0, which would put the peak at a huge, finite concurrency."""
_NEAR: Final = 0.95  # of N*: a largest load this close has seen the peak
_LINEAR: Final = 1.05  # an efficiency above this is more than noise


@dataclass(frozen=True, slots=True)
class Scalability:
    """A fitted curve. `*_error`: standard errors, with n - 3 degrees of freedom. Throughput per second.

    `peak_concurrency`, `peak_throughput`: None where the curve has no peak; `limit`: what throughput nears without one.
    `identified`: whether the loads reached the peak; where they did not, peak and limit are the model's guess.
    """

    contention: float
    crosstalk: float
    single: float  # throughput at N = 1
    contention_error: float
    crosstalk_error: float
    single_error: float
    residual_error: float
    tested_to: float
    peak_concurrency: float | None
    peak_throughput: float | None
    limit: float | None
    identified: bool
    superlinear: bool
    reason: str


def fit(concurrency: Sequence[float], throughput: Sequence[float]) -> Scalability:
    """Least squares with 0 <= contention <= 1 and crosstalk >= 0. Raises ValueError with fewer than six loads."""
    loads, seen = np.asarray(concurrency, dtype=np.float64), np.asarray(throughput, dtype=np.float64)
    if loads.shape != seen.shape or len(np.unique(loads)) < FEWEST_LOADS:
        raise ValueError(f"a curve of three parameters takes at least {FEWEST_LOADS} different loads")
    if not (np.isfinite(loads).all() and np.isfinite(seen).all() and (loads > 0).all() and (seen > 0).all()):
        raise ValueError("loads and throughput are above 0")
    single, contention, crosstalk = _least_squares(loads, seen)
    errors, residual = _errors(loads, seen, single, contention, crosstalk)
    peak = math.sqrt((1 - contention) / crosstalk) if crosstalk > 0 and contention < 1 else None
    tested = float(loads.max())
    identified = peak is not None and tested >= _NEAR * peak
    superlinear = _is_superlinear(loads, seen)
    return Scalability(
        contention=contention,
        crosstalk=crosstalk,
        single=single,
        single_error=errors[0],
        contention_error=errors[1],
        crosstalk_error=errors[2],
        residual_error=residual,
        tested_to=tested,
        peak_concurrency=peak,
        peak_throughput=None if peak is None else _curve(peak, single, contention, crosstalk),
        limit=single / contention if contention > 0 else None,
        identified=identified,
        superlinear=superlinear,
        reason=_reason(peak, tested, identified, superlinear),
    )


def throughput_at(model: Scalability, concurrency: float) -> float:
    """X(N), per second."""
    return _curve(concurrency, model.single, model.contention, model.crosstalk)


def response_at(model: Scalability, concurrency: float) -> float:
    """R(N), seconds, by Little's law."""
    return concurrency / throughput_at(model, concurrency)


def concurrency_at(model: Scalability, throughput: float) -> float | None:
    """The smaller N with X(N) = `throughput`; None above the peak or limit, where there is none."""
    k, s, single = model.crosstalk, model.contention, model.single
    a, b, c = k * throughput, (s - k) * throughput - single, throughput * (1 - s)
    if model.peak_throughput is not None and throughput > model.peak_throughput:
        return None
    if k == 0 and b >= 0:
        return None
    # 2c / (-b + sqrt(b² - 4ac)): the textbook form cancels to nothing where k is small.
    return 2 * c / (-b + math.sqrt(max(b * b - 4 * a * c, 0.0)))


def concurrency_for_response(model: Scalability, response: float) -> float | None:
    """The N at which responses take `response` seconds; None below what one alone takes."""
    k, s, single = model.crosstalk, model.contention, model.single
    if response * single < 1:
        return None
    if k == 0:
        return (single * response - 1 + s) / s if s > 0 else None
    return (k - s + math.sqrt(s * s + k * k + 2 * k * (2 * single * response + s - 2))) / (2 * k)


def operational_bound(concurrency: float, demands: Sequence[float], think_time: float = 0.0) -> float:
    """X <= min(1 / Dmax, N / (D + Z)), per second: what no model may exceed.

    `demands`: seconds a visit needs of each resource, over the servers that share it.
    """
    if not demands or min(demands) < 0 or max(demands) <= 0:
        raise ValueError("at least one demand above 0")
    return min(1 / max(demands), concurrency / (sum(demands) + think_time))


def _curve(n: float, single: float, contention: float, crosstalk: float) -> float:
    return single * n / (1 + contention * (n - 1) + crosstalk * n * (n - 1))


Values = npt.NDArray[np.float64]


def _least_squares(loads: Values, seen: Values) -> tuple[float, float, float]:
    """`single`, contention, crosstalk. For given s and k the best l is linear, so only those two are searched."""
    from scipy.optimize import least_squares

    def shape(s: float, k: float) -> Values:
        return loads / (1 + s * (loads - 1) + k * loads * (loads - 1))

    def single_of(s: float, k: float) -> float:
        unit = shape(s, k)
        return float(unit @ seen / (unit @ unit))

    def search(fixed_crosstalk: bool) -> tuple[float, float]:
        def residuals(free: Values) -> Values:
            s, k = float(free[0]), 0.0 if fixed_crosstalk else float(free[1])
            return single_of(s, k) * shape(s, k) - seen

        free = 1 if fixed_crosstalk else 2
        found = least_squares(
            residuals,
            [0.01, 1e-4][:free],
            bounds=([0.0] * free, [1.0, np.inf][:free]),
            x_scale=[1e-2, 1e-4][:free],
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
            max_nfev=10_000,
        )
        return float(found.x[0]), 0.0 if fixed_crosstalk else float(found.x[1])

    contention, crosstalk = search(fixed_crosstalk=False)
    if crosstalk < _NIL:
        contention, crosstalk = search(fixed_crosstalk=True)
    if contention < _NIL:
        contention = 0.0
    return single_of(contention, crosstalk), contention, crosstalk


def _errors(loads: Values, seen: Values, single: float, s: float, k: float) -> tuple[list[float], float]:
    """Standard errors of l, s, k from the Jacobian at the fit, and the residual standard error."""
    below = 1 + s * (loads - 1) + k * loads * (loads - 1)
    fitted = single * loads / below
    jacobian = np.column_stack([loads / below, -fitted * (loads - 1) / below, -fitted * loads * (loads - 1) / below])
    variance = float(((seen - fitted) ** 2).sum()) / (len(loads) - 3)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * variance
    return [float(value) for value in np.sqrt(np.maximum(np.diag(covariance), 0))], math.sqrt(variance)


def _is_superlinear(loads: Values, seen: Values) -> bool:
    """Throughput per concurrency above that of the smallest load: a cache, a warm-up, or a run too short."""
    efficiency = seen / loads
    return bool((efficiency > efficiency[np.argmin(loads)] * _LINEAR).any())


def _reason(peak: float | None, tested: float, identified: bool, superlinear: bool) -> str:
    if peak is None:
        text = f"no peak up to a concurrency of {tested:g}: not identified, and what lies beyond is the model's guess"
    elif identified:
        text = f"throughput peaks near a concurrency of {peak:.3g}, within the loads tested (up to {tested:g})"
    else:
        text = f"not identified: the curve's peak at {peak:.3g} lies beyond the loads tested (up to {tested:g})"
    return text + ("; efficiency rises with load: warm-up, a cache, or too short a run" if superlinear else "")
