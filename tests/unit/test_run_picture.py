"""What the picture of a run is drawn from: each failure where it happened, and none before the fault it came of."""

import pytest
from tests.unit.test_run_validity import ZERO, Run

from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import RunStore
from holdfast.record.timeline import FAULT, Span
from holdfast.run.picture import timeline
from holdfast.run.recorded import read_recorded


def drawn(path, outcome, due, took, begins):
    """The second in which a visit due then is drawn as ended, beside a fault that begins then; of the run."""
    run = Run(path, visits=0)
    recorder = Recorder("load")
    recorder.add("sign_in", ZERO + due, outcome, took)
    with RunStore.open(run.folder.database) as store:
        store.write(fold("load", recorder.take()))
        store.write_span(Span(FAULT, "cut", ZERO + begins, ZERO + 9, ZERO + begins, ZERO + 9, {}))
    ended = timeline(read_recorded(run.folder)).ended[outcome]
    return [second for second, count in enumerate(ended) if count]


@pytest.mark.parametrize(
    ("outcome", "due", "took", "begins", "second"),
    [
        ("failed", 4.9, 0.2, 5.05, 5),  # it ended at 5.1, and its record says only: after 4.2 and before 5.2
        ("failed", 4.2, 0.5, 5.6, 5),  # it may have: between 4.5 and 5.5
        ("failed", 3.1, 0.1, 5.6, 3),  # it cannot have: it was over by 4.1
        ("failed", 5.7, 3.0, 5.6, 8),
        ("ok", 4.9, 0.2, 5.05, 4),
    ],
)
def test_a_failure_that_may_have_come_of_a_fault_is_not_drawn_before_it(tmp_path, outcome, due, took, begins, second):
    assert drawn(tmp_path / "run", outcome, due, took, begins) == [second]
