// Status codes of the Virtual Device Interface, as the client library returns them in a
// plain int: the numbers of the published HRESULTs, negative when they fail.
//
// Written for this project from the published numbers.

#ifndef VDI_SIM_VDIERROR_H
#define VDI_SIM_VDIERROR_H

#ifndef NOERROR
#define NOERROR 0
#endif

#define VD_E_NOTOPEN ((int)0x80770002)        // the set is not open
#define VD_E_TIMEOUT ((int)0x80770003)        // the time-out passed
#define VD_E_ABORT ((int)0x80770004)          // the set was aborted
#define VD_E_SECURITY ((int)0x80770005)       // the system refuses access
#define VD_E_INVALID ((int)0x80770006)        // an argument is invalid
#define VD_E_INSTANCE_NAME ((int)0x80770007)  // unknown instance; not on Linux
#define VD_E_NOTSUPPORTED ((int)0x80770009)   // the configuration is not supported
#define VD_E_MEMORY ((int)0x8077000A)         // too little shared memory
#define VD_E_UNEXPECTED ((int)0x8077000B)     // an internal error
#define VD_E_PROTOCOL ((int)0x8077000C)       // not allowed in this state
#define VD_E_OPEN ((int)0x8077000D)           // devices are open, or all of them are
#define VD_E_CLOSE ((int)0x8077000E)          // the server has closed the device
#define VD_E_BUSY ((int)0x8077000F)           // the queue is full; never seen by clients
#define VD_E_QUEUE_FULL VD_E_BUSY             // the same, as the specification calls it

// Completion codes, for CompleteCommand. The numbers are those of Windows.
#ifndef NO_ERROR
#define NO_ERROR 0
#endif
#ifndef ERROR_SUCCESS
#define ERROR_SUCCESS 0
#define ERROR_INVALID_HANDLE 6
#define ERROR_ARENA_TRASHED 7
#define ERROR_WRITE_FAULT 29
#define ERROR_READ_FAULT 30
#define ERROR_HANDLE_EOF 38
#define ERROR_HANDLE_DISK_FULL 39
#define ERROR_NOT_SUPPORTED 50
#define ERROR_DISK_FULL 112
#define ERROR_OPERATION_ABORTED 995
#define ERROR_END_OF_MEDIA 1100
#define ERROR_FILEMARK_DETECTED 1101
#define ERROR_NO_DATA_DETECTED 1104
#define ERROR_IO_DEVICE 1117
#define ERROR_EOM_OVERFLOW 1129
#define ERROR_NO_SYSTEM_RESOURCES 1450
#endif

#endif
