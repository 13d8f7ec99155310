"""Summaries as runs would leave them, for the reports' tests: each variant is one thing a reader may be told."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace

from holdfast.run.load_summary import (
    Funnel,
    FunnelStep,
    LoadResult,
    Quantiles,
    SeriesResult,
)
from holdfast.run.summary import (
    Answer,
    CapacityResult,
    FailureGroup,
    FaultResult,
    JourneyResult,
    ObjectiveResult,
    ProbeResult,
    RunFacts,
    SizingResult,
    Summary,
    Timeline,
    TimelineFault,
    TimelineJourney,
    TimelinePhase,
    Validity,
    ValidityCheck,
)

STARTED = 1_772_355_000.0
PHASES = (
    TimelinePhase("warm_up", 0.0, 15.0, judged=False),
    TimelinePhase("baseline", 15.0, 55.0, judged=True),
    TimelinePhase("fault", 55.0, 95.0, judged=True),
    TimelinePhase("recovery", 95.0, 135.0, judged=True),
)
HOSTILE = "<script>alert('x')</script>"
DAYS_28 = 28 * 86400.0


def all_met() -> Summary:
    """Load, journeys, a fault that nobody felt, and a sizing. Exit 0."""
    return _summary(hurt=False)


def fault_hurt() -> Summary:
    """A replica was killed: two objectives missed in the fault phase, one not proven by itself. Exit 1."""
    return _summary(hurt=True)


def no_data() -> Summary:
    """Nothing was measured: every objective is inconclusive, no part has anything to show. Exit 3."""
    sample = all_met()
    return replace(
        sample,
        verdict="inconclusive",
        exit_code=3,
        headline="The evidence does not decide: sign-in-availability",
        answers=(Answer("Was every objective met?", "0 of 1 objectives were met over the judged phases.", "unclear"),),
        objectives=tuple(
            _objective("sign-in-availability", "Sign-in succeeds", phase, 0.999, 0, 0)
            for phase in ("warm_up", "baseline", "fault", "recovery", "run")
        ),
        timeline=Timeline((), (), {}, (), (), (), {}, {}, PHASES, (), ()),
        load=None,
        load_reason="the plan names no load",
        journeys=(),
        journeys_reason="the plan names no journeys",
        faults=(),
        faults_reason="the plan names no experiment",
        capacity=None,
        capacity_reason="the plan asks no sizing question",
    )


def invalid_generator() -> Summary:
    """Objectives met on paper, but the generator was late: not to be trusted. Exit 3."""
    sample = all_met()
    late = ValidityCheck("lag", "invalid", 0.412, 0.05, "99 % of arrivals waited up to 412 ms in our own generator")
    return replace(
        sample,
        verdict="invalid",
        exit_code=3,
        headline="The measurement cannot be trusted",
        validity=Validity("invalid", (*sample.validity.checks, late)),
    )


def clean_up_failed() -> Summary:
    """The fault may still be in the target. Exit 4."""
    sample = fault_hurt()
    left = replace(sample.faults[0], clean_up="failed", reverted_at=None, recovery_censored=True)
    return replace(
        sample,
        verdict="clean_up_failed",
        exit_code=4,
        headline="Something may still be in the target: run `holdfast recover`",
        faults=(left,),
    )


def never_injected() -> Summary:
    """The experiment never put its fault in: it shows nothing. Exit 3."""
    sample = all_met()
    fault = replace(
        sample.faults[0],
        injected_at=None,
        reverted_at=None,
        touched=None,
        objective=None,
        bad_events=None,
        budget_spent={},
        verdict="baseline-not-met",
        reason="the fault was never put in",
    )
    return replace(
        sample, verdict="inconclusive", exit_code=3, headline="The evidence does not decide", faults=(fault,)
    )


def interrupted() -> Summary:
    """Ctrl-C in the middle. Exit 130."""
    return replace(all_met(), verdict="interrupted", exit_code=130, headline="The run was interrupted")


def hostile() -> Summary:
    """Every text that a file or a target may bring in is an attack, very long, or not ASCII."""
    sample = fault_hurt()
    long = "a-very-long-objective-name-" * 8 + "ünïcødé-データ-🦊"
    evil = f"{HOSTILE} | `x` \x1b[31m [bold]red[/bold] ]]> \x00"
    objectives = tuple(
        replace(o, display_name=long, reason=evil, owner=evil, runbook="javascript:alert(1)") for o in sample.objectives
    )
    load = sample.load
    assert load is not None
    funnel = replace(load.funnels[0], name=evil, steps=tuple(replace(s, name=evil) for s in load.funnels[0].steps))
    return replace(
        sample,
        headline=evil,
        run=replace(sample.run, description=evil, plan=HOSTILE, target=evil, versions={HOSTILE: evil}),
        answers=(Answer(evil, evil, "bad"),),
        objectives=objectives,
        load=replace(
            load,
            funnels=(funnel,),
            series=tuple(replace(s, name=f"{HOSTILE}/{s.name}", details={evil: 3}) for s in load.series),
            requests=tuple(replace(s, name=evil) for s in load.requests),
        ),
        journeys=tuple(
            replace(
                j, evidence=("javascript:alert(1)", "../../etc/passwd", "//evil.example/x.png", "evidence/a b#?.png")
            )
            for j in sample.journeys
        ),
        failures=(FailureGroup(evil, "failed", evil, "load", 3, 1.0, 57.0, 60.0, {evil: 3}),),
        faults=tuple(replace(f, title=evil, reason=evil, verdict=HOSTILE) for f in sample.faults),
        timeline=replace(
            sample.timeline,
            phases=tuple(replace(p, name=f"{p.name}</script><script>") for p in sample.timeline.phases),
            faults=(TimelineFault(HOSTILE, 56.0, None),),
            outcomes={**sample.timeline.outcomes, HOSTILE: sample.timeline.outcomes["ok"]},
        ),
        notices=(evil,),
    )


VARIANTS = {
    "all_met": all_met,
    "fault_hurt": fault_hurt,
    "no_data": no_data,
    "invalid_generator": invalid_generator,
    "clean_up_failed": clean_up_failed,
    "never_injected": never_injected,
    "interrupted": interrupted,
    "hostile": hostile,
}


def _summary(*, hurt: bool) -> Summary:
    objectives = _objectives(hurt=hurt)
    return Summary(
        run=RunFacts(
            id="20260301T085000Z-ci",
            plan="ci",
            description="Half a morning's load, one replica lost, every objective held.",
            plan_hash="sha256:3f2a9c41b7d05e6688a1c9f2",
            target="reference (http://127.0.0.1:41231)",
            seed=20260301,
            started=STARTED,
            ended=STARTED + 148.2,
            time_zero=STARTED + 6.4,
            versions={"holdfast": "0.1.0", "python": "3.11.2", "locust": "2.47.0", "playwright": "1.65.2"},
        ),
        verdict="missed" if hurt else "met",
        exit_code=1 if hurt else 0,
        headline="Missed: sign-in-availability, sign-in-latency" if hurt else "Every objective was met",
        answers=_answers(hurt=hurt),
        validity=Validity(
            "valid",
            (
                ValidityCheck("lag", "valid", 0.0041, 0.05, "99 % of arrivals left within 4 ms of their due time"),
                ValidityCheck("processor", "valid", 0.38, 0.8, "the generator's processor was busy 38 % of the time"),
                ValidityCheck(
                    "conservation", "valid", 0.0, 0.0, "planned = started + dropped; started = finished + unfinished"
                ),
            ),
        ),
        objectives=objectives,
        timeline=_timeline(hurt=hurt),
        load=_load(hurt=hurt),
        journeys=_journeys(hurt=hurt),
        failures=_failures() if hurt else (),
        faults=(_fault(hurt=hurt),),
        capacity=_capacity(),
        notices=(
            "journey-success was only asked to prove 80 %: some twenty walks cannot prove 95 %",
            "load: the rate limit of account 17 answered 429 twice",
        ),
    )


def _answers(*, hurt: bool) -> tuple[Answer, ...]:
    if hurt:
        first = Answer(
            "Was every objective met?",
            "2 of 4 objectives were met over the judged phases. Sign-in-availability is missed (97.1 % of 1204 against "
            "99.9 %); sign-in-latency is missed (94.6 % of 1204 against 99 %).",
            "bad",
        )
        second = Answer(
            "In which phase not, and why?",
            "Fault: sign-in-availability was 91.3 % of 402 against 99.9 %; sign-in-latency was 84.1 % of 402 against "
            "99 %.",
            "bad",
        )
        third = Answer(
            "What did the fault cost?",
            "Kill one replica: 35 bad events on sign-in-availability, 0.29% of its whole window's error budget at this "
            "traffic; felt after 1 s, back to normal after 12 s, the burn-rate alert would have fired after 4 s.",
            "neutral",
        )
    else:
        first = Answer("Was every objective met?", "4 of 4 objectives were met over the judged phases.", "good")
        second = Answer("In which phase not, and why?", "In none: every objective was met in every phase.", "good")
        third = Answer("What did the fault cost?", "Kill one replica: no objective felt it.", "good")
    return (
        first,
        second,
        third,
        Answer(
            "Where do customers drop off?",
            "Sign_in, step submit_password: 35 of 1203 did not get through (2.9 %); billing_inquiry, step "
            "open_invoice: 6 of 711 did not get through (0.8 %).",
            "neutral",
        ),
        Answer(
            "How many replicas do I need?",
            "5 for a peak of 120 visits/s: 4 to carry it, 1 spare. 2 replicas held 62/s and did not hold 71/s.",
            "good",
        ),
    )


def _objectives(*, hurt: bool) -> tuple[ObjectiveResult, ...]:
    bad = 35 if hurt else 0
    slow = 64 if hurt else 1
    found = []
    for phase, total in (("warm_up", 96), ("baseline", 402), ("fault", 402), ("recovery", 400), ("run", 1204)):
        touched = phase in {"fault", "run"}
        found += [
            _objective("sign-in-availability", "Sign-in succeeds", phase, 0.999, total - touched * bad, total),
            _objective("sign-in-latency", "Sign-in within 400 ms", phase, 0.99, total - touched * slow, total),
            _objective("billing-availability", "Billing answers", phase, 0.995, total // 2, total // 2),
            _objective("journey-success", "Browser journeys succeed", phase, 0.95, total // 40, total // 40, gate=0.8),
        ]
    return tuple(found)


def _objective(
    name: str, title: str, phase: str, target: float, good: int, total: int, gate: float | None = None
) -> ObjectiveResult:
    ratio = good / total if total else None
    gate = target if gate is None else gate
    needed = math.ceil(math.log(0.05) / math.log(gate))
    verdict = "inconclusive"
    reason = f"{total} events cannot prove {100 * gate:g} %: {needed} clean ones would"
    if ratio is None:
        reason = "no data: nothing was counted"
    elif ratio < target - 0.002:
        verdict, reason = "missed", f"at most {100 * ratio + 0.6:.1f} % with 95 % confidence, below {100 * gate:g} %"
    elif total >= needed or phase == "run":
        verdict, reason = "met", f"at least {100 * gate:g} % with 95 % confidence"
    bad_share = None if ratio is None else (1 - ratio) / (1 - target)
    return ObjectiveResult(
        name=name,
        display_name=title,
        service="account-self-service",
        phase=phase,
        judged=phase != "warm_up",
        verdict=verdict,
        good=good,
        total=total,
        ratio=ratio,
        target=target,
        gate=gate,
        interval=(max((ratio or 0.0) - 0.008, 0.0), min((ratio or 1.0) + 0.004, 1.0)),
        burn_rate=bad_share,
        budget_spent=bad_share,
        window_budget_spent=None if bad_share is None else bad_share * 40 / DAYS_28,
        window=DAYS_28,
        design_effect=1.0,
        design_effect_high=1.0,
        effect_block=1,
        effective_total=float(total),
        needed=needed,
        reason=reason,
        runbook="docs/runbooks/sign-in.md",
        owner="identity",
    )  # type: ignore[arg-type]


def _timeline(*, hurt: bool) -> Timeline:
    dice = random.Random(7)
    seconds = tuple(range(135))
    rate, ok, failed, timed_out, limited = [], [], [], [], []
    p50: list[float | None] = []
    p95: list[float | None] = []
    p99: list[float | None] = []
    for second in seconds:
        due = max(round(min(second / 12, 1) * 20 + dice.gauss(0, 3)), 0)
        pain = max(0.0, 1 - (second - 57) / 14) if hurt and second >= 57 else 0.0
        lost = round(due * pain * 0.35)
        late = round(due * pain * 0.15)
        asked_too_often = 1 if second in {33, 88} else 0
        rate.append(float(due))
        failed.append(lost)
        timed_out.append(late)
        limited.append(asked_too_often)
        ok.append(max(due - lost - late - asked_too_often, 0))
        noise = 1 + dice.random() * 0.2
        p50.append(0.071 * noise if due else None)
        p95.append((0.16 + 1.9 * pain) * noise if due else None)
        p99.append((0.24 + 4.2 * pain) * noise if due else None)
    left: Mapping[str, tuple[float, ...]] = {
        "sign-in-availability": _burnt(failed, 1.2),
        "sign-in-latency": _burnt([a + b for a, b in zip(failed, timed_out, strict=True)], 12),
        "billing-availability": tuple(1.0 for _ in seconds),
    }
    ready = [(float(s), 1.0 if 56 <= s < 63 else 2.0) for s in seconds if not s % 2]
    journeys = [
        TimelineJourney(name, at + shift, "failed" if hurt and 57 < at < 66 else "ok", 1.4 + dice.random())
        for name, shift in (("sign_in_and_read_invoice", 0.0), ("reset_password", 2.4))
        for at in range(2, 134, 6)
    ]
    return Timeline(
        seconds=seconds,
        rate=tuple(rate),
        outcomes={
            "failed": tuple(failed),
            "ok": tuple(ok),
            "rate_limited": tuple(limited),
            "timed_out": tuple(timed_out),
        },
        p50=tuple(p50),
        p95=tuple(p95),
        p99=tuple(p99),
        budget_left=left,
        gauges={
            "cpu": tuple((float(s), 0.3 + 0.1 * math.sin(s / 9)) for s in seconds),
            "in_flight": tuple((float(s), 3.0 + (9 if hurt and 57 < s < 66 else 0)) for s in seconds),
            "replicas_ready": tuple(ready),
        },
        phases=PHASES,
        faults=(TimelineFault("replica_kill", 56.2, 62.9),),
        journeys=tuple(journeys),
    )


def _burnt(bad: list[int], allowed: float) -> tuple[float, ...]:
    left, spent = [], 0.0
    for here in bad:
        spent += here / allowed
        left.append(1 - spent)
    return tuple(left)


def _series(name: str, phase: str, count: int, seconds: float, bad: int, slowness: float) -> SeriesResult:
    outcomes = {"ok": count - bad} | ({"failed": bad} if bad else {})
    response = Quantiles(0.071 * slowness, 0.182 * slowness, 0.31 * slowness, 0.9 * slowness, 1.4 * slowness)
    return SeriesResult(
        name=name,
        phase=phase,
        depth=min(name.count("/") + 1, 3),
        count=count,
        rate=count / seconds,
        outcomes=outcomes,
        details={"failed: 503": bad} if bad else {},
        response=response,
        service=Quantiles(0.069, 0.178, 0.3, 0.88, 1.39),
        lag=Quantiles(0.0003, 0.0011, 0.004, 0.006, 0.009),
        response_ok=replace(response, p50=0.085 * slowness, p95=0.218 * slowness, p99=0.372 * slowness)
        if bad
        else response,
    )


def _load(*, hurt: bool) -> LoadResult:
    bad = 35 if hurt else 0
    names = {
        "sign_in": 1204,
        "sign_in/open_sign_in": 1204,
        "sign_in/submit_password": 1204,
        "sign_in/submit_password/POST sign-in": 1204,
        "billing_inquiry": 716,
        "billing_inquiry/sign_in": 716,
        "billing_inquiry/list_invoices": 711,
        "billing_inquiry/list_invoices/GET invoices": 711,
    }
    stretches = (("run", 135.0), ("warm_up", 15.0), ("baseline", 40.0), ("fault", 40.0), ("recovery", 40.0))
    series = [
        _series(
            name,
            phase,
            round(count * length / 135),
            length,
            bad if name.startswith("sign_in") and phase in {"run", "fault"} else 0,
            3.0 if hurt and phase == "fault" else 1.0,
        )
        for phase, length in stretches
        for name, count in names.items()
    ]  # fmt: skip
    return LoadResult(
        planned=2395,
        started=2395,
        dropped=0,
        finished=2393,
        unfinished=2,
        series=tuple(series),
        requests=(
            replace(_series("a/b/POST sign-in", "judged", 1204, 120.0, bad, 3.0 if hurt else 1.0), name="POST sign-in"),
            replace(_series("a/b/GET invoices", "judged", 711, 120.0, 0, 1.0), name="GET invoices"),
        ),
        funnels=(
            _funnel(
                "sign_in",
                "load",
                [("open_sign_in", 1204, 1203), ("submit_password", 1203, 1203 - bad), ("submit_code", 560, 559)],
            ),
            _funnel(
                "billing_inquiry",
                "load",
                [("sign_in", 716, 711), ("list_invoices", 711, 711), ("open_invoice", 711, 705)],
            ),
            _funnel(
                "plan_change", "load", [("sign_in", 240, 240), ("list_plans", 240, 240), ("change_plan", 240, 239)]
            ),
        ),
    )


def _failures() -> tuple[FailureGroup, ...]:
    place = "sign_in/submit_password/POST sign-in"
    return (
        FailureGroup("failed: 503 database_unavailable", "failed", "503", "load", 35, 35 / 37, 57.0, 71.0, {place: 35}),
        FailureGroup(
            "timed out: no_answer", "timed_out", "no_answer", "synthetics", 2, 2 / 37, 61.0, 66.0,
            {"reset_password/set new password": 1, "sign_in_and_read_invoice/enter password": 1},
        ),
    )  # fmt: skip


def _funnel(name: str, source: str, steps: list[tuple[str, int, int]]) -> Funnel:
    return Funnel(
        name=name,
        source="load" if source == "load" else "synthetics",
        started=steps[0][1],
        completed=steps[-1][2],
        steps=tuple(
            FunnelStep(step, reached, completed, completed / reached if reached else None, 0.064, 0.181)
            for step, reached, completed in steps
        ),
    )


def _journeys(*, hurt: bool) -> tuple[JourneyResult, ...]:
    bad = 2 if hurt else 0
    return tuple(
        JourneyResult(
            name=name,
            runs=22,
            outcomes={"ok": 22 - bad} | ({"failed": bad} if bad else {}),
            missed=0,
            probe_errors=0,
            duration=Quantiles(1.6, 2.3, 2.4, 2.4, 2.41),
            funnel=_funnel(
                name, "synthetics", [(steps[0], 22, 22), (steps[1], 22, 22 - bad), (steps[2], 22 - bad, 22 - bad)]
            ),
            vitals={"lcp": 0.31, "fcp": 0.18, "ttfb": 0.072, "inp": 0.04, "cls": 0.01},
            evidence=(f"evidence/{name}-0001.png",) if hurt else (),
        )
        for name, steps in (
            ("sign_in_and_read_invoice", ("open sign-in", "enter password", "read invoice")),
            ("reset_password", ("ask for link", "set new password", "sign in")),
        )
    )


def _fault(*, hurt: bool) -> FaultResult:
    return FaultResult(
        experiment="replica_kill",
        title="Kill one replica",
        fault="kill_process",
        target="account-1",
        hypothesis="Customers sign in as before while one replica is gone.",
        injected_at=STARTED + 6.4 + 56.2,
        reverted_at=STARTED + 6.4 + 62.9,
        touched=214,
        time_to_impact=1.0 if hurt else None,
        time_to_detect=4.0 if hurt else None,
        time_to_recover=12.0 if hurt else None,
        recovery_censored=False,
        objective="sign-in-availability",
        bad_events=35 if hurt else 0,
        budget_spent={"sign-in-availability": 0.0029, "sign-in-latency": 0.00053} if hurt else {},
        steady_state_before=True,
        steady_state_after=True,
        verdict="deviated" if hurt else "passed",
        clean_up="done",
        reason="felt 1 s after it was put in; back within 12 s" if hurt else "no objective left its baseline",
    )


def _capacity() -> CapacityResult:
    probes = (
        ProbeResult(20.0, "met", 400, 19.9, 0.14, "every objective was met"),
        ProbeResult(40.0, "met", 800, 39.8, 0.16, "every objective was met"),
        ProbeResult(80.0, "missed", 1600, 66.1, 2.9, "sign-in-latency: 61 % within 400 ms"),
        ProbeResult(62.0, "met", 1240, 61.7, 0.27, "every objective was met"),
        ProbeResult(71.0, "missed", 1420, 65.9, 1.3, "sign-in-latency: 88 % within 400 ms"),
        ProbeResult(66.0, "inconclusive", 1320, 64.8, 0.42, "between gate and target: not decided in 20 s"),
    )
    return CapacityResult(
        question="self_service",
        description="How many replicas for the spring sale's peak?",
        profile="business_hours",
        objectives=("sign-in-availability", "sign-in-latency"),
        replicas=2,
        low=62.0,
        high=71.0,
        confirmed_low=True,
        confirmed_high=False,
        non_monotone=False,
        stated=66.7,
        probes=probes,
        sizing=SizingResult(
            peak=120.0,
            replicas=5,
            replicas_without_spare=4,
            spare=1,
            capacity_per_replica=(31.0, 35.5),
            utilisation_at_peak=0.77,
            utilisation_limit=0.8,
            curve=tuple((float(peak), math.ceil(peak / 31) + 1) for peak in range(10, 250, 10)),
            assumptions=(
                "Replicas share nothing that saturates before them: capacity grows in proportion.",
                "The mix of scenarios at the peak is the one that was measured.",
                "One replica may be lost at the peak.",
            ),
            reason="ceil(120 / 31) = 4 to carry the peak, 1 spare",
        ),
        reason="62/s held, 71/s did not",
    )
