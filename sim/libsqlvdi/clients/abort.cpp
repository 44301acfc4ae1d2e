// A client that gives up: another thread calls SignalAbort as soon as ABORT_AFTER commands
// have come (3 if it is not set), or when the statement has failed. Always exits with 1.

#include "client.hpp"

int main(int count, char **arguments) {
    Words words(count, arguments);
    if (!words.sound) return 64;
    const int after = getenv("ABORT_AFTER") ? atoi(getenv("ABORT_AFTER")) : 3;
    const std::string name = own_name();
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    ClientVirtualDeviceSet set;
    int status = set.Create(text(name), &config);
    if (status != NOERROR) return say("Create: " + hex(status)), 1;
    Statement statement(sql(words.backup, words.database, {name}, words.with));
    Medium medium(words.medium, words.backup);
    std::atomic<int> came(0);
    std::atomic<bool> over(false);
    std::thread aborter([&] {
        while (!over && came < after && !statement.has_ended()) usleep(1000);
        if (!over) set.SignalAbort();
    });
    ClientVirtualDevice *device = nullptr;
    if (medium.sound() && configured(set, statement, &config) &&
        (status = set.OpenDevice(text(name), &device)) == NOERROR) {
        serve(device, [&](const VDC_Command &command, unsigned long *bytes) {
            ++came;
            return medium.execute(command, bytes);
        });
    }
    over = true;
    aborter.join();
    set.Close();
    delete device;
    statement.wait();
    return 1;
}
