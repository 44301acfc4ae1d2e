"""One lock, and a way to know exactly when every thread has come to rest.

All state of the implementation lies behind the one lock of a :class:`Monitor`.
Whoever changes state calls :meth:`Monitor.changed`, which advances a generation
counter and wakes every waiter.  A waiter that finds its predicate false writes
down the generation at which it looked.  So, under the lock, "this thread is
blocked and nothing that has happened will unblock it" is a comparison of two
numbers, never a guess made from a span of silence.
"""

import threading


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
        # What to do when time passes for this thread; None: time changes nothing.
        self.on_expire = None
        self.timed_out = False
        # Milliseconds of the time-out that have not passed.
        self.time_left = 0

    def time_passes(self, after):
        """So many milliseconds pass, or as many as are needed: is the time-out over?"""
        self.time_left -= self.time_left if after is None else after
        self.timed_out = self.time_left <= 0


class Monitor:
    """A lock, the generation of the state behind it, and the waiting for both."""

    def __init__(self):
        self._lock = threading.Lock()
        self._change = threading.Condition(self._lock)
        self._rest = threading.Condition(self._lock)
        self.generation = 0

    def __enter__(self):
        """Take the lock.  Whoever was abandoned meanwhile does nothing more with it."""
        self._lock.acquire()
        if getattr(threading.current_thread(), "abandoned", False):
            self._lock.release()
            raise Abandoned
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

    def wait_until(self, predicate, timeout=None):
        """Block the calling worker until the predicate holds (lock held).

        The time-out in milliseconds is None for infinite, 0 for a single look; any
        other passes when :meth:`expire` says so, and by no clock.  Returns False when it passed first.
        Raises Abandoned, and looks at no predicate any more, once the worker has
        been abandoned.
        """
        worker = threading.current_thread()
        worker.timed_out = timeout == 0
        outer = worker.on_expire
        if timeout is not None:
            worker.time_left = timeout
            worker.on_expire = worker.time_passes
        try:
            while True:
                if worker.abandoned:
                    raise Abandoned
                if predicate():
                    return True
                if worker.timed_out:
                    return False
                worker.waiting_at = self.generation
                self.note_rest()
                self._change.wait()
        finally:
            worker.waiting_at = None
            worker.on_expire = outer

    def expire(self, worker, after):
        """Let time pass for a worker that is at rest, if it is in a call that takes time.

        That many milliseconds, or just as many as are needed if it is None.
        Nothing happens otherwise (lock held).
        """
        if worker.on_expire is not None:
            worker.on_expire(after)
            self.changed()

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
