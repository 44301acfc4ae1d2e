// One thread that serves several devices in turns: each is asked for a command, and has none
// for it for a moment, before the next is. FILE.1 to FILE.n are the media. With the FAULT
// one-after-another it serves each device to its end before the next.

#include "client.hpp"

struct Served {
    ClientVirtualDevice *device;
    Medium medium;
    bool closed;
    Served(ClientVirtualDevice *device, const std::string &path, bool backup)
        : device(device), medium(path, backup), closed(false) {}
};

// One command, if one comes within so many milliseconds; false if the device is lost.
static bool take(Served &served, time_t patience) {
    VDC_Command *command = nullptr;
    int status = served.device->GetCommand(patience, &command);
    if (status == VD_E_TIMEOUT) return true;
    if (status == VD_E_CLOSE) return served.closed = true;
    if (status != NOERROR) return say("GetCommand: " + hex(status));
    unsigned long bytes = 0;
    int code = served.medium.execute(*command, &bytes);
    status = served.device->CompleteCommand(command, code, bytes, 0);
    return status == NOERROR || say("CompleteCommand: " + hex(status));
}

static bool serve_all(std::vector<Served *> &all) {
    for (;;) {
        bool all_closed = true;
        for (Served *served : all) {
            if (served->closed) continue;
            if (!take(*served, 5)) return false;
            all_closed = all_closed && served->closed;
        }
        if (all_closed) return true;
    }
}

// Wrong: the second device is served when the first is closed.
static bool serve_one_after_another(std::vector<Served *> &all) {
    for (Served *served : all) {
        for (int waited = 0; !served->closed; ++waited) {
            if (!take(*served, 100)) return false;
            if (waited > 100) return say("no command comes any more");
        }
    }
    return true;
}

int main(int count, char **arguments) {
    Words words(count, arguments);
    if (!words.sound) return 64;
    const int devices = getenv("DEVICES") ? atoi(getenv("DEVICES")) : 3;
    const bool wrong = getenv("FAULT") && !strcmp(getenv("FAULT"), "one-after-another");
    std::vector<std::string> names;
    for (int number = 1; number <= devices; ++number) {
        names.push_back(own_name() + (number > 1 ? "-" + std::to_string(number) : ""));
    }
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = static_cast<uint32_t>(devices);
    ClientVirtualDeviceSet set;
    int status = set.Create(text(names[0]), &config);
    if (status != NOERROR) return say("Create: " + hex(status)), 1;
    Statement statement(sql(words.backup, words.database, names, words.with));
    std::vector<Served *> all;
    bool served = configured(set, statement, &config);
    for (int number = 1; served && number <= devices; ++number) {
        ClientVirtualDevice *device = nullptr;
        status = set.OpenDevice(text(names[static_cast<size_t>(number) - 1]), &device);
        if (status != NOERROR) served = say("OpenDevice: " + hex(status));
        const std::string path = words.medium + "." + std::to_string(number);
        all.push_back(new Served(device, path, words.backup));
        if (!all.back()->medium.sound()) served = say("cannot open " + path);
    }
    served = served && (wrong ? serve_one_after_another(all) : serve_all(all));
    if (!served) set.SignalAbort();
    set.Close();
    for (Served *one : all) {
        delete one->device;
        delete one;
    }
    bool succeeded = statement.wait();
    return served && succeeded ? 0 : 1;
}
