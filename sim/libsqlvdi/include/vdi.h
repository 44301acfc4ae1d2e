// The client half of the Virtual Device Interface on Linux: link with -lsqlvdi.
//
// Written for this project from what is published of the interface: names, numbers,
// sizes and the order of the fields. Functions return NOERROR or a code of vdierror.h.

#ifndef VDI_SIM_VDI_H
#define VDI_SIM_VDI_H

#include <stdint.h>
#include <time.h>

// What client and server agree on. The client sets the first seven fields for Create.
struct VDConfig {
    uint32_t deviceCount;            // 1 to 64
    uint32_t features;               // VDFeatures
    uint32_t prefixZoneSize;         // bytes before each buffer, which the server does not see
    uint32_t alignment;              // the least that the client needs
    uint32_t softFileMarkBlockSize;  // 0: hard filemarks
    uint32_t EOMWarningSize;         // 0: none
    uint32_t serverTimeOut;          // milliseconds; 0: for ever
    uint32_t blockSize;              // a power of 2, 512 to 64 KiB
    uint32_t maxIODepth;             // deprecated: 4
    uint32_t maxTransferSize;        // bytes
    uint32_t bufferAreaSize;         // deprecated
};

enum VDFeatures {
    VDF_Removable = 0x1,
    VDF_Rewind = 0x2,
    VDF_Position = 0x10,
    VDF_SkipBlocks = 0x20,
    VDF_ReversePosition = 0x40,
    VDF_Discard = 0x80,
    VDF_FileMarks = 0x100,
    VDF_RandomAccess = 0x200,
    VDF_SnapshotPrepare = 0x400,
    VDF_EnumFrozenFiles = 0x800,
    VDF_VSSWriter = 0x1000,
    VDF_RequestComplete = 0x2000,
    VDF_WriteMedia = 0x10000,       // set by the server: BACKUP
    VDF_ReadMedia = 0x20000,        // set by the server: RESTORE
    VDF_CompleteEnabled = 0x40000,  // set by the server: VDC_Complete will come
    VDF_LatchStats = 0x80000000,    // internal statistics
    // What the media are like. A pipe and a disk may be VDF_Removable, too.
    VDF_LikePipe = 0,
    VDF_LikeTape = VDF_FileMarks | VDF_Removable | VDF_Rewind | VDF_Position | VDF_SkipBlocks |
                   VDF_ReversePosition,
    VDF_LikeDisk = VDF_RandomAccess
};

enum VDCommands {
    VDC_Read = 1,
    VDC_Write = 2,
    VDC_ClearError = 3,
    VDC_Rewind = 4,
    VDC_WriteMark = 5,
    VDC_SkipMarks = 6,
    VDC_SkipBlocks = 7,
    VDC_Load = 8,
    VDC_GetPosition = 9,
    VDC_SetPosition = 10,
    VDC_Discard = 11,
    VDC_Flush = 12,
    VDC_Snapshot = 13,
    VDC_MountSnapshot = 14,
    VDC_PrepareToFreeze = 15,
    VDC_FileInfoBegin = 16,
    VDC_FileInfoEnd = 17,
    VDC_GetError = 18,
    VDC_Complete = 19
};

// A command, to be read only, from GetCommand to CompleteCommand.
struct VDC_Command {
    int32_t commandCode;  // VDCommands
    int32_t size;         // bytes, or a signed count
    int64_t position;     // with VDF_RandomAccess
    uint8_t *buffer;      // size bytes, the client's until it completes the command
};

static_assert(sizeof(VDConfig) == 44, "the published size");
static_assert(sizeof(VDC_Command) == 24, "the published size");

// A device of a set, from OpenDevice; no interface to it may be used after Close.
class ClientVirtualDevice {
public:
    ClientVirtualDevice();
    ~ClientVirtualDevice();
    // Waits for the next command. Time-outs are milliseconds: 0 polls, negative is for ever.
    int GetCommand(time_t timeOut, VDC_Command **command);
    int CompleteCommand(VDC_Command *command, int completionCode, unsigned long bytesTransferred,
                        int64_t position);

private:
    void *internals;
};

// A set of devices, for one BACKUP or RESTORE at a time.
class ClientVirtualDeviceSet {
public:
    ClientVirtualDeviceSet();
    ~ClientVirtualDeviceSet();
    int Create(char *name, VDConfig *config);
    int GetConfiguration(time_t timeOut, VDConfig *config);
    // The first device bears the name of the set. *device may be deleted.
    int OpenDevice(char *name, ClientVirtualDevice **device);
    int Close();
    int SignalAbort();
    int OpenInSecondary(char *setName);
    int GetBufferHandle(uint8_t *buffer, unsigned int *handle);
    int MapBufferHandle(int handle, uint8_t **buffer);

private:
    void *internals;
};

static_assert(sizeof(ClientVirtualDevice) == sizeof(void *), "one pointer");
static_assert(sizeof(ClientVirtualDeviceSet) == sizeof(void *), "one pointer");

#endif
