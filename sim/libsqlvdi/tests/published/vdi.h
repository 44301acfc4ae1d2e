// What the published header of the Linux edition declares, in words of our own: names, types
// and values, and nothing that it does not have. Client programs are compiled against this, too,
// so that what they use is not ours alone.

#ifndef PUBLISHED_VDI_H
#define PUBLISHED_VDI_H

#include <stdint.h>
#include <time.h>

#define ERROR_SUCCESS 0L
#define ERROR_ARENA_TRASHED 7L
#define ERROR_HANDLE_EOF 38L
#define ERROR_HANDLE_DISK_FULL 39L
#define ERROR_NOT_SUPPORTED 50L
#define ERROR_DISK_FULL 112L
#define ERROR_OPERATION_ABORTED 995L

extern "C" {

struct VDConfig {
    uint32_t deviceCount, features, prefixZoneSize, alignment, softFileMarkBlockSize;
    uint32_t EOMWarningSize, serverTimeOut, blockSize, maxIODepth, maxTransferSize, bufferAreaSize;
};

enum VDFeatures {
    VDF_Removable = 0x1, VDF_Rewind = 0x2, VDF_Position = 0x10, VDF_SkipBlocks = 0x20,
    VDF_ReversePosition = 0x40, VDF_Discard = 0x80, VDF_FileMarks = 0x100,
    VDF_RandomAccess = 0x200, VDF_SnapshotPrepare = 0x400, VDF_EnumFrozenFiles = 0x800,
    VDF_VSSWriter = 0x1000, VDF_RequestComplete = 0x2000, VDF_WriteMedia = 0x10000,
    VDF_ReadMedia = 0x20000, VDF_CompleteEnabled = 0x40000, VDF_LatchStats = 0x80000000,
    VDF_LikePipe = 0, VDF_LikeTape = 0x173, VDF_LikeDisk = 0x200
};

enum VDCommands {
    VDC_Read = 1, VDC_Write, VDC_ClearError, VDC_Rewind, VDC_WriteMark, VDC_SkipMarks,
    VDC_SkipBlocks, VDC_Load, VDC_GetPosition, VDC_SetPosition, VDC_Discard, VDC_Flush,
    VDC_Snapshot, VDC_MountSnapshot, VDC_PrepareToFreeze, VDC_FileInfoBegin, VDC_FileInfoEnd,
    VDC_GetError, VDC_Complete
};

enum VDWhence { VDC_Beginning, VDC_Current, VDC_End };

struct VDC_Command {
    int32_t commandCode, size;
    int64_t position;
    uint8_t *buffer;
};

struct VDS_Command {
    int32_t commandCode, size;
    int64_t inPosition, outPosition;
    uint8_t *buffer, *completionRoutine, *completionContext;
    int32_t completionCode, bytesTransferred;
};

class CVDS;
class CVD;
class ClientVirtualDeviceSet;

class ClientVirtualDevice {
public:
    ClientVirtualDevice();
    ~ClientVirtualDevice();
    int GetCommand(time_t, VDC_Command **);
    int CompleteCommand(VDC_Command *, int, unsigned long, int64_t);

private:
    CVD *cvd;
    friend class ClientVirtualDeviceSet;
};

class ClientVirtualDeviceSet {
public:
    int Create(char *, VDConfig *);
    int GetConfiguration(time_t, VDConfig *);
    int OpenDevice(char *, ClientVirtualDevice **);
    int Close();
    int SignalAbort();
    int OpenInSecondary(char *);
    int GetBufferHandle(uint8_t *, unsigned int *);
    int MapBufferHandle(int, uint8_t **);
    void RegisterDeviceClosed();
    ClientVirtualDeviceSet();
    ~ClientVirtualDeviceSet();

private:
    CVDS *cvds;
};

}

#endif
