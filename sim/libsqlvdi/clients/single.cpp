// One device, one thread: the common client.

#include "client.hpp"

static bool run(const Words &words, ClientVirtualDeviceSet &set, Statement &statement,
                const std::string &name) {
    VDConfig config;
    Medium medium(words.medium, words.backup);
    if (!medium.sound()) return say("cannot open " + words.medium);
    if (!configured(set, statement, &config)) return false;
    ClientVirtualDevice *device = nullptr;
    int status = set.OpenDevice(text(name), &device);
    if (status != NOERROR) return say("OpenDevice: " + hex(status));
    auto execute = [&](const VDC_Command &command, unsigned long *bytes) {
        return medium.execute(command, bytes);
    };
    bool served = serve(device, execute);
    delete device;
    return served;
}

int main(int count, char **arguments) {
    Words words(count, arguments);
    if (!words.sound) return 64;
    std::string name = own_name();
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    ClientVirtualDeviceSet set;
    int status = set.Create(text(name), &config);
    if (status != NOERROR) return say("Create: " + hex(status)), 1;
    Statement statement(sql(words.backup, words.database, {name}, words.with));
    bool served = run(words, set, statement, name);
    if (!served) set.SignalAbort();
    set.Close();
    // Only the statement knows whether it succeeded.
    bool succeeded = statement.wait();
    return served && succeeded ? 0 : 1;
}
