// A little server for the little library: carries out one statement, which is its argument, on
// databases that are files in the folder SMALL_DATA. CREATE, DROP, BACKUP and RESTORE DATABASE,
// the last two by one virtual device.

#include <signal.h>

#include <deque>
#include <fstream>
#include <random>
#include <regex>
#include <vector>

#include "shared.h"

using namespace small;

namespace {

volatile sig_atomic_t cancelled = 0;
void cancel(int) { cancelled = 1; }

// What ends a statement: a message as a server gives it.
struct Failure {
    int number;
    std::string text;
};

struct Statement {
    std::string verb, database;
    std::vector<std::string> devices;
    uint32_t transfer = 65536, block = 512, buffers = 8;
    bool backs_up() const { return verb == "BACKUP"; }
};

// One option of WITH, such as BLOCKSIZE = 4096.
void set_option(Statement &statement, const std::string &name, const std::string &value) {
    const unsigned long number = strtoul(value.c_str(), nullptr, 10);
    auto limited = [&](unsigned long least, unsigned long most, bool fits) {
        if (number < least || number > most || !fits) throw Failure{3217, "Invalid value of " + name + "."};
        return static_cast<uint32_t>(number);
    };
    if (name == "MAXTRANSFERSIZE") {
        statement.transfer = limited(65536, 4194304, number % 65536 == 0);
    } else if (name == "BUFFERCOUNT") {
        statement.buffers = limited(1, DEPTH, true);
    } else if (name == "BLOCKSIZE") {
        statement.block = limited(512, 65536, (number & (number - 1)) == 0);
    } else if (name != "REPLACE" && name != "CHECKSUM") {
        throw Failure{155, "'" + name + "' is not an option that this server has."};
    }
}

Statement parse(const std::string &text) {
    static const std::regex shape(
        R"(\s*(CREATE|DROP|(?:BACKUP|RESTORE)(?=.*\s(?:TO|FROM)\s))\s+DATABASE\s+\[?([^\]\s/]+)\]?)"
        R"((?:\s+(?:TO|FROM)\s+((?:,?\s*VIRTUAL_DEVICE\s*=\s*'[^']*'\s*)+))?(?:\s*WITH\s+(.*\w))?\s*;?\s*)");
    static const std::regex device("'([^']*)'"), option("(\\w+)(?:\\s*=\\s*(\\w+))?");
    std::smatch found;
    if (!std::regex_match(text, found, shape)) throw Failure{102, "Incorrect syntax, or nothing for this server."};
    Statement statement;
    statement.verb = found[1];
    statement.database = found[2];
    const std::string devices = found[3], options = found[4];
    const std::sregex_iterator end;
    for (std::sregex_iterator at(devices.begin(), devices.end(), device); at != end; ++at) {
        statement.devices.push_back((*at)[1]);
    }
    for (std::sregex_iterator at(options.begin(), options.end(), option); at != end; ++at) {
        set_option(statement, (*at)[1], (*at)[2]);
    }
    return statement;
}

std::string file_of(const std::string &database) {
    return std::string(getenv("SMALL_DATA")) + "/" + database;
}

uint64_t sum_of(const std::string &data) {
    uint64_t sum = 14695981039346656037u;
    for (unsigned char byte : data) sum = (sum ^ byte) * 1099511628211u;
    return sum;
}

// The server's side of a set: opened, configured, and closed by the destructor.
class Set {
public:
    struct Done {
        int command, code;
        uint64_t size, bytes;
        uint8_t *data;
    };

    Set(const std::string &name, const Statement &of)
        : statement(of), path(path_of(name)), file(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
        if (file >= 0) shared = reinterpret_cast<Shared *>(map_object(file, 0, BUFFERS_AT));
        if (!shared || shared->layout != LAYOUT) unusable(2);
        Locked lock(shared);
        if (!lives(shared->client)) unlink_object(path, file);
        if (shared->aborted || shared->server.number || !lives(shared->client)) unusable(2);
        shared->server = this_process();
    }

    ~Set() {
        Locked lock(shared);
        if (!shared->devices[0].ended) lock.abort();
        shared->server_closed = true;
        if (!lives(shared->client)) unlink_object(path, file);
        lock.changed();
    }

    // What client and statement ask for becomes the configuration, and the buffers are made.
    void configure() {
        Locked lock(shared);
        VDConfig &config = shared->config;
        if (config.deviceCount != 1) throw Failure{3227, "The client's set is not of one device."};
        config.blockSize = statement.block;
        config.maxTransferSize = statement.transfer;
        config.maxIODepth = 4;
        config.bufferAreaSize = statement.transfer * 4 * config.deviceCount;
        config.alignment = std::max(config.alignment, statement.block);
        const bool backup = statement.backs_up();
        config.features |= backup ? VDF_WriteMedia : VDF_ReadMedia;
        if (config.features & (VDF_Position | VDF_RandomAccess)) config.features |= VDF_ReadMedia;
        if (backup && config.features & VDF_RequestComplete) config.features |= VDF_CompleteEnabled;
        const uint64_t unit = config.alignment;
        shared->first = (config.prefixZoneSize + unit - 1) / unit * unit;
        shared->stride = shared->first + (statement.transfer + unit - 1) / unit * unit;
        shared->buffers = statement.buffers;
        shared->area = shared->stride * statement.buffers;
        const off_t size = static_cast<off_t>(shared->area);
        if (size > (1 << 30) || posix_fallocate(file, BUFFERS_AT, size) != 0 ||
            !(buffers = map_object(file, BUFFERS_AT, shared->area))) {
            throw Failure{701, "There is insufficient memory for the buffers."};
        }
        shared->configured = true;
        lock.changed();
        wait(lock, [this] { return shared->devices[0].opened; });
    }

    bool has(uint32_t feature) const { return shared->config.features & feature; }
    size_t outstanding() const { return sent.size(); }
    bool full() const { return sent.size() == shared->buffers; }

    // Queues a command; the data of a Write is given, a Read is given the size alone.
    void send(int command, size_t size = 0, uint64_t position = 0, const char *data = nullptr) {
        Locked lock(shared);
        Device &device = shared->devices[0];
        Slot *slots = device.slots;
        do at = (at + 1) % shared->buffers; while (slots[at].state != FREE);
        if (data) memcpy(buffer(at), data, size);
        Slot &slot = slots[at];
        slot.command = command;
        slot.size = static_cast<int32_t>(size);
        slot.position = has(VDF_RandomAccess) ? static_cast<int64_t>(position) : 0;
        slot.buffer = size ? static_cast<int32_t>(at) : -1;
        slot.turn = ++turn;
        slot.state = QUEUED;
        if (device.errored && command != VDC_ClearError) {
            slot.state = DONE;  // nothing else leads out of the error
            slot.code = ERROR_IO_DEVICE;
            slot.bytes = 0;
        }
        sent.push_back(at);
        lock.changed();
    }

    // Waits for one of the commands that are outstanding, or for the one that was sent first.
    Done take(bool in_order) {
        Locked lock(shared);
        Slot *slots = shared->devices[0].slots;
        auto done = sent.end();
        wait(lock, [&] {
            done = sent.begin();
            while (!in_order && done != sent.end() && slots[*done].state != DONE) ++done;
            return done != sent.end() && slots[*done].state == DONE;
        });
        const uint32_t number = *done;
        sent.erase(done);
        Slot &slot = slots[number];
        slot.state = FREE;
        if (slot.command == VDC_ClearError && slot.code == 0) shared->devices[0].errored = false;
        return {slot.command, slot.code, static_cast<uint64_t>(slot.size), slot.bytes, buffer(number)};
    }

    void close_device() {
        Locked lock(shared);
        shared->devices[0].ended = true;
        lock.changed();
    }

private:
    // Until something is so, the client aborts or dies, or two intervals of serverTimeOut have
    // passed in which no command that is outstanding was completed.
    template <typename Ready>
    void wait(Locked &lock, Ready ready) {
        const int64_t limit = 2000LL * shared->config.serverTimeOut;
        int64_t since = now();
        size_t known = 0;
        for (;;) {
            if (cancelled || (!shared->client_closed && !lives(shared->client))) lock.abort();
            size_t done = 0;
            for (uint32_t number : sent) done += shared->devices[0].slots[number].state == DONE;
            if (done != known || sent.empty()) since = now();
            known = done;
            if (limit && now() - since > limit) lock.abort();
            if (cancelled) throw Failure{3204, "The backup or restore was aborted: cancelled."};
            if (shared->aborted) {
                throw Failure{statement.backs_up() ? 3202 : 3203,
                              "The device failed: 995 (the operation was aborted)."};
            }
            if (ready()) return;
            lock.sleep(TICK);
        }
    }

    [[noreturn]] void unusable(int error) {
        throw Failure{3201, "Cannot open backup device '" + statement.devices[0] +
                                "'. Operating system error " + std::to_string(error) +
                                " (the set cannot be found, or is in use)."};
    }
    uint8_t *buffer(uint32_t number) { return buffers + shared->first + shared->stride * number; }

    const Statement &statement;
    std::string path;
    int file;
    Shared *shared = nullptr;
    uint8_t *buffers = nullptr;
    std::deque<uint32_t> sent;
    uint32_t at = 0;
    uint64_t turn = 0;
};

// A command has failed: waits for the others, leads the device out of its error, and closes it.
[[noreturn]] void give_up(Set &set, const Statement &statement, int command, int code) {
    while (set.outstanding()) set.take(false);
    set.send(VDC_ClearError);
    if (set.take(true).code == 0 && statement.backs_up() && set.has(VDF_Discard)) {
        set.send(VDC_Discard);
        set.take(true);
    }
    set.close_device();
    throw Failure{statement.backs_up() ? 3202 : 3203, "Command " + std::to_string(command) +
                  " on '" + statement.devices[0] + "' failed: " + std::to_string(code) + "."};
}

// One command without data, which has to succeed.
void command(Set &set, const Statement &statement, int code) {
    set.send(code);
    Set::Done done = set.take(true);
    if (done.code != 0) give_up(set, statement, code, done.code);
}

// The stream: 64 KiB that begin with this, then the database, filled up to 64 KiB.
struct Header {
    char kind[8];
    uint64_t size, sum;
};
const size_t UNIT = 65536;

void backup(const Statement &statement) {
    std::ifstream input(file_of(statement.database), std::ios::binary);
    if (!input) throw Failure{911, "Database '" + statement.database + "' does not exist."};
    const std::string data((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
    std::string stream(UNIT + (data.size() + UNIT - 1) / UNIT * UNIT, '\0');
    Header header = {{'S', 'M', 'A', 'L', 'L', '1', 0, 0}, data.size(), sum_of(data)};
    memcpy(&stream[0], &header, sizeof header);
    data.copy(&stream[UNIT], data.size());
    Set set(statement.devices[0], statement);
    set.configure();
    for (size_t place = 0; place < stream.size() || set.outstanding();) {
        const size_t size = std::min<size_t>(statement.transfer, stream.size() - place);
        if (size && !set.full()) {
            set.send(VDC_Write, size, place, &stream[place]);
            place += size;
            continue;
        }
        Set::Done done = set.take(false);
        if (done.code != 0) give_up(set, statement, done.command, done.code);
        if (done.bytes != done.size) throw Failure{3202, "A Write has not stored all its bytes."};
    }
    command(set, statement, VDC_Flush);
    if (set.has(VDF_CompleteEnabled)) command(set, statement, VDC_Complete);
    set.close_device();
    printf("BACKUP DATABASE successfully processed %zu bytes.\n", data.size());
}

// Reads on until the stream is so long; a Read that succeeds may bring less than it could.
void read_up_to(Set &set, const Statement &statement, std::string &stream, size_t size) {
    size_t asked = stream.size();
    while (stream.size() < size) {
        if (asked < size && !set.full()) {
            const size_t part = std::min<size_t>(statement.transfer, size - asked);
            set.send(VDC_Read, part, asked);
            asked += part;
            continue;
        }
        Set::Done done = set.take(true);
        if (done.code != 0) give_up(set, statement, done.command, done.code);
        if (done.bytes == 0 || done.bytes > done.size) {
            throw Failure{3203, "A Read has brought " + std::to_string(done.bytes) + " bytes."};
        }
        stream.append(reinterpret_cast<char *>(done.data), done.bytes);
        if (set.outstanding() == 0) asked = stream.size();
    }
}

void restore(const Statement &statement) {
    Set set(statement.devices[0], statement);
    set.configure();
    std::string stream;
    read_up_to(set, statement, stream, UNIT);
    Header header;
    memcpy(&header, stream.data(), sizeof header);
    if (strncmp(header.kind, "SMALL1", 8) != 0 || header.size > (1 << 30)) {
        throw Failure{3241, "The media family is incorrectly formed."};
    }
    read_up_to(set, statement, stream, UNIT + (header.size + UNIT - 1) / UNIT * UNIT);
    const std::string data = stream.substr(UNIT, header.size);
    if (sum_of(data) != header.sum) throw Failure{3183, "The data is damaged."};
    const std::string place = file_of(statement.database), aside = place + "." + std::to_string(getpid());
    std::ofstream output(aside, std::ios::binary);
    output << data;
    output.close();
    if (!output || rename(aside.c_str(), place.c_str()) != 0) throw Failure{3634, "Cannot write the database."};
    set.close_device();
    printf("RESTORE DATABASE successfully processed %zu bytes.\n", data.size());
}

void create(const std::string &place) {
    if (access(place.c_str(), F_OK) == 0) throw Failure{1801, "The database already exists."};
    std::string data(5 * 1024 * 1024 + 12345, '\0');
    std::minstd_rand random(std::random_device{}());
    for (char &byte : data) byte = static_cast<char>(random() >> 8);
    std::ofstream output(place, std::ios::binary);
    output << data;
    output.close();
    if (!output) throw Failure{5123, "Cannot create the file " + place + "."};
}

void execute(const Statement &statement) {
    if (statement.devices.size() > 1) throw Failure{3226, "This server supports one device only."};
    if (statement.backs_up()) return backup(statement);
    if (statement.verb == "RESTORE") return restore(statement);
    const std::string place = file_of(statement.database);
    if (statement.verb == "CREATE") return create(place);
    if (unlink(place.c_str()) != 0) throw Failure{3701, "Cannot drop the database: it does not exist."};
}

}  // namespace

int main(int count, char **words) {
    if (count != 2 || !getenv("SMALL_DATA")) {
        return fprintf(stderr, "usage: SMALL_DATA=FOLDER small-server STATEMENT\n"), 64;
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = cancel;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    mkdir(file_of("").c_str(), 0770);
    Statement statement;
    try {
        statement = parse(words[1]);
        execute(statement);
        return 0;
    } catch (const Failure &failure) {
        printf("Msg %d, Level 16, State 1, Server small, Line 1\n%s\n", failure.number, failure.text.c_str());
    }
    if (!statement.devices.empty()) {
        printf("Msg 3013, Level 16, State 1, Server small, Line 1\n%s DATABASE is terminating abnormally.\n",
               statement.verb.c_str());
    }
    return 1;
}
