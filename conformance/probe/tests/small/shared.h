// What a client process and the server process share: one object in /dev/shm for each set, which
// begins with a Shared and goes on with the buffers. Both sides look at it and change it under one
// robust mutex; every change moves the word `changes` on, and wakes whoever sleeps on that word.

#ifndef SMALL_SHARED_H
#define SMALL_SHARED_H

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "vdi.h"
#include "vdierror.h"

namespace small {

const uint32_t LAYOUT = 0x53564D31;    // changes with the layout of what is shared
const int DEPTH = 64;                  // commands that a device's queue holds
const int DEVICES = 64;
const size_t NAME = 512;               // bytes of a device's name, its end included
const size_t BUFFERS_AT = 1024 * 1024; // where the buffers begin
const long TICK = 20000;               // microseconds between two looks whether the others live

// A process: numbers are used again, the moment of its start is not.
struct Process {
    int32_t number;
    uint64_t start;
};

enum SlotState : uint32_t { FREE, QUEUED, HELD, DONE };

// One command on its way: the server queues it, the client holds it, and then it is done.
struct Slot {
    SlotState state;
    int32_t command, size;
    int64_t position;
    int32_t buffer;      // its number, or -1
    uint64_t turn;       // commands are delivered in the order of these
    int32_t code;        // with DONE: what the client made of it
    uint64_t bytes;
    int64_t out_position;
};

struct Device {
    char name[NAME];     // of the first: that of the set, which each side knows
    bool opened;         // by a client
    bool ended;          // by the server
    bool seen;           // the client has been told VD_E_CLOSE
    bool errored;        // only ClearError is delivered
    Slot slots[DEPTH];
};

struct Shared {
    uint32_t layout;
    std::atomic<uint32_t> changes;
    pthread_mutex_t mutex;
    Process client, server;
    bool aborted;
    bool configured;     // by the server
    bool read;           // the primary client has read the configuration
    bool client_closed, server_closed;
    VDConfig config;
    uint64_t first, stride;  // where the data of buffer 0 lies, and how far it is to the next
    uint32_t buffers;
    uint64_t area;       // bytes of all buffers
    uint32_t mark;       // in every buffer handle of this set, and of no other for long
    bool handed[DEPTH];  // a handle of this buffer was given
    Device devices[DEVICES];
};
static_assert(sizeof(Shared) <= BUFFERS_AT, "the buffers lie behind it");

// Microseconds, of a clock that nobody sets.
inline int64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

// When a process was started, in ticks of the kernel; 0 if none of that number lives.
inline uint64_t start_of(int32_t number) {
    char path[40], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", number);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t got = ::read(file, text, sizeof text - 1);
    close(file);
    text[got > 0 ? got : 0] = 0;
    const char *fields = strrchr(text, ')');  // behind the program's name, which may be anything
    char state = 0;
    long threads = 0;
    unsigned long long start = 0;
    if (!fields || sscanf(fields, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
                          "%*d %*d %ld %*d %llu", &state, &threads, &start) != 3) return 0;
    // A process whose first thread has ended looks like a dead one, but has others.
    bool dead = (state == 'Z' || state == 'X') && threads <= 1;
    return dead ? 0 : start;
}

inline Process this_process() { return {getpid(), start_of(getpid())}; }

inline bool lives(const Process &process) { return start_of(process.number) == process.start; }

// The file of a set's object: what cannot stand in a file's name is written as %XX, and a name
// that is too long then ends in a number made of the whole.
inline std::string path_of(const std::string &name) {
    std::string text;
    uint64_t whole = 14695981039346656037u;
    for (unsigned char letter : name) {
        char coded[4];
        bool plain = (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
                     (letter >= 'a' && letter <= 'z') || letter == '-' || letter == '_';
        snprintf(coded, sizeof coded, plain ? "%c" : "%%%02X", letter);
        text += coded;
        whole = (whole ^ letter) * 1099511628211u;
    }
    if (text.size() > 180) text = text.substr(0, 150) + "~" + std::to_string(whole);
    return "/dev/shm/small-vdi." + text;
}

// Takes the name from an object, if it has it still. Only who has locked an object may, so that
// nobody takes away the name of one that was made in between.
inline void unlink_object(const std::string &path, int file) {
    while (flock(file, LOCK_EX) != 0 && errno == EINTR) {}
    struct stat here, there;
    if (fstat(file, &here) == 0 && stat(path.c_str(), &there) == 0 && here.st_ino == there.st_ino &&
        here.st_dev == there.st_dev) {
        unlink(path.c_str());
    }
    flock(file, LOCK_UN);
}

// The lock of a set. If a process died with it, what is shared may be half changed: an abort.
class Locked {
public:
    explicit Locked(Shared *shared) : shared(shared) { lock(); }
    ~Locked() { pthread_mutex_unlock(&shared->mutex); }

    // Something has changed: whoever sleeps looks again.
    void changed() {
        ++shared->changes;
        syscall(SYS_futex, &shared->changes, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
    }

    void abort() {
        if (shared->aborted) return;
        shared->aborted = true;
        changed();
    }

    // Without the lock, until something changes, or so many microseconds have passed.
    void sleep(long microseconds) {
        uint32_t seen = shared->changes;
        timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
        pthread_mutex_unlock(&shared->mutex);
        syscall(SYS_futex, &shared->changes, FUTEX_WAIT, seen, &time, nullptr, 0);
        lock();
    }

private:
    void lock() {
        if (pthread_mutex_lock(&shared->mutex) == EOWNERDEAD) {
            pthread_mutex_consistent(&shared->mutex);
            abort();
        }
    }

    Shared *shared;
};

// Maps a part of the object at an address that is a multiple of 64 KiB, as the alignment of a
// buffer may be.
inline uint8_t *map_object(int file, size_t from, size_t size) {
    const size_t most = 65536;
    void *room = mmap(nullptr, size + most, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) return nullptr;
    uintptr_t begin = reinterpret_cast<uintptr_t>(room), at = (begin + most - 1) / most * most;
    uintptr_t end = (at + size + 4095) / 4096 * 4096, room_end = (begin + size + most + 4095) / 4096 * 4096;
    if (at > begin) munmap(room, at - begin);
    if (room_end > end) munmap(reinterpret_cast<void *>(end), room_end - end);
    void *mapped = mmap(reinterpret_cast<void *>(at), size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_FIXED, file, static_cast<off_t>(from));
    if (mapped == MAP_FAILED) return munmap(reinterpret_cast<void *>(at), end - at), nullptr;
    return static_cast<uint8_t *>(mapped);
}

}  // namespace small

#endif
