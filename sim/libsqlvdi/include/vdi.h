/*
 * The client half of the Virtual Device Interface on Linux: link with -lsqlvdi.
 *
 * Written for this project from what is published of the interface: names, types, numbers,
 * sizes and the order of the fields. For C++98 and later; for C it has the structures and the
 * numbers. Functions return NOERROR or a code of vdierror.h.
 */

#ifndef VDI_SIM_VDI_H
#define VDI_SIM_VDI_H

#include <stdint.h>
#include <time.h>

/* Completion codes, for CompleteCommand. The numbers are those of Windows. */
#ifndef NO_ERROR
#define NO_ERROR 0L
#endif
#ifndef ERROR_SUCCESS
#define ERROR_SUCCESS 0L
#endif
#ifndef ERROR_INVALID_HANDLE
#define ERROR_INVALID_HANDLE 6L
#endif
#ifndef ERROR_ARENA_TRASHED
#define ERROR_ARENA_TRASHED 7L
#endif
#ifndef ERROR_WRITE_FAULT
#define ERROR_WRITE_FAULT 29L
#endif
#ifndef ERROR_READ_FAULT
#define ERROR_READ_FAULT 30L
#endif
#ifndef ERROR_HANDLE_EOF
#define ERROR_HANDLE_EOF 38L
#endif
#ifndef ERROR_HANDLE_DISK_FULL
#define ERROR_HANDLE_DISK_FULL 39L
#endif
#ifndef ERROR_NOT_SUPPORTED
#define ERROR_NOT_SUPPORTED 50L
#endif
#ifndef ERROR_DISK_FULL
#define ERROR_DISK_FULL 112L
#endif
#ifndef ERROR_OPERATION_ABORTED
#define ERROR_OPERATION_ABORTED 995L
#endif
#ifndef ERROR_END_OF_MEDIA
#define ERROR_END_OF_MEDIA 1100L
#endif
#ifndef ERROR_FILEMARK_DETECTED
#define ERROR_FILEMARK_DETECTED 1101L
#endif
#ifndef ERROR_NO_DATA_DETECTED
#define ERROR_NO_DATA_DETECTED 1104L
#endif
#ifndef ERROR_IO_DEVICE
#define ERROR_IO_DEVICE 1117L
#endif
#ifndef ERROR_EOM_OVERFLOW
#define ERROR_EOM_OVERFLOW 1129L
#endif
#ifndef ERROR_NO_SYSTEM_RESOURCES
#define ERROR_NO_SYSTEM_RESOURCES 1450L
#endif

/* What client and server agree on. The client sets the first seven fields for Create. */
struct VDConfig {
    uint32_t deviceCount;           /* 1 to 64 */
    uint32_t features;              /* VDFeatures */
    uint32_t prefixZoneSize;        /* bytes before each buffer, which the server does not see */
    uint32_t alignment;             /* the least that the client needs */
    uint32_t softFileMarkBlockSize; /* 0: hard filemarks */
    uint32_t EOMWarningSize;        /* 0: none */
    uint32_t serverTimeOut;         /* milliseconds; 0: for ever */
    uint32_t blockSize;             /* a power of 2, 512 to 64 KiB */
    uint32_t maxIODepth;            /* deprecated: 4 */
    uint32_t maxTransferSize;       /* bytes */
    uint32_t bufferAreaSize;        /* deprecated */
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
    VDF_WriteMedia = 0x10000,      /* set by the server: BACKUP */
    VDF_ReadMedia = 0x20000,       /* set by the server: RESTORE */
    VDF_CompleteEnabled = 0x40000, /* set by the server: VDC_Complete will come */
#ifdef __cplusplus
    VDF_LatchStats = 0x80000000, /* internal statistics */
#endif
    /* What the media are like. A pipe and a disk may be VDF_Removable, too. */
    VDF_LikePipe = 0,
    VDF_LikeTape = VDF_FileMarks | VDF_Removable | VDF_Rewind | VDF_Position | VDF_SkipBlocks |
                   VDF_ReversePosition,
    VDF_LikeDisk = VDF_RandomAccess
};

#ifndef __cplusplus
/* An enumerator of C is an int. */
#define VDF_LatchStats 0x80000000
#endif

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

/* From where a position counts. */
enum VDWhence {
    VDC_Beginning = 0,
    VDC_Current = 1,
    VDC_End = 2
};

/* A command, to be read only, from GetCommand to CompleteCommand. */
struct VDC_Command {
    int32_t commandCode; /* VDCommands */
    int32_t size;        /* bytes, or a signed count */
    int64_t position;    /* with VDF_RandomAccess */
    uint8_t *buffer;     /* size bytes, the client's until it completes the command */
};

/* The server's half of a command. No client sees one. */
struct VDS_Command {
    int32_t commandCode;
    int32_t size;
    int64_t inPosition;
    int64_t outPosition;
    uint8_t *buffer;
    uint8_t *completionRoutine;
    uint8_t *completionContext;
    int32_t completionCode;
    int32_t bytesTransferred;
};

#ifdef __cplusplus

class CVD;
class CVDS;

/* A device of a set, from OpenDevice; no interface to it may be used after Close. */
class ClientVirtualDevice {
public:
    ClientVirtualDevice();
    ~ClientVirtualDevice();
    /* Waits for the next command. Time-outs are milliseconds: 0 polls, negative is for ever. */
    int GetCommand(time_t timeOut, VDC_Command **command);
    int CompleteCommand(VDC_Command *command, int completionCode, unsigned long bytesTransferred,
                        int64_t position);

private:
    friend class ClientVirtualDeviceSet;
    CVD *cvd;
};

/* A set of devices, for one BACKUP or RESTORE at a time. */
class ClientVirtualDeviceSet {
public:
    ClientVirtualDeviceSet();
    ~ClientVirtualDeviceSet();
    int Create(char *name, VDConfig *config);
    int GetConfiguration(time_t timeOut, VDConfig *config);
    /* The first device bears the name of the set. *device may be deleted. */
    int OpenDevice(char *name, ClientVirtualDevice **device);
    int Close();
    int SignalAbort();
    int OpenInSecondary(char *setName);
    int GetBufferHandle(uint8_t *buffer, unsigned int *handle);
    int MapBufferHandle(int handle, uint8_t **buffer);
    /* Does nothing: it is exported, and documented nowhere. */
    void RegisterDeviceClosed();

private:
    CVDS *cvds;
};

#else

typedef struct VDConfig VDConfig;
typedef enum VDFeatures VDFeatures;
typedef enum VDCommands VDCommands;
typedef enum VDWhence VDWhence;
typedef struct VDC_Command VDC_Command;
typedef struct VDS_Command VDS_Command;

#endif

#endif
