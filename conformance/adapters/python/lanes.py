"""Lanes: the threads on which the suite makes its calls.

A lane takes one operation after the other from its queue.  Inside a held
completion routine it runs the same loop once more, one level deeper, so that the
suite can make calls from within the routine.
"""

from collections import deque

from monitor import Abandoned, Worker


class _Hold:
    """A completion routine that does not return before the suite says so."""

    def __init__(self, command):
        self.command = command
        self.released = False


class Lane(Worker):
    """One lane.  Except for the thread's own code, call with the monitor held."""

    def __init__(self, name, monitor, perform):
        """`perform(lane, operation)` runs one operation, lines of output included."""
        super().__init__(name)
        self.process = name.partition(".")[0]
        self._monitor = monitor
        self._perform = perform
        self._wake = monitor.condition()
        self._queue = deque()
        self._holds = []
        self._parked = False
        self._depth = 0

    # -- for the dispatcher

    def post(self, operation):
        """Give the lane something to do."""
        self._queue.append(operation)
        self._wake.notify()

    def find_hold(self, command):
        """The innermost held completion routine of this command, or None."""
        for hold in reversed(self._holds):
            if hold.command == command and not hold.released:
                return hold
        return None

    def release(self, hold):
        """Let a held completion routine return."""
        hold.released = True
        self._wake.notify()

    def abandon(self):
        """Let the thread end without another word, wherever it is."""
        self.abandoned = True
        self._wake.notify()

    @property
    def in_call(self):
        """Is the lane inside a call, or inside a routine that was called from one?"""
        return self._depth > 0

    @property
    def at_rest(self):
        """Will the lane do nothing more unless somebody else does something?"""
        if self._monitor.is_blocked(self):
            return True
        released = bool(self._holds) and self._holds[-1].released
        return self._parked and not self._queue and not released

    # -- the thread itself

    def run(self):
        """Serve the suite until the scenario, or the process, is over."""
        try:
            self._serve(None)
        except Abandoned:
            pass

    def hold(self, command):
        """Stay inside the completion routine of a command until it is resumed."""
        hold = _Hold(command)
        with self._monitor:
            self._holds.append(hold)
        self._serve(hold)
        with self._monitor:
            self._holds.remove(hold)

    def _serve(self, hold):
        while True:
            operation = self._next(hold)
            if operation is None:
                return
            self._perform(self, operation)
            # Only now, with the return line written, is the call over.
            with self._monitor:
                self._depth -= 1

    def _next(self, hold):
        """Wait for the next operation; None when the hold has been released."""
        with self._monitor:
            while True:
                if self.abandoned:
                    raise Abandoned
                if hold is not None and hold.released:
                    return None
                if self._queue:
                    self._depth += 1
                    return self._queue.popleft()
                self._parked = True
                self._monitor.note_rest()
                self._wake.wait()
                self._parked = False
