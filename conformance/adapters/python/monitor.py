"""One lock, and a way to know exactly when every thread has come to rest.

All state of the implementation lies behind the one lock of a :class:`Monitor`.
Whoever changes state calls :meth:`Monitor.changed`, which advances a generation
counter and wakes every waiter.  A waiter that finds its predicate false writes
down the generation at which it looked.  So, under the lock, "this thread is
blocked and nothing that has happened will unblock it" is a comparison of two
numbers, never a guess made from a span of silence.
"""

import threading
import time


class Abandoned(BaseException):
    """Ends a thread whose scenario, or whose process, is over.

    It is no Exception, so that no ordinary handler on its way holds it up.
    """


class Worker(threading.Thread):
    """A thread that may wait in a monitor and may be abandoned while it does."""

    def __init__(self, name):
        # A daemon: a thread blocked for ever must not keep the program alive.
        super().__init__(name=name, daemon=True)
        self.abandoned = False
        self.waiting_at = None


class Monitor:
    """A lock, the generation of the state behind it, and the waiting for both."""

    def __init__(self):
        self._lock = threading.Lock()
        self._change = threading.Condition(self._lock)
        self._rest = threading.Condition(self._lock)
        self.generation = 0

    def __enter__(self):
        self._lock.acquire()
        return self

    def __exit__(self, *unused):
        self._lock.release()

    def condition(self):
        """Return a further condition variable on the same lock."""
        return threading.Condition(self._lock)

    def changed(self):
        """Say that state has changed: every waiter looks at its predicate again."""
        self.generation += 1
        self._change.notify_all()

    def wait_until(self, predicate, deadline=None):
        """Block the calling worker until the predicate holds (lock held).

        Returns False when the deadline, a reading of ``time.monotonic``, passed
        first.  Raises Abandoned, and looks at no predicate any more, once the
        worker has been abandoned.
        """
        worker = threading.current_thread()
        try:
            while True:
                if worker.abandoned:
                    raise Abandoned
                if predicate():
                    return True
                remaining = None
                if deadline is not None:
                    remaining = deadline - time.monotonic()
                    if remaining <= 0:
                        return False
                worker.waiting_at = self.generation
                self.note_rest()
                self._change.wait(remaining)
        finally:
            worker.waiting_at = None

    def is_blocked(self, worker):
        """Is the worker waiting for something that has not happened? (lock held)

        A worker that waits at an older generation has been woken and has not
        looked yet, so it counts as running.
        """
        return worker.waiting_at == self.generation

    def note_rest(self):
        """Tell :meth:`wait_for_rest` that a worker has come to rest (lock held)."""
        self._rest.notify_all()

    def wait_for_rest(self, all_at_rest):
        """Block until the predicate over all workers holds (lock held)."""
        while not all_at_rest():
            self._rest.wait()


def deadline_after(milliseconds):
    """Turn a time-out into a deadline; None is infinite and stays None."""
    if milliseconds is None:
        return None
    seconds = milliseconds / 1000
    if seconds >= threading.TIMEOUT_MAX:
        return None
    return time.monotonic() + seconds
