// What systemd passes and hears, with an environment and sockets of our own.
#include "handover/systemd.hpp"
#include "support/sockets.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace epmd {
namespace {

/// Runs `part` in a child, so that descriptors and environment are its own; whether it said true.
template <typename Part>
bool holds_in_child(const Part& part) {
    const auto child = ::fork();
    if (child == 0) {
        bool is_true = false;
        try {
            is_true = part();
        } catch (...) {
        }
        ::_exit(is_true ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status == 0;
}

/// As a service manager leaves a process: `count` sockets from descriptor 3 on, and variables that tell of them.
void pass_sockets(const std::string& pid, const std::string& count, int sockets) {
    ::closefrom(3);
    for (int i = 0; i < sockets; ++i) {
        const int made = ::socket(AF_INET, SOCK_STREAM, 0);
        if (made != 3 + i) {
            ::_exit(2);
        }
    }
    ::setenv("LISTEN_PID", pid.c_str(), 1);
    ::setenv("LISTEN_FDS", count.c_str(), 1);
    ::setenv("LISTEN_FDNAMES", "a:b", 1);
}

std::string own_pid() {
    return std::to_string(::getpid());
}

TEST_CASE("passed sockets are taken once, in their order, and no child inherits them") {
    CHECK(holds_in_child([] {
        pass_sockets(own_pid(), "2", 2);
        const auto taken = take_passed_sockets();
        return taken == std::vector<int>{3, 4} && (::fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 &&
               (::fcntl(4, F_GETFD) & FD_CLOEXEC) != 0 && ::getenv("LISTEN_FDS") == nullptr &&
               ::getenv("LISTEN_PID") == nullptr && ::getenv("LISTEN_FDNAMES") == nullptr &&
               take_passed_sockets().empty();
    }));
}

TEST_CASE("nothing is taken that was passed to another process, or that is not there") {
    const auto taken_of = [](const std::string& pid, const std::string& count, int sockets, std::size_t expected) {
        return holds_in_child([&] {
            pass_sockets(pid == "own" ? own_pid() : pid, count, sockets);
            return take_passed_sockets().size() == expected;
        });
    };
    CHECK(taken_of("own", "1", 1, 1));
    CHECK(taken_of("1", "1", 1, 0));
    CHECK(taken_of("", "1", 1, 0));
    CHECK(taken_of("own", "", 1, 0));
    CHECK(taken_of("own", "0", 1, 0));
    CHECK(taken_of("own", "-1", 1, 0));
    CHECK(taken_of("own", "1x", 1, 0));
    CHECK(taken_of("own", "3", 2, 2));
    CHECK(taken_of("own", "99999999999999999999", 1, 0));
    CHECK(holds_in_child([] {
        ::unsetenv("LISTEN_PID");
        ::unsetenv("LISTEN_FDS");
        return take_passed_sockets().empty();
    }));
}

/// Where a service manager hears its services.
class service_manager {
  public:
    explicit service_manager(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.copy(std::begin(name.sun_path), sizeof name.sun_path);
        if (path.front() == '@') {
            name.sun_path[0] = '\0';
        }
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        if (::bind(socket_.descriptor(), reinterpret_cast<const sockaddr*>(&name), length) != 0) { // NOLINT
            throw std::runtime_error("bind failed");
        }
    }

    [[nodiscard]] std::string hears() const {
        std::array<char, 200> text{};
        const auto size = ::recv(socket_.descriptor(), text.data(), text.size(), MSG_DONTWAIT);
        return size < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(size));
    }

  private:
    test::tcp_socket socket_;
};

/// NOTIFY_SOCKET for as long as it lives.
class notify_variable {
  public:
    explicit notify_variable(const std::string& path) { ::setenv("NOTIFY_SOCKET", path.c_str(), 1); }
    ~notify_variable() { ::unsetenv("NOTIFY_SOCKET"); }
    notify_variable(const notify_variable&) = delete;
    notify_variable& operator=(const notify_variable&) = delete;
};

TEST_CASE("the service manager is told, by a path or by an abstract name") {
    const test::temporary_directory folder;
    for (const auto& path : {(folder.path() / "notify").string(), "@loopmd-test-" + own_pid()}) {
        CAPTURE(path);
        const service_manager manager(path);
        const notify_variable variable(path);
        notify_service_manager("READY=1\nMAINPID=7");
        CHECK(manager.hears() == "READY=1\nMAINPID=7");
    }
}

TEST_CASE("without a service manager nothing is told") {
    ::unsetenv("NOTIFY_SOCKET");
    CHECK_NOTHROW(notify_service_manager("READY=1"));
}

TEST_CASE("a service manager that cannot be told is named") {
    const test::temporary_directory folder;
    for (const auto& path : {(folder.path() / "none").string(), std::string(), std::string(200, 'x')}) {
        CAPTURE(path);
        const notify_variable variable(path);
        try {
            notify_service_manager("READY=1");
            FAIL("it was told");
        } catch (const std::system_error& error) {
            CHECK(std::string(error.what()).find("NOTIFY_SOCKET=" + path) != std::string::npos);
        }
    }
}

} // namespace
} // namespace epmd
