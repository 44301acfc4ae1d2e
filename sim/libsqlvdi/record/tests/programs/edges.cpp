// What clients do at the edges of their lives: it says what each call gave. The first word
// says what to do.

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string>

#include "vdi.h"
#include "vdierror.h"

static void say(const char *what, int status) { printf("%s %08X\n", what, (unsigned)status); }

static int create(ClientVirtualDeviceSet *set, const char *name) {
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    return set->Create(const_cast<char *>(name), &config);
}

static ClientVirtualDeviceSet *left_open = nullptr;

static void cleanup() {
    say("abort", left_open->SignalAbort());
    say("close", left_open->Close());
}

// Closes what is left when the static objects of the program end.
struct Janitor {
    ClientVirtualDeviceSet *set = nullptr;
    ~Janitor() {
        if (set) say("close", set->Close());
    }
};
static Janitor janitor;

// Leaves the set to a cleanup that was registered before or after the first call, or to a
// static object.
static int exits(const std::string &who) {
    if (who == "atexit-before") atexit(cleanup);
    ClientVirtualDeviceSet *set = new ClientVirtualDeviceSet;
    say("create", create(set, "exits"));
    if (who == "atexit-after") atexit(cleanup);
    if (who == "static") janitor.set = set;
    if (who != "static") left_open = set;
    return 0;
}

// The second life of the one object, while another set is recorded where it is to be.
static int again() {
    ClientVirtualDeviceSet one, other;
    say("create", create(&one, "first"));
    say("close", one.Close());
    say("create", create(&other, "second"));
    say("create", create(&one, "third"));
    say("abort", one.SignalAbort());
    say("close", one.Close());
    say("close", other.Close());
    return 0;
}

static int waits() {
    ClientVirtualDeviceSet set;
    VDConfig config;
    say("create", create(&set, "waits"));
    say("wait", set.GetConfiguration(1, &config));
    say("wait", set.GetConfiguration(0, &config));
    say("close", set.Close());
    return 0;
}

// How much of the shared memory that is called so this process has mapped or open.
static int held(const char *prefix) {
    int count = 0;
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) count += strstr(line, prefix) != nullptr;
    if (maps) fclose(maps);
    DIR *files = opendir("/proc/self/fd");
    while (dirent *entry = files ? readdir(files) : nullptr) {
        std::string link = std::string("/proc/self/fd/") + entry->d_name;
        ssize_t length = readlink(link.c_str(), line, sizeof line - 1);
        line[length < 0 ? 0 : length] = 0;
        count += strstr(line, prefix) != nullptr;
    }
    if (files) closedir(files);
    return count;
}

// Does what the server wants, closes, deletes nothing, and goes on calling.
static int lets_go(const char *prefix) {
    ClientVirtualDeviceSet *set = new ClientVirtualDeviceSet;
    ClientVirtualDevice *device = nullptr;
    VDC_Command *command = nullptr;
    VDConfig config;
    say("create", create(set, "lets-go"));
    say("configuration", set->GetConfiguration(-1, &config));
    say("open", set->OpenDevice(const_cast<char *>("lets-go"), &device));
    int status;
    while ((status = device->GetCommand(-1, &command)) == NOERROR) {
        say("complete", device->CompleteCommand(command, ERROR_SUCCESS, 0, 0));
    }
    say("command", status);
    printf("holds %s\n", held(prefix) ? "something" : "nothing");
    say("close", set->Close());
    printf("holds %s\n", held(prefix) ? "something" : "nothing");
    say("command", device->GetCommand(0, &command));
    say("close", set->Close());
    return 0;
}

int main(int count, char **words) {
    const std::string what = count > 1 ? words[1] : "";
    if (what == "exits" && count > 2) return exits(words[2]);
    if (what == "again") return again();
    if (what == "waits") return waits();
    if (what == "lets-go" && count > 2) return lets_go(words[2]);
    return 64;
}
