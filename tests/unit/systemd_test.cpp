// What systemd passes and hears, with an environment and sockets of our own.
#include "handover/systemd.hpp"
#include "support/fake_manager.hpp"
#include "support/sockets.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
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

TEST_CASE("passed sockets are taken once, in their order and with their names, and no child inherits them") {
    CHECK(holds_in_child([] {
        pass_sockets(own_pid(), "2", 2);
        const auto taken = take_passed_descriptors();
        return taken == std::vector<passed_descriptor>{{3, "a"}, {4, "b"}} && (::fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 &&
               (::fcntl(4, F_GETFD) & FD_CLOEXEC) != 0 && ::getenv("LISTEN_FDS") == nullptr &&
               ::getenv("LISTEN_PID") == nullptr && ::getenv("LISTEN_FDNAMES") == nullptr &&
               take_passed_descriptors().empty();
    }));
}

TEST_CASE("what came twice is closed and left out") {
    CHECK(holds_in_child([] {
        pass_sockets(own_pid(), "3", 2);
        return ::dup(3) == 5 && take_passed_descriptors() == std::vector<passed_descriptor>{{3, "a"}, {4, "b"}} &&
               ::fcntl(5, F_GETFD) < 0;
    }));
}

TEST_CASE("nothing is taken that was passed to another process, or that is not there") {
    const auto taken_of = [](const std::string& pid, const std::string& count, int sockets, std::size_t expected) {
        return holds_in_child([&] {
            pass_sockets(pid == "own" ? own_pid() : pid, count, sockets);
            return take_passed_descriptors().size() == expected;
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
        return take_passed_descriptors().empty();
    }));
}

TEST_CASE("what a predecessor passes is taken by its successor, whatever the numbers, and by no other process") {
    const auto taken_by = [](int pid) {
        pass_sockets("1", "0", 3);
        const std::vector<passed_descriptor> passed{{5, "loopmd-table-7"}, {3, "listener"}, {77, "gone"}};
        const auto variable = variable_for_passing(pid, passed);
        const auto equals = variable.find('=');
        ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
        const bool is_for_us = is_successor();
        const auto taken = take_passed_descriptors();
        return std::pair(is_for_us && !is_successor(), taken);
    };
    CHECK(holds_in_child([&] {
        return taken_by(::getpid()) ==
               std::pair(true, std::vector<passed_descriptor>{{5, "loopmd-table-7"}, {3, "listener"}});
    }));
    CHECK(holds_in_child([&] { return taken_by(1) == std::pair(false, std::vector<passed_descriptor>()); }));
    CHECK(holds_in_child([] { return !is_successor(); }));
}

TEST_CASE("the service manager is told, by a path or by an abstract name") {
    const test::temporary_directory folder;
    for (const auto& path : {(folder.path() / "notify").string(), "@loopmd-test-" + own_pid()}) {
        CAPTURE(path);
        test::fake_manager manager(path);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
        const auto way = service_manager::find();
        ::unsetenv("NOTIFY_SOCKET");
        REQUIRE(way);
        CHECK(!way->tell("READY=1\nMAINPID=7"));
        CHECK(manager.hears() == "READY=1\nMAINPID=7");
        const std::array two{STDIN_FILENO, STDOUT_FILENO};
        CHECK(!way->store("both", two));
        CHECK(manager.hears() == "FDSTORE=1\nFDPOLL=0\nFDNAME=both");
        CHECK(manager.stored_count() == 2);
        CHECK(!way->remove("both"));
        CHECK(manager.stored_count() == 0);
    }
}

TEST_CASE("without a service manager there is none") {
    ::unsetenv("NOTIFY_SOCKET");
    CHECK(service_manager::find() == nullptr);
    ::setenv("NOTIFY_SOCKET", "", 1);
    CHECK(service_manager::find() == nullptr);
    ::unsetenv("NOTIFY_SOCKET");
}

TEST_CASE("a service manager that cannot be told is named") {
    const test::temporary_directory folder;
    for (const auto& path : {(folder.path() / "none").string(), std::string(200, 'x')}) {
        CAPTURE(path);
        try {
            const service_manager way(path);
            FAIL("it was found");
        } catch (const std::system_error& error) {
            CHECK(std::string(error.what()).find("NOTIFY_SOCKET=" + path) != std::string::npos);
        }
    }
}

TEST_CASE("a service manager that does not listen is not waited for") {
    const test::fake_manager manager("@loopmd-busy-" + own_pid());
    service_manager way(manager.path());
    std::error_code error;
    for (int told = 0; told < 100000 && !error; ++told) {
        error = way.tell("WATCHDOG=1");
    }
    CHECK(error == std::errc::resource_unavailable_try_again);
    const std::vector<int> many(254, STDIN_FILENO);
    CHECK(way.tell("FDSTORE=1", many) == std::errc::argument_list_too_long);
}

TEST_CASE("the watchdog is for who is named, and wants a number") {
    const auto interval_of = [](const char* pid, const char* interval) {
        ::setenv("WATCHDOG_PID", pid, 1);
        ::setenv("WATCHDOG_USEC", interval, 1);
        const auto found = watchdog_interval();
        ::unsetenv("WATCHDOG_PID");
        ::unsetenv("WATCHDOG_USEC");
        return found;
    };
    CHECK(interval_of(own_pid().c_str(), "30000000") == std::chrono::seconds(30));
    CHECK(!interval_of("1", "30000000"));
    CHECK(!interval_of(own_pid().c_str(), "0"));
    CHECK(!interval_of(own_pid().c_str(), "soon"));
    CHECK(!watchdog_interval());
}

} // namespace
} // namespace epmd
