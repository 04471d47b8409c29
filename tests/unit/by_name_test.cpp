// From a host name to a host: what needs no resolver, what a resolver's answer means, and who the machine is.
#include "placement/by_name.hpp"
#include "support/addresses.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace epmd {
namespace {

using test::operator""_ip;

const host lowry("127.0.0.2"_ip);
const host jill("127.0.0.3"_ip);

/// lowry has two addresses, lan one of the network; the hostname resolves to 127.0.1.1.
hosts some_hosts() {
    return hosts({{"lowry", {"127.0.0.2"_ip, "fd00::2"_ip}}, {"lan", {"192.0.2.7"_ip}}},
                 {"sam.example.org", {"127.0.1.1"_ip}, {}});
}

finding of_name(const std::string& host_name) {
    finding result;
    result.node_name = "a@" + host_name;
    result.host_name = host_name;
    return result;
}

/// What a name is found to be when it resolves to these, and 192.0.2.1 alone is on a device.
struct placement_of {
    finding found;

    explicit placement_of(resolution resolved, const finding& before = of_name("x")) {
        resolved.local = {"192.0.2.1"_ip};
        found = place_by_name(before, resolved, some_hosts());
    }
};

finding placed(host where) {
    auto result = of_name("x");
    result.where = where;
    return result;
}

finding in_trouble(const std::string& trouble) {
    auto result = of_name("x");
    result.trouble = trouble;
    return result;
}

TEST_CASE("of addresses of both kinds the one counts that the node speaks") {
    const resolution both{.addresses = {"::1"_ip, "fd00::2"_ip, "127.0.0.3"_ip, "127.0.0.4"_ip}, .trouble = {}};
    CHECK(placement_of(both).found.where == jill);
    auto over_ipv6 = of_name("x");
    over_ipv6.is_over_ipv6 = true;
    CHECK(placement_of(both, over_ipv6).found.where == lowry);
    const resolution one_kind{.addresses = {"127.0.0.1"_ip, "127.0.0.3"_ip}, .trouble = {}};
    CHECK(placement_of(one_kind, over_ipv6).found.where == jill);
    CHECK(placement_of({.addresses = {"127.0.0.1"_ip}, .trouble = {}}, over_ipv6).found.where == the_machine);
}

TEST_CASE("a name that resolves to nothing is a host's that has it without its domain") {
    auto expected = of_name("lowry.example.org");
    expected.where = lowry;
    const resolution nothing{.addresses = {}, .trouble = "does not resolve (nobody knows)"};
    CHECK(placement_of(nothing, of_name("lowry.example.org")).found == expected);
    auto other = of_name("lowry.example.org");
    other.where = jill;
    CHECK(placement_of({.addresses = {"127.0.0.3"_ip}, .trouble = {}}, of_name("lowry.example.org")).found == other);
    auto foreign = of_name("lowry.example.org");
    foreign.trouble = "resolves to 192.0.2.9, which is not of this machine";
    CHECK(placement_of({.addresses = {"192.0.2.9"_ip}, .trouble = {}}, of_name("lowry.example.org")).found == foreign);
}

TEST_CASE("some names need no resolver") {
    const auto known = some_hosts();
    CHECK(host_without_resolving("127.0.0.2", known) == lowry);
    CHECK(host_without_resolving("fd00::2", known) == lowry);
    CHECK(host_without_resolving("::ffff:127.0.0.3", known) == jill);
    CHECK(host_without_resolving("127.0.0.1", known) == the_machine);
    CHECK(host_without_resolving("::1", known) == the_machine);
    CHECK(host_without_resolving("127.0.1.1", known) == the_machine);
    CHECK(host_without_resolving("192.0.2.7", known) == host("192.0.2.7"_ip));
    CHECK(host_without_resolving("LOWRY", known) == lowry);
    CHECK(host_without_resolving("sam", known) == the_machine);
    CHECK(host_without_resolving("sam.example.org", known) == the_machine);
    CHECK(host_without_resolving("jill", known) == std::nullopt);
    CHECK(host_without_resolving("localhost", known) == std::nullopt);
    CHECK(host_without_resolving("", known) == std::nullopt);
}

TEST_CASE("a name that resolves to a host's address is that host") {
    CHECK(placement_of({{"127.0.0.2"_ip}, ""}).found == placed(lowry));
    CHECK(placement_of({{"fd00::2"_ip}, ""}).found == placed(lowry));
    CHECK(placement_of({{"127.0.0.3"_ip}, ""}).found == placed(jill));
    CHECK(placement_of({{"192.0.2.7"_ip}, ""}).found == placed(host("192.0.2.7"_ip)));
}

TEST_CASE("a name that resolves to an address of the machine is the machine") {
    for (const auto& one : {"127.0.0.1"_ip, "::1"_ip, "127.0.1.1"_ip, "192.0.2.1"_ip}) {
        CAPTURE(to_string(one));
        CHECK(placement_of({{one}, ""}).found == placed(the_machine));
    }
}

TEST_CASE("of several addresses a host's goes before the machine's, else the first counts") {
    CHECK(placement_of({{"127.0.0.1"_ip, "127.0.0.2"_ip}, ""}).found == placed(lowry));
    CHECK(placement_of({{"127.0.0.2"_ip, "127.0.0.1"_ip}, ""}).found == placed(lowry));
    CHECK(placement_of({{"192.0.2.1"_ip, "::1"_ip, "127.0.0.3"_ip, "127.0.0.2"_ip}, ""}).found == placed(jill));
    CHECK(placement_of({{"127.0.0.2"_ip, "127.0.0.3"_ip}, ""}).found == placed(lowry));
}

TEST_CASE("addresses of other machines do not count beside one of this") {
    CHECK(placement_of({{"198.51.100.1"_ip, "127.0.0.2"_ip}, ""}).found == placed(lowry));
    CHECK(placement_of({{"198.51.100.1"_ip, "192.0.2.1"_ip}, ""}).found == placed(the_machine));
}

TEST_CASE("a name of another machine leaves a node unplaced, and says why") {
    CHECK(placement_of({{"198.51.100.1"_ip, "198.51.100.2"_ip}, ""}).found ==
          in_trouble("resolves to 198.51.100.1, which is not of this machine"));
    CHECK(placement_of({{"2001:db8::1"_ip}, ""}).found ==
          in_trouble("resolves to 2001:db8::1, which is not of this machine"));
}

TEST_CASE("a name that does not resolve leaves a node unplaced, and says why") {
    CHECK(placement_of({{}, "does not resolve (nobody knows)"}).found == in_trouble("does not resolve (nobody knows)"));
}

TEST_CASE("an address that the hosts file gives to another name is a host if a device has it") {
    const hosts known({}, {"sam", {}, {"192.0.2.1"_ip, "198.51.100.1"_ip}});
    CHECK(place_by_name(of_name("x"), {{"192.0.2.1"_ip}, "", {"192.0.2.1"_ip}}, known) == placed(host("192.0.2.1"_ip)));
    CHECK(place_by_name(of_name("x"), {{"198.51.100.1"_ip}, "", {}}, known) ==
          in_trouble("resolves to 198.51.100.1, which is not of this machine"));
}

TEST_CASE("an address as text that only a device can tell to be here is left to the resolver") {
    const hosts known({}, {"sam", {}, {"198.51.100.2"_ip}});
    CHECK(host_without_resolving("198.51.100.1", known) == std::nullopt);
    CHECK(host_without_resolving("198.51.100.2", known) == std::nullopt);
    CHECK(host_without_resolving("2001:db8::1", known) == std::nullopt);
}

TEST_CASE("what was found before is found anew, and all else of it stays") {
    auto before = of_name("x");
    before.where = jill;
    before.trouble = "did not resolve within 2 s";
    before.who = {.pid = 7, .uid = 1000, .program = "beam.smp"};
    auto after = before;
    after.where = lowry;
    after.trouble = "";
    CHECK(placement_of({{"127.0.0.2"_ip}, ""}, before).found == after);
    after.where = std::nullopt;
    after.trouble = "does not resolve (nobody knows)";
    CHECK(placement_of({{}, "does not resolve (nobody knows)"}, before).found == after);
}

// ---- who the machine is

machine_identity identified(const std::string& hostname, std::vector<address> addresses, const std::string& file) {
    std::istringstream lines(file);
    return identify(hostname, {std::move(addresses), ""}, hosts_file::parse(lines));
}

TEST_CASE("the machine has the addresses to which its hostname resolves") {
    CHECK(identified("sam", {}, "") == machine_identity{"sam", {}, {}});
    CHECK(identified("sam", {"127.0.1.1"_ip, "192.0.2.1"_ip}, "") ==
          machine_identity{"sam", {"127.0.1.1"_ip, "192.0.2.1"_ip}, {}});
    CHECK(identified("sam", {"127.0.1.1"_ip, "::ffff:127.0.1.1"_ip}, "").addresses.size() == 1);
    CHECK(identified("", {}, "") == machine_identity{});
}

TEST_CASE("an address that the hosts file gives to another name is that one's") {
    CHECK(identified("sam", {"127.0.0.2"_ip, "127.0.1.1"_ip}, "127.0.0.2 lowry\n192.0.2.7 lan lan.other.org") ==
          machine_identity{
              "sam", {"127.0.0.2"_ip, "127.0.1.1"_ip}, {"127.0.0.2"_ip, "192.0.2.7"_ip}, {{"lowry", "127.0.0.2"_ip}}});
}

TEST_CASE("the names of loopback addresses are known, as many as a person would give") {
    const auto machine =
        identified("sam", {}, "127.0.0.1 localhost\n127.0.0.3 indecline\n127.0.0.2 lowry lowry.org\n0.0.0.0 ad");
    CHECK(machine.names == std::vector<named_address>{{"lowry", "127.0.0.2"_ip},
                                                      {"lowry.org", "127.0.0.2"_ip},
                                                      {"indecline", "127.0.0.3"_ip}});
    std::string blocked;
    for (int i = 0; i < 3000; ++i) {
        blocked += "127.0.0.9 ad" + std::to_string(i) + "\n";
    }
    CHECK(identified("sam", {}, blocked).names.size() == 1000);
}

TEST_CASE("an address that the hosts file gives to the hostname is nobody else's, whoever has it as well") {
    for (const std::string hostname : {"sam", "SAM", "sam.example.org"}) {
        for (const std::string file : {"127.0.1.1 sam", "127.0.1.1 lowry Sam", "127.0.1.1 lowry\n127.0.1.1 sam"}) {
            CAPTURE(hostname);
            CAPTURE(file);
            CHECK(identified(hostname, {"127.0.1.1"_ip}, file) == machine_identity{hostname, {"127.0.1.1"_ip}, {}});
        }
    }
    CHECK(identified("sam.example.org", {}, "127.0.1.1 sam.example.org").others.empty());
}

TEST_CASE("the whole name of a machine whose hostname has no dots is its own name") {
    // As many machines have it, which must stay reachable at that address.
    CHECK(identified("sam", {}, "192.0.2.1 sam.example.org").others.empty());
    CHECK(identified("sam.example.org", {}, "192.0.2.1 sam.other.org").others == std::set{"192.0.2.1"_ip});
}

TEST_CASE("a machine whose hostname does not resolve has the addresses that the hosts file gives to it") {
    const auto machine = identified("sam", {}, "127.0.1.1 sam\n127.0.0.2 lowry\n192.0.2.1 sam.example.org");
    CHECK(machine.addresses == std::set{"127.0.1.1"_ip});
    CHECK(identified("sam", {"127.0.1.9"_ip}, "127.0.1.1 sam").addresses == std::set{"127.0.1.9"_ip});
}

TEST_CASE("a line of the hosts file without a name gives its address to nobody") {
    CHECK(identified("sam", {}, "192.0.2.1\n127.0.0.2 # lowry").others.empty());
}

} // namespace
} // namespace epmd
