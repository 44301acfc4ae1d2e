// What the published headers of the Windows edition declare, in words of our own: ids, tables of
// functions, structures. Nothing here is taken from what the library and the adapter share, so
// that a number that is wrong there is not wrong here, too.

#ifndef PUBLISHED_VDI_H
#define PUBLISHED_VDI_H

#include <windows.h>
#include <unknwn.h>

static const IID IID_IClientVirtualDevice =
    {0x40700424, 0x0080, 0x11d2, {0x85, 0x1f, 0x00, 0xc0, 0x4f, 0xc2, 0x17, 0x59}};
static const IID IID_IClientVirtualDeviceSet =
    {0x40700425, 0x0080, 0x11d2, {0x85, 0x1f, 0x00, 0xc0, 0x4f, 0xc2, 0x17, 0x59}};
static const IID IID_IClientVirtualDeviceSet2 =
    {0xd0e6eb07, 0x7a62, 0x11d2, {0x85, 0x73, 0x00, 0xc0, 0x4f, 0xc2, 0x17, 0x59}};
static const IID IID_IServerVirtualDevice =
    {0xb5e7a131, 0xa7bd, 0x11d1, {0x84, 0xc2, 0x00, 0xc0, 0x4f, 0xc2, 0x17, 0x59}};
static const IID IID_IServerVirtualDeviceSet =
    {0xb5e7a132, 0xa7bd, 0x11d1, {0x84, 0xc2, 0x00, 0xc0, 0x4f, 0xc2, 0x17, 0x59}};
static const IID IID_IServerVirtualDeviceSet2 =
    {0xaecbd0d6, 0x24c6, 0x11d3, {0x85, 0xb7, 0x00, 0xc0, 0x4f, 0xc2, 0x17, 0x59}};
#define CLSID_MSSQL_ClientVirtualDeviceSet IID_IClientVirtualDeviceSet
#define CLSID_MSSQL_ServerVirtualDeviceSet IID_IServerVirtualDeviceSet

#define VD_E_TIMEOUT ((HRESULT)0x80770003)
#define VD_E_ABORT ((HRESULT)0x80770004)
#define VD_E_PROTOCOL ((HRESULT)0x8077000c)
#define VD_E_CLOSE ((HRESULT)0x8077000e)

enum { VDC_Read = 1, VDC_Write = 2, VDC_ClearError = 3, VDC_Flush = 12 };

#pragma pack(push, 8)
struct VDConfig {
    unsigned long deviceCount, features, prefixZoneSize, alignment, softFileMarkBlockSize;
    unsigned long EOMWarningSize, serverTimeOut, blockSize, maxIODepth, maxTransferSize;
    unsigned long bufferAreaSize;
};

struct VDC_Command {
    DWORD commandCode, size;
    DWORDLONG position;
    BYTE *buffer;
};

struct VDS_Command {
    DWORD commandCode, size;
    DWORDLONG inPosition, outPosition;
    BYTE *buffer, *completionRoutine;
    LPVOID completionContext;
    DWORD completionCode, bytesTransferred;
};
#pragma pack(pop)

struct IClientVirtualDevice : IUnknown {
    virtual HRESULT STDMETHODCALLTYPE GetCommand(DWORD timeout, VDC_Command **command) = 0;
    virtual HRESULT STDMETHODCALLTYPE CompleteCommand(VDC_Command *command, DWORD code,
                                                      DWORD bytes, DWORDLONG position) = 0;
};

struct IClientVirtualDeviceSet : IUnknown {
    virtual HRESULT STDMETHODCALLTYPE Create(LPCWSTR name, VDConfig *config) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetConfiguration(DWORD timeout, VDConfig *config) = 0;
    virtual HRESULT STDMETHODCALLTYPE OpenDevice(LPCWSTR name, IClientVirtualDevice **device) = 0;
    virtual HRESULT STDMETHODCALLTYPE Close() = 0;
    virtual HRESULT STDMETHODCALLTYPE SignalAbort() = 0;
    virtual HRESULT STDMETHODCALLTYPE OpenInSecondary(LPCWSTR name) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetBufferHandle(BYTE *buffer, DWORD *handle) = 0;
    virtual HRESULT STDMETHODCALLTYPE MapBufferHandle(DWORD handle, BYTE **buffer) = 0;
};

struct IClientVirtualDeviceSet2 : IClientVirtualDeviceSet {
    virtual HRESULT STDMETHODCALLTYPE CreateEx(LPCWSTR instance, LPCWSTR name,
                                               VDConfig *config) = 0;
    virtual HRESULT STDMETHODCALLTYPE OpenInSecondaryEx(LPCWSTR instance, LPCWSTR name) = 0;
};

struct IServerVirtualDevice : IUnknown {
    virtual HRESULT STDMETHODCALLTYPE SendCommand(VDS_Command *command) = 0;
    virtual HRESULT STDMETHODCALLTYPE CloseDevice() = 0;
};

struct IServerVirtualDeviceSet2 : IUnknown {
    virtual HRESULT STDMETHODCALLTYPE Open(LPCWSTR instance, LPCWSTR name) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetConfiguration(VDConfig *config) = 0;
    virtual HRESULT STDMETHODCALLTYPE BeginConfiguration(DWORD features, DWORD blockSize,
                                                         DWORD alignment, DWORD maxTransferSize,
                                                         DWORD timeout) = 0;
    virtual HRESULT STDMETHODCALLTYPE EndConfiguration() = 0;
    virtual HRESULT STDMETHODCALLTYPE RequestBuffers(DWORD size, DWORD alignment, DWORD count) = 0;
    virtual HRESULT STDMETHODCALLTYPE QueryAvailableBuffers(DWORD size, DWORD alignment,
                                                            DWORD *count) = 0;
    virtual HRESULT STDMETHODCALLTYPE ExecuteCompletionAgent() = 0;
    virtual HRESULT STDMETHODCALLTYPE OpenDevice(LPCWSTR name, IServerVirtualDevice **device) = 0;
    virtual HRESULT STDMETHODCALLTYPE AllocateBuffer(BYTE **buffer, DWORD size,
                                                     DWORD alignment) = 0;
    virtual HRESULT STDMETHODCALLTYPE FreeBuffer(BYTE *buffer, DWORD size) = 0;
    virtual HRESULT STDMETHODCALLTYPE IsSharedBuffer(BYTE *buffer) = 0;
    virtual HRESULT STDMETHODCALLTYPE SignalAbort() = 0;
    virtual HRESULT STDMETHODCALLTYPE Close() = 0;
};

#endif
