// What a program does with its process around a set, one case after the other: each says what
// came of it. No server is needed.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vdi.h"
#include "vdierror.h"

// Made before main, as many programs have it, and before any fork.
static ClientVirtualDeviceSet global;
static char name[64];

static VDConfig config() {
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    return config;
}

static int create(ClientVirtualDeviceSet &set) {
    VDConfig wanted = config();
    return set.Create(name, &wanted);
}

static void say(const char *what, int status) { printf("%s: %08X\n", what, (unsigned)status); }

// How a child ended: its exit status, or 1000 and the signal.
static int ended(pid_t child) {
    int how = 0;
    while (waitpid(child, &how, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(how) ? WEXITSTATUS(how) : 1000 + WTERMSIG(how);
}

// As daemon() does: the set that nobody has opened is the child's.
static void daemonised() {
    pid_t child = fork();
    if (child == 0) {
        bool good = create(global) == NOERROR && global.Close() == NOERROR;
        exit(good ? 0 : 1);
    }
    printf("a global set in a child: %d\n", ended(child));
    say("and in the parent", create(global));
}

// The parent's set is open: the child has none of it, ends as it likes, and harms nothing.
static void bystander(bool exits) {
    pid_t child = fork();
    if (child == 0) {
        VDConfig unused;
        bool refused = create(global) == VD_E_PROTOCOL && global.Close() == VD_E_PROTOCOL &&
                       global.SignalAbort() == VD_E_PROTOCOL &&
                       global.GetConfiguration(0, &unused) == VD_E_PROTOCOL;
        ClientVirtualDeviceSet another;
        bool taken = create(another) == VD_E_PROTOCOL;
        if (!exits) _exit(refused && taken ? 0 : 1);
        exit(refused && taken ? 0 : 1);
    }
    printf("a child of an open set: %d\n", ended(child));
    VDConfig unused;
    say("which goes on", global.GetConfiguration(0, &unused));
}

// A child that outlives its parent does not keep the parent's set alive.
static void orphan() {
    int done[2], go[2];
    if (pipe(done) != 0 || pipe(go) != 0) exit(1);
    pid_t parent = fork();
    if (parent == 0) {
        ClientVirtualDeviceSet set;
        if (create(set) != NOERROR) _exit(1);
        if (fork() == 0) {
            // It has let go when fork returns, and lives until it is told.
            char byte = 0;
            close(go[1]);
            if (write(done[1], &byte, 1) != 1 || read(go[0], &byte, 1) < 0) _exit(1);
            _exit(0);
        }
        _exit(0);
    }
    printf("a parent that dies: %d\n", ended(parent));
    char byte;
    if (read(done[0], &byte, 1) != 1) exit(1);
    ClientVirtualDeviceSet set;
    say("its name is free", create(set));
    set.Close();
    close(go[0]);
    close(go[1]);
    close(done[0]);
    close(done[1]);
}

// Executing another program ends the set.
static void executed() {
    int gone[2];
    if (pipe(gone) != 0) exit(1);
    pid_t child = fork();
    if (child == 0) {
        ClientVirtualDeviceSet set;
        if (create(set) != NOERROR) _exit(1);
        dup2(gone[1], 1);
        execlp("sh", "sh", "-c", "echo begun; exec sleep 600", (char *)nullptr);
        _exit(127);
    }
    char begun[6];
    if (read(gone[0], begun, sizeof begun) != (ssize_t)sizeof begun) exit(1);
    ClientVirtualDeviceSet set;
    say("the name of an executed one is free", create(set));
    set.Close();
    kill(child, SIGKILL);
    ended(child);
}

static volatile int configured = 0;

static void *waits(void *) {
    VDConfig unused;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
    configured = global.GetConfiguration(-1, &unused);
    pthread_testcancel();
    return nullptr;
}

// A cancelled thread ends when its call has.
static void cancelled() {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, waits, nullptr) != 0) exit(1);
    usleep(50000);
    pthread_cancel(thread);
    usleep(50000);
    global.SignalAbort();
    void *result = nullptr;
    pthread_join(thread, &result);
    say("a call that was cancelled", configured);
    printf("and its thread: %s\n", result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}

static volatile int stop = 0;

static void *calls(void *) {
    ClientVirtualDeviceSet set;
    while (!stop) {
        VDConfig unused;
        set.GetConfiguration(0, &unused);
        ClientVirtualDeviceSet another;
        another.Close();
    }
    return nullptr;
}

// Children of a process whose other threads are in the midst of calls.
static void crowded() {
    pthread_t threads[4];
    for (int number = 0; number < 4; ++number) {
        if (pthread_create(&threads[number], nullptr, calls, nullptr) != 0) exit(1);
    }
    int bad = 0;
    for (int round = 0; round < 200; ++round) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            ClientVirtualDeviceSet set;
            VDConfig unused;
            exit(set.GetConfiguration(0, &unused) == VD_E_PROTOCOL ? 0 : 1);
        }
        bad += ended(child) != 0;
    }
    stop = 1;
    for (int number = 0; number < 4; ++number) pthread_join(threads[number], nullptr);
    printf("children that went wrong: %d\n", bad);
}

int main() {
    setvbuf(stdout, nullptr, _IONBF, 0);
    snprintf(name, sizeof name, "forks-%d", (int)getpid());
    daemonised();
    bystander(true);
    bystander(false);
    cancelled();
    say("close", global.Close());
    orphan();
    executed();
    crowded();
    return 0;
}
