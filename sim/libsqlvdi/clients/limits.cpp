// Create, Close and nothing else, for trying what the system refuses: says what each came to.
// With the word `lock` all memory is locked first, what is mapped later, too.

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vdi.h"
#include "vdierror.h"

int main(int count, char **words) {
    if (count > 1 && strcmp(words[1], "lock") == 0 && mlockall(MCL_FUTURE) != 0) {
        printf("cannot lock\n");
        return 2;
    }
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 64;
    char name[64];
    snprintf(name, sizeof name, "limits-%d", (int)getpid());
    ClientVirtualDeviceSet set;
    int status = set.Create(name, &config);
    printf("%08X", (unsigned)status);
    if (status == NOERROR) printf(" %08X", (unsigned)set.Close());
    printf("\n");
    return 0;
}
