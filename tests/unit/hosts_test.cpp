// Hosts: which host an address or a name belongs to, and what a host is called.
#include "registry/hosts.hpp"
#include "support/addresses.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

namespace epmd {
namespace {

using test::operator""_ip;

TEST_CASE("without configuration every other address in 127.0.0.0/8 is a host of its own") {
    const hosts known;
    for (const auto& machine :
         {"127.0.0.1"_ip, "::ffff:127.0.0.1"_ip, "::1"_ip, "192.0.2.1"_ip, "2001:db8::1"_ip, "0.0.0.0"_ip, "::"_ip}) {
        CAPTURE(to_string(machine));
        CHECK(known.at(machine) == the_machine);
    }
    for (const auto& other : {"127.0.0.0"_ip, "127.0.0.2"_ip, "127.0.1.1"_ip, "127.255.255.254"_ip}) {
        CAPTURE(to_string(other));
        CHECK(known.at(other) == host(other));
        CHECK_FALSE(known.at(other).is_machine());
        CHECK(known.name_of(host(other)).empty());
    }
    CHECK(known.at("::ffff:127.0.0.2"_ip) == known.at("127.0.0.2"_ip));
    CHECK(known.at("127.0.0.2"_ip) != known.at("127.0.0.3"_ip));
    CHECK(known.named("lowry") == std::nullopt);
    CHECK(known.named("") == std::nullopt);
    CHECK(known.name_of(the_machine).empty());
}

TEST_CASE("a host is the machine if its first address is 127.0.0.1") {
    CHECK(the_machine.is_machine());
    CHECK(host("127.0.0.1"_ip) == the_machine);
    CHECK_FALSE(host("127.0.0.2"_ip).is_machine());
    CHECK(host("127.0.0.2"_ip).first_address() == "127.0.0.2"_ip);
    CHECK(std::hash<host>()(host("127.0.0.1"_ip)) == std::hash<host>()(the_machine));
}

TEST_CASE("an address to which the hostname resolves is the machine's") {
    const hosts known({}, {"sam", {"127.0.1.1"_ip}, {}});
    CHECK(known.at("127.0.1.1"_ip) == the_machine);
    CHECK(known.at("127.0.1.2"_ip) == host("127.0.1.2"_ip));
    CHECK(known.named("sam") == the_machine);
    CHECK(known.name_of(the_machine) == "sam");
    CHECK(known.name_of(host("127.0.1.2"_ip)).empty());
}

TEST_CASE("a configured host has all its addresses, and the first is its identity") {
    const hosts known({{"lowry", {"127.0.0.2"_ip, "127.0.0.22"_ip, "fd00::2"_ip}}, {"jill", {"127.0.0.3"_ip}}},
                      {"sam", {}, {}});
    const host lowry("127.0.0.2"_ip);
    CHECK(known.at("127.0.0.2"_ip) == lowry);
    CHECK(known.at("127.0.0.22"_ip) == lowry);
    CHECK(known.at("::ffff:127.0.0.22"_ip) == lowry);
    CHECK(known.at("fd00::2"_ip) == lowry);
    CHECK(known.at("fd00::3"_ip) == the_machine);
    CHECK(known.at("127.0.0.3"_ip) == host("127.0.0.3"_ip));
    CHECK(known.named("lowry") == lowry);
    CHECK(known.named("jill") == host("127.0.0.3"_ip));
    CHECK(known.name_of(lowry) == "lowry");
    CHECK(known.name_of(host("127.0.0.3"_ip)) == "jill");
    CHECK(known.name_of(host("127.0.0.22"_ip)).empty()); // no host's identity
    CHECK(known.name_of(the_machine) == "sam");
}

TEST_CASE("a host whose first address is IPv6 is one as well") {
    const hosts known({{"lowry", {"fd00::2"_ip, "127.0.0.2"_ip}}}, {});
    CHECK(known.at("127.0.0.2"_ip) == host("fd00::2"_ip));
    CHECK(known.named("lowry") == host("fd00::2"_ip));
    CHECK_FALSE(known.at("127.0.0.2"_ip).is_machine());
}

TEST_CASE("a LAN address can be a host") {
    const hosts known({{"lan", {"192.0.2.7"_ip}}}, {"sam", {"192.0.2.7"_ip}, {}});
    CHECK(known.at("192.0.2.7"_ip) == host("192.0.2.7"_ip)); // although the hostname resolves to it
    CHECK(known.at("192.0.2.8"_ip) == the_machine);
}

TEST_CASE("a configured address is never the machine's") {
    const hosts known({{"lowry", {"127.0.1.1"_ip}}}, {"sam", {"127.0.1.1"_ip}, {}});
    CHECK(known.at("127.0.1.1"_ip) == host("127.0.1.1"_ip));
}

TEST_CASE("an address that the hosts file gives to another name is a host of its own") {
    const hosts known({}, {"sam", {"127.0.1.1"_ip, "127.0.0.5"_ip}, {"192.0.2.7"_ip, "127.0.0.5"_ip, "fd00::7"_ip}});
    CHECK(known.at("192.0.2.7"_ip) == host("192.0.2.7"_ip));
    CHECK(known.at("fd00::7"_ip) == host("fd00::7"_ip));
    CHECK(known.at("127.0.0.5"_ip) == host("127.0.0.5"_ip)); // although the hostname resolves to it
    CHECK(known.at("127.0.1.1"_ip) == the_machine);
    CHECK(known.at("192.0.2.8"_ip) == the_machine);
}

TEST_CASE("127.0.0.1 and ::1 are the machine's, whatever names they have") {
    const hosts known({}, {"sam", {}, {"127.0.0.1"_ip, "::1"_ip}});
    CHECK(known.at("127.0.0.1"_ip) == the_machine);
    CHECK(known.at("::1"_ip) == the_machine);
}

TEST_CASE("an address is configured or it is not") {
    const hosts known({{"lowry", {"127.0.0.2"_ip, "192.0.2.7"_ip}}}, {"sam", {"127.0.1.1"_ip}, {"127.0.0.3"_ip}});
    CHECK(known.is_configured("127.0.0.2"_ip));
    CHECK(known.is_configured("192.0.2.7"_ip));
    CHECK_FALSE(known.is_configured("127.0.0.3"_ip));
    CHECK_FALSE(known.is_configured("127.0.1.1"_ip));
    CHECK_FALSE(known.is_configured("127.0.0.1"_ip));
}

TEST_CASE("names compare without regard to case") {
    const hosts known({{"Lowry", {"127.0.0.2"_ip}}}, {"Sam.Example.ORG", {}, {}});
    for (const auto name : {"lowry", "LOWRY", "Lowry", "lOwRy"}) {
        CHECK(known.named(name) == host("127.0.0.2"_ip));
    }
    for (const auto name : {"sam.example.org", "SAM.EXAMPLE.ORG", "sam", "SAM"}) {
        CHECK(known.named(name) == the_machine);
    }
    CHECK(known.name_of(host("127.0.0.2"_ip)) == "Lowry"); // as it was written
    CHECK(is_same_name("", ""));
    CHECK_FALSE(is_same_name("a", "ab"));
    CHECK_FALSE(is_same_name("ab", "a"));
    CHECK_FALSE(is_same_name("a[", "a{"));             // neighbours of the letters, 0x20 apart
    CHECK_FALSE(is_same_name("\xc3\x9c", "\xc3\xbc")); // ASCII only
}

TEST_CASE("a name that nothing resolves is compared with and without a domain") {
    const hosts known({{"lowry", {"127.0.0.2"_ip}}, {"Jill.example.org", {"127.0.0.3"_ip}}, {"a.b", {"127.0.0.4"_ip}}},
                      {"sam", {}, {}});
    const auto alike = [&](std::string_view name) { return known.named_with_or_without_domain(name); };
    CHECK(alike("lowry.example.org") == host("127.0.0.2"_ip));
    CHECK(alike("LOWRY.other.org") == host("127.0.0.2"_ip));
    CHECK(alike("jill") == host("127.0.0.3"_ip));
    CHECK(alike("sam.example.org") == the_machine);
    CHECK(alike("lowry") == std::nullopt); // as it is, it is `named`
    CHECK(alike("jill.other.org") == std::nullopt);
    CHECK(alike("sam") == std::nullopt);
    CHECK(alike("lowry2.example.org") == std::nullopt);
    CHECK(alike("nobody") == std::nullopt);
    CHECK(alike("") == std::nullopt);
}

TEST_CASE("a name that two hosts have with different domains is neither's") {
    const hosts known({{"lowry.one.org", {"127.0.0.2"_ip}}, {"lowry.two.org", {"127.0.0.3"_ip}}},
                      {"lowry.sam", {}, {}});
    CHECK(known.named_with_or_without_domain("lowry") == std::nullopt);
}

TEST_CASE("a configured host goes before the machine where only the domain differs") {
    const hosts known({{"sam", {"127.0.0.2"_ip}}}, {"sam", {}, {}});
    CHECK(known.named_with_or_without_domain("sam.example.org") == host("127.0.0.2"_ip));
}

TEST_CASE("the machine is named by its hostname, whole or its first label") {
    const hosts known({}, {"sam.example.org", {}, {}});
    CHECK(known.named("sam.example.org") == the_machine);
    CHECK(known.named("sam") == the_machine);
    for (const auto name : {"sam.", "sam.example", "sam.example.org.", "example.org", "org", "sa", "sam.other.org"}) {
        CAPTURE(name);
        CHECK(known.named(name) == std::nullopt);
    }
    CHECK(first_label("sam.example.org") == "sam");
    CHECK(first_label("sam") == "sam");
    CHECK(first_label(".sam").empty());
    CHECK(first_label("").empty());
}

TEST_CASE("only a hostname's own domain counts, not any") {
    const hosts known({}, {"sam", {}, {}});
    CHECK(known.named("sam") == the_machine);
    CHECK(known.named("sam.example.org") == std::nullopt); // a resolver may know
}

TEST_CASE("a configured name goes before the hostname") {
    const hosts known({{"sam", {"127.0.0.2"_ip}}}, {"sam", {"127.0.1.1"_ip}, {}});
    CHECK(known.named("sam") == host("127.0.0.2"_ip));
    CHECK(known.named("SAM") == host("127.0.0.2"_ip));
    CHECK(known.at("127.0.1.1"_ip) == the_machine);
    CHECK(known.name_of(host("127.0.0.2"_ip)) == "sam");
    CHECK(known.name_of(the_machine) == "sam");

    const hosts by_label({{"sam", {"127.0.0.2"_ip}}}, {"sam.example.org", {}, {}});
    CHECK(by_label.named("sam") == host("127.0.0.2"_ip));
    CHECK(by_label.named("sam.example.org") == the_machine);
}

TEST_CASE("hosts are equal when configuration and machine are") {
    const configured_host lowry{"lowry", {"127.0.0.2"_ip}};
    const machine_identity sam{"sam", {"127.0.1.1"_ip}, {}};
    CHECK(hosts({lowry}, sam) == hosts({lowry}, sam));
    CHECK(hosts({lowry}, sam) != hosts({}, sam));
    CHECK(hosts({lowry}, sam) != hosts({lowry}, {}));
    CHECK(hosts({lowry}, sam).configured() == std::vector{lowry});
    CHECK(hosts({lowry}, sam).machine() == sam);
}

} // namespace
} // namespace epmd
