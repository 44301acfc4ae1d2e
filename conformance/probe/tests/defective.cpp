// A client library with one thing wrong on purpose: it hands every call on to the one that
// ORIGINAL names, and does what DEFECT names otherwise. Built with the published header, as
// a library that is probed:
//   g++ -std=c++11 -shared -fPIC -pthread -I include defective.cpp -ldl -o libsqlvdi.so

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "vdi.h"
#include "vdierror.h"

// What the original is called by.
namespace {

typedef void (*Special)(void *);
typedef int (*OfSet)(void *);
typedef int (*Named)(void *, char *);
typedef int (*CreateCall)(void *, char *, VDConfig *);
typedef int (*ConfigurationCall)(void *, time_t, VDConfig *);
typedef int (*OpenCall)(void *, char *, void **);
typedef int (*HandleCall)(void *, uint8_t *, unsigned int *);
typedef int (*MapCall)(void *, int, uint8_t **);
typedef int (*GetCall)(void *, time_t, VDC_Command **);
typedef int (*CompleteCall)(void *, VDC_Command *, int, unsigned long, int64_t);

template <typename Function>
Function original(const char *symbol) {
    static void *library = dlopen(getenv("ORIGINAL"), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    Function function = library ? reinterpret_cast<Function>(dlsym(library, symbol)) : nullptr;
    if (!function) {
        fprintf(stderr, "defective: %s\n", dlerror());
        _exit(69);
    }
    return function;
}

bool is(const char *defect) {
    static const char *chosen = getenv("DEFECT");
    return chosen && !strcmp(chosen, defect);
}

void hang() {
    for (;;) pause();
}

int wait_of(time_t *time) {
    if (is("time-outs-are-seconds") && *time > 0) *time *= 1000;
    if (is("time-outs-are-halved") && *time > 1) *time /= 2;
    if (is("for-ever-is-a-moment") && *time < 0) *time = 60;
    return 0;
}

std::mutex guard;

// Waits for a configuration that are in progress.
std::atomic<int> waiting(0);

}  // namespace

// One set, and what a defect remembers of it.
class CVDS {
public:
    CVDS() : created(false), aborted(false), ever_aborted(false), configured(false),
             secondary(false), random(false), devices(0), opened(nullptr) {
        memset(object, 0, sizeof object);
        memset(&first, 0, sizeof first);
    }
    uint64_t object[16];
    bool created, aborted, ever_aborted, configured, secondary, random;
    unsigned devices;
    ClientVirtualDevice *opened;
    VDConfig first;
};

// One device, and what a defect remembers of it.
class CVD {
public:
    CVD() : object(nullptr), set(nullptr), count(0), ended(false), last(nullptr) {}
    void *object;
    CVDS *set;
    unsigned count;
    bool ended;
    VDC_Command *last;
    VDC_Command copy;
    // Commands that were given otherwise than they came, by where their copies lie.
    std::map<VDC_Command *, VDC_Command *> meant;
};

ClientVirtualDeviceSet::ClientVirtualDeviceSet() : cvds(new CVDS) {
    original<Special>("_ZN22ClientVirtualDeviceSetC1Ev")(cvds->object);
}

ClientVirtualDeviceSet::~ClientVirtualDeviceSet() {
    original<Special>("_ZN22ClientVirtualDeviceSetD1Ev")(cvds->object);
    delete cvds;
}

int ClientVirtualDeviceSet::Create(char *name, VDConfig *config) {
    VDConfig asked = *config;
    if (is("create-takes-65-devices") && asked.deviceCount > 64) asked.deviceCount = 64;
    if (is("create-takes-no-device") && asked.deviceCount == 0) asked.deviceCount = 1;
    if (is("create-takes-unknown-features")) asked.features &= 0x3FFFu;
    if (is("create-drops-features")) asked.features = 0;
    if (is("create-drops-alignment")) asked.alignment = 0;
    if (is("create-drops-prefix-zone")) asked.prefixZoneSize = 0;
    if (is("create-drops-server-time-out")) asked.serverTimeOut = 0;
    if (is("create-adds-a-feature")) asked.features |= VDF_Discard;
    int made = original<CreateCall>("_ZN22ClientVirtualDeviceSet6CreateEPcP8VDConfig")(
        cvds->object, name, &asked);
    bool had = cvds->created;
    if (made == NOERROR) {
        cvds->created = true;
        cvds->aborted = cvds->configured = false;
        cvds->random = asked.features & VDF_RandomAccess;
        cvds->devices = 0;
    } else if (is("create-twice-succeeds") && had) {
        return NOERROR;
    } else if (is("create-of-a-taken-name-succeeds") && !had && config->deviceCount == 1) {
        return NOERROR;
    } else if (is("create-refuses-with-another-code")) {
        return VD_E_TIMEOUT;
    }
    if (is("create-fails-at-first") && made == NOERROR) {
        Close();
        return VD_E_MEMORY;
    }
    if (is("create-answers-protocol-in-a-second-life") && made == NOERROR && cvds->ever_aborted) {
        Close();
        return VD_E_PROTOCOL;
    }
    return made;
}

int ClientVirtualDeviceSet::GetConfiguration(time_t time, VDConfig *config) {
    if (is("configuration-does-not-wait")) time = 0;
    if (is("configuration-poll-blocks") && time == 0) time = -1;
    if (is("abort-is-kept-for-the-next-life") && cvds->ever_aborted) return VD_E_ABORT;
    if (is("configuration-without-a-set-times-out") && !cvds->created) return VD_E_TIMEOUT;
    wait_of(&time);
    if (is("configuration-forgets-an-abort") && cvds->aborted) return VD_E_TIMEOUT;
    if (is("configuration-waits-on-after-an-abort") && cvds->aborted && time < 0) hang();
    bool waits = is("second-waiter-times-out") && time > 1000;
    if (waits && waiting.fetch_add(1) > 0) {
        usleep(time * 1000);
        waiting -= 1;
        return VD_E_TIMEOUT;
    }
    int made = original<ConfigurationCall>("_ZN22ClientVirtualDeviceSet16GetConfigurationElP8VDConfig")(
        cvds->object, time, config);
    if (waits) waiting -= 1;
    if (made == NOERROR && is("unmapped-memory-is-told-late")) {
        original<OfSet>("_ZN22ClientVirtualDeviceSet11SignalAbortEv")(cvds->object);
        config->features = 0x10000;
    }
    if (made == NOERROR) {
        if (is("configuration-has-another-count")) config->deviceCount += 1;
        if (is("configuration-has-no-alignment")) config->alignment = 0;
        if (is("configuration-lacks-features")) config->features &= 0x70000u;
        if (is("configuration-lacks-the-server")) config->features &= ~0x70000u;
        if (is("configuration-changes") && cvds->configured) config->maxTransferSize *= 2;
        if (is("configuration-drops-what-was-asked")) config->serverTimeOut = 1;
        if (is("configuration-of-the-first-life")) {
            if (cvds->first.deviceCount) *config = cvds->first;
            cvds->first = *config;
        }
        cvds->configured = true;
    }
    if (is("configuration-times-out-with-an-abort") && made == VD_E_TIMEOUT) return VD_E_ABORT;
    if (is("configuration-is-aborted-once") && made == NOERROR) return VD_E_ABORT;
    if (is("configuration-abort-is-protocol") && made == VD_E_ABORT) return VD_E_PROTOCOL;
    return made;
}

int ClientVirtualDeviceSet::OpenDevice(char *name, ClientVirtualDevice **device) {
    void *given = nullptr;
    int made = original<OpenCall>("_ZN22ClientVirtualDeviceSet10OpenDeviceEPcPP19ClientVirtualDevice")(
        cvds->object, name, &given);
    if (is("open-before-configuration-answers-invalid") && made == VD_E_PROTOCOL) return VD_E_INVALID;
    if (is("open-after-an-abort-answers-protocol") && made == VD_E_ABORT) return VD_E_PROTOCOL;
    if (is("open-surplus-answers-protocol") && made == VD_E_OPEN) return VD_E_PROTOCOL;
    if (is("open-again-succeeds") && made != NOERROR && cvds->opened) {
        *device = cvds->opened;
        return NOERROR;
    }
    if (is("open-gives-nothing") && made == NOERROR) {
        *device = nullptr;
        return NOERROR;
    }
    if (made != NOERROR) return made;
    if (is("open-fails-all-the-same")) return VD_E_INVALID;
    ClientVirtualDevice *opened = new ClientVirtualDevice;
    opened->cvd->object = given;
    opened->cvd->set = cvds;
    cvds->devices += 1;
    cvds->opened = opened;
    *device = opened;
    return made;
}

int ClientVirtualDeviceSet::Close() {
    OfSet close = original<OfSet>("_ZN22ClientVirtualDeviceSet5CloseEv");
    if (is("close-hangs") && cvds->configured) hang();
    if (is("close-crashes") && cvds->configured) abort();
    if (is("close-is-not-passed-on") && cvds->created && !cvds->secondary) return NOERROR;
    if (is("close-aborts-always") && cvds->secondary) SignalAbort();
    int made = close(cvds->object);
    bool had = cvds->created;
    cvds->created = false;
    cvds->opened = nullptr;
    if (is("close-frees-nothing") && had) {
        for (int count = 0; count < 2; ++count) {
            int file = open("/dev/zero", O_RDWR);
            if (mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED) return made;
        }
    }
    if (is("close-without-a-set-succeeds") && made == VD_E_PROTOCOL) return NOERROR;
    if (is("close-with-open-devices-succeeds") && made == VD_E_OPEN) return NOERROR;
    if (is("close-in-order-answers-open") && made == NOERROR && cvds->configured) return VD_E_OPEN;
    return made;
}

int ClientVirtualDeviceSet::SignalAbort() {
    if (is("abort-is-not-passed-on") && cvds->created) return NOERROR;
    if (is("abort-twice-is-refused") && cvds->aborted) return VD_E_PROTOCOL;
    if (is("abort-answers-abort") && cvds->created) {
        original<OfSet>("_ZN22ClientVirtualDeviceSet11SignalAbortEv")(cvds->object);
        return VD_E_ABORT;
    }
    int made = original<OfSet>("_ZN22ClientVirtualDeviceSet11SignalAbortEv")(cvds->object);
    if (made == NOERROR) cvds->aborted = cvds->ever_aborted = true;
    if (is("abort-without-a-set-succeeds")) return NOERROR;
    return made;
}

int ClientVirtualDeviceSet::OpenInSecondary(char *name) {
    int made = original<Named>("_ZN22ClientVirtualDeviceSet15OpenInSecondaryEPc")(cvds->object, name);
    bool had = cvds->created;
    if (made == NOERROR) cvds->created = cvds->secondary = true;
    if (is("secondary-of-nothing-succeeds") && !had) return NOERROR;
    if (is("secondary-twice-succeeds") && had) return NOERROR;
    if (is("secondary-after-an-abort-answers-protocol") && made == VD_E_ABORT) return VD_E_PROTOCOL;
    if (is("secondary-is-never-ready") && made == NOERROR) return VD_E_PROTOCOL;
    return made;
}

int ClientVirtualDeviceSet::GetBufferHandle(uint8_t *buffer, unsigned int *handle) {
    int made = original<HandleCall>("_ZN22ClientVirtualDeviceSet15GetBufferHandleEPhPj")(
        cvds->object, buffer, handle);
    if (is("stray-buffer-has-a-handle") && made == VD_E_INVALID) return NOERROR;
    if (is("buffer-has-no-handle") && made == NOERROR) return VD_E_INVALID;
    if (is("handle-without-a-set-is-invalid") && made == VD_E_PROTOCOL) return VD_E_INVALID;
    if (is("handle-is-another") && made == NOERROR) *handle += 1;
    return made;
}

int ClientVirtualDeviceSet::MapBufferHandle(int handle, uint8_t **buffer) {
    int made = original<MapCall>("_ZN22ClientVirtualDeviceSet15MapBufferHandleEiPPh")(
        cvds->object, handle, buffer);
    if (is("stray-handle-is-mapped") && made == VD_E_INVALID) {
        *buffer = reinterpret_cast<uint8_t *>(cvds->object);
        return NOERROR;
    }
    if (is("map-without-a-set-is-invalid") && made == VD_E_PROTOCOL) return VD_E_INVALID;
    if (is("map-gives-other-memory") && made == NOERROR) {
        *buffer = static_cast<uint8_t *>(calloc(1, 4 << 20));
    }
    return made;
}

void ClientVirtualDeviceSet::RegisterDeviceClosed() {}

ClientVirtualDevice::ClientVirtualDevice() : cvd(new CVD) {}
ClientVirtualDevice::~ClientVirtualDevice() { delete cvd; }

int ClientVirtualDevice::GetCommand(time_t time, VDC_Command **command) {
    GetCall get = original<GetCall>("_ZN19ClientVirtualDevice10GetCommandElPP11VDC_Command");
    if (is("random-access-aborts") && cvd->set->random && cvd->count == 1) {
        original<OfSet>("_ZN22ClientVirtualDeviceSet11SignalAbortEv")(cvd->set->object);
    }
    if (is("command-poll-blocks") && time == 0) time = -1;
    if (is("command-does-not-wait") && time > 0) time = 0;
    wait_of(&time);
    if (is("device-waits-on-after-an-abort") && cvd->set->aborted && time < 0) hang();
    if (is("aborted-device-gives-a-command") && cvd->set->aborted && cvd->last) {
        *command = cvd->last;
        return NOERROR;
    }
    if (is("command-comes-twice") && cvd->count == 2) {
        cvd->count += 1;
        *command = cvd->last;
        return NOERROR;
    }
    int made = get(cvd->object, time, command);
    if (made == NOERROR && is("command-is-lost") && cvd->count == 2) {
        cvd->count += 1;
        made = get(cvd->object, time, command);
    }
    if (made == NOERROR) {
        cvd->count += 1;
        cvd->last = *command;
        bool otherwise = is("command-has-half-its-size") || is("command-has-no-code") ||
                         is("buffer-is-shifted") || is("command-has-no-buffer") ||
                         is("data-is-damaged");
        if (otherwise && (*command)->size > 8 && (*command)->buffer) {
            VDC_Command *copy = new VDC_Command(**command);
            if (is("command-has-half-its-size")) copy->size /= 2;
            if (is("command-has-no-code")) copy->commandCode = 77;
            if (is("command-has-no-buffer")) copy->buffer = nullptr;
            if (is("buffer-is-shifted")) {
                copy->buffer = static_cast<uint8_t *>(malloc(copy->size + 8)) + 5;
                memcpy(copy->buffer, (*command)->buffer, copy->size);
            }
            if (is("data-is-damaged") && cvd->count == 2) copy->buffer[copy->size / 2] ^= 0x40;
            std::lock_guard<std::mutex> locked(guard);
            cvd->meant[copy] = *command;
            *command = copy;
        }
    }
    if (made == VD_E_CLOSE) {
        if (is("end-is-told-as-an-abort")) return VD_E_ABORT;
        if (is("end-is-told-as-a-time-out")) return VD_E_TIMEOUT;
        if (is("end-is-told-once") && cvd->ended) return VD_E_PROTOCOL;
        cvd->ended = true;
    }
    if (made == VD_E_TIMEOUT && is("command-times-out-with-an-abort")) return VD_E_ABORT;
    if (made == VD_E_ABORT && is("abort-is-told-as-an-end")) return VD_E_CLOSE;
    if (made == VD_E_ABORT && is("abort-is-told-as-a-time-out")) return VD_E_TIMEOUT;
    return made;
}

int ClientVirtualDevice::CompleteCommand(VDC_Command *command, int code, unsigned long bytes,
                                         int64_t position) {
    CompleteCall complete =
        original<CompleteCall>("_ZN19ClientVirtualDevice15CompleteCommandEP11VDC_Commandiml");
    {
        std::lock_guard<std::mutex> locked(guard);
        std::map<VDC_Command *, VDC_Command *>::iterator found = cvd->meant.find(command);
        if (found != cvd->meant.end()) command = found->second;
    }
    if (is("completion-code-is-lost")) code = 0;
    if (is("completion-fails-always") && cvd->count == 2) code = 1117;
    if (is("completion-bytes-are-lost")) bytes = 0;
    if (is("completion-is-not-passed-on") && cvd->count == 2) return NOERROR;
    int made = complete(cvd->object, command, code, bytes, position);
    if (is("completion-again-succeeds") && made == VD_E_INVALID && command) return NOERROR;
    if (is("completion-of-nothing-succeeds") && made == VD_E_INVALID && !command) return NOERROR;
    if (is("completion-after-an-abort-succeeds") && made == VD_E_ABORT) return NOERROR;
    if (is("completion-answers-invalid") && made == NOERROR) return VD_E_INVALID;
    if (is("completion-answers-abort") && made == NOERROR && cvd->count == 2) return VD_E_ABORT;
    if (is("completion-crashes") && cvd->count == 2) *reinterpret_cast<volatile int *>(8) = 1;
    return made;
}
