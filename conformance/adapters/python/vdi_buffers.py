"""The shared buffer area of a device set.

A buffer is an aligned data zone with the client's prefix zone directly before
it.  The server knows nothing of the prefix zone: it asks by the size of the data
alone, and the area accounts for the rest (VDConfig Structure, prefixZoneSize;
IServerVirtualDeviceSet2::AllocateBuffer).
"""

import mmap

# An area beyond this answers VD_E_MEMORY, whatever the machine could give.
AREA_LIMIT = 1 << 30

# Where the area begins in the server's process.  Any start would do that is aligned
# for every buffer; this one is the same in every run.
BASE = 1 << 40

# Each request's part of the area begins at a multiple of this at least.
KIB_64 = 64 * 1024


def _round_up(number, unit):
    return (number + unit - 1) // unit * unit


class _Memory:
    """A mapping that begins at an address of the area."""

    def __init__(self, start, end):
        # Anonymous and mapped, as shared memory would be: pages nobody touches cost
        # nothing.
        self._mapping = mmap.mmap(-1, end - start)
        self._start = start

    def view(self, start, end):
        """The bytes between two addresses."""
        return memoryview(self._mapping)[start - self._start:end - self._start]


class _Segment:
    """The part of the area for one request, and which extents of it are free."""

    def __init__(self, memory, start, end, span):
        self.memory = memory
        self.span = span
        self.free = [(start, end)]

    def give_back(self, start, end):
        """Free an extent and join it with its free neighbours."""
        joined = []
        for low, high in sorted(self.free + [(start, end)]):
            if joined and joined[-1][1] == low:
                joined[-1] = (joined[-1][0], high)
            else:
                joined.append((low, high))
        self.free = joined


class Buffer:
    """What AllocateBuffer returns: a data zone, its prefix zone, and its state."""

    def __init__(self, segment, extent, prefix_size, address, size):
        """The extent is what the area gave away; the address that of the data zone."""
        self._segment = segment
        self._extent = extent
        self._prefix_size = prefix_size
        self.address = address
        self.size = size
        self.freed = False
        self.context = None
        self.device_set = None

    @property
    def data(self):
        """The data zone."""
        return self._segment.memory.view(self.address, self.address + self.size)

    @property
    def prefix(self):
        """The prefix zone, which only the client uses."""
        return self._segment.memory.view(self.address - self._prefix_size, self.address)

    def release(self):
        """Give the space back to the area."""
        self.freed = True
        self._segment.give_back(*self._extent)


class BufferHandle:
    """What GetBufferHandle returns: it names a buffer in every process of its set."""

    def __init__(self, device_set, buffer):
        self.device_set = device_set
        self.buffer = buffer


class BufferArea:
    """All buffer space of a set.  Every method is called with the monitor held."""

    def __init__(self, prefix_size, alignment):
        self._prefix_size = prefix_size
        self._alignment = alignment
        self._segments = []
        self._end = BASE

    def _zones(self, size, alignment):
        """Return (alignment, bytes before the data, bytes of the whole buffer)."""
        alignment = max(alignment, self._alignment)
        before = _round_up(self._prefix_size, alignment)
        return alignment, before, before + _round_up(size, alignment)

    def add(self, requests):
        """Make room for (size, alignment, count) each; False if there is no memory.

        All or nothing: after a failure the area is what it was before.  The memory
        of all requests is one piece; a segment of it for each request keeps buffers
        of different sizes from splitting the space that was asked for others.
        """
        end = self._end
        extents = []
        for size, alignment, count in requests:
            alignment, _, span = self._zones(size, alignment)
            start = _round_up(end, max(alignment, KIB_64))
            end = start + span * count
            extents.append((start, end, span))
        if end - BASE > AREA_LIMIT:
            return False
        if extents:
            try:
                memory = _Memory(extents[0][0], end)
            except (MemoryError, OSError, OverflowError, ValueError):
                return False
            self._segments += [_Segment(memory, *extent) for extent in extents]
        self._end = end
        return True

    def available(self, size, alignment):
        """How many such buffers could be allocated now?"""
        alignment, _, span = self._zones(size, alignment)
        count = 0
        for segment in self._segments:
            for low, high in segment.free:
                count += max(0, high - _round_up(low, alignment)) // span
        return count

    def allocate(self, size, alignment):
        """Return a new Buffer from the tightest free extent, or None.

        What was requested for such buffers comes first: a larger alignment that happens to
        fit would take the room of a smaller one.
        """
        alignment, before, span = self._zones(size, alignment)
        best = None
        for segment in self._segments:
            for low, high in segment.free:
                start = _round_up(low, alignment)
                rank = (segment.span != span, high - low)
                if start + span <= high and (best is None or rank < best[0]):
                    best = (rank, segment, (low, high), start)
        if best is None:
            return None
        _, segment, extent, start = best
        segment.free.remove(extent)
        for low, high in ((extent[0], start), (start + span, extent[1])):
            if low < high:
                segment.give_back(low, high)
        return Buffer(segment, (start, start + span), self._prefix_size,
                      start + before, size)
