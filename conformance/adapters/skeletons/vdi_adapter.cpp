// An adapter to start from: it speaks the protocol, and offers nothing yet.
//
// Fill in `call`. Each lane is a thread; a call on a lane may block, the others go on. Throw
// Unsupported for what you do not offer: it is reported as such, never as passed. The protocol is
// told in conformance/adapters/PROTOCOL.md of the suite. C++17, and nothing but the standard
// library:  c++ -std=c++17 -pthread -o vdi_adapter vdi_adapter.cpp

#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// ---- JSON, as much of it as the protocol has ----

struct Json {
    enum Kind { Null, Bool, Number, Text, List, Object } kind = Null;
    bool truth = false;
    std::string text;  // of a Number, its digits
    std::vector<Json> list;
    std::map<std::string, Json> fields;

    const Json& operator[](const std::string& name) const {
        static const Json missing;
        auto found = fields.find(name);
        return found == fields.end() ? missing : found->second;
    }
    std::uint64_t number() const { return kind == Number ? std::stoull(text) : 0; }
};

class Reader {
    const std::string& line;
    std::size_t at = 0;

    [[noreturn]] void fail(const char* expected) const {
        throw std::runtime_error(std::string("expected ") + expected + " in " + line);
    }
    char next() {
        while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
        return at < line.size() ? line[at] : '\0';
    }
    bool take(char wanted) {
        if (next() != wanted) return false;
        ++at;
        return true;
    }
    bool word(const std::string& wanted) {
        if (line.compare(at, wanted.size(), wanted) != 0) return false;
        at += wanted.size();
        return true;
    }
    static void append_utf8(std::string& text, unsigned long point) {
        if (point < 0x80) {
            text += static_cast<char>(point);
        } else if (point < 0x800) {
            text += static_cast<char>(0xC0 | (point >> 6));
            text += static_cast<char>(0x80 | (point & 0x3F));
        } else if (point < 0x10000) {
            text += static_cast<char>(0xE0 | (point >> 12));
            text += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
            text += static_cast<char>(0x80 | (point & 0x3F));
        } else {
            text += static_cast<char>(0xF0 | (point >> 18));
            text += static_cast<char>(0x80 | ((point >> 12) & 0x3F));
            text += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
            text += static_cast<char>(0x80 | (point & 0x3F));
        }
    }
    unsigned long four_digits() {
        if (at + 4 > line.size()) fail("four hexadecimal digits");
        unsigned long value = std::stoul(line.substr(at, 4), nullptr, 16);
        at += 4;
        return value;
    }
    std::string string() {
        std::string text;
        if (!take('"')) fail("a string");
        while (at < line.size() && line[at] != '"') {
            char c = line[at++];
            if (c != '\\') {
                text += c;
                continue;
            }
            char escape = at < line.size() ? line[at++] : '\0';
            switch (escape) {
                case 'n': text += '\n'; break;
                case 't': text += '\t'; break;
                case 'r': text += '\r'; break;
                case 'b': text += '\b'; break;
                case 'f': text += '\f'; break;
                case 'u': {
                    unsigned long point = four_digits();
                    if (point >= 0xD800 && point < 0xDC00 && word("\\u"))
                        point = 0x10000 + ((point - 0xD800) << 10) + (four_digits() - 0xDC00);
                    append_utf8(text, point);
                    break;
                }
                default: text += escape;
            }
        }
        if (!take('"')) fail("the end of a string");
        return text;
    }

public:
    explicit Reader(const std::string& text) : line(text) {}

    Json value() {
        Json json;
        char first = next();
        if (first == '{') {
            json.kind = Json::Object;
            take('{');
            while (!take('}')) {
                std::string name = string();
                if (!take(':')) fail("a colon");
                json.fields[name] = value();
                if (!take(',') && next() != '}') fail("a comma or }");
            }
        } else if (first == '[') {
            json.kind = Json::List;
            take('[');
            while (!take(']')) {
                json.list.push_back(value());
                if (!take(',') && next() != ']') fail("a comma or ]");
            }
        } else if (first == '"') {
            json.kind = Json::Text;
            json.text = string();
        } else if (word("true")) {
            json.kind = Json::Bool;
            json.truth = true;
        } else if (word("false")) {
            json.kind = Json::Bool;
        } else if (!word("null")) {
            std::size_t end = line.find_first_not_of("+-.0123456789eE", at);
            json.kind = Json::Number;
            json.text = line.substr(at, end == std::string::npos ? end : end - at);
            if (json.text.empty()) fail("a value");
            at += json.text.size();
        }
        return json;
    }
};

std::string quoted(const std::string& text) {
    static const char digits[] = "0123456789abcdef";
    std::string out = "\"";
    for (unsigned char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
        } else if (c < 0x20) {
            out += "\\u00";
            out += digits[c >> 4];
            out += digits[c & 15];
        } else {
            out += static_cast<char>(c);
        }
    }
    return out + "\"";
}

// ---- the implementation ----

struct Unsupported : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Returned {
    std::string status;      // the name of a code, such as NOERROR
    std::string out = "{}";  // what comes out of the call, as JSON
};

// Makes one call, and gives what it returns with, when it returns.
//
// `function` is such as "GetCommand", `on` the handle it is called on, `creates` what the thing it
// makes is called from now on (empty if it makes nothing), `args` its arguments by name.
//
// A function you do not have is Unsupported as well: OpenInSecondary on "x1set", say, if your
// adapter knows one client process only.
Returned call(const std::string& function, const std::string& on, const std::string& creates,
              const Json& args) {
    (void)on, (void)creates, (void)args;
    throw Unsupported(function + " is not bound to the implementation yet");
}

// ---- the protocol ----

void send(const std::string& message) {
    static std::mutex turn;
    std::lock_guard<std::mutex> lock(turn);
    std::cout << message << std::endl;
}

void unsupported(const Json& message, const std::string& reason) {
    send("{\"op\":\"unsupported\",\"id\":" + message["id"].text + ",\"reason\":" + quoted(reason) +
         "}");
}

// One lane: makes its calls in order.
class Lane {
    std::mutex turn;
    std::condition_variable more;
    std::deque<Json> work;

public:
    void put(Json message) {
        std::lock_guard<std::mutex> lock(turn);
        work.push_back(std::move(message));
        more.notify_one();
    }
    [[noreturn]] void run() {
        for (;;) {
            std::unique_lock<std::mutex> lock(turn);
            more.wait(lock, [this] { return !work.empty(); });
            Json message = std::move(work.front());
            work.pop_front();
            lock.unlock();
            try {
                Returned made = call(message["call"].text, message["on"].text, message["as"].text,
                                     message["args"]);
                send("{\"op\":\"return\",\"id\":" + message["id"].text + ",\"lane\":" +
                     quoted(message["lane"].text) + ",\"status\":" + quoted(made.status) +
                     ",\"out\":" + made.out + "}");
            } catch (const Unsupported& reason) {
                unsupported(message, reason.what());
            }
        }
    }
};

int main() {
    std::map<std::string, std::shared_ptr<Lane>> lanes;
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line.rfind("\xEF\xBB\xBF", 0) == 0) line.erase(0, 3);
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        if (line.empty()) continue;
        const Json message = Reader(line).value();
        const std::string& op = message["op"].text;
        if (op == "hello") {
            // Without "settle" the suite takes a span of silence for rest, and without "expire"
            // your time-outs pass by the clock.
            send("{\"op\":\"hello\",\"protocol\":1,\"implementation\":{\"name\":\"my-vdi\","
                 "\"version\":\"0.1\",\"language\":\"C++\"},\"offers\":[\"server\",\"client\"]}");
        } else if (op == "reset") {
            // Forget the sets, devices and commands of your implementation here.
            lanes.clear();
            send("{\"op\":\"ready\"}");
        } else if (op == "call") {
            std::shared_ptr<Lane>& lane = lanes[message["lane"].text];
            if (!lane) {
                lane = std::make_shared<Lane>();
                std::thread([of_thread = lane] { of_thread->run(); }).detach();
            }
            lane->put(message);
        } else if (op == "bye") {
            std::cout.flush();
            std::_Exit(0);
        } else {
            unsupported(message, op + " is not offered");
        }
    }
    // Lanes may still be blocked in calls.
    std::cout.flush();
    std::_Exit(0);
}
