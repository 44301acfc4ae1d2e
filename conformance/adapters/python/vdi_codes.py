"""Names and numbers: statuses, completion codes, commands, feature bits.

Sources: the published headers vdi.h and vdierror.h, and the pages of the SQL
Server VDI reference.
"""

# Statuses are kept as names.  Two of them have no number of their own: the
# specification's page on VD_E_QUEUE_FULL shares the number of VD_E_BUSY, and
# VD_E_IO_ERROR is missing from the headers.
NOERROR = "NOERROR"
VD_E_TIMEOUT = "VD_E_TIMEOUT"
VD_E_ABORT = "VD_E_ABORT"
VD_E_INVALID = "VD_E_INVALID"
VD_E_INSTANCE_NAME = "VD_E_INSTANCE_NAME"
VD_E_NOTSUPPORTED = "VD_E_NOTSUPPORTED"
VD_E_MEMORY = "VD_E_MEMORY"
VD_E_PROTOCOL = "VD_E_PROTOCOL"
VD_E_OPEN = "VD_E_OPEN"
VD_E_CLOSE = "VD_E_CLOSE"
VD_E_QUEUE_FULL = "VD_E_QUEUE_FULL"
VD_E_IO_ERROR = "VD_E_IO_ERROR"

# Completion codes are numbers of the operating system; clients may use others.
COMPLETION_CODES = {
    "ERROR_SUCCESS": 0,
    "ERROR_INVALID_HANDLE": 6,
    "ERROR_ARENA_TRASHED": 7,
    "ERROR_WRITE_FAULT": 29,
    "ERROR_READ_FAULT": 30,
    "ERROR_HANDLE_EOF": 38,
    "ERROR_HANDLE_DISK_FULL": 39,
    "ERROR_NOT_SUPPORTED": 50,
    "ERROR_DISK_FULL": 112,
    "ERROR_OPERATION_ABORTED": 995,
    "ERROR_END_OF_MEDIA": 1100,
    "ERROR_FILEMARK_DETECTED": 1101,
    "ERROR_NO_DATA_DETECTED": 1104,
    "ERROR_IO_DEVICE": 1117,
    "ERROR_EOM_OVERFLOW": 1129,
    "ERROR_NO_SYSTEM_RESOURCES": 1450,
}
COMPLETION_NAMES = {number: name for name, number in COMPLETION_CODES.items()}

ERROR_SUCCESS = 0
ERROR_INVALID_HANDLE = 6
ERROR_OPERATION_ABORTED = 995
ERROR_IO_DEVICE = 1117
ERROR_NO_SYSTEM_RESOURCES = 1450

# What the completion routine is told when SendCommand itself fails
# (IServerVirtualDevice::SendCommand).
REFUSAL_CODES = {
    VD_E_QUEUE_FULL: ERROR_NO_SYSTEM_RESOURCES,
    VD_E_IO_ERROR: ERROR_IO_DEVICE,
    VD_E_PROTOCOL: ERROR_INVALID_HANDLE,
    VD_E_ABORT: ERROR_OPERATION_ABORTED,
}

COMMAND_CODES = {
    "Read": 1,
    "Write": 2,
    "ClearError": 3,
    "Rewind": 4,
    "WriteMark": 5,
    "SkipMarks": 6,
    "SkipBlocks": 7,
    "Load": 8,
    "GetPosition": 9,
    "SetPosition": 10,
    "Discard": 11,
    "Flush": 12,
    "Snapshot": 13,
    "MountSnapshot": 14,
    "PrepareToFreeze": 15,
    "FileInfoBegin": 16,
    "FileInfoEnd": 17,
    "GetError": 18,
    "Complete": 19,
}
COMMAND_NAMES = {number: name for name, number in COMMAND_CODES.items()}
READ = COMMAND_CODES["Read"]
WRITE = COMMAND_CODES["Write"]
CLEAR_ERROR = COMMAND_CODES["ClearError"]

FEATURES = {
    "Removable": 0x1,
    "Rewind": 0x2,
    "Position": 0x10,
    "SkipBlocks": 0x20,
    "ReversePosition": 0x40,
    "Discard": 0x80,
    "FileMarks": 0x100,
    "RandomAccess": 0x200,
    "SnapshotPrepare": 0x400,
    "EnumFrozenFiles": 0x800,
    "VSSWriter": 0x1000,
    "RequestComplete": 0x2000,
    "WriteMedia": 0x10000,
    "ReadMedia": 0x20000,
    "CompleteEnabled": 0x40000,
    "LatchStats": 0x80000000,
}
REMOVABLE = FEATURES["Removable"]
FILE_MARKS = FEATURES["FileMarks"]

LIKE_PIPE = 0
LIKE_DISK = FEATURES["RandomAccess"]
LIKE_TAPE = (FEATURES["FileMarks"] | FEATURES["Removable"] | FEATURES["Rewind"]
             | FEATURES["Position"] | FEATURES["SkipBlocks"]
             | FEATURES["ReversePosition"])
# Short names for the three supported kinds of device.
FEATURE_SETS = {"LikePipe": LIKE_PIPE, "LikeDisk": LIKE_DISK, "LikeTape": LIKE_TAPE}
