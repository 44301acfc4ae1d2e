// A client that does one thing wrong, named by FAULT: what shipped clients were seen doing,
// for the tests of what finds it. Without FAULT it does everything right.

#include "client.hpp"

static std::string fault() { return getenv("FAULT") ? getenv("FAULT") : ""; }

static int execute(Medium &medium, const VDC_Command &command, unsigned long *bytes) {
    if (command.commandCode == VDC_Flush && fault() == "refuses-flush") return ERROR_NOT_SUPPORTED;
    if (command.commandCode == VDC_Write && fault() == "stores-nothing") {
        VDC_Command other = command;
        std::vector<uint8_t> zeros(static_cast<size_t>(command.size));
        // The header is right, so that the backup looks like one.
        if (command.buffer[0] != '{') other.buffer = zeros.data();
        return medium.execute(other, bytes);
    }
    int code = medium.execute(command, bytes);
    if (code == ERROR_NOT_SUPPORTED && fault() == "accepts-everything") return ERROR_SUCCESS;
    if (command.commandCode == VDC_Write && fault() == "hides-errors") {
        *bytes = static_cast<unsigned long>(command.size);
        return ERROR_SUCCESS;
    }
    return code;
}

// Whether it takes the end of its loop for a good one.
static bool serve_faulty(ClientVirtualDevice *device, Medium &medium) {
    // No fault: the server has time (DAWDLE, in milliseconds) to send all that it can.
    if (fault() == "dawdles") usleep(1000 * atoi(getenv("DAWDLE") ? getenv("DAWDLE") : "300"));
    for (;;) {
        VDC_Command *command = nullptr;
        int status = device->GetCommand(fault() == "impatient" ? 90 : -1, &command);
        if (status == VD_E_TIMEOUT) return true;
        if (status == VD_E_CLOSE) return true;
        if (status != NOERROR) return false;
        unsigned long bytes = 0;
        int code = execute(medium, *command, &bytes);
        bool flush = command->commandCode == VDC_Flush;
        if (fault() == "writes-into-commands") command->position = 7;
        if (fault() == "forgets-a-command" && command->commandCode == VDC_Write) continue;
        device->CompleteCommand(command, code, bytes, 0);
        if (fault() == "completes-twice") device->CompleteCommand(command, code, bytes, 0);
        if (flush && fault() == "stops-at-flush") return true;
        if (fault() == "crashes") abort();
    }
}

int main(int count, char **arguments) {
    Words words(count, arguments);
    if (!words.sound) return 64;
    const std::string name = own_name();
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    if (getenv("SERVER_TIME_OUT")) config.serverTimeOut = atoi(getenv("SERVER_TIME_OUT"));
    ClientVirtualDeviceSet *set = new ClientVirtualDeviceSet;
    if (set->Create(text(name), &config) != NOERROR) return 1;
    Statement statement(sql(words.backup, words.database, {name}, words.with));
    Medium medium(words.medium, words.backup);
    ClientVirtualDevice *device = nullptr;
    bool served = medium.sound() && configured(*set, statement, &config) &&
                  set->OpenDevice(text(name), &device) == NOERROR && serve_faulty(device, medium);
    if (fault() == "hangs") pause();
    if (!served && fault() != "closes-without-abort") set->SignalAbort();
    if (fault() != "never-closes") set->Close();
    if (fault() == "closes-twice") set->Close();
    if (fault() == "uses-after-close") {
        VDC_Command *command = nullptr;
        device->GetCommand(0, &command);
    }
    bool succeeded = statement.wait();
    if (fault() == "close-is-success") return served ? 0 : 1;
    if (fault() == "always-succeeds") return 0;
    if (fault() == "always-fails") return 1;
    return served && succeeded ? 0 : 1;
}
