// Addresses: text to value and back, IPv4-mapped ones, and what kind an address is.
#include "registry/address.hpp"
#include "support/addresses.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

namespace epmd {
namespace {

using test::operator""_ip;
using namespace std::string_view_literals;

TEST_CASE("an address is read from text and printed in its one form") {
    struct {
        std::string_view text;
        std::string_view printed;
    } const all[] = {
        {"127.0.0.1", "127.0.0.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"192.0.2.17", "192.0.2.17"},
        {"::", "::"},
        {"::1", "::1"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"2001:DB8::00ff", "2001:db8::ff"},
        {"fe80::1", "fe80::1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {"::ffff:127.0.0.2", "127.0.0.2"},
        {"::FFFF:7f00:2", "127.0.0.2"},
        {"::ffff:0:0", "0.0.0.0"},
    };
    for (const auto& one : all) {
        CAPTURE(one.text);
        const auto read = address::parse(one.text);
        REQUIRE(read);
        CHECK(to_string(*read) == one.printed);
        CHECK(address::parse(one.printed) == read);
    }
}

TEST_CASE("what is no address gives nothing") {
    for (const auto text : {""sv,           " "sv,           "localhost"sv,      "127.0.0"sv,
                            "127.1"sv,      "127.0.0.1.1"sv, "127.0.0.256"sv,    "127.0.0.1 "sv,
                            " 127.0.0.1"sv, "127.0.0.1\0"sv, "127.0.0.1\0x"sv,   "127.0.0.-1"sv,
                            "0x7f.0.0.1"sv, "2130706433"sv,  "127.0.0.1:4369"sv, "127.0.0.0/8"sv,
                            ":"sv,          ":::"sv,         "[::1]"sv,          "1::2::3"sv,
                            "fe80::1%lo"sv, "12345::"sv,     "::ffff:127.0.0"sv, "::1\0"sv}) {
        CAPTURE(text);
        CHECK(address::parse(text) == std::nullopt);
    }
    CHECK(address::parse(std::string(100000, ':')) == std::nullopt);
}

TEST_CASE("an IPv4-mapped address is the IPv4 address") {
    const auto mapped = address(address::bytes_v6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 2});
    const auto plain = address(address::bytes_v4{127, 0, 0, 2});
    CHECK(mapped == plain);
    CHECK(std::hash<address>()(mapped) == std::hash<address>()(plain));
    CHECK(mapped.is_v4());
    CHECK(mapped.v4() == address::bytes_v4{127, 0, 0, 2});
    CHECK("::ffff:127.0.0.2"_ip == plain);
    // An IPv4-compatible one (RFC 4291, deprecated) is not.
    CHECK_FALSE("::127.0.0.2"_ip.is_v4());
    CHECK("::127.0.0.2"_ip != plain);
    CHECK_FALSE("::ffff:0:127.0.0.2"_ip.is_v4());
}

TEST_CASE("the loopback addresses are 127.0.0.0/8 and ::1") {
    for (const auto& one : {"127.0.0.0"_ip, "127.0.0.1"_ip, "127.0.1.1"_ip, "127.255.255.255"_ip}) {
        CAPTURE(to_string(one));
        CHECK(one.is_loopback_v4());
        CHECK(one.is_loopback());
    }
    CHECK("::ffff:127.1.2.3"_ip.is_loopback());
    CHECK("::1"_ip.is_loopback());
    CHECK_FALSE("::1"_ip.is_loopback_v4());
    for (const auto& one : {"126.255.255.255"_ip, "128.0.0.0"_ip, "0.0.0.0"_ip, "192.0.2.1"_ip, "::"_ip, "::2"_ip,
                            "::127.0.0.1"_ip, "fe80::1"_ip, "7f00::1"_ip}) {
        CAPTURE(to_string(one));
        CHECK_FALSE(one.is_loopback_v4());
        CHECK_FALSE(one.is_loopback());
    }
}

TEST_CASE("the wildcards are 0.0.0.0 and ::") {
    CHECK("0.0.0.0"_ip.is_wildcard());
    CHECK("::"_ip.is_wildcard());
    CHECK("::ffff:0.0.0.0"_ip.is_wildcard());
    CHECK("0.0.0.0"_ip != "::"_ip);
    for (const auto& one : {"0.0.0.1"_ip, "127.0.0.1"_ip, "::1"_ip, "255.255.255.255"_ip}) {
        CHECK_FALSE(one.is_wildcard());
    }
}

TEST_CASE("the named addresses are what their names say") {
    CHECK(loopback_v4 == "127.0.0.1"_ip);
    CHECK(loopback_v6 == "::1"_ip);
    CHECK(wildcard_v4 == "0.0.0.0"_ip);
    CHECK(wildcard_v6 == "::"_ip);
    CHECK(address() == wildcard_v6);
}

TEST_CASE("addresses have an order") {
    CHECK("127.0.0.2"_ip < "127.0.0.3"_ip);
    CHECK("127.0.0.2"_ip < "127.0.0.10"_ip);
    CHECK("::1"_ip < "127.0.0.1"_ip);
}

} // namespace
} // namespace epmd
