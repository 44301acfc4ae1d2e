// A medium that is addressed by position, like a disk: the server says where on it each Read
// and Write belongs, so it does not matter in which order they are done.

#include "client.hpp"

class Disk {
public:
    Disk(const std::string &path, bool backup)
        : file(open(path.c_str(), backup ? O_RDWR | O_CREAT : O_RDONLY, 0600)),
          backs_up(backup), current(0), end(0) {}
    ~Disk() {
        if (file >= 0) close(file);
    }
    bool sound() const { return file >= 0; }

    // Does one command; the completion code, how many bytes were moved, and where it has led.
    int execute(const VDC_Command &command, unsigned long *bytes, int64_t *position) {
        *bytes = 0;
        *position = current;
        switch (command.commandCode) {
            case VDC_Write:
            case VDC_Read: return transfer(command, bytes, position);
            case VDC_ClearError:
            case VDC_GetPosition: return ERROR_SUCCESS;
            case VDC_SetPosition: return set_position(command, position);
            case VDC_Flush: return durable() ? ERROR_SUCCESS : ERROR_WRITE_FAULT;
            default: return ERROR_NOT_SUPPORTED;
        }
    }

private:
    int transfer(const VDC_Command &command, unsigned long *bytes, int64_t *position) {
        bool writes = command.commandCode == VDC_Write;
        unsigned long size = static_cast<unsigned long>(command.size);
        while (*bytes < size) {
            int64_t place = command.position + static_cast<int64_t>(*bytes);
            uint8_t *buffer = command.buffer + *bytes;
            ssize_t moved = writes ? pwrite(file, buffer, size - *bytes, place)
                                   : pread(file, buffer, size - *bytes, place);
            if (moved < 0 && errno == EINTR) continue;
            if (moved < 0) return writes ? ERROR_DISK_FULL : ERROR_READ_FAULT;
            if (moved == 0) return writes ? ERROR_DISK_FULL : ERROR_HANDLE_EOF;
            *bytes += static_cast<unsigned long>(moved);
        }
        *position = current = command.position + static_cast<int64_t>(size);
        if (writes && current > end) end = current;
        return ERROR_SUCCESS;
    }

    // From the beginning, from where it is, or from the end.
    int set_position(const VDC_Command &command, int64_t *position) {
        off_t from = command.size == 0 ? 0 : command.size == 1 ? current : lseek(file, 0, SEEK_END);
        *position = current = from + command.position;
        return ERROR_SUCCESS;
    }

    // All that was written, and nothing of an older backup behind it.
    bool durable() const {
        if (backs_up && ftruncate(file, end) != 0) return false;
        return fsync(file) == 0;
    }

    int file;
    bool backs_up;
    int64_t current, end;
};

int main(int count, char **arguments) {
    Words words(count, arguments);
    if (!words.sound) return 64;
    std::string name = own_name();
    VDConfig config;
    memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    config.features = VDF_LikeDisk;
    ClientVirtualDeviceSet set;
    int status = set.Create(text(name), &config);
    if (status != NOERROR) return say("Create: " + hex(status)), 1;
    Statement statement(sql(words.backup, words.database, {name}, words.with));
    Disk disk(words.medium, words.backup);
    bool served = disk.sound() ? configured(set, statement, &config)
                               : say("cannot open " + words.medium);
    ClientVirtualDevice *device = nullptr;
    if (served && (status = set.OpenDevice(text(name), &device)) != NOERROR) {
        served = say("OpenDevice: " + hex(status));
    }
    auto execute = [&](const VDC_Command &command, unsigned long *bytes, int64_t *position) {
        return disk.execute(command, bytes, position);
    };
    served = served && serve_at(device, execute);
    if (!served) set.SignalAbort();
    set.Close();
    delete device;
    bool succeeded = statement.wait();
    return served && succeeded ? 0 : 1;
}
