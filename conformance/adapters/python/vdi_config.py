"""The structure VDConfig: its fields, and what each side may ask for."""

from vdi_codes import FEATURES, FILE_MARKS, LIKE_DISK, LIKE_PIPE, LIKE_TAPE, REMOVABLE

# In the order of the published header.
CLIENT_FIELDS = ("deviceCount", "features", "prefixZoneSize", "alignment",
                 "softFileMarkBlockSize", "EOMWarningSize", "serverTimeOut")
SERVER_FIELDS = ("blockSize", "maxIODepth", "maxTransferSize", "bufferAreaSize")
FIELDS = CLIENT_FIELDS + SERVER_FIELDS

MAX_DEVICES = 64
MIN_BLOCK = 512
KIB_64 = 64 * 1024
IO_DEPTH = 4

# Options that go with any kind of device.
_OPTIONS = (FEATURES["Discard"] | FEATURES["SnapshotPrepare"] | FEATURES["EnumFrozenFiles"]
            | FEATURES["VSSWriter"] | FEATURES["RequestComplete"] | FEATURES["LatchStats"])
_KINDS = (LIKE_PIPE, LIKE_PIPE | REMOVABLE, LIKE_DISK, LIKE_DISK | REMOVABLE, LIKE_TAPE)


def is_power_of_two(number):
    """True for 1, 2, 4, 8, ..."""
    return number > 0 and number & (number - 1) == 0


class Config:
    """One VDConfig.  The client's half comes from Create, the rest from the server."""

    def __init__(self, fields):
        """Take the client's fields; the server's are 0 until BeginConfiguration."""
        for name in FIELDS:
            setattr(self, name, 0)
        for name in CLIENT_FIELDS:
            setattr(self, name, fields.get(name, 0))
        self._asked = self.as_dict()

    def as_dict(self):
        """All fields by name, in the order of the header."""
        return {name: getattr(self, name) for name in FIELDS}

    def as_asked(self):
        """What the client has asked for, whatever the server has made of it."""
        return dict(self._asked)

    def is_supported(self):
        """May a client ask for this?  (VDConfig Structure; Feature Bits)

        Only the three kinds of device are supported, not single features.  The
        bits that the server sets are not the client's to set.
        """
        if not 1 <= self.deviceCount <= MAX_DEVICES:
            return False
        if self.alignment and not (is_power_of_two(self.alignment)
                                   and self.alignment <= KIB_64):
            return False
        if self.features & ~_OPTIONS not in _KINDS:
            return False
        return self.features & FILE_MARKS != 0 or self.softFileMarkBlockSize == 0

    def configure(self, features, alignment, block_size, max_transfer_size):
        """Add the server's choice; False, and no change, outside the limits.

        IServerVirtualDeviceSet2::BeginConfiguration: alignment 0 stands for the
        block size.  The client's alignment is the least it can work with, so the
        larger of the two holds.
        """
        alignment = alignment or block_size
        if not (is_power_of_two(block_size) and MIN_BLOCK <= block_size <= KIB_64):
            return False
        if not (is_power_of_two(alignment) and block_size <= alignment <= KIB_64):
            return False
        if max_transfer_size <= 0 or max_transfer_size % KIB_64:
            return False
        self.features |= features
        self.alignment = max(self.alignment, alignment)
        self.blockSize = block_size
        self.maxTransferSize = max_transfer_size
        # Both are deprecated; they are reported as they always were.
        self.maxIODepth = IO_DEPTH
        self.bufferAreaSize = max_transfer_size * IO_DEPTH * self.deviceCount
        return True
