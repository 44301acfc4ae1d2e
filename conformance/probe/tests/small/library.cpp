// The client's half of the Virtual Device Interface, small, and written from the header and the
// documents alone: nothing in it is of the stand-in library, so that the probe is put to the test
// with something else than what it was made with. What a set is lies in shared memory (shared.h);
// here is what one process has of it.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <vector>

#include "shared.h"

using namespace small;

// A device that this process has opened. It belongs to its ClientVirtualDevice and outlives
// Close, which takes its set away.
class CVD {
public:
    CVDS *set;
    Device *device;
    VDC_Command commands[DEPTH];  // what the program sees of each slot
    bool held[DEPTH];
    bool deleted;                 // its ClientVirtualDevice is, so that Close frees this
};

// A set that this process has open.
class CVDS {
public:
    std::string name;
    bool primary;
    bool read;         // this process knows the configuration
    pid_t process;     // a forked child has no set of its parent's
    int file;
    Shared *shared;
    uint8_t *buffers;  // null until the configuration is read
    size_t area;
    bool mapped[DEPTH];  // by MapBufferHandle, here
    int calls;         // that are going on
    bool left;         // Close has begun
    std::mutex own;    // of the devices; taken last
    std::set<CVD *> devices;

    ~CVDS() {
        if (buffers) munmap(buffers, area);
        if (shared) munmap(shared, BUFFERS_AT);
        if (file >= 0) close(file);
    }

    bool map_buffers() {
        if (buffers) return true;
        area = shared->area;
        buffers = map_object(file, BUFFERS_AT, area);
        return buffers != nullptr;
    }

    // Looks whether the others live; whoever has gone without Close has aborted the set.
    void watch(Locked &lock) {
        bool server_died = shared->server.number && !shared->server_closed && !lives(shared->server);
        bool client_died = !primary && !shared->client_closed && !lives(shared->client);
        if (server_died || client_died) lock.abort();
    }

    // Until `look` has something to tell, or the time-out (milliseconds; negative: never) passes.
    template <typename Look>
    int wait(Locked &lock, time_t time_out, Look look) {
        const bool for_ever = time_out < 0 || time_out > INT64_MAX / 2000;
        const int64_t end = for_ever ? INT64_MAX : now() + time_out * 1000;
        for (;;) {
            watch(lock);
            int status = look();
            if (status != VD_E_TIMEOUT) return status;
            int64_t left = end - now();
            if (left <= 0) return VD_E_TIMEOUT;
            lock.sleep(left < TICK ? static_cast<long>(left) : TICK);
        }
    }

    // Whether this process has opened the device.
    bool has(const Device &device) {
        std::lock_guard<std::mutex> lock(own);
        for (const CVD *mine : devices) {
            if (mine->device == &device) return true;
        }
        return false;
    }

    int devices_with(bool Device::*what) const {
        int count = 0;
        for (uint32_t index = 0; index < shared->config.deviceCount; ++index) {
            count += shared->devices[index].*what;
        }
        return count;
    }
    bool all(bool Device::*what) const {
        return devices_with(what) == static_cast<int>(shared->config.deviceCount);
    }
};

namespace {

// What the interfaces of this process point at is looked at and changed under this.
std::mutex interfaces;
std::condition_variable call_ended;

// The names of the sets that this process has open. Never destroyed: sets may be global.
std::set<std::string> &open_names() {
    static std::set<std::string> *names = new std::set<std::string>;
    static pid_t process = getpid();
    if (process != getpid()) {
        names->clear();
        process = getpid();
    }
    return *names;
}

// A fork waits until no thread is between two of the interfaces.
__attribute__((constructor)) void survive_forks() {
    pthread_atfork([] { interfaces.lock(); }, [] { interfaces.unlock(); }, [] { interfaces.unlock(); });
}

// A call on a set that is open, which Close waits for; without one it has no set.
class Call {
public:
    explicit Call(CVDS *const &of) : set(nullptr) {
        std::lock_guard<std::mutex> lock(interfaces);
        begin(of);
    }
    explicit Call(CVD *const &device) : set(nullptr) {
        std::lock_guard<std::mutex> lock(interfaces);
        begin(device ? device->set : nullptr);
    }
    ~Call() {
        if (!set) return;
        std::lock_guard<std::mutex> lock(interfaces);
        if (--set->calls == 0) call_ended.notify_all();
    }
    CVDS *set;

private:
    void begin(CVDS *of) {
        if (!of || of->process != getpid()) return;
        set = of;
        ++set->calls;
    }
};

bool power_of_2(uint32_t number) { return number && (number & (number - 1)) == 0; }

bool sound(const VDConfig &config) {
    const uint32_t optional = VDF_Discard | VDF_SnapshotPrepare | VDF_EnumFrozenFiles |
                              VDF_VSSWriter | VDF_RequestComplete;
    const uint32_t kind = config.features & ~optional, no_change = kind & ~uint32_t(VDF_Removable);
    if (config.deviceCount < 1 || config.deviceCount > DEVICES) return false;
    if (kind != VDF_LikeTape && no_change != VDF_LikePipe && no_change != VDF_LikeDisk) return false;
    if (config.alignment && (!power_of_2(config.alignment) || config.alignment > 65536)) return false;
    return !config.softFileMarkBlockSize || (config.features & VDF_FileMarks);
}

// Of an error of the system.
int status_of(int error) {
    if (error == EACCES || error == EPERM || error == EROFS) return VD_E_SECURITY;
    return error == ENOENT ? VD_E_PROTOCOL : VD_E_MEMORY;
}

// An object without a name, with a set as Create leaves it; 0, or an error of the system.
int make_object(CVDS &set, const VDConfig &config) {
    set.file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0660);
    if (set.file < 0) return errno == ENOENT ? ENOMEM : errno;
    if (ftruncate(set.file, BUFFERS_AT) != 0) return errno;
    if (int error = posix_fallocate(set.file, 0, sizeof(Shared))) return error;
    uint8_t *mapped = map_object(set.file, 0, BUFFERS_AT);
    if (!mapped) return ENOMEM;
    Shared *shared = set.shared = new (mapped) Shared;
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    struct stat known;
    fstat(set.file, &known);
    shared->layout = LAYOUT;
    shared->mark = static_cast<uint32_t>(known.st_ino) & 0xFFFFFF;
    shared->client = this_process();
    shared->config = config;
    shared->config.blockSize = shared->config.maxIODepth = 0;
    shared->config.maxTransferSize = shared->config.bufferAreaSize = 0;
    return 0;
}

// Opens the object of a name.
int open_object(CVDS &set) {
    set.file = open(path_of(set.name).c_str(), O_RDWR | O_CLOEXEC);
    if (set.file < 0) return status_of(errno);
    set.shared = reinterpret_cast<Shared *>(map_object(set.file, 0, BUFFERS_AT));
    if (!set.shared) return VD_E_MEMORY;
    return set.shared->layout == LAYOUT ? NOERROR : VD_E_PROTOCOL;
}

// Gives the object its name, unless a set that lives has it. What a dead process has left is
// cleared away.
int name_object(const CVDS &set) {
    const std::string path = path_of(set.name), own = "/proc/self/fd/" + std::to_string(set.file);
    for (;;) {
        if (linkat(AT_FDCWD, own.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) return NOERROR;
        if (errno != EEXIST) return status_of(errno);
        CVDS other{};
        other.name = set.name;
        int status = open_object(other);
        if (status == VD_E_PROTOCOL && other.file < 0) continue;  // it has just gone
        if (status != NOERROR) return status;
        if (lives(other.shared->client)) return VD_E_PROTOCOL;
        unlink_object(path, other.file);
    }
}

// In the other processes' eyes the set is closed by this one.
int leave(CVDS &set) {
    Shared *shared = set.shared;
    Locked lock(shared);
    set.watch(lock);
    set.left = true;
    bool open = false;
    for (const Device &device : shared->devices) {
        bool own = set.primary || set.has(device);
        open = open || (own && device.opened && !device.seen);
    }
    const bool finished = set.all(&Device::opened) && set.all(&Device::seen);
    const int status = open && !shared->aborted ? VD_E_OPEN : NOERROR;
    if (open || (set.primary && !finished)) lock.abort();
    if (!set.primary) return status;
    // What the client holds still, though all devices have ended, nobody completes any more.
    for (Device &device : shared->devices) {
        for (Slot &slot : device.slots) {
            if (slot.state != HELD) continue;
            slot.state = DONE;
            slot.code = ERROR_OPERATION_ABORTED;
            slot.bytes = 0;
        }
    }
    shared->client_closed = true;
    lock.changed();
    return status;
}

// Gives back what this process has of a set; its devices are of no set any more.
void forget(CVDS *set) {
    for (CVD *device : set->devices) {
        device->set = nullptr;
        if (device->deleted) delete device;
    }
    delete set;
}

// The next command of a device: what GetCommand has to tell now, VD_E_TIMEOUT for nothing.
int next(CVD &cvd, Locked &lock, VDC_Command **command) {
    Device &device = *cvd.device;
    if (cvd.set->shared->aborted) return VD_E_ABORT;
    if (device.seen) return VD_E_CLOSE;
    Slot *first = nullptr;
    bool any_held = false;
    for (Slot &slot : device.slots) {
        any_held = any_held || slot.state == HELD;
        if (slot.state == QUEUED && (!first || slot.turn < first->turn)) first = &slot;
    }
    if (!first && device.ended) {
        device.seen = true;
        lock.changed();
        return VD_E_CLOSE;
    }
    if (!first || (device.errored && any_held)) return VD_E_TIMEOUT;
    first->state = HELD;
    const long index = first - device.slots;
    VDC_Command &shown = cvd.commands[index];
    shown.commandCode = first->command;
    shown.size = first->size;
    shown.position = first->position;
    const Shared *shared = cvd.set->shared;
    shown.buffer = first->buffer < 0 ? nullptr
        : cvd.set->buffers + shared->first + shared->stride * static_cast<uint64_t>(first->buffer);
    cvd.held[index] = true;
    *command = &shown;
    lock.changed();
    return NOERROR;
}

// The number of the buffer whose data zone is at this address here, or -1.
int buffer_at(const CVDS &set, const uint8_t *address) {
    for (uint32_t number = 0; set.buffers && number < set.shared->buffers; ++number) {
        if (set.buffers + set.shared->first + set.shared->stride * number == address) {
            return static_cast<int>(number);
        }
    }
    return -1;
}

}  // namespace

ClientVirtualDeviceSet::ClientVirtualDeviceSet() : cvds(nullptr) {}

ClientVirtualDeviceSet::~ClientVirtualDeviceSet() { Close(); }

int ClientVirtualDeviceSet::Create(char *name, VDConfig *config) {
    std::lock_guard<std::mutex> lock(interfaces);
    if (cvds && cvds->process == getpid()) return VD_E_PROTOCOL;
    if (!name || !*name || strchr(name, '\\') || !config) return VD_E_INVALID;
    if (!sound(*config)) return VD_E_NOTSUPPORTED;
    if (open_names().count(name)) return VD_E_PROTOCOL;
    std::unique_ptr<CVDS> set(new CVDS{});
    set->name = name;
    set->primary = true;
    set->process = getpid();
    if (int error = make_object(*set, *config)) return status_of(error);
    int status = name_object(*set);
    if (status != NOERROR) return status;
    open_names().insert(name);
    cvds = set.release();
    return NOERROR;
}

int ClientVirtualDeviceSet::OpenInSecondary(char *name) {
    std::lock_guard<std::mutex> lock(interfaces);
    if (cvds && cvds->process == getpid()) return VD_E_PROTOCOL;
    if (!name) return VD_E_INVALID;
    if (open_names().count(name)) return VD_E_PROTOCOL;
    std::unique_ptr<CVDS> set(new CVDS{});
    set->name = name;
    set->process = getpid();
    int status = open_object(*set);
    if (status != NOERROR) return status;
    Locked shared_lock(set->shared);
    set->watch(shared_lock);
    if (set->shared->client_closed) return VD_E_PROTOCOL;
    if (set->shared->aborted) return VD_E_ABORT;
    if (!set->shared->read) return VD_E_PROTOCOL;
    if (!set->map_buffers()) return VD_E_MEMORY;
    set->read = true;
    open_names().insert(name);
    cvds = set.release();
    return NOERROR;
}

int ClientVirtualDeviceSet::GetConfiguration(time_t timeOut, VDConfig *config) {
    Call call(cvds);
    if (!call.set) return VD_E_PROTOCOL;
    if (!config) return VD_E_INVALID;
    Shared *shared = call.set->shared;
    Locked lock(shared);
    return call.set->wait(lock, timeOut, [&]() -> int {
        if (shared->aborted) return VD_E_ABORT;
        if (!shared->configured) return VD_E_TIMEOUT;
        if (!call.set->map_buffers()) return VD_E_MEMORY;
        call.set->read = true;
        if (call.set->primary) shared->read = true;
        *config = shared->config;
        return NOERROR;
    });
}

int ClientVirtualDeviceSet::OpenDevice(char *name, ClientVirtualDevice **device) {
    if (device) *device = nullptr;
    Call call(cvds);
    if (!call.set) return VD_E_PROTOCOL;
    if (!device) return VD_E_INVALID;
    Shared *shared = call.set->shared;
    Locked lock(shared);
    call.set->watch(lock);
    if (shared->aborted) return VD_E_ABORT;
    if (!call.set->read || call.set->left || call.set->all(&Device::seen)) return VD_E_PROTOCOL;
    if (call.set->all(&Device::opened)) return VD_E_OPEN;
    if (!name) return VD_E_INVALID;
    // The first device bears the name of the set.
    Device *found = call.set->name == name ? &shared->devices[0] : nullptr;
    for (uint32_t index = 1; index < shared->config.deviceCount; ++index) {
        if (strcmp(shared->devices[index].name, name) == 0) found = &shared->devices[index];
    }
    if (!found) return VD_E_INVALID;
    if (found->opened) return VD_E_PROTOCOL;
    ClientVirtualDevice *made = new ClientVirtualDevice;
    made->cvd = new CVD{};
    made->cvd->set = call.set;
    made->cvd->device = found;
    std::lock_guard<std::mutex> own_lock(call.set->own);
    call.set->devices.insert(made->cvd);
    found->opened = true;
    lock.changed();
    *device = made;
    return NOERROR;
}

int ClientVirtualDeviceSet::Close() {
    CVDS *set;
    {
        std::lock_guard<std::mutex> lock(interfaces);
        set = cvds;
        cvds = nullptr;
        if (set && set->process != getpid()) {
            forget(set);  // a forked child: its parent has the set
            set = nullptr;
        }
    }
    if (!set) return VD_E_PROTOCOL;
    int status = leave(*set);
    std::unique_lock<std::mutex> lock(interfaces);
    call_ended.wait(lock, [set] { return set->calls == 0; });
    open_names().erase(set->name);
    if (set->primary) unlink_object(path_of(set->name), set->file);
    forget(set);
    return status;
}

int ClientVirtualDeviceSet::SignalAbort() {
    Call call(cvds);
    if (!call.set) return VD_E_PROTOCOL;
    Locked(call.set->shared).abort();
    return NOERROR;
}

int ClientVirtualDeviceSet::GetBufferHandle(uint8_t *buffer, unsigned int *handle) {
    Call call(cvds);
    if (!call.set) return VD_E_PROTOCOL;
    if (!handle) return VD_E_INVALID;
    Shared *shared = call.set->shared;
    Locked lock(shared);
    call.set->watch(lock);
    if (shared->aborted) return VD_E_ABORT;
    const int number = buffer_at(*call.set, buffer);
    if (number < 0) return VD_E_INVALID;
    for (const Device &device : shared->devices) {
        bool here = call.set->mapped[number] || call.set->has(device);
        for (const Slot &slot : device.slots) {
            if (!here || slot.state != HELD || slot.buffer != number) continue;
            shared->handed[number] = true;
            *handle = shared->mark << 7 | static_cast<uint32_t>(number + 1);
            return NOERROR;
        }
    }
    return VD_E_INVALID;
}

int ClientVirtualDeviceSet::MapBufferHandle(int handle, uint8_t **buffer) {
    Call call(cvds);
    if (!call.set) return VD_E_PROTOCOL;
    if (!buffer) return VD_E_INVALID;
    Shared *shared = call.set->shared;
    Locked lock(shared);
    call.set->watch(lock);
    if (shared->aborted) return VD_E_ABORT;
    const uint32_t number = (static_cast<uint32_t>(handle) & 0x7F) - 1;
    if (static_cast<uint32_t>(handle) >> 7 != shared->mark || number >= shared->buffers) return VD_E_INVALID;
    if (!shared->handed[number] || !call.set->buffers) return VD_E_INVALID;
    call.set->mapped[number] = true;
    *buffer = call.set->buffers + shared->first + shared->stride * number;
    return NOERROR;
}

void ClientVirtualDeviceSet::RegisterDeviceClosed() {}

ClientVirtualDevice::ClientVirtualDevice() : cvd(nullptr) {}

ClientVirtualDevice::~ClientVirtualDevice() {
    std::lock_guard<std::mutex> lock(interfaces);
    if (cvd && cvd->set) {
        cvd->deleted = true;  // the device is open until Close all the same
    } else {
        delete cvd;
    }
}

int ClientVirtualDevice::GetCommand(time_t timeOut, VDC_Command **command) {
    if (command) *command = nullptr;
    Call call(cvd);
    if (!call.set) return VD_E_PROTOCOL;
    if (!command) return VD_E_INVALID;
    Locked lock(call.set->shared);
    return call.set->wait(lock, timeOut, [&] { return next(*cvd, lock, command); });
}

int ClientVirtualDevice::CompleteCommand(VDC_Command *command, int completionCode,
                                         unsigned long bytesTransferred, int64_t position) {
    Call call(cvd);
    if (!call.set) return VD_E_PROTOCOL;
    Locked lock(call.set->shared);
    call.set->watch(lock);
    Device &device = *cvd->device;
    if (call.set->shared->aborted) return VD_E_ABORT;
    if (device.seen) return VD_E_PROTOCOL;
    int index = 0;
    while (index < DEPTH && &cvd->commands[index] != command) ++index;
    if (index == DEPTH || !cvd->held[index]) return VD_E_INVALID;
    cvd->held[index] = false;
    Slot &slot = device.slots[index];
    slot.state = DONE;
    slot.code = completionCode;
    slot.bytes = bytesTransferred;
    slot.out_position = position;
    if (completionCode != ERROR_SUCCESS && !device.errored) {
        // Only ClearError leads out of it; what the client has not been given ends here.
        device.errored = true;
        for (Slot &other : device.slots) {
            if (other.state != QUEUED) continue;
            other.state = DONE;
            other.code = ERROR_IO_DEVICE;
            other.bytes = 0;
        }
    }
    lock.changed();
    return NOERROR;
}
