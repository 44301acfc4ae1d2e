// A snapshot: the stream holds what the server says of the frozen database; the data is
// copied by the client itself, which knows where the database lies (DATABASE_FILE), while
// it is frozen. FILE is the stream, FILE.data the copy.

#include "client.hpp"

static bool copy(const std::string &from, const std::string &to) {
    int in = open(from.c_str(), O_RDONLY);
    int out = open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    std::vector<char> data(1 << 20);
    bool sound = in >= 0 && out >= 0;
    for (ssize_t got; sound && (got = read(in, data.data(), data.size())) != 0;) {
        sound = got > 0 && write(out, data.data(), static_cast<size_t>(got)) == got;
    }
    if (out >= 0) sound = fsync(out) == 0 && close(out) == 0 && sound;
    if (in >= 0) close(in);
    return sound;
}

int main(int count, char **arguments) {
    Words words(count, arguments);
    const char *place = getenv("DATABASE_FILE");
    if (!words.sound || !place) return 64;
    const std::string live = place, held = words.medium + ".data", name = own_name();
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    config.features = VDF_SnapshotPrepare;
    ClientVirtualDeviceSet set;
    int status = set.Create(text(name), &config);
    if (status != NOERROR) return say("Create: " + hex(status)), 1;
    std::string with = words.with.empty() ? "SNAPSHOT" : "SNAPSHOT, " + words.with;
    Statement statement(sql(words.backup, words.database, {name}, with));
    Medium medium(words.medium, words.backup);
    bool served = medium.sound() && configured(set, statement, &config);
    ClientVirtualDevice *device = nullptr;
    if (served && (status = set.OpenDevice(text(name), &device)) != NOERROR) {
        served = say("OpenDevice: " + hex(status));
    }
    auto execute = [&](const VDC_Command &command, unsigned long *bytes) -> int {
        switch (command.commandCode) {
            case VDC_PrepareToFreeze: return ERROR_SUCCESS;
            case VDC_Snapshot: return copy(live, held) ? ERROR_SUCCESS : ERROR_WRITE_FAULT;
            case VDC_MountSnapshot: return copy(held, live) ? ERROR_SUCCESS : ERROR_READ_FAULT;
            default: return medium.execute(command, bytes);
        }
    };
    served = served && serve(device, execute);
    if (!served) set.SignalAbort();
    set.Close();
    delete device;
    bool succeeded = statement.wait();
    return served && succeeded ? 0 : 1;
}
