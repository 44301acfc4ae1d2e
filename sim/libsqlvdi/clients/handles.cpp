// One device, whose data another process moves: the primary takes the commands, and tells a
// secondary client, by the handle of the buffer, where the data lies.

#include "client.hpp"

// What the primary asks of the other process, and what comes back.
struct Order {
    int32_t code;
    int32_t size;
    uint32_t handle;
};
struct Answer {
    int32_t code;
    uint64_t bytes;
};

static bool send_all(int to, const void *data, size_t size) {
    return write(to, data, size) == static_cast<ssize_t>(size);
}

static bool take_all(int from, void *data, size_t size) {
    size_t got = 0;
    while (got < size) {
        ssize_t some = read(from, static_cast<char *>(data) + got, size - got);
        if (some <= 0) return false;
        got += static_cast<size_t>(some);
    }
    return true;
}

// Moves the data, with its medium, until the primary closes the pipe.
static bool secondary(const Words &words, const std::string &set_name) {
    Medium medium(words.medium, words.backup);
    if (!medium.sound()) return say("cannot open the medium");
    ClientVirtualDeviceSet set;
    int status = set.OpenInSecondary(text(set_name));
    if (status != NOERROR) return say("OpenInSecondary: " + hex(status));
    bool sound = true;
    for (Order order; sound && take_all(0, &order, sizeof order);) {
        VDC_Command command;
        memset(&command, 0, sizeof command);
        command.commandCode = order.code;
        command.size = order.size;
        bool has_data = order.code == VDC_Write || order.code == VDC_Read;
        if (has_data) {
            status = set.MapBufferHandle(static_cast<int>(order.handle), &command.buffer);
            if (status != NOERROR) sound = say("MapBufferHandle: " + hex(status));
        }
        Answer answer;
        memset(&answer, 0, sizeof answer);
        unsigned long bytes = 0;
        answer.code = sound ? medium.execute(command, &bytes) : ERROR_WRITE_FAULT;
        answer.bytes = bytes;
        sound = send_all(1, &answer, sizeof answer) && sound;
    }
    set.Close();
    return sound;
}

// The other process, and the pipes to it.
struct Helper {
    pid_t process;
    int orders, answers;

    bool start(char **arguments, const std::string &with, const std::string &set_name) {
        int to[2], from[2];
        if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return say("no pipe");
        process = fork();
        if (process == 0) {
            dup2(to[0], 0);
            dup2(from[1], 1);
            execl("/proc/self/exe", arguments[0], arguments[1], arguments[2], arguments[3],
                  with.c_str(), "secondary", set_name.c_str(), static_cast<char *>(nullptr));
            _exit(127);
        }
        close(to[0]);
        close(from[1]);
        orders = to[1];
        answers = from[0];
        return process > 0;
    }
    bool ends() {
        close(orders);
        close(answers);
        int status = 0;
        return waitpid(process, &status, 0) == process && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
    }
};

static int execute(ClientVirtualDeviceSet &set, const Helper &helper, const VDC_Command &command,
                   unsigned long *bytes) {
    Order order = {command.commandCode, static_cast<int32_t>(command.size), 0};
    if (command.buffer) {
        int status = set.GetBufferHandle(command.buffer, &order.handle);
        if (status != NOERROR) return say("GetBufferHandle: " + hex(status)), ERROR_WRITE_FAULT;
    }
    Answer answer;
    if (!send_all(helper.orders, &order, sizeof order) ||
        !take_all(helper.answers, &answer, sizeof answer)) {
        return say("the other process is gone"), ERROR_WRITE_FAULT;
    }
    *bytes = static_cast<unsigned long>(answer.bytes);
    return answer.code;
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    Words words(count, arguments);
    if (!words.sound) return 64;
    if (count >= 7) return secondary(words, arguments[6]) ? 0 : 1;
    const std::string name = own_name();
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    ClientVirtualDeviceSet set;
    int status = set.Create(text(name), &config);
    if (status != NOERROR) return say("Create: " + hex(status)), 1;
    Statement statement(sql(words.backup, words.database, {name}, words.with));
    Helper helper;
    bool served = configured(set, statement, &config);
    const bool started = served && helper.start(arguments, words.with, name);
    ClientVirtualDevice *device = nullptr;
    if (started && (status = set.OpenDevice(text(name), &device)) != NOERROR) {
        served = say("OpenDevice: " + hex(status));
    }
    served = started && served &&
             serve(device, [&](const VDC_Command &command, unsigned long *bytes) {
                 return execute(set, helper, command, bytes);
             });
    if (!served) set.SignalAbort();
    if (started && !helper.ends()) served = false;
    set.Close();
    delete device;
    bool succeeded = statement.wait();
    return served && succeeded ? 0 : 1;
}
