// The survey: what sockets and processes say of a registration, rule by rule.
#include "placement/survey.hpp"
#include "support/addresses.hpp"
#include "support/fake_machine.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace epmd {
namespace {

using test::operator""_ip;

const host lowry("127.0.0.2"_ip);
const host jill("127.0.0.3"_ip);

constexpr std::uint32_t our_user = 1000;
constexpr std::uint32_t other_user = 2000;
constexpr std::uint16_t node_port = 40000;
constexpr std::uint64_t inode_of_connection = 10;

/// A machine where node `a` registered from 127.0.0.1:5000 at 127.0.0.1:4369, and says that it is at
/// node_port.
struct machine {
    question about{.connection = 1,
                   .from = {.peer = "127.0.0.1"_ip, .peer_port = 5000, .local = "127.0.0.1"_ip, .local_port = 4369},
                   .alive_name = "a",
                   .port = node_port,
                   .node_type = 77,
                   .owners_of_namesakes = {},
                   .before = {}};
    hosts known{{{"lowry", {"127.0.0.2"_ip, "fd00::2"_ip}}}, {"sam", {"127.0.1.1"_ip}, {}}};
    test::fake_kernel sockets;
    test::fake_processes all;

    machine& connection(std::uint32_t uid = our_user) {
        sockets.sockets.push_back({.local = about.from.peer,
                                   .local_port = about.from.peer_port,
                                   .remote = about.from.local,
                                   .remote_port = about.from.local_port,
                                   .uid = uid,
                                   .inode = inode_of_connection,
                                   .is_listening = false});
        return *this;
    }
    machine& listener(const address& where, std::uint64_t inode, std::uint32_t uid = our_user) {
        sockets.sockets.push_back({.local = where,
                                   .local_port = node_port,
                                   .remote = wildcard_v4,
                                   .remote_port = 0,
                                   .uid = uid,
                                   .inode = inode,
                                   .is_listening = true});
        return *this;
    }
    /// A VM whose descriptors may be read.
    machine& vm(std::int32_t pid, std::optional<std::string> node_name, std::set<std::uint64_t> inodes,
                std::uint32_t uid = our_user) {
        all.all.push_back({.what = {.pid = pid, .uid = uid, .program = "beam.smp", .node_name = std::move(node_name)},
                           .inodes = std::move(inodes)});
        return *this;
    }
    /// One whose descriptors may not.
    machine& hidden_vm(std::int32_t pid, std::optional<std::string> node_name, std::uint32_t uid = our_user,
                       std::set<std::uint64_t> inodes = {}) {
        vm(pid, std::move(node_name), std::move(inodes), uid);
        all.all.back().has_readable_descriptors = false;
        return *this;
    }

    finding surveyed() { return survey(about, known, sockets, all); }
};

owner ours(std::int32_t pid) {
    return {.pid = pid, .uid = our_user, .program = "beam.smp"};
}

finding found(owner who) {
    finding result;
    result.who = std::move(who);
    return result;
}

finding by_listener(host where, owner who, const std::string& node_name = {}) {
    auto result = found(std::move(who));
    result.where = where;
    result.how = evidence::listener;
    result.node_name = node_name;
    return result;
}

finding by_process(const std::string& node_name, const std::string& host_name, owner who) {
    auto result = found(std::move(who));
    result.how = evidence::process;
    result.node_name = node_name;
    result.host_name = host_name;
    return result;
}

const owner nobody_known{.pid = 0, .uid = our_user, .program = ""};

TEST_CASE("where nothing is known nothing is found") {
    CHECK(machine().surveyed() == finding{});
    CHECK(machine().vm(7, "a@lowry", {99}).listener("127.0.0.1"_ip, 99).surveyed() == finding{});
}

// ---- who owns the connection

TEST_CASE("the owner of a connection is who has its socket open") {
    CHECK(machine().connection().vm(7, {}, {inode_of_connection}).vm(8, {}, {11}).surveyed() == found(ours(7)));
}

TEST_CASE("an owner that is no VM is one as well") {
    machine some;
    some.connection().vm(7, {}, {inode_of_connection});
    some.all.all.back().what.program = "java";
    CHECK(some.surveyed() == found({.pid = 7, .uid = our_user, .program = "java"}));
}

TEST_CASE("of a socket that nobody may see the user is known all the same") {
    CHECK(machine().connection(other_user).surveyed() == found({.pid = 0, .uid = other_user, .program = ""}));
}

TEST_CASE("where descriptors cannot be read, the user's one VM of that name is the owner") {
    CHECK(machine().connection().hidden_vm(7, "a@lowry").surveyed() == by_process("a@lowry", "lowry", ours(7)));
    CHECK(machine()
              .connection()
              .hidden_vm(6, "b@lowry")
              .hidden_vm(7, "a@lowry")
              .hidden_vm(8, {})
              .hidden_vm(9, "ab@lowry")
              .surveyed() == by_process("a@lowry", "lowry", ours(7)));
}

TEST_CASE("two VMs of that name that nothing tells apart leave the owner open") {
    CHECK(machine().connection().hidden_vm(7, "a@lowry").hidden_vm(8, "a@jill").surveyed() == found(nobody_known));
    CHECK(machine().connection().hidden_vm(7, "a@lowry").hidden_vm(8, "a@lowry").surveyed() == found(nobody_known));
}

TEST_CASE("a VM that owns a registration of the name already is not the one that asks now") {
    machine some;
    some.connection().hidden_vm(7, "a@lowry").hidden_vm(8, "a@jill");
    some.about.owners_of_namesakes = {7};
    CHECK(some.surveyed() == by_process("a@jill", "jill", ours(8)));
    some.about.owners_of_namesakes = {7, 8};
    CHECK(some.surveyed() == found(nobody_known));
    some.about.owners_of_namesakes = {9};
    CHECK(some.surveyed() == found(nobody_known));
}

TEST_CASE("an owner that is seen to have the socket is one even if it owns a namesake") {
    machine some;
    some.connection().vm(7, "a@lowry", {inode_of_connection});
    some.about.owners_of_namesakes = {7};
    CHECK(some.surveyed() == by_process("a@lowry", "lowry", ours(7)));
}

TEST_CASE("another user's VM of that name is not the owner") {
    CHECK(machine().connection().hidden_vm(7, "a@lowry", other_user).surveyed() == found(nobody_known));
    CHECK(machine().connection().hidden_vm(7, "a@lowry", other_user).hidden_vm(8, "a@jill").surveyed() ==
          by_process("a@jill", "jill", ours(8)));
}

TEST_CASE("without the connection's socket no VM is guessed") {
    CHECK(machine().hidden_vm(7, "a@lowry").surveyed() == finding{});
}

// ---- listener

TEST_CASE("a listener at a host's address names the host") {
    machine some;
    some.connection().vm(7, {}, {inode_of_connection, 20}).listener("127.0.0.3"_ip, 20);
    CHECK(some.surveyed() == by_listener(jill, ours(7)));
}

TEST_CASE("any address of a configured host names it") {
    CHECK(machine().listener("127.0.0.2"_ip, 20).surveyed() == by_listener(lowry, {}));
    CHECK(machine().listener("fd00::2"_ip, 20).surveyed() == by_listener(lowry, {}));
    CHECK(machine().listener("127.0.0.2"_ip, 20).listener("fd00::2"_ip, 21).surveyed() == by_listener(lowry, {}));
}

TEST_CASE("the machine's own addresses and wildcards are no evidence") {
    for (const auto& where : {"127.0.0.1"_ip, "::1"_ip, "127.0.1.1"_ip, "192.0.2.1"_ip, "0.0.0.0"_ip, "::"_ip}) {
        CAPTURE(to_string(where));
        machine some;
        some.connection().vm(7, {}, {inode_of_connection, 20}).listener(where, 20);
        CHECK(some.surveyed() == found(ours(7)));
    }
}

TEST_CASE("a listener on another port is no evidence") {
    machine some;
    some.connection().listener("127.0.0.2"_ip, 20);
    some.about.port = node_port + 1;
    CHECK(some.surveyed() == found(nobody_known));
}

TEST_CASE("port 0 is nobody's, so no listener is looked for") {
    machine some;
    some.connection().listener("127.0.0.2"_ip, 20);
    some.sockets.sockets.back().local_port = 0;
    some.about.port = 0;
    CHECK(some.surveyed() == found(nobody_known));
}

TEST_CASE("another user's listener is no evidence") {
    CHECK(machine().connection().listener("127.0.0.2"_ip, 20, other_user).surveyed() == found(nobody_known));
    CHECK(machine().connection().listener("127.0.0.2"_ip, 20, other_user).listener("127.0.0.3"_ip, 21).surveyed() ==
          by_listener(jill, nobody_known));
}

TEST_CASE("where several listen on the port, the owner's listener counts") {
    machine some;
    some.connection()
        .vm(7, {}, {inode_of_connection, 21})
        .vm(8, {}, {20})
        .listener("127.0.0.2"_ip, 20)
        .listener("127.0.0.3"_ip, 21);
    CHECK(some.surveyed() == by_listener(jill, ours(7)));
}

TEST_CASE("an owner whose own listener is on every address is not where another listens") {
    machine some;
    some.connection()
        .vm(7, {}, {inode_of_connection, 21})
        .vm(8, {}, {20})
        .listener("127.0.0.2"_ip, 20)
        .listener("::"_ip, 21);
    CHECK(some.surveyed() == found(ours(7)));
}

TEST_CASE("where several listen and the owner is not known, they must agree") {
    CHECK(machine().connection().listener("127.0.0.2"_ip, 20).listener("127.0.0.3"_ip, 21).surveyed() ==
          found(nobody_known));
    CHECK(machine().connection().listener("127.0.0.2"_ip, 20).listener("0.0.0.0"_ip, 21).surveyed() ==
          found(nobody_known));
    CHECK(machine().connection().listener("127.0.0.1"_ip, 20).listener("127.0.0.2"_ip, 21).surveyed() ==
          found(nobody_known));
    CHECK(machine().connection().listener("fd00::2"_ip, 20).listener("127.0.0.2"_ip, 21).surveyed() ==
          by_listener(lowry, nobody_known));
}

TEST_CASE("where several listen and the owner's descriptors cannot be read, they must agree") {
    machine some;
    some.connection().hidden_vm(7, "a", our_user, {21}).listener("127.0.0.2"_ip, 20).listener("127.0.0.3"_ip, 21);
    auto expected = by_process("a", "", ours(7));
    expected.where = the_machine;
    CHECK(some.surveyed() == expected);
}

TEST_CASE("an owner's listeners at two hosts name neither") {
    machine some;
    some.connection()
        .vm(7, "a@lowry", {inode_of_connection, 20, 21})
        .listener("127.0.0.2"_ip, 20)
        .listener("127.0.0.3"_ip, 21);
    CHECK(some.surveyed() == by_process("a@lowry", "lowry", ours(7)));
}

// ---- process

TEST_CASE("the node name's host part is to be resolved") {
    CHECK(machine().connection().vm(7, "a@lowry.example.org", {inode_of_connection}).surveyed() ==
          by_process("a@lowry.example.org", "lowry.example.org", ours(7)));
    CHECK(machine().connection().vm(7, "a@127.0.0.2", {inode_of_connection}).surveyed() ==
          by_process("a@127.0.0.2", "127.0.0.2", ours(7)));
}

TEST_CASE("a node name without a host part means the machine") {
    for (const std::string name : {"a", "a@"}) {
        CAPTURE(name);
        auto expected = by_process(name, "", ours(7));
        expected.where = the_machine;
        CHECK(machine().connection().vm(7, name, {inode_of_connection}).surveyed() == expected);
    }
}

TEST_CASE("a node name of another alive name says nothing of this one") {
    for (const std::string name : {"b@lowry", "b", "ab@lowry", "A@lowry", "@lowry", ""}) {
        CAPTURE(name);
        CHECK(machine().connection().vm(7, name, {inode_of_connection}).surveyed() == found(ours(7)));
    }
}

TEST_CASE("a listener goes before the node name, and the name is kept") {
    machine some;
    some.connection().vm(7, "a@lowry", {inode_of_connection, 20}).listener("127.0.0.3"_ip, 20);
    CHECK(some.surveyed() == by_listener(jill, ours(7), "a@lowry"));
    machine without_host;
    without_host.connection().vm(7, "a", {inode_of_connection, 20}).listener("127.0.0.3"_ip, 20);
    CHECK(without_host.surveyed() == by_listener(jill, ours(7), "a"));
}

TEST_CASE("a listener at the machine leaves the say to the node name") {
    machine some;
    some.connection().vm(7, "a@lowry", {inode_of_connection, 20}).listener("0.0.0.0"_ip, 20);
    CHECK(some.surveyed() == by_process("a@lowry", "lowry", ours(7)));
}

} // namespace
} // namespace epmd
