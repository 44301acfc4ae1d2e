// A thread for each device. Every thread opens its device and waits for the configuration
// once more before it takes commands. FILE.1 to FILE.n are the media.

#include "client.hpp"

static bool serve_one(ClientVirtualDeviceSet &set, const Words &words, const std::string &name,
                      int number) {
    Medium medium(words.medium + "." + std::to_string(number), words.backup);
    if (!medium.sound()) return say("cannot open the medium");
    ClientVirtualDevice *device = nullptr;
    int status = set.OpenDevice(text(name), &device);
    if (status != NOERROR) return say("OpenDevice: " + hex(status));
    VDConfig config;
    status = set.GetConfiguration(-1, &config);
    bool served = status == NOERROR && serve(device, [&](const VDC_Command &command,
                                                         unsigned long *bytes) {
                      return medium.execute(command, bytes);
                  });
    delete device;
    return served;
}

int main(int count, char **arguments) {
    Words words(count, arguments);
    if (!words.sound) return 64;
    const int devices = getenv("DEVICES") ? atoi(getenv("DEVICES")) : 4;
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
    std::atomic<int> served(0);
    if (configured(set, statement, &config)) {
        std::vector<std::thread> threads;
        for (int number = 1; number <= devices; ++number) {
            threads.emplace_back([&, number] {
                if (serve_one(set, words, names[static_cast<size_t>(number) - 1], number)) {
                    ++served;
                } else {
                    set.SignalAbort();
                }
            });
        }
        for (std::thread &thread : threads) thread.join();
    }
    if (served != devices) set.SignalAbort();
    set.Close();
    bool succeeded = statement.wait();
    return served == devices && succeeded ? 0 : 1;
}
