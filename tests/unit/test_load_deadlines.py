"""One timer for all that is in flight: who is late hears of it, nobody else does, and nothing is left behind."""

import time

import gevent
import pytest
from gevent.event import Event

from holdfast.load.deadlines import Deadlines


def waiting(deadlines, seconds, event, heard):
    watched = deadlines.watch(time.monotonic() + seconds)
    try:
        event.wait()
        heard.append("answer")
    except TimeoutError:
        heard.append("late")
    finally:
        deadlines.release(watched)


def test_who_is_late_is_told_and_who_is_not_is_left_alone():
    deadlines, event, heard = Deadlines(), Event(), []
    late = gevent.spawn(waiting, deadlines, 0.0, event, heard)
    in_time = gevent.spawn(waiting, deadlines, 60.0, event, heard)
    late.join(timeout=5)
    assert heard == ["late"]
    event.set()
    in_time.join(timeout=5)
    assert heard == ["late", "answer"]


def test_after_its_release_nobody_is_told_anything():
    deadlines, event = Deadlines(), Event()
    deadlines.release(deadlines.watch(time.monotonic()))
    assert event.wait(timeout=0.06) is False


def test_who_is_killed_leaves_nothing_behind_and_the_timer_goes_and_comes_back():
    deadlines, event, heard = Deadlines(), Event(), []
    for _ in range(2):
        killed = gevent.spawn(waiting, deadlines, 60.0, event, heard)
        gevent.sleep(0)
        assert deadlines._running
        killed.kill()
        gevent.sleep(0.06)
        assert not deadlines._running
    assert heard == []


def test_one_that_is_late_may_end_another_that_is():
    deadlines, event, heard = Deadlines(), Event(), []
    second = None

    def first():
        watched = deadlines.watch(time.monotonic())
        try:
            event.wait()
        except TimeoutError:
            second.kill(block=False)
            deadlines.release(deadlines.watch(time.monotonic() + 1))
        finally:
            deadlines.release(watched)

    one = gevent.spawn(first)
    second = gevent.spawn(waiting, deadlines, 0.0, event, heard)
    gevent.joinall([one, second], timeout=5, raise_error=True)
    assert one.ready()
    assert second.ready()


def test_in_the_main_greenlet_too():
    deadlines = Deadlines()
    watched = deadlines.watch(time.monotonic())
    with pytest.raises(TimeoutError):
        gevent.sleep(5)
    deadlines.release(watched)
