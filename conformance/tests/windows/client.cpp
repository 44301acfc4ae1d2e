// A client program for Windows: one device, one thread, the statement by sqlcmd in a process of
// its own. It knows of the library what is published, and finds it as COM does.
//
// usage: client backup|restore DATABASE FILE [WITH]

#include <stdio.h>
#include <string.h>

#include <string>

#include "vdi.h"

static const DWORD PATIENCE = 30000, TURN = 100;

static int say(const char *what, HRESULT status) {
    fprintf(stderr, "client: %s: %08lx\n", what, static_cast<unsigned long>(status));
    return 1;
}

// Does one command; the completion code.
static DWORD execute(HANDLE file, const VDC_Command &command, DWORD *bytes) {
    *bytes = 0;
    switch (command.commandCode) {
        case VDC_Write:
            while (*bytes < command.size) {
                DWORD some = 0;
                if (!WriteFile(file, command.buffer + *bytes, command.size - *bytes, &some, nullptr))
                    return ERROR_DISK_FULL;
                *bytes += some;
            }
            return ERROR_SUCCESS;
        case VDC_Read:
            while (*bytes < command.size) {
                DWORD some = 0;
                if (!ReadFile(file, command.buffer + *bytes, command.size - *bytes, &some, nullptr))
                    return ERROR_READ_FAULT;
                if (some == 0) return ERROR_HANDLE_EOF;
                *bytes += some;
            }
            return ERROR_SUCCESS;
        case VDC_ClearError: return ERROR_SUCCESS;
        case VDC_Flush: return FlushFileBuffers(file) ? ERROR_SUCCESS : ERROR_WRITE_FAULT;
        default: return ERROR_NOT_SUPPORTED;
    }
}

// GetConfiguration in turns, so that the end of a statement that failed is seen.
static HRESULT configured(IClientVirtualDeviceSet2 *set, HANDLE statement, VDConfig *config) {
    HRESULT status = VD_E_TIMEOUT;
    for (DWORD waited = 0; status == VD_E_TIMEOUT && waited < PATIENCE; waited += TURN) {
        status = set->GetConfiguration(TURN, config);
        bool is_over = WaitForSingleObject(statement, 0) == WAIT_OBJECT_0;
        if (status == VD_E_TIMEOUT && is_over) return VD_E_ABORT;
    }
    return status;
}

// Does what the server commands until it closes the device.
static int serve(IClientVirtualDeviceSet2 *set, LPCWSTR name, HANDLE statement, HANDLE file) {
    VDConfig config;
    HRESULT status = configured(set, statement, &config);
    if (status != S_OK) return say("GetConfiguration", status);
    IClientVirtualDevice *device = nullptr;
    status = set->OpenDevice(name, &device);
    if (status != S_OK) return say("OpenDevice", status);
    VDC_Command *command = nullptr;
    while ((status = device->GetCommand(INFINITE, &command)) == S_OK) {
        DWORD bytes = 0, code = execute(file, *command, &bytes);
        status = device->CompleteCommand(command, code, bytes, command->position);
        if (status != S_OK) break;
    }
    device->Release();
    return status == VD_E_CLOSE ? 0 : say("the device", status);
}

int wmain(int count, wchar_t **words) {
    bool backup = count >= 4 && wcscmp(words[1], L"backup") == 0;
    if (!backup && (count < 4 || wcscmp(words[1], L"restore") != 0)) return 64;
    HANDLE file = CreateFileW(words[3], GENERIC_READ | (backup ? GENERIC_WRITE : 0), FILE_SHARE_READ,
                              nullptr, backup ? CREATE_ALWAYS : OPEN_EXISTING, 0, nullptr);
    if (file == INVALID_HANDLE_VALUE) return say("the file", HRESULT_FROM_WIN32(GetLastError()));
    HRESULT status = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (FAILED(status)) return say("CoInitializeEx", status);
    IClientVirtualDeviceSet2 *set = nullptr;
    status = CoCreateInstance(CLSID_MSSQL_ClientVirtualDeviceSet, nullptr, CLSCTX_INPROC_SERVER,
                              IID_IClientVirtualDeviceSet2, reinterpret_cast<void **>(&set));
    if (status != S_OK) return say("CoCreateInstance", status);
    std::wstring name = L"set-" + std::to_wstring(GetCurrentProcessId());
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    status = set->CreateEx(nullptr, name.c_str(), &config);
    if (status != S_OK) return say("CreateEx", status);

    std::wstring line = L"sqlcmd.exe -S localhost -E -b -Q \"";
    line += backup ? L"BACKUP DATABASE [" : L"RESTORE DATABASE [";
    line += words[2] + std::wstring(backup ? L"] TO VIRTUAL_DEVICE='" : L"] FROM VIRTUAL_DEVICE='");
    line += name + L"'" + (count >= 5 ? L" WITH " + std::wstring(words[4]) : L"") + L"\"";
    STARTUPINFOW startup;
    memset(&startup, 0, sizeof startup);
    startup.cb = sizeof startup;
    PROCESS_INFORMATION statement;
    if (!CreateProcessW(nullptr, &line[0], nullptr, nullptr, TRUE, 0, nullptr, nullptr, &startup,
                        &statement))
        return say("sqlcmd", HRESULT_FROM_WIN32(GetLastError()));

    int failed = serve(set, name.c_str(), statement.hProcess, file);
    if (failed) set->SignalAbort();
    set->Close();
    set->Release();
    // Only the statement knows whether it succeeded.
    DWORD code = 1;
    WaitForSingleObject(statement.hProcess, INFINITE);
    GetExitCodeProcess(statement.hProcess, &code);
    CoUninitialize();
    return failed || code != 0 ? 1 : 0;
}
