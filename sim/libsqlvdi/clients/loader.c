/* A plain C program: it loads the library by its path and finds the functions by their
 * symbols. It frees what OpenDevice gives with free. Usage: loader LIBRARY NAME */

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Special)(void *);
typedef int (*Create)(void *, char *, void *);
typedef int (*Close)(void *);
typedef int (*OpenDevice)(void *, char *, void **);
typedef int (*GetCommand)(void *, long, void **);

int main(int count, char **words) {
    if (count < 3) return 64;
    void *library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 69;
    Special construct = (Special)dlsym(library, "_ZN22ClientVirtualDeviceSetC1Ev");
    Special destroy = (Special)dlsym(library, "_ZN22ClientVirtualDeviceSetD1Ev");
    Create create =
        (Create)dlsym(library, "_ZN22ClientVirtualDeviceSet6CreateEPcP8VDConfig");
    Close close_set = (Close)dlsym(library, "_ZN22ClientVirtualDeviceSet5CloseEv");
    OpenDevice open_device = (OpenDevice)dlsym(
        library, "_ZN22ClientVirtualDeviceSet10OpenDeviceEPcPP19ClientVirtualDevice");
    GetCommand get_command =
        (GetCommand)dlsym(library, "_ZN19ClientVirtualDevice10GetCommandElPP11VDC_Command");
    if (!construct || !destroy || !create || !close_set || !open_device || !get_command) return 69;

    uint32_t config[11];
    memset(config, 0, sizeof config);
    config[0] = 1;
    void *set = NULL, *device = &set, *command = &set, *never = NULL;
    printf("unconstructed: %08X\n", (unsigned)close_set(&set));
    construct(&set);
    printf("create: %08X\n", (unsigned)create(&set, words[2], config));
    printf("create again: %08X\n", (unsigned)create(&set, words[2], config));
    printf("too early: %08X", (unsigned)open_device(&set, words[2], &device));
    printf(" %s\n", device ? "given" : "null");
    printf("no device: %08X", (unsigned)get_command(&never, 0, &command));
    printf(" %s\n", command ? "given" : "null");
    printf("no place: %08X\n", (unsigned)open_device(&set, words[2], NULL));
    printf("no name: %08X\n", (unsigned)open_device(&set, NULL, &device));
    printf("close: %08X\n", (unsigned)close_set(&set));
    printf("close again: %08X\n", (unsigned)close_set(&set));
    config[0] = 65;
    printf("65 devices: %08X\n", (unsigned)create(&set, words[2], config));
    config[0] = 1;
    printf("anew: %08X\n", (unsigned)create(&set, words[2], config));
    destroy(&set);
    printf("destroyed: %08X\n", (unsigned)close_set(&set));
    return 0;
}
