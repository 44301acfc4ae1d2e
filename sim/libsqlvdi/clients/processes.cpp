// A process for each device: the primary creates the set and watches over the others, each
// of which opens it as a secondary client. FILE.1 to FILE.n are the media.

#include "client.hpp"

static bool secondary(const Words &words, const std::string &set_name, const std::string &name,
                      const std::string &number) {
    Medium medium(words.medium + "." + number, words.backup);
    if (!medium.sound()) return say("cannot open the medium");
    ClientVirtualDeviceSet set;
    int status = set.OpenInSecondary(text(set_name));
    if (status != NOERROR) return say("OpenInSecondary: " + hex(status));
    ClientVirtualDevice *device = nullptr;
    status = set.OpenDevice(text(name), &device);
    if (status != NOERROR) return say("OpenDevice: " + hex(status));
    VDConfig config;
    status = set.GetConfiguration(-1, &config);
    bool served = status == NOERROR && serve(device, [&](const VDC_Command &command,
                                                         unsigned long *bytes) {
                      return medium.execute(command, bytes);
                  });
    set.Close();
    delete device;
    return served;
}

// Starts this program again for one device.
static pid_t start(char **arguments, const std::string &with, const std::string &set_name,
                   const std::string &name, int number) {
    pid_t child = fork();
    if (child == 0) {
        std::string place = std::to_string(number);
        execl("/proc/self/exe", arguments[0], arguments[1], arguments[2], arguments[3],
              with.c_str(), "secondary", set_name.c_str(), name.c_str(), place.c_str(),
              static_cast<char *>(nullptr));
        _exit(127);
    }
    return child;
}

int main(int count, char **arguments) {
    Words words(count, arguments);
    if (!words.sound) return 64;
    if (count >= 9) return secondary(words, arguments[6], arguments[7], arguments[8]) ? 0 : 1;
    const int devices = 2;
    std::vector<std::string> names;
    for (int number = 1; number <= devices; ++number) {
        names.push_back(own_name() + (number > 1 ? "-" + std::to_string(number) : ""));
    }
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = devices;
    ClientVirtualDeviceSet set;
    int status = set.Create(text(names[0]), &config);
    if (status != NOERROR) return say("Create: " + hex(status)), 1;
    Statement statement(sql(words.backup, words.database, names, words.with));
    bool served = configured(set, statement, &config);
    std::vector<pid_t> children;
    for (int number = 1; served && number <= devices; ++number) {
        const std::string &name = names[static_cast<size_t>(number) - 1];
        children.push_back(start(arguments, words.with, names[0], name, number));
    }
    // Nobody but the primary notices when a secondary dies, whichever dies first.
    std::atomic<bool> failed(false);
    std::vector<std::thread> watchers;
    for (pid_t child : children) {
        watchers.emplace_back([&set, &failed, child] {
            int ended = 0;
            if (waitpid(child, &ended, 0) < 0 || !WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
                failed = true;
                set.SignalAbort();
            }
        });
    }
    for (std::thread &watcher : watchers) watcher.join();
    if (failed) served = false;
    if (!served) set.SignalAbort();
    set.Close();
    bool succeeded = statement.wait();
    return served && succeeded ? 0 : 1;
}
