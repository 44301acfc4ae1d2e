// A client that does one thing wrong, named by FAULT: what shipped clients were seen doing,
// for the tests of what finds it. Without FAULT it does everything right.

#include "client.hpp"

// It has met a command that it does not support, and ends there: no fault.
static bool gave_up = false;

// Bytes that were moved.
static unsigned long whole = 0;

static std::string fault() { return getenv("FAULT") ? getenv("FAULT") : ""; }

// Bytes that the command before this one has moved.
static unsigned long moved = 0;

static int execute_faulty(Medium &medium, const VDC_Command &command, unsigned long *bytes) {
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
    if (code == ERROR_NOT_SUPPORTED && fault() == "gives-up") gave_up = true;
    if (command.commandCode == VDC_ClearError && fault() == "refuses-clear-error") {
        return ERROR_NOT_SUPPORTED;
    }
    if (command.commandCode == VDC_Write && fault() == "shortens") return ERROR_SUCCESS;
    if (command.commandCode == VDC_Flush && fault() == "counts-with-flush") *bytes = moved;
    if (command.commandCode == VDC_Read && fault() == "moves-nothing") {
        // The header is right, so that the restore gets as far as the data.
        if (command.buffer[0] != '{') memset(command.buffer, 0, *bytes);
    }
    if (command.commandCode == VDC_Write && fault() == "hides-errors") {
        *bytes = static_cast<unsigned long>(command.size);
        return ERROR_SUCCESS;
    }
    return code;
}

static int execute(Medium &medium, const VDC_Command &command, unsigned long *bytes) {
    int code = execute_faulty(medium, command, bytes);
    moved = *bytes;
    whole += *bytes;
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
        if (status == VD_E_CLOSE && fault() == "asks-on") device->GetCommand(0, &command);
        if (status == VD_E_CLOSE) return fault() != "knows-no-close";
        if (status != NOERROR) return false;
        unsigned long bytes = 0;
        int code = execute(medium, *command, &bytes);
        bool flush = command->commandCode == VDC_Flush;
        if (fault() == "writes-into-commands") command->position = 7;
        if (fault() == "forgets-a-command" && command->commandCode == VDC_Write) continue;
        device->CompleteCommand(command, code, bytes, 0);
        if (gave_up) return false;
        if (fault() == "completes-twice") device->CompleteCommand(command, code, bytes, 0);
        if (flush && fault() == "stops-at-flush") return true;
        if (fault() == "crashes") abort();
    }
}

static bool configured_faulty(ClientVirtualDeviceSet &set, const Statement &statement,
                              VDConfig *config) {
    if (fault() == "waits-for-ever") return set.GetConfiguration(-1, config) == NOERROR;
    // An end it has, if a late one.
    if (fault() == "waits-long") return set.GetConfiguration(600000, config) == NOERROR;
    if (fault() != "ignores-its-statement") return configured(set, statement, config);
    int status;
    while ((status = set.GetConfiguration(1000, config)) == static_cast<int>(VD_E_TIMEOUT)) {
    }
    return status == NOERROR;
}

static void succeed(int) { _exit(0); }
static void hang(int) {
    for (;;) pause();
}

int main(int count, char **arguments) {
    if (fault() == "cancel-is-success") signal(SIGTERM, succeed);
    if (fault() == "hangs-when-cancelled") signal(SIGTERM, hang);
    Words words(count, arguments);
    if (!words.sound) return 64;
    const std::string name = own_name();
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = fault() == "one-device-too-many" ? 2 : 1;
    if (getenv("SERVER_TIME_OUT")) config.serverTimeOut = atoi(getenv("SERVER_TIME_OUT"));
    ClientVirtualDeviceSet *set = new ClientVirtualDeviceSet;
    if (set->Create(text(name), &config) != NOERROR) return 1;
    Statement statement(sql(words.backup, words.database, {name}, words.with));
    Medium medium(words.medium, words.backup);
    ClientVirtualDevice *device = nullptr;
    if (fault() == "opens-too-early") set->OpenDevice(text(name), &device);
    bool served = medium.sound() && configured_faulty(*set, statement, &config) &&
                  (set->OpenDevice(text(name), &device) == NOERROR || fault() == "opens-blindly");
    const bool opened = served && device;
    if (opened) served = serve_faulty(device, medium);
    if (fault() == "wants-it-all" && !words.backup) served = served && whole > 4 * 65536;
    if (fault() == "hangs") pause();
    if (!served && fault() != "closes-without-abort") set->SignalAbort();
    if (fault() != "never-closes") set->Close();
    if (fault() == "closes-twice") set->Close();
    if (fault() == "uses-after-close") {
        VDC_Command *command = nullptr;
        device->GetCommand(0, &command);
    }
    if (fault() == "never-looks") _exit(served ? 0 : 1);
    if (fault() == "looks-too-soon") {
        usleep(500000);
        if (!statement.has_ended()) _exit(1);
    }
    bool succeeded = statement.wait();
    if (fault() == "opens-blindly" && !opened) return served ? 0 : 1;
    if (fault() == "close-is-success") return served ? 0 : 1;
    if (fault() == "always-succeeds") return 0;
    if (fault() == "always-fails") return 1;
    return served && succeeded ? 0 : 1;
}
