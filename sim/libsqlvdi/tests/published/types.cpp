// What the published headers and ours have to have in common: names, types, values, places.
// Compiled against either.

#include <stddef.h>

#include <type_traits>

#include "vdi.h"
#include "vdierror.h"

#define SAME(name, wanted, number)                                                         \
    static_assert(std::is_same<std::decay<decltype(name)>::type, wanted>::value, #name); \
    static_assert((name) == (number), #name)
#define TYPE(name, wanted) \
    static_assert(std::is_same<decltype(name), wanted>::value, #name)
#define FIELD(structure, field, wanted, place)                                             \
    static_assert(std::is_same<decltype(structure::field), wanted>::value, #field); \
    static_assert(offsetof(structure, field) == (place), #field)

SAME(ERROR_SUCCESS, long, 0);
SAME(ERROR_ARENA_TRASHED, long, 7);
SAME(ERROR_HANDLE_EOF, long, 38);
SAME(ERROR_HANDLE_DISK_FULL, long, 39);
SAME(ERROR_NOT_SUPPORTED, long, 50);
SAME(ERROR_DISK_FULL, long, 112);
SAME(ERROR_OPERATION_ABORTED, long, 995);
SAME(VD_E_NOTOPEN, int, (int)0x80770002);
SAME(VD_E_TIMEOUT, int, (int)0x80770003);
SAME(VD_E_ABORT, int, (int)0x80770004);
SAME(VD_E_SECURITY, int, (int)0x80770005);
SAME(VD_E_INVALID, int, (int)0x80770006);
SAME(VD_E_INSTANCE_NAME, int, (int)0x80770007);
SAME(VD_E_NOTSUPPORTED, int, (int)0x80770009);
SAME(VD_E_MEMORY, int, (int)0x8077000A);
SAME(VD_E_UNEXPECTED, int, (int)0x8077000B);
SAME(VD_E_PROTOCOL, int, (int)0x8077000C);
SAME(VD_E_OPEN, int, (int)0x8077000D);
SAME(VD_E_CLOSE, int, (int)0x8077000E);
SAME(VD_E_BUSY, int, (int)0x8077000F);
SAME(VD_ERROR(4), int, VD_E_ABORT);
SAME(MAKE_HRESULT(SEVERITY_ERROR, 0x77, 2), int, VD_E_NOTOPEN);
SAME(NOERROR, int, 0);
SAME(VDC_Beginning, VDWhence, VDC_Beginning);
static_assert(VDC_Beginning == 0, "the value");
SAME(VDC_Current, VDWhence, VDC_Current);
static_assert(VDC_Current == 1, "the value");
SAME(VDC_End, VDWhence, VDC_End);
static_assert(VDC_End == 2, "the value");
SAME(VDC_Complete, VDCommands, VDC_Complete);
static_assert(VDC_Complete == 19, "the value");
SAME(VDF_LatchStats, VDFeatures, VDF_LatchStats);
static_assert(VDF_LatchStats == 0x80000000, "the value");
static_assert(VDF_LikeTape == 0x173 && VDF_LikeDisk == 0x200 && VDF_LikePipe == 0, "the values");
TYPE(&ClientVirtualDevice::GetCommand, int (ClientVirtualDevice::*)(time_t, VDC_Command **));
TYPE(&ClientVirtualDevice::CompleteCommand, int (ClientVirtualDevice::*)(VDC_Command *, int, unsigned long, int64_t));
TYPE(&ClientVirtualDeviceSet::Create, int (ClientVirtualDeviceSet::*)(char *, VDConfig *));
TYPE(&ClientVirtualDeviceSet::GetConfiguration, int (ClientVirtualDeviceSet::*)(time_t, VDConfig *));
TYPE(&ClientVirtualDeviceSet::OpenDevice, int (ClientVirtualDeviceSet::*)(char *, ClientVirtualDevice **));
TYPE(&ClientVirtualDeviceSet::Close, int (ClientVirtualDeviceSet::*)());
TYPE(&ClientVirtualDeviceSet::SignalAbort, int (ClientVirtualDeviceSet::*)());
TYPE(&ClientVirtualDeviceSet::OpenInSecondary, int (ClientVirtualDeviceSet::*)(char *));
TYPE(&ClientVirtualDeviceSet::GetBufferHandle, int (ClientVirtualDeviceSet::*)(uint8_t *, unsigned int *));
TYPE(&ClientVirtualDeviceSet::MapBufferHandle, int (ClientVirtualDeviceSet::*)(int, uint8_t **));
TYPE(&ClientVirtualDeviceSet::RegisterDeviceClosed, void (ClientVirtualDeviceSet::*)());
FIELD(VDConfig, deviceCount, uint32_t, 0);
FIELD(VDConfig, EOMWarningSize, uint32_t, 20);
FIELD(VDConfig, bufferAreaSize, uint32_t, 40);
FIELD(VDC_Command, commandCode, int32_t, 0);
FIELD(VDC_Command, size, int32_t, 4);
FIELD(VDC_Command, position, int64_t, 8);
FIELD(VDC_Command, buffer, uint8_t *, 16);
FIELD(VDS_Command, inPosition, int64_t, 8);
FIELD(VDS_Command, outPosition, int64_t, 16);
FIELD(VDS_Command, buffer, uint8_t *, 24);
FIELD(VDS_Command, completionRoutine, uint8_t *, 32);
FIELD(VDS_Command, completionContext, uint8_t *, 40);
FIELD(VDS_Command, completionCode, int32_t, 48);
FIELD(VDS_Command, bytesTransferred, int32_t, 52);
static_assert(sizeof(VDConfig) == 44, "the size");
static_assert(sizeof(VDC_Command) == 24, "the size");
static_assert(sizeof(VDS_Command) == 56, "the size");
static_assert(sizeof(ClientVirtualDeviceSet) == 8, "the size");
static_assert(sizeof(ClientVirtualDevice) == 8, "the size");

class CVD;
class CVDS;

int main() { return 0; }
