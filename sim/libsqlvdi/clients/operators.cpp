// A program with its own operator new: what `delete` gives back to it has to have come from it.
// What OpenDevice gives is such a device; here it is refused, for want of a server, after the
// library has taken the memory and given it back.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <new>

#include "vdi.h"
#include "vdierror.h"

static const unsigned long MARK = 0x5644494F70657261ul;
static int taken = 0, given_back = 0, foreign = 0;

// Each piece has a mark before it, by which it is known.
void *operator new(size_t size) {
    unsigned long *memory = static_cast<unsigned long *>(malloc(size + 16));
    if (!memory) abort();
    memory[0] = MARK;
    ++taken;
    return memory + 2;
}

void operator delete(void *memory) noexcept {
    if (!memory) return;
    unsigned long *start = static_cast<unsigned long *>(memory) - 2;
    if (start[0] != MARK) {
        ++foreign;
        return;
    }
    start[0] = 0;
    ++given_back;
    free(start);
}

void operator delete(void *memory, size_t) noexcept { operator delete(memory); }

int main() {
    char name[64];
    snprintf(name, sizeof name, "operators-%d", (int)getpid());
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    ClientVirtualDeviceSet set;
    if (set.Create(name, &config) != NOERROR) return 1;
    taken = given_back = 0;
    for (int round = 0; round < 10; ++round) {
        ClientVirtualDevice *device = nullptr;
        if (set.OpenDevice(name, &device) != VD_E_PROTOCOL || device) return 1;
    }
    set.Close();
    printf("taken %d, given back %d, foreign %d\n", taken, given_back, foreign);
    return 0;
}
