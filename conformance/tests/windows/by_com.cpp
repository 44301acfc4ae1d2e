// A client and a server that know of sqlvdi.dll what the published headers say, and nothing else.
//
// usage: by_com LIBRARY WHAT
//
// LIBRARY is its path, or `registered`: then COM finds it. What is not as it should be is told on
// standard error, and ends with 1; what was seen is told on standard output, each time alike.
//
//   backup   both halves in this process, a backup of 20 blocks
//   twice    the same; the client completes a command twice
//   dies     the same; this process ends itself while the client has a command
//   leaves   this process ends with a set that is not closed
//   unused   COM lets go of the library once nothing of it is used, and not before
//   inside   the last CoUninitialize comes while the agent is inside
//   classes  which of the classes can be made

#include <stdio.h>
#include <string.h>

#include <string>

#include "vdi.h"

static const DWORD BLOCK = 65536, ALIGNMENT = 4096, PATIENCE = 30000;
static const int BLOCKS = 20;

static const wchar_t *library = nullptr;

static void ends(const char *what, HRESULT status) {
    fprintf(stderr, "by_com: %s: %08lx\n", what, static_cast<unsigned long>(status));
    fflush(nullptr);
    // Whatever threads do, without waiting for them.
    TerminateProcess(GetCurrentProcess(), 1);
}

static void expect(const char *what, bool holds, HRESULT status = 0) {
    if (!holds) ends(what, status);
}

static void good(const char *what, HRESULT status) { expect(what, status == S_OK, status); }

// An object of a class, by its path or by COM.
static HRESULT made(const CLSID &klass, const IID &iid, void **object) {
    if (!library) return CoCreateInstance(klass, nullptr, CLSCTX_INPROC_SERVER, iid, object);
    HMODULE module = LoadLibraryW(library);
    expect("LoadLibrary", module != nullptr, HRESULT_FROM_WIN32(GetLastError()));
    typedef HRESULT(STDMETHODCALLTYPE * Get)(const CLSID &, const IID &, void **);
    Get get = reinterpret_cast<Get>(
        reinterpret_cast<void *>(GetProcAddress(module, "DllGetClassObject")));
    expect("GetProcAddress", get != nullptr);
    IClassFactory *factory = nullptr;
    HRESULT status = get(klass, IID_IClassFactory, reinterpret_cast<void **>(&factory));
    if (status != S_OK) return status;
    status = factory->CreateInstance(nullptr, iid, object);
    factory->Release();
    return status;
}

template <class T>
static T *make(const CLSID &klass, const IID &iid) {
    void *object = nullptr;
    good("an object of a class", made(klass, iid, &object));
    return static_cast<T *>(object);
}

static void told(const char *whose, const VDConfig &config) {
    printf("%s: %lu devices, features %lx, prefix %lu, alignment %lu, soft %lu, warning %lu, "
           "time-out %lu, block %lu, depth %lu, transfer %lu, area %s\n",
           whose, config.deviceCount, config.features, config.prefixZoneSize, config.alignment,
           config.softFileMarkBlockSize, config.EOMWarningSize, config.serverTimeOut,
           config.blockSize, config.maxIODepth, config.maxTransferSize,
           config.bufferAreaSize >= 2 * BLOCK ? "for two and more" : "less");
}

static unsigned sum(unsigned before, const BYTE *bytes, DWORD size) {
    for (DWORD at = 0; at < size; ++at) before = (before ^ bytes[at]) * 16777619u;
    return before;
}

enum Way { SOUND, TWICE, DIES };

struct Client {
    IClientVirtualDeviceSet2 *set;
    IClientVirtualDevice *device;
    Way way;
    unsigned sum;
    int commands;
    HRESULT last;
};

static DWORD WINAPI serve(void *of) {
    Client &client = *static_cast<Client *>(of);
    VDC_Command *command = nullptr;
    while ((client.last = client.device->GetCommand(PATIENCE, &command)) == S_OK) {
        ++client.commands;
        if (client.way == DIES && client.commands == 7) {
            printf("dies with %d commands\n", client.commands);
            fflush(stdout);
            TerminateProcess(GetCurrentProcess(), 3);
        }
        DWORD bytes = 0;
        if (command->commandCode == VDC_Write) {
            if (client.commands == 1) {
                DWORD handle = 0;
                good("GetBufferHandle", client.set->GetBufferHandle(command->buffer, &handle));
            }
            client.sum = sum(client.sum, command->buffer, command->size);
            bytes = command->size;
        }
        DWORDLONG position = 0x100000000ull + client.commands;
        good("CompleteCommand", client.device->CompleteCommand(command, 0, bytes, position));
        if (client.way == TWICE && client.commands == 3) {
            HRESULT again = client.device->CompleteCommand(command, 0, bytes, position);
            printf("completed twice: %08lx\n", static_cast<unsigned long>(again));
        }
    }
    return 0;
}

static DWORD WINAPI agent(void *of) {
    return static_cast<IServerVirtualDeviceSet2 *>(of)->ExecuteCompletionAgent();
}

static HANDLE called;

static void STDMETHODCALLTYPE routine(VDS_Command *command) {
    *static_cast<VDS_Command **>(command->completionContext) = command;
    SetEvent(called);
}

// The server sends a command until its agent is there, and waits until it has ended.
static void send(IServerVirtualDevice *device, DWORD code, BYTE *buffer, int number) {
    VDS_Command command;
    VDS_Command *done = nullptr;
    HRESULT status;
    do {
        memset(&command, 0, sizeof command);
        command.commandCode = code;
        command.size = buffer ? BLOCK : 0;
        command.buffer = buffer;
        command.completionRoutine = reinterpret_cast<BYTE *>(&routine);
        command.completionContext = &done;
        command.completionCode = command.bytesTransferred = 77;
        status = device->SendCommand(&command);
        // Whatever came of it, it is called back.
        expect("a routine", WaitForSingleObject(called, PATIENCE) == WAIT_OBJECT_0);
    } while (status == VD_E_PROTOCOL);
    good("SendCommand", status);
    expect("the structure of the routine", done == &command);
    expect("completionCode", command.completionCode == 0, command.completionCode);
    expect("bytesTransferred", command.bytesTransferred == command.size);
    expect("outPosition", command.outPosition == 0x100000000ull + number);
}

struct Backup {
    Client client;
    IServerVirtualDeviceSet2 *server;
    IServerVirtualDevice *device;
    HANDLE threads[2];

    // Up to where commands are sent.
    void begin(Way way) {
        client = Client{make<IClientVirtualDeviceSet2>(CLSID_MSSQL_ClientVirtualDeviceSet,
                                                       IID_IClientVirtualDeviceSet2),
                        nullptr, way, 2166136261u, 0, S_OK};
        server = make<IServerVirtualDeviceSet2>(CLSID_MSSQL_ServerVirtualDeviceSet,
                                                IID_IServerVirtualDeviceSet2);
        wchar_t name[64];
        swprintf(name, 64, L"by_com %lu", GetCurrentProcessId());
        VDConfig config;
        memset(&config, 0, sizeof config);
        config.deviceCount = 1;
        config.serverTimeOut = 60000;
        good("CreateEx", client.set->CreateEx(nullptr, name, &config));
        good("Open", server->Open(nullptr, name));
        VDConfig asked;
        good("GetConfiguration", server->GetConfiguration(&asked));
        told("server", asked);
        expect("what was asked for", asked.deviceCount == 1 && asked.serverTimeOut == 60000);
        good("BeginConfiguration", server->BeginConfiguration(0, 512, ALIGNMENT, BLOCK, 0));
        good("RequestBuffers", server->RequestBuffers(BLOCK, ALIGNMENT, 2));
        good("EndConfiguration", server->EndConfiguration());
        good("GetConfiguration", client.set->GetConfiguration(PATIENCE, &config));
        told("client", config);
        // Where each number stands: blocks and alignment are in two orders in the documents.
        expect("the configuration", config.alignment == ALIGNMENT && config.blockSize == 512 &&
                                        config.maxTransferSize == BLOCK);
        called = CreateEventW(nullptr, FALSE, FALSE, nullptr);
        threads[0] = CreateThread(nullptr, 0, agent, server, 0, nullptr);
        good("OpenDevice", client.set->OpenDevice(name, &client.device));
        void *same = nullptr;
        good("QueryInterface", client.device->QueryInterface(IID_IClientVirtualDevice, &same));
        expect("an object", same == client.device);
        client.device->Release();
        good("OpenDevice", server->OpenDevice(name, &device));
        threads[1] = CreateThread(nullptr, 0, serve, &client, 0, nullptr);
    }

    void end() {
        BYTE *buffer = nullptr, own[8] = {};
        DWORD count = 0;
        good("QueryAvailableBuffers", server->QueryAvailableBuffers(BLOCK, ALIGNMENT, &count));
        good("AllocateBuffer", server->AllocateBuffer(&buffer, BLOCK, ALIGNMENT));
        expect("IsSharedBuffer", server->IsSharedBuffer(buffer) == TRUE);
        expect("IsSharedBuffer of another", server->IsSharedBuffer(own) == FALSE);
        unsigned expected = 2166136261u;
        for (int number = 1; number <= BLOCKS; ++number) {
            for (DWORD at = 0; at < BLOCK; ++at) buffer[at] = static_cast<BYTE>(at * number >> 3);
            expected = sum(expected, buffer, BLOCK);
            send(device, VDC_Write, buffer, number);
        }
        send(device, VDC_Flush, nullptr, BLOCKS + 1);
        good("FreeBuffer", server->FreeBuffer(buffer, BLOCK));
        good("CloseDevice", device->CloseDevice());
        expect("two threads", WaitForMultipleObjects(2, threads, TRUE, PATIENCE) == WAIT_OBJECT_0);
        DWORD returned = 1;
        GetExitCodeThread(threads[0], &returned);
        good("ExecuteCompletionAgent", returned);
        expect("the last GetCommand", client.last == VD_E_CLOSE, client.last);
        expect("the data", client.sum == expected);
        good("Close of the client", client.set->Close());
        good("Close of the server", server->Close());
        printf("%d commands, sum %08x\n", client.commands, client.sum);
        expect("references", client.device->Release() == 0 && client.set->Release() == 0 &&
                                 device->Release() == 0 && server->Release() == 0);
    }
};

static bool is_loaded() { return GetModuleHandleW(L"sqlvdi.dll") != nullptr; }

// Twice: Windows lets go at the second.
static void free_unused() {
    CoFreeUnusedLibrariesEx(0, 0);
    CoFreeUnusedLibrariesEx(0, 0);
}

static void unused() {
    IClientVirtualDeviceSet2 *set = make<IClientVirtualDeviceSet2>(
        CLSID_MSSQL_ClientVirtualDeviceSet, IID_IClientVirtualDeviceSet2);
    free_unused();
    expect("the library of a living object", is_loaded());
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    good("Create", set->Create(L"unused", &config));
    HRESULT waited = set->GetConfiguration(1, &config);
    expect("GetConfiguration in vain", waited == VD_E_TIMEOUT, waited);
    good("Close", set->Close());
    expect("references", set->Release() == 0);
    free_unused();
    printf("unused: %s\n", is_loaded() ? "loaded" : "gone");
    // And anew.
    Backup backup;
    backup.begin(SOUND);
    backup.end();
}

static void leaves() {
    IClientVirtualDeviceSet *set = make<IClientVirtualDeviceSet>(
        CLSID_MSSQL_ClientVirtualDeviceSet, IID_IClientVirtualDeviceSet);
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    good("Create", set->Create(L"left", &config));
    printf("left\n");
}

static void inside() {
    Backup backup;
    backup.begin(SOUND);
    free_unused();
    CoUninitialize();
    free_unused();
    backup.end();
    printf("the agent has returned\n");
}

static void classes() {
    const struct {
        const char *name;
        const CLSID &klass;
        const IID &iid;
    } rows[] = {
        {"client, Set", CLSID_MSSQL_ClientVirtualDeviceSet, IID_IClientVirtualDeviceSet},
        {"client, Set2", CLSID_MSSQL_ClientVirtualDeviceSet, IID_IClientVirtualDeviceSet2},
        {"client, IUnknown", CLSID_MSSQL_ClientVirtualDeviceSet, IID_IUnknown},
        {"client, a server's", CLSID_MSSQL_ClientVirtualDeviceSet, IID_IServerVirtualDeviceSet2},
        {"server, Set2", CLSID_MSSQL_ServerVirtualDeviceSet, IID_IServerVirtualDeviceSet2},
        {"server, Set", CLSID_MSSQL_ServerVirtualDeviceSet, IID_IServerVirtualDeviceSet},
        {"server, a client's", CLSID_MSSQL_ServerVirtualDeviceSet, IID_IClientVirtualDeviceSet},
        {"nobody's", IID_IServerVirtualDevice, IID_IUnknown},
    };
    for (const auto &row : rows) {
        void *object = nullptr;
        HRESULT status = made(row.klass, row.iid, &object);
        printf("%s: %08lx\n", row.name, static_cast<unsigned long>(status));
        expect("null without an object", (status == S_OK) == (object != nullptr), status);
        if (object) expect("references", static_cast<IUnknown *>(object)->Release() == 0);
    }
}

int wmain(int count, wchar_t **words) {
    if (count != 3) return 64;
    if (wcscmp(words[1], L"registered") != 0) library = words[1];
    good("CoInitializeEx", CoInitializeEx(nullptr, COINIT_MULTITHREADED));
    std::wstring what = words[2];
    Backup backup;
    if (what == L"unused") {
        unused();
    } else if (what == L"leaves") {
        leaves();
    } else if (what == L"inside") {
        inside();
    } else if (what == L"classes") {
        classes();
    } else if (what == L"backup" || what == L"twice" || what == L"dies") {
        backup.begin(what == L"backup" ? SOUND : what == L"twice" ? TWICE : DIES);
        backup.end();
    } else {
        return 64;
    }
    return 0;
}
