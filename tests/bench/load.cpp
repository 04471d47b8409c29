// The bench's client: asks an epmd as fast as it answers, checks every reply byte for byte, and tells what that cost
// the server, by the server's own clock. An epoll loop, or one a thread, so that the client is not what is measured.
//
//   bench_load hold COUNT [HOSTS]         registers COUNT names one by one, says "ready", and stays till its input ends
//   bench_load storm COUNT                registers COUNT names all at once, says how long the replies took, and stays
//   bench_load stall COUNT                COUNT connections that send half a request, and stay
//   bench_load lookup|names|register SECONDS COUNT THREADS PID [HOSTS]
//   bench_load ask TIMES COUNT            looks names up, one after the other
//   bench_load start TIMES PROGRAM        starts a server so often, and ends it when it has answered
//
// lookup: of any of COUNT names; names: the list of them; register: a name of its own, and away again. PID: the
// server's. HOSTS: over how many hosts the names are spread; without it all are at 127.0.0.1. Prints one line,
// "operations N seconds S cpu_us C p50_us P p99_us P"; start: "start_us P", of the quick ones.
#include "wire/encode.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace epmd::bench {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::uint16_t epmd_port = 4369;
constexpr int connections_a_thread = 8; // so that the server always finds work, and accepts several at a time

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what);
}

// ---- what is asked, and what the answer must be

std::string name_of(int number) {
    return "node" + std::to_string(100000 + number);
}

std::uint16_t port_of(int number) {
    return static_cast<std::uint16_t>(20000 + number % 40000);
}

/// The address of the host of a name, in network byte order.
in_addr_t address_of(int number, int hosts) {
    constexpr int addresses_a_byte = 250;
    const int host = hosts == 0 ? 0 : number % hosts;
    const int third = host / addresses_a_byte;
    const int fourth = host % addresses_a_byte + 1;
    const int first_two = hosts == 0 ? 127 * 256 : 127 * 256 + 1;
    return htonl(static_cast<in_addr_t>((first_two * 256 + third) * 256 + fourth));
}

std::string encoded(const wire::request& what) {
    std::string bytes;
    wire::encode(what, bytes);
    return bytes;
}

std::string encoded(const wire::reply& what) {
    std::string bytes;
    wire::encode(what, bytes);
    return bytes;
}

std::string registration_of(int number) {
    const auto name = name_of(number);
    return encoded(wire::alive2_req{.port = port_of(number), .alive_name = name, .extra = {}});
}

/// One kind of conversation.
struct operation {
    std::function<std::string(int number)> request;
    std::function<bool(int number, std::string_view reply)> is_right;
    std::size_t reply_bytes = 0; ///< after which it leaves; 0: when the server closes
    bool is_in_turn = false;     ///< each number once, before the first comes again; else at random
    int first = 0;               ///< numbers of the names to ask for
    int count = 1;
    int hosts = 0; ///< over which they are spread; 0: none but the machine
};

operation lookup_of(int count, int hosts) {
    return {.request = [](int number) { return encoded(wire::port_please2_req{name_of(number)}); },
            .is_right =
                [](int number, std::string_view reply) {
                    const auto name = name_of(number);
                    return reply == encoded(wire::port2_resp{.port = port_of(number), .alive_name = name, .extra = {}});
                },
            .reply_bytes = 0,
            .is_in_turn = false,
            .first = 0,
            .count = count,
            .hosts = hosts};
}

/// Which of the servers lists the newest first is its own business.
operation names_of(int count) {
    std::size_t size = 4;
    for (int number = 0; number < count; ++number) {
        std::string line;
        const auto name = name_of(number);
        wire::append_names_line({name, port_of(number)}, line);
        size += line.size();
    }
    return {.request = [](int) { return encoded(wire::names_req{}); },
            .is_right =
                [size, count](int, std::string_view reply) {
                    return reply.size() == size &&
                           std::count(reply.begin() + 4, reply.end(), '\n') == static_cast<std::ptrdiff_t>(count);
                },
            .reply_bytes = 0,
            .is_in_turn = false,
            .first = 0,
            .count = 1};
}

operation registration_beside(int held) {
    return {.request = registration_of,
            .is_right = [](int, std::string_view reply) { return reply.starts_with(std::string_view("v\0", 2)); },
            .reply_bytes = 6,
            .is_in_turn = true,
            .first = held,
            .count = 10000};
}

// ---- connections

class connection {
  public:
    explicit connection(in_addr_t where) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (!connect(where)) {
            fail("cannot connect to the server: " + std::generic_category().message(errno));
        }
    }
    /// Does not wait until it is connected.
    struct at_once {};
    explicit connection(at_once) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        if (!connect(htonl(INADDR_LOOPBACK)) && errno != EINPROGRESS) {
            fail("cannot connect to the server: " + std::generic_category().message(errno));
        }
    }
    /// Waits until there is a server.
    struct patiently {};
    explicit connection(patiently) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        while (!connect(htonl(INADDR_LOOPBACK))) {
            std::this_thread::sleep_for(std::chrono::microseconds(20)); // else it would keep the CPU from the server
        }
    }
    ~connection() { ::close(descriptor_); }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    void send(std::string_view bytes) const {
        if (::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
            fail("the server took no request");
        }
    }

    /// Adds what is there. False: it has ended, or, if nothing is there yet, `is_empty`.
    bool receive(std::string& to, bool& is_empty, bool waits = false) const {
        std::array<char, 65536> buffer; // NOLINT: filled by recv
        const auto size = ::recv(descriptor_, buffer.data(), buffer.size(), waits ? 0 : MSG_DONTWAIT);
        is_empty = size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (size > 0) {
            to.append(buffer.data(), static_cast<std::size_t>(size));
        }
        return size > 0;
    }

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  private:
    [[nodiscard]] bool connect(in_addr_t where) const {
        sockaddr_in server{};
        server.sin_family = AF_INET;
        server.sin_port = htons(epmd_port);
        server.sin_addr.s_addr = where;
        return ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0; // NOLINT
    }

    int descriptor_;
};

// ---- the server's clock

/// Nanoseconds that the threads of a process have run, user and system together (schedstat, proc(5)).
std::uint64_t cpu_of(const std::string& pid) {
    std::uint64_t sum = 0;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + pid + "/task")) {
        std::uint64_t one = 0;
        std::ifstream(thread.path() / "schedstat") >> one;
        sum += one;
    }
    return sum;
}

// ---- one thread's loop

/// Keeps a few conversations going until `until`; the microseconds that each took since `from`.
class loop {
  public:
    loop(const operation& what, clock::time_point from, clock::time_point until, unsigned seed)
        : what_(what), from_(from), until_(until), random_(seed), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
    ~loop() { ::close(epoll_); }
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    std::vector<double> run() {
        std::array<conversation, connections_a_thread> all;
        for (auto& one : all) {
            begin(one);
        }
        std::array<epoll_event, connections_a_thread> events{};
        while (clock::now() < until_) {
            constexpr int a_second = 1000;
            const int ready = ::epoll_wait(epoll_, events.data(), connections_a_thread, a_second);
            for (int i = 0; i < ready; ++i) {
                go_on(*static_cast<conversation*>(events[static_cast<std::size_t>(i)].data.ptr));
            }
        }
        return std::move(taken_);
    }

  private:
    struct conversation {
        std::unique_ptr<connection> with;
        int number = 0;
        clock::time_point began;
        std::string reply;
    };

    void begin(conversation& one) {
        one.number = what_.first + (what_.is_in_turn ? next_++ % what_.count
                                                     : std::uniform_int_distribution<int>(0, what_.count - 1)(random_));
        one.reply.clear();
        one.began = clock::now();
        one.with = std::make_unique<connection>(address_of(one.number, what_.hosts));
        one.with->send(what_.request(one.number));
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.ptr = &one;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, one.with->descriptor(), &wanted);
    }

    void go_on(conversation& one) {
        bool is_empty = false;
        while (one.with->receive(one.reply, is_empty)) {
            if (what_.reply_bytes != 0 && one.reply.size() >= what_.reply_bytes) {
                break;
            }
        }
        if (is_empty && (what_.reply_bytes == 0 || one.reply.size() < what_.reply_bytes)) {
            return;
        }
        if (!what_.is_right(one.number, one.reply)) {
            fail("a wrong reply of " + std::to_string(one.reply.size()) + " bytes about " + name_of(one.number));
        }
        const auto now = clock::now();
        if (one.began >= from_) {
            taken_.push_back(std::chrono::duration<double, std::micro>(now - one.began).count());
        }
        begin(one);
    }

    const operation& what_;
    clock::time_point from_;
    clock::time_point until_;
    std::mt19937 random_;
    int next_ = 0;
    int epoll_;
    std::vector<double> taken_;
};

/// Middle, late and last of what was taken.
std::string spread(std::vector<double> taken) {
    if (taken.empty()) {
        fail("nothing was answered");
    }
    std::sort(taken.begin(), taken.end());
    const auto share = [&](std::size_t percent) { return taken[(taken.size() - 1) * percent / 100]; };
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "p50_us %.1f p99_us %.1f most_us %.1f", share(50), share(99), taken.back());
    return text.data();
}

void measure(const operation& what, double seconds, int threads, const std::string& pid) {
    constexpr std::chrono::milliseconds warm_up{200};
    const auto from = clock::now() + warm_up;
    const auto until = from + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
    std::vector<std::vector<double>> taken(static_cast<std::size_t>(threads));
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i) {
        running.emplace_back([&, i] {
            taken[static_cast<std::size_t>(i)] = loop(what, from, until, static_cast<unsigned>(i + 1)).run();
        });
    }
    std::this_thread::sleep_until(from);
    const auto cpu_before = cpu_of(pid);
    std::this_thread::sleep_until(until);
    const auto cpu = cpu_of(pid) - cpu_before;
    for (auto& one : running) {
        one.join();
    }
    std::vector<double> all;
    for (const auto& some : taken) {
        all.insert(all.end(), some.begin(), some.end());
    }
    std::printf("operations %zu seconds %.3f cpu_us %.3f %s\n", all.size(), seconds,
                static_cast<double>(cpu) / 1000 / static_cast<double>(all.size()), spread(all).c_str());
}

// ---- those that stay

void stay_till_input_ends() {
    std::fflush(stdout);
    std::string line;
    while (std::getline(std::cin, line)) {
    }
}

constexpr std::size_t reply_bytes_of_registration = 6;

void check_is_registered(int number, std::string_view reply) {
    if (reply.size() != reply_bytes_of_registration || !reply.starts_with(std::string_view("v\0", 2))) {
        fail(name_of(number) + " was not registered");
    }
}

void hold(int count, int hosts) {
    std::vector<std::unique_ptr<connection>> held;
    for (int number = 0; number < count; ++number) {
        held.push_back(std::make_unique<connection>(address_of(number, hosts)));
        held.back()->send(registration_of(number));
        std::string reply;
        bool is_empty = false;
        while (reply.size() < reply_bytes_of_registration && held.back()->receive(reply, is_empty, true)) {
        }
        check_is_registered(number, reply);
    }
    std::printf("ready %d\n", count);
    stay_till_input_ends();
}

/// Their names are others than those of `hold`.
constexpr int first_of_storm = 50000;

/// None waits for another; the time of each is from when it began to connect.
void storm(int count) {
    struct node {
        std::unique_ptr<connection> with;
        clock::time_point began;
        bool is_sent = false;
    };
    std::vector<node> held(static_cast<std::size_t>(count));
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<double> taken;
    const auto go_on = [&](std::uint32_t number) {
        auto& one = held[number];
        if (!one.is_sent) {
            one.with->send(registration_of(first_of_storm + static_cast<int>(number)));
            one.is_sent = true;
            epoll_event wanted{};
            wanted.events = EPOLLIN;
            wanted.data.u32 = number;
            ::epoll_ctl(epoll, EPOLL_CTL_MOD, one.with->descriptor(), &wanted);
            return;
        }
        std::string reply;
        bool is_empty = false;
        one.with->receive(reply, is_empty);
        check_is_registered(first_of_storm + static_cast<int>(number), reply);
        ::epoll_ctl(epoll, EPOLL_CTL_DEL, one.with->descriptor(), nullptr);
        taken.push_back(std::chrono::duration<double, std::micro>(clock::now() - one.began).count());
    };
    const auto go_on_with_all = [&](int longest_wait) {
        std::array<epoll_event, 64> events{};
        const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), longest_wait);
        std::for_each_n(events.begin(), std::max(ready, 0), [&](const epoll_event& one) { go_on(one.data.u32); });
        return ready > 0;
    };
    for (std::uint32_t number = 0; number < held.size(); ++number) {
        auto& one = held[number];
        one.began = clock::now();
        one.with = std::make_unique<connection>(connection::at_once{});
        epoll_event wanted{};
        wanted.events = EPOLLOUT;
        wanted.data.u32 = number;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, one.with->descriptor(), &wanted);
        go_on_with_all(0);
    }
    constexpr int as_long_as_a_vm = 10000; // ms
    while (taken.size() < held.size()) {
        if (!go_on_with_all(as_long_as_a_vm)) {
            fail("only " + std::to_string(taken.size()) + " of " + std::to_string(count) + " were answered");
        }
    }
    ::close(epoll);
    std::printf("operations %d %s\n", count, spread(taken).c_str());
    stay_till_input_ends();
}

void ask(int times, int count) {
    const auto what = lookup_of(count, 0);
    for (int i = 0; i < times; ++i) {
        const int number = i % count;
        const connection with(address_of(number, 0));
        with.send(what.request(number));
        std::string reply;
        bool is_empty = false;
        while (with.receive(reply, is_empty, true)) {
        }
        if (!what.is_right(number, reply)) {
            fail("a wrong reply about " + name_of(number));
        }
    }
    std::printf("operations %d\n", times);
}

void stall(int count) {
    std::vector<std::unique_ptr<connection>> held;
    for (int i = 0; i < count; ++i) {
        held.push_back(std::make_unique<connection>(htonl(INADDR_LOOPBACK)));
        held.back()->send(std::string_view("\0\x07z", 3));
    }
    std::printf("ready %d\n", count);
    stay_till_input_ends();
}

/// From exec to the first answer: what a VM waits for that starts its own epmd.
void start(int times, const std::string& program) {
    std::vector<double> taken;
    for (int i = 0; i < times; ++i) {
        const auto began = clock::now();
        const auto child = ::fork();
        if (child == 0) {
            const int nowhere = ::open("/dev/null", O_RDWR);
            ::dup2(nowhere, STDOUT_FILENO);
            ::dup2(nowhere, STDERR_FILENO);
            ::execl(program.c_str(), program.c_str(), nullptr);
            std::_Exit(1);
        }
        const connection with{connection::patiently{}};
        with.send(encoded(wire::port_please2_req{"nobody"}));
        std::string reply;
        bool is_empty = false;
        while (with.receive(reply, is_empty, true)) {
        }
        taken.push_back(std::chrono::duration<double, std::micro>(clock::now() - began).count());
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    std::sort(taken.begin(), taken.end());
    // Not the median: where the kernel is busy tidying up, any program takes 10 ms more to start.
    std::printf("start_us %.1f\n", taken[taken.size() / 10]);
}

int number_of(std::string_view text) {
    int value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ptr != text.data() + text.size()) {
        fail(std::string(text) + " is no number");
    }
    return value;
}

void run(const std::vector<std::string>& words) {
    rlimit most{};
    ::getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &most);
    const auto is = [&](const std::string& what, std::size_t least, std::size_t highest) {
        return !words.empty() && words[0] == what && words.size() > least && words.size() <= highest + 1;
    };
    const auto number_at = [&](std::size_t i) { return i < words.size() ? number_of(words[i]) : 0; };
    if (is("hold", 1, 2)) {
        hold(number_at(1), number_at(2));
    } else if (is("storm", 1, 1)) {
        storm(number_at(1));
    } else if (is("stall", 1, 1)) {
        stall(number_at(1));
    } else if (is("ask", 2, 2)) {
        ask(number_at(1), number_at(2));
    } else if (is("start", 2, 2)) {
        start(number_at(1), words[2]);
    } else if (is("lookup", 4, 5)) {
        measure(lookup_of(number_at(2), number_at(5)), std::stod(words[1]), number_at(3), words[4]);
    } else if (is("names", 4, 4)) {
        measure(names_of(number_at(2)), std::stod(words[1]), number_at(3), words[4]);
    } else if (is("register", 4, 4)) {
        measure(registration_beside(number_at(2)), std::stod(words[1]), number_at(3), words[4]);
    } else {
        fail("its first lines say what it can be told to do");
    }
}

} // namespace
} // namespace epmd::bench

int main(int count, char** words) {
    try {
        epmd::bench::run({words + 1, words + count});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_load: %s\n", error.what());
        return 1;
    }
}
