// Processes as /proc shows them: a made-up /proc, and the real one asked of this process.
#include "placement/processes.hpp"
#include "support/addresses.hpp"
#include "support/bytes.hpp"
#include "support/sockets.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

namespace epmd {
namespace {

using test::ended_by_nul;
using test::operator""_ip;
using words = std::vector<std::string>;

/// A folder that looks as /proc does. All its processes are this user's.
class made_up_proc {
  public:
    struct contents {
        std::string program;
        words arguments{};
        words variables{};
        words descriptors{}; ///< what they lead to
    };

    void add(std::int32_t pid, const contents& what) const {
        const auto folder = std::filesystem::path(std::to_string(pid));
        root_.write(folder / "comm", what.program + "\n");
        root_.write(folder / "cmdline", ended_by_nul(what.arguments));
        root_.write(folder / "environ", ended_by_nul(what.variables));
        std::filesystem::create_directories(root_.path() / folder / "fd");
        int descriptor = 0;
        for (const auto& one : what.descriptors) {
            std::filesystem::create_symlink(one, root_.path() / folder / "fd" / std::to_string(descriptor++));
        }
    }

    [[nodiscard]] const test::temporary_directory& root() const { return root_; }
    [[nodiscard]] proc_processes look() const { return proc_processes(root_.path()); }

  private:
    test::temporary_directory root_;
};

process described(std::int32_t pid, const std::string& program, std::optional<std::string> node_name = {}) {
    process result;
    result.pid = pid;
    result.uid = ::getuid();
    result.program = program;
    result.node_name = std::move(node_name);
    return result;
}

TEST_CASE("who has a socket open is found by its inode") {
    const made_up_proc proc;
    proc.add(100, {.program = "bash", .descriptors = {"/dev/null", "socket:[7]"}});
    proc.add(200,
             {.program = "beam.smp",
              .arguments = {"beam.smp", "-sname", "a@lowry"},
              .descriptors = {"/dev/null", "pipe:[123]", "socket:[124]", "socket:[123]", "anon_inode:[eventpoll]"}});
    proc.add(300,
             {.program = "beam.smp", .arguments = {"beam.smp", "-sname", "b@jill"}, .descriptors = {"socket:[1234]"}});
    auto all = proc.look();
    CHECK(all.owner_of(123) == described(200, "beam.smp", "a@lowry"));
    CHECK(all.owner_of(124) == described(200, "beam.smp", "a@lowry"));
    CHECK(all.owner_of(1234) == described(300, "beam.smp", "b@jill"));
    CHECK(all.owner_of(7) == described(100, "bash"));
    CHECK(all.owner_of(12) == std::nullopt);
    CHECK(all.owner_of(0) == std::nullopt);
    CHECK(all.owns(200, 123));
    CHECK_FALSE(all.owns(300, 123));
    CHECK_FALSE(all.owns(200, 12));
    CHECK_FALSE(all.owns(999, 123));
}

TEST_CASE("a process that was passed on the way to another is found, unless it has closed the socket or ended") {
    const made_up_proc proc;
    for (const auto pid : {100, 200, 300}) {
        const auto own = "socket:[" + std::to_string(pid) + "]";
        proc.add(pid, {.program = "beam.smp", .descriptors = {"socket:[7]", own}});
    }
    auto all = proc.look();
    CHECK(all.owner_of(100) == described(100, "beam.smp"));
    CHECK(all.owner_of(300) == described(300, "beam.smp"));
    CHECK(all.owner_of(200) == described(200, "beam.smp"));
    CHECK(all.owner_of(100) == described(100, "beam.smp"));
    std::filesystem::remove(proc.root().path() / "300/fd/1");
    std::filesystem::remove_all(proc.root().path() / "200");
    CHECK(all.owner_of(300) == std::nullopt);
    CHECK(all.owner_of(200) == std::nullopt);
    CHECK(all.owner_of(7) == described(300, "beam.smp"));
}

TEST_CASE("a process that is no VM is passed, and found, as well, whatever its descriptors are") {
    const made_up_proc proc;
    proc.add(100, {.program = "java", .descriptors = {"socket:[7]", "socket:[8]", "socket:[9]"}});
    auto all = proc.look();
    CHECK(all.owner_of(7) == described(100, "java"));
    CHECK(all.owner_of(9) == described(100, "java"));
    const auto fd = proc.root().path() / "100/fd";
    std::filesystem::rename(fd / "1", fd / "12");
    CHECK(all.owner_of(8) == described(100, "java"));
}

TEST_CASE("of several that share a socket a VM comes first, then the newest") {
    const made_up_proc proc;
    proc.add(100, {.program = "beam.smp", .descriptors = {"socket:[5]", "socket:[6]"}});
    proc.add(200, {.program = "beam.smp", .descriptors = {"socket:[6]"}});
    proc.add(300, {.program = "sh", .descriptors = {"socket:[5]", "socket:[8]"}});
    proc.add(1000, {.program = "cat", .descriptors = {"socket:[8]"}});
    auto all = proc.look();
    CHECK(all.owner_of(5) == described(100, "beam.smp"));
    CHECK(all.owner_of(6) == described(200, "beam.smp"));
    CHECK(all.owner_of(8) == described(1000, "cat"));
}

TEST_CASE("a VM's node name is that of its command line, else that of a variable") {
    const made_up_proc proc;
    const std::string vm = "beam.smp";
    proc.add(1, {.program = vm, .arguments = {vm, "-name", "a@x.y"}, .variables = {"RABBITMQ_NODENAME=b@lowry"}});
    proc.add(2, {.program = vm, .arguments = {vm, "-noshell"}, .variables = {"A=b", "RABBITMQ_NODENAME=b@lowry"}});
    proc.add(3, {.program = vm, .arguments = {vm, "-noshell"}, .variables = {"A=b"}});
    proc.add(4, {.program = vm});
    auto vms = proc.look().erlang_vms(::getuid());
    std::sort(vms.begin(), vms.end(), [](const process& left, const process& right) { return left.pid < right.pid; });
    CHECK(vms ==
          std::vector{described(1, vm, "a@x.y"), described(2, vm, "b@lowry"), described(3, vm), described(4, vm)});
}

TEST_CASE("a VM's carrier is read from its command line") {
    const made_up_proc proc;
    const std::string vm = "beam.smp";
    proc.add(1, {.program = vm, .arguments = {vm, "-proto_dist", "inet_tls"}, .descriptors = {"socket:[1]"}});
    proc.add(2, {.program = vm, .arguments = {vm, "-proto_dist", "inet_tcp"}, .descriptors = {"socket:[2]"}});
    auto all = proc.look();
    CHECK_FALSE(all.owner_of(1)->has_plain_distribution);
    CHECK(all.owner_of(2)->has_plain_distribution);
}

TEST_CASE("a VM in another UTS namespace has another hostname, as far as we may know") {
    const made_up_proc proc;
    for (const auto& [pid, space] : {std::pair(1, "uts:[5]"), {2, "uts:[6]"}}) {
        proc.add(pid, {.program = "beam.smp", .descriptors = {"socket:[" + std::to_string(pid) + "]"}});
        const auto folder = proc.root().path() / std::to_string(pid) / "ns";
        std::filesystem::create_directories(folder);
        std::filesystem::create_symlink(space, folder / "uts");
    }
    proc.add(3, {.program = "beam.smp", .descriptors = {"socket:[3]"}}); // another user's: nothing to see
    auto all = proc.look();
    CHECK(all.owner_of(1)->hostname == hostname_of_process::unknown); // nor do we know our own
    std::filesystem::create_directories(proc.root().path() / "self/ns");
    std::filesystem::create_symlink("uts:[5]", proc.root().path() / "self/ns/uts");
    CHECK(all.owner_of(1)->hostname == hostname_of_process::ours);
    CHECK(all.owner_of(2)->hostname == hostname_of_process::another);
    CHECK(all.owner_of(3)->hostname == hostname_of_process::unknown);
}

TEST_CASE("only Erlang VMs have a node name") {
    const made_up_proc proc;
    proc.add(1, {.program = "java", .arguments = {"java", "-sname", "a"}, .descriptors = {"socket:[1]"}});
    proc.add(2, {.program = "beam", .arguments = {"beam", "-sname", "a"}, .descriptors = {"socket:[2]"}});
    auto all = proc.look();
    CHECK(all.owner_of(1) == described(1, "java"));
    CHECK(all.owner_of(2) == described(2, "beam"));
    CHECK(all.erlang_vms(::getuid()).empty());
}

TEST_CASE("the VMs of a user are the VMs of that user only") {
    const made_up_proc proc;
    proc.add(1, {.program = "beam.smp"});
    proc.add(2, {.program = "sh"});
    auto all = proc.look();
    CHECK(all.erlang_vms(::getuid()) == std::vector{described(1, "beam.smp")});
    CHECK(all.erlang_vms(::getuid() + 1).empty());
}

TEST_CASE("what is no process, or gone, or shut, is passed over") {
    const made_up_proc proc;
    proc.root().write("self/comm", "beam.smp\n");
    proc.root().write("12x/comm", "beam.smp\n");
    proc.root().write("99999999999999999999/comm", "beam.smp\n");
    proc.root().write("meminfo", "");
    std::filesystem::create_directory(proc.root().path() / "50"); // ended: nothing of it can be read
    proc.root().write("60/comm", "beam.smp\n");                   // another user's: no descriptors
    proc.add(70, {.program = "beam.smp", .descriptors = {"socket:[1]"}});
    auto all = proc.look();
    CHECK(all.owner_of(1) == described(70, "beam.smp"));
    CHECK(all.owner_of(2) == std::nullopt);
    CHECK(all.erlang_vms(::getuid()) == std::vector{described(70, "beam.smp"), described(60, "beam.smp")});
    CHECK_FALSE(all.owns(50, 1));
    CHECK_FALSE(all.owns(60, 1));
}

TEST_CASE("a descriptor that leads to a long name is no socket") {
    const made_up_proc proc;
    proc.add(1, {.program = "beam.smp", .descriptors = {"socket:[1" + std::string(200, '1') + "]", "socket:[2]x"}});
    auto all = proc.look();
    CHECK(all.owner_of(1) == std::nullopt);
    CHECK(all.owner_of(2) == std::nullopt);
}

TEST_CASE("a long command line is read to its name") {
    const made_up_proc proc;
    proc.add(1, {.program = "beam.smp",
                 .arguments = {"beam.smp", "-boot", std::string(100000, 'x'), "-sname", "a@lowry"},
                 .descriptors = {"socket:[1]"}});
    CHECK(proc.look().owner_of(1) == described(1, "beam.smp", "a@lowry"));
}

TEST_CASE("a name that no VM can have is none, and of a command line a quarter of a megabyte is looked at") {
    const made_up_proc proc;
    const std::string vm = "beam.smp";
    proc.add(
        1, {.program = vm, .arguments = {vm, "-sname", "a@" + std::string(1019, 'x')}, .descriptors = {"socket:[1]"}});
    proc.add(
        2, {.program = vm, .arguments = {vm, "-sname", "a@" + std::string(1018, 'x')}, .descriptors = {"socket:[2]"}});
    proc.add(3, {.program = vm,
                 .arguments = {vm, std::string(300000, 'x'), "-sname", "a@lowry"},
                 .descriptors = {"socket:[3]"}});
    auto all = proc.look();
    CHECK(all.owner_of(1) == described(1, vm));
    CHECK(all.owner_of(2) == described(2, vm, "a@" + std::string(1018, 'x')));
    CHECK(all.owner_of(3) == described(3, vm));
}

TEST_CASE("without /proc nobody is found") {
    const test::temporary_directory folder;
    proc_processes all(folder.path() / "none");
    CHECK(all.owner_of(1) == std::nullopt);
    CHECK(all.erlang_vms(::getuid()).empty());
    CHECK_FALSE(all.owns(1, 1));
}

TEST_CASE("the real /proc knows that this process has its own socket") {
    auto socket = test::listen_on("127.0.0.2"_ip);
    const auto inode = socket.inode();
    std::string name;
    std::getline(std::ifstream("/proc/self/comm"), name);
    proc_processes all;
    CHECK(all.owner_of(inode) == described(::getpid(), name));
    CHECK(all.owns(::getpid(), inode));
    CHECK_FALSE(all.owns(::getppid(), inode));
    socket.close();
    CHECK(all.owner_of(inode) == std::nullopt);
    CHECK_FALSE(all.owns(::getpid(), inode));
}

} // namespace
} // namespace epmd
