"""A client that finds the functions itself, as any language with a foreign function interface
does: by_name.py LIBRARY SET."""

import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
name = sys.argv[2].encode()


class Config(ctypes.Structure):
    _fields_ = [(field, ctypes.c_uint32) for field in (
        "deviceCount", "features", "prefixZoneSize", "alignment", "softFileMarkBlockSize",
        "EOMWarningSize", "serverTimeOut", "blockSize", "maxIODepth", "maxTransferSize",
        "bufferAreaSize")]


OF_SET = "_ZN22ClientVirtualDeviceSet"
# One pointer is all that an object is.
object_ = ctypes.c_void_p()
this = ctypes.byref(object_)
getattr(library, OF_SET + "C1Ev")(this)
config = Config(deviceCount=1)
create = getattr(library, OF_SET + "6CreateEPcP8VDConfig")
print("create %08X" % (create(this, name, ctypes.byref(config)) & 0xFFFFFFFF))
configuration = getattr(library, OF_SET + "16GetConfigurationElP8VDConfig")
configuration.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p]
print("configuration %08X" % (configuration(this, 0, ctypes.byref(config)) & 0xFFFFFFFF))
print("close %08X" % (getattr(library, OF_SET + "5CloseEv")(this) & 0xFFFFFFFF))
getattr(library, OF_SET + "D1Ev")(this)
