// What the test clients share: a medium, the SQL statement on a thread of its own, and the
// loop that does what the server commands. Uses the published interface only.

#ifndef CLIENT_HPP
#define CLIENT_HPP

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "vdi.h"
#include "vdierror.h"

// What the published headers do not name.
#ifndef ERROR_WRITE_FAULT
#define ERROR_WRITE_FAULT 29
#define ERROR_READ_FAULT 30
#endif

// How long a client waits for its server to configure the set, in milliseconds.
static const time_t PATIENCE = 30000;

// A string as the interface takes it.
inline char *text(const std::string &of) { return const_cast<char *>(of.c_str()); }

inline std::string hex(int status) {
    char digits[16];
    snprintf(digits, sizeof digits, "0x%08X", static_cast<unsigned>(status));
    return digits;
}

inline bool say(const std::string &what) {
    fprintf(stderr, "client: %s\n", what.c_str());
    return false;
}

// Where the data goes to, or comes from: a file, or nowhere at all.
class Medium {
public:
    Medium(const std::string &path, bool backup) : discards(path == "-"), file(-1) {
        if (!discards) {
            file = open(path.c_str(), backup ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY, 0600);
        }
    }
    ~Medium() {
        if (file >= 0) close(file);
    }
    bool sound() const { return discards || file >= 0; }

    // Does one command; the completion code, and how many bytes were moved.
    int execute(const VDC_Command &command, unsigned long *bytes) {
        *bytes = 0;
        switch (command.commandCode) {
            case VDC_Write: return write_all(command, bytes);
            case VDC_Read: return read_all(command, bytes);
            case VDC_ClearError: return ERROR_SUCCESS;
            case VDC_Flush:
            case VDC_Complete: return durable() ? ERROR_SUCCESS : ERROR_WRITE_FAULT;
            default: return ERROR_NOT_SUPPORTED;
        }
    }

private:
    bool durable() const { return discards || fsync(file) == 0 || errno == EINVAL; }

    int write_all(const VDC_Command &command, unsigned long *bytes) {
        unsigned long size = static_cast<unsigned long>(command.size);
        while (!discards && *bytes < size) {
            ssize_t written = write(file, command.buffer + *bytes, size - *bytes);
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) return ERROR_DISK_FULL;
            *bytes += static_cast<unsigned long>(written);
        }
        *bytes = size;
        return ERROR_SUCCESS;
    }

    int read_all(const VDC_Command &command, unsigned long *bytes) {
        unsigned long size = static_cast<unsigned long>(command.size);
        while (*bytes < size) {
            ssize_t got = discards ? 0 : read(file, command.buffer + *bytes, size - *bytes);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return ERROR_READ_FAULT;
            if (got == 0) return ERROR_HANDLE_EOF;
            *bytes += static_cast<unsigned long>(got);
        }
        return ERROR_SUCCESS;
    }

    bool discards;
    int file;
};

// The SQL statement: sqlcmd in a process of its own, waited for on a thread.
class Statement {
public:
    explicit Statement(const std::string &sql) : ended(false), code(-1) {
        pid_t child = fork();
        if (child == 0) {
            const char *tool = getenv("SQLCMD") ? getenv("SQLCMD") : "sqlcmd";
            execlp(tool, tool, "-S", "localhost", "-U", "sa", "-P", "x", "-b", "-Q",
                   sql.c_str(), static_cast<char *>(nullptr));
            _exit(127);
        }
        waiter = std::thread([this, child] {
            int status = 0;
            while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
            }
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
            ended = true;
        });
    }
    ~Statement() { wait(); }
    bool has_ended() const { return ended; }
    bool wait() {
        if (!waiter.joinable()) return code == 0;
        waiter.join();
        return code == 0 || say("the statement failed");
    }

private:
    std::atomic<bool> ended;
    std::atomic<int> code;
    std::thread waiter;
};

// Does what the server commands until it closes the device; whether it came to that. What
// is done says where on the medium it has led.
template <typename Execute>
bool serve_at(ClientVirtualDevice *device, Execute execute) {
    for (;;) {
        VDC_Command *command = nullptr;
        int status = device->GetCommand(-1, &command);
        if (status == VD_E_CLOSE) return true;
        if (status != NOERROR) return say("GetCommand: " + hex(status));
        unsigned long bytes = 0;
        int64_t position = 0;
        int code = execute(*command, &bytes, &position);
        status = device->CompleteCommand(command, code, bytes, position);
        if (status != NOERROR) return say("CompleteCommand: " + hex(status));
    }
}

// The same for a medium without places.
template <typename Execute>
bool serve(ClientVirtualDevice *device, Execute execute) {
    auto at = [&](const VDC_Command &command, unsigned long *bytes, int64_t *position) {
        *position = command.position;
        return execute(command, bytes);
    };
    return serve_at(device, at);
}

// GetConfiguration in turns, so that the end of a statement that failed is seen.
inline bool configured(ClientVirtualDeviceSet &set, const Statement &statement, VDConfig *config) {
    for (time_t waited = 0; waited < PATIENCE; waited += 100) {
        int status = set.GetConfiguration(100, config);
        if (status == NOERROR) return true;
        if (status != VD_E_TIMEOUT) return say("GetConfiguration: " + hex(status));
        if (statement.has_ended()) return say("the statement ended before it began");
    }
    return say("no server came");
}

// BACKUP or RESTORE of a database through devices of these names.
inline std::string sql(bool backup, const std::string &database,
                       const std::vector<std::string> &devices, const std::string &with) {
    std::string all = backup ? "BACKUP DATABASE [" + database + "] TO "
                             : "RESTORE DATABASE [" + database + "] FROM ";
    for (size_t index = 0; index < devices.size(); ++index) {
        all += (index ? ", VIRTUAL_DEVICE='" : "VIRTUAL_DEVICE='") + devices[index] + "'";
    }
    return with.empty() ? all : all + " WITH " + with;
}

// A name that no other client has, unless SET gives one.
inline std::string own_name() {
    return getenv("SET") ? getenv("SET") : "set-" + std::to_string(getpid());
}

// The words of the command line: backup or restore, a database, a medium, options.
struct Words {
    Words(int count, char **words)
        : sound(count >= 4 && (!strcmp(words[1], "backup") || !strcmp(words[1], "restore"))),
          backup(sound && !strcmp(words[1], "backup")),
          database(sound ? words[2] : ""),
          medium(sound ? words[3] : ""),
          with(count >= 5 ? words[4] : "") {
        if (!sound) say(std::string("usage: ") + words[0] + " backup|restore DATABASE FILE [WITH]");
    }
    bool sound, backup;
    std::string database, medium, with;
};

#endif
