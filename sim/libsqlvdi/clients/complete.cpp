// The complete handshake: the client asks for VDC_Complete and makes its medium durable
// before it answers. Without it the legacy path is taken: success is what the statement
// says. With FAIL_COMPLETE set it fails the backup there.

#include "client.hpp"

int main(int count, char **arguments) {
    Words words(count, arguments);
    if (!words.sound) return 64;
    const std::string name = own_name();
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    config.features = VDF_RequestComplete;
    ClientVirtualDeviceSet set;
    int status = set.Create(text(name), &config);
    if (status != NOERROR) return say("Create: " + hex(status)), 1;
    Statement statement(sql(words.backup, words.database, {name}, words.with));
    Medium medium(words.medium, words.backup);
    bool served = medium.sound() && configured(set, statement, &config);
    const bool enabled = (config.features & VDF_CompleteEnabled) != 0;
    ClientVirtualDevice *device = nullptr;
    if (served && (status = set.OpenDevice(text(name), &device)) != NOERROR) {
        served = say("OpenDevice: " + hex(status));
    }
    bool complete = false;
    auto execute = [&](const VDC_Command &command, unsigned long *bytes) -> int {
        int code = medium.execute(command, bytes);
        if (command.commandCode == VDC_Complete) {
            if (getenv("FAIL_COMPLETE")) return ERROR_WRITE_FAULT;
            complete = code == ERROR_SUCCESS;
        }
        return code;
    };
    served = served && serve(device, execute);
    if (served && enabled && !complete && words.backup) served = say("VDC_Complete never came");
    if (!served) set.SignalAbort();
    set.Close();
    delete device;
    bool succeeded = statement.wait();
    return served && succeeded ? 0 : 1;
}
