// The survey: what sockets and processes say of a registration, rule by rule.
#include "placement/survey.hpp"
#include "support/addresses.hpp"
#include "support/fake_machine.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <initializer_list>
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
                   .namesakes = {},
                   .former = {},
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
        process what;
        what.pid = pid;
        what.uid = uid;
        what.program = "beam.smp";
        what.node_name = std::move(node_name);
        what.hostname = hostname_of_process::ours;
        all.all.push_back({.what = std::move(what), .inodes = std::move(inodes)});
        return *this;
    }
    /// One whose descriptors may not.
    machine& hidden_vm(std::int32_t pid, std::optional<std::string> node_name, std::uint32_t uid = our_user,
                       std::set<std::uint64_t> inodes = {}) {
        vm(pid, std::move(node_name), std::move(inodes), uid);
        all.all.back().has_readable_descriptors = false;
        return *this;
    }

    finding surveyed_whole() { return survey(std::array{about}, known, sockets, all).front(); }
    /// Without what is only for later: where to ask, or why not, and whether it is as before.
    finding surveyed() {
        auto result = surveyed_whole();
        result.ask_at.reset();
        result.trouble.clear();
        result.listener_inode = 0;
        return result;
    }
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
    CHECK(machine().connection().hidden_vm(6, "b@lowry").hidden_vm(7, "a@lowry").hidden_vm(9, "ab@lowry").surveyed() ==
          by_process("a@lowry", "lowry", ours(7)));
}

TEST_CASE("two VMs of that name that nothing tells apart leave the owner open") {
    CHECK(machine().connection().hidden_vm(7, "a@lowry").hidden_vm(8, "a@jill").surveyed() == found(nobody_known));
    CHECK(machine().connection().hidden_vm(7, "a@lowry").hidden_vm(8, "a@lowry").surveyed() == found(nobody_known));
}

TEST_CASE("a VM that owns a registration of the name already is not the one that asks now") {
    machine some;
    some.connection().hidden_vm(7, "a@lowry").hidden_vm(8, "a@jill");
    some.about.namesakes = {{.pid = 7}};
    CHECK(some.surveyed() == by_process("a@jill", "jill", ours(8)));
    some.about.namesakes = {{.pid = 7}, {.pid = 8}};
    CHECK(some.surveyed() == found(nobody_known));
    some.about.namesakes = {{.pid = 9}};
    CHECK(some.surveyed() == found(nobody_known));
}

TEST_CASE("an owner that is seen to have the socket is one even if it owns a namesake") {
    machine some;
    some.connection().vm(7, "a@lowry", {inode_of_connection});
    some.about.namesakes = {{.pid = 7}};
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

// ---- whether the node itself can be asked

/// A VM that is named at run time: nothing says where it belongs.
machine nameless(const address& where = "0.0.0.0"_ip) {
    machine some;
    some.connection().vm(7, {}, {inode_of_connection, 20}).listener(where, 20);
    return some;
}

TEST_CASE("a node that nothing places is to be asked where it listens") {
    struct {
        address bound_to;
        address asked_at;
    } const all[] = {{"0.0.0.0"_ip, "127.0.0.1"_ip},   {"::"_ip, "::1"_ip},
                     {"127.0.0.1"_ip, "127.0.0.1"_ip}, {"::1"_ip, "::1"_ip},
                     {"127.0.1.1"_ip, "127.0.1.1"_ip}, {"192.0.2.1"_ip, "192.0.2.1"_ip}};
    for (const auto& one : all) {
        CAPTURE(to_string(one.bound_to));
        auto expected = found(ours(7));
        expected.ask_at = one.asked_at;
        expected.listener_inode = 20;
        CHECK(nameless(one.bound_to).surveyed_whole() == expected);
    }
}

TEST_CASE("a node that is placed, or whose host name is to be resolved, is not asked") {
    auto placed = nameless("127.0.0.2"_ip);
    CHECK(placed.surveyed_whole().ask_at == std::nullopt);
    CHECK(placed.surveyed_whole().where == lowry);
    auto named = nameless();
    named.all.all.back().what.node_name = "a@lowry";
    CHECK(named.surveyed_whole().ask_at == std::nullopt);
    named.all.all.back().what.node_name = "a";
    CHECK(named.surveyed_whole().ask_at == std::nullopt);
    CHECK(named.surveyed_whole().where == the_machine);
    named.all.all.back().what.node_name = "b@lowry"; // of another name: it says nothing
    CHECK(named.surveyed_whole().ask_at == "127.0.0.1"_ip);
}

TEST_CASE("only VMs are asked: C nodes, Java nodes and hidden ones are left in peace") {
    for (const auto type : std::initializer_list<std::uint8_t>{72, 104, 110, 0, 255}) {
        auto some = nameless();
        some.about.node_type = type;
        CHECK(some.surveyed_whole().ask_at == std::nullopt);
    }
}

TEST_CASE("where the owner cannot be seen, a user's VM without a name leaves a doubt, and the node is asked") {
    machine some;
    some.connection().hidden_vm(7, "a@lowry").hidden_vm(8, {}).listener("0.0.0.0"_ip, 20);
    auto expected = by_process("a@lowry", "lowry", ours(7));
    expected.is_guess = true;
    expected.ask_at = "127.0.0.1"_ip;
    expected.listener_inode = 20;
    CHECK(some.surveyed_whole() == expected);
    some.all.all.front().what.has_plain_distribution = false; // it may be the one: the guess has to do
    expected.ask_at.reset();
    CHECK(some.surveyed_whole() == expected);
    machine without_host;
    without_host.connection().hidden_vm(7, "a").hidden_vm(8, {}).listener("0.0.0.0"_ip, 20);
    CHECK(without_host.surveyed_whole().ask_at == "127.0.0.1"_ip);
    CHECK(without_host.surveyed_whole().where == the_machine);
}

TEST_CASE("nobody is asked whose listener is not seen, or is another user's") {
    machine without;
    without.connection().vm(7, {}, {inode_of_connection});
    CHECK(without.surveyed_whole().ask_at == std::nullopt);
    CHECK(without.surveyed_whole().trouble == "nothing of its user listens on its port");
    machine others;
    others.connection().vm(7, {}, {inode_of_connection}).listener("0.0.0.0"_ip, 20, other_user);
    CHECK(others.surveyed_whole().ask_at == std::nullopt);
    machine of_nobody; // whose user is not known
    of_nobody.listener("0.0.0.0"_ip, 20);
    CHECK(of_nobody.surveyed_whole().ask_at == std::nullopt);
}

TEST_CASE("a VM that speaks TLS is not asked") {
    auto some = nameless();
    some.all.all.back().what.has_plain_distribution = false;
    CHECK(some.surveyed_whole().ask_at == std::nullopt);
}

TEST_CASE("where the owner cannot be seen, nobody is asked if it may be a VM that speaks TLS") {
    const auto hidden_with = [](std::optional<std::string> node_name, std::uint32_t uid, bool is_plain) {
        machine some;
        some.connection().listener("0.0.0.0"_ip, 20).hidden_vm(7, {}).hidden_vm(8, std::move(node_name), uid);
        some.all.all.back().what.has_plain_distribution = is_plain;
        return some;
    };
    CHECK(hidden_with({}, our_user, true).surveyed_whole().ask_at == "127.0.0.1"_ip);
    CHECK(hidden_with({}, our_user, false).surveyed_whole().ask_at == std::nullopt);
    CHECK(hidden_with({}, other_user, false).surveyed_whole().ask_at == "127.0.0.1"_ip);
    CHECK(hidden_with("b@lowry", our_user, false).surveyed_whole().ask_at == "127.0.0.1"_ip);
    auto known = hidden_with({}, our_user, false);
    known.about.namesakes = {{.pid = 8}};
    CHECK(known.surveyed_whole().ask_at == "127.0.0.1"_ip);
}

TEST_CASE("of several listeners the one that is no namesake's is the node's") {
    machine some;
    some.connection().hidden_vm(7, {}).hidden_vm(8, {}).listener("127.0.0.2"_ip, 20).listener("127.0.0.3"_ip, 21);
    CHECK(some.surveyed_whole() == found(nobody_known));
    some.about.namesakes = {{.pid = 0, .listener_inode = 20}};
    auto expected = by_listener(jill, nobody_known);
    expected.listener_inode = 21;
    CHECK(some.surveyed_whole() == expected);
}

// ---- another hostname

TEST_CASE("without a host part the node says its host itself where it lives under another hostname") {
    auto some = nameless();
    auto& vm = some.all.all.back().what;
    vm.node_name = "a";
    vm.hostname = hostname_of_process::another;
    auto expected = by_process("a", "", ours(7));
    expected.is_guess = true;
    expected.ask_at = "127.0.0.1"_ip;
    expected.listener_inode = 20;
    CHECK(some.surveyed_whole() == expected);
    vm.hostname = hostname_of_process::unknown;
    expected.where = the_machine;
    CHECK(some.surveyed_whole() == expected);
    vm.has_plain_distribution = false;
    CHECK(some.surveyed_whole().where == the_machine);
    vm.hostname = hostname_of_process::another;
    CHECK(some.surveyed_whole().where == std::nullopt);
    vm.node_name = "a@lowry"; // a host part is the same under any hostname
    CHECK(some.surveyed_whole().host_name == "lowry");
}

TEST_CASE("a listener at a host's address decides under any hostname") {
    auto some = nameless("127.0.0.2"_ip);
    some.all.all.back().what.node_name = "a";
    some.all.all.back().what.hostname = hostname_of_process::another;
    auto expected = by_listener(lowry, ours(7), "a");
    expected.listener_inode = 20;
    CHECK(some.surveyed_whole() == expected);
}

// ---- IPv6

TEST_CASE("what a node speaks is known by how it registered") {
    auto some = nameless();
    CHECK_FALSE(some.surveyed().is_over_ipv6);
    some.about.from.local = "::1"_ip;
    CHECK(some.surveyed().is_over_ipv6);
}

// ---- several at once

TEST_CASE("of several nodes each is found what is its own") {
    machine some;
    some.connection().vm(7, {}, {inode_of_connection, 21}).listener("127.0.0.2"_ip, 21);
    auto nowhere = some.about;
    nowhere.port = 0;
    auto elsewhere = some.about;
    elsewhere.port = node_port + 1;
    auto unseen = some.about;
    unseen.from.peer_port = 5001;
    const std::array all{nowhere, some.about, elsewhere, unseen, some.about};
    const auto result = survey(all, some.known, some.sockets, some.all);
    REQUIRE(result.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(i);
        CHECK(result[i] == survey(std::array{all[i]}, some.known, some.sockets, some.all).front());
    }
    CHECK(result[0].where == std::nullopt);
    CHECK(result[1].where == lowry);
    CHECK(result[2].where == std::nullopt);
    CHECK(result[3].who == owner{});
}

// ---- nodes that register anew

TEST_CASE("a node that still has its listener stays where it was") {
    auto some = nameless();
    finding was = found(ours(7));
    was.where = jill;
    was.how = evidence::handshake;
    was.node_name = "a@jill";
    was.host_name = "jill";
    was.listener_inode = 20;
    some.about.former = {was};
    CHECK(some.surveyed_whole() == was);
    was.listener_inode = 19; // another's, of that name and port
    some.about.former = {was};
    CHECK(some.surveyed_whole().where == std::nullopt);
}

TEST_CASE("a guess is not remembered, nor what was of somebody whose user is not known") {
    auto some = nameless();
    finding was = found(ours(7));
    was.where = jill;
    was.listener_inode = 20;
    was.is_guess = true;
    some.about.former = {was};
    CHECK(some.surveyed_whole().where == std::nullopt);
    machine gone; // its connection has ended: no socket tells whose it was
    gone.listener("0.0.0.0"_ip, 20);
    was.is_guess = false;
    gone.about.former = {was};
    CHECK(gone.surveyed_whole().where == std::nullopt);
    CHECK(gone.surveyed_whole().listener_inode == 0);
}

TEST_CASE("of two former nodes the one with the same listener counts") {
    auto some = nameless();
    finding at_lowry = found(ours(5));
    at_lowry.where = lowry;
    at_lowry.listener_inode = 19;
    finding at_jill = found(ours(7));
    at_jill.where = jill;
    at_jill.listener_inode = 20;
    some.about.former = {at_lowry, at_jill};
    CHECK(some.surveyed_whole() == at_jill);
}

TEST_CASE("a node that was unplaced is looked at afresh") {
    auto some = nameless();
    auto was = found(ours(7));
    was.listener_inode = 20;
    was.trouble = "asked for its name, it says nothing";
    some.about.former = {was};
    CHECK(some.surveyed_whole().ask_at == "127.0.0.1"_ip);
    CHECK(some.surveyed_whole().trouble.empty());
}

TEST_CASE("where no listener is seen nothing is as before") {
    machine some;
    some.connection().vm(7, {}, {inode_of_connection});
    finding was = found(ours(7));
    was.where = jill;
    some.about.former = {was};
    CHECK(some.surveyed_whole().where == std::nullopt);
}

TEST_CASE("a host that is another now is the one of its first address") {
    auto some = nameless();
    finding was = found(ours(7));
    was.where = host("fd00::2"_ip); // since then an address of lowry
    was.listener_inode = 20;
    some.about.former = {was};
    CHECK(some.surveyed_whole().where == lowry);
}

} // namespace
} // namespace epmd
