// Encoding: the exact bytes of every reply, from transcripts of stock, and of every request.
#include "support/bytes.hpp"
#include "wire/encode.hpp"
#include "wire/limits.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace epmd::wire {
namespace {

using test::bytes;
using test::framed;
using test::repeated;
using test::u16;
using test::u32;
using namespace std::string_view_literals;

template <typename Message>
std::string encoded(const Message& what) {
    std::string out;
    encode(what, out);
    return out;
}

TEST_CASE("every reply has stock's bytes") {
    const std::string wide_name = repeated("\xf0\x9d\x84\x9e", 255);
    struct {
        std::string name;
        reply what;
        std::string expected;
    } const all[] = {
        {"registered, wide creation", alive2_x_resp{result_ok, 0x6543210f}, bytes(118, 0, 0x65, 0x43, 0x21, 0x0f)},
        {"refused, wide creation", alive2_x_resp{result_error, refused_creation}, bytes(118, 1, 0, 0, 0, 99)},
        {"registered, narrow creation", alive2_resp{result_ok, 2}, bytes(121, 0, 0, 2)},
        {"refused, narrow creation", alive2_resp{result_error, refused_creation}, bytes(121, 1, 0, 99)},
        {"a node", port2_resp{.port = 1234, .alive_name = "a", .extra = ""},
         bytes(0x77, 0x00, 0x04, 0xd2, 0x4d, 0x00, 0x00, 0x06, 0x00, 0x05, 0x00, 0x01, 0x61, 0x00, 0x00)},
        {"a node with extra",
         port2_resp{.port = 65535,
                    .node_type = 110,
                    .protocol = 1,
                    .highest_version = 5,
                    .lowest_version = 1,
                    .alive_name = "jn",
                    .extra = "\x00\xff"sv},
         bytes(119, 0, 255, 255, 110, 1, 0, 5, 0, 1, 0, 2, "jn", 0, 2, 0, 255)},
        {"a node whose name is 1020 bytes", port2_resp{.port = 1, .alive_name = wide_name, .extra = ""},
         bytes(119, 0, 0, 1, 77, 0, 0, 6, 0, 5, 0x03, 0xfc, wide_name, 0, 0)},
        {"an unknown node", port2_unknown{}, bytes(119, 1)},
        {"no names", names_resp{4369, {}}, bytes(0, 0, 0x11, 0x11)},
        {"names", names_resp{4369, {{"b", 65535}, {"a", 1}}},
         bytes(0, 0, 0x11, 0x11, "name b at port 65535\nname a at port 1\n")},
        {"names of hosts after those of the machine",
         names_resp{
             4369, {{"a", 1}}, {{"lowry", "127.0.0.2, fd00::2", {{"c", 3}, {"b", 2}}}, {"", "127.0.0.9", {{"a", 4}}}}},
         bytes(0, 0, 0x11, 0x11, "name a at port 1\nhost lowry at 127.0.0.2, fd00::2\nname c at port 3\n",
               "name b at port 2\nhost 127.0.0.9\nname a at port 4\n")},
        {"a name at port 0", names_resp{65535, {{"a", 0}}}, bytes(0, 0, 0xff, 0xff, "name a at port 0\n")},
        {"an empty dump", dump_resp{4369, {}}, bytes(0, 0, 0x11, 0x11)},
        {"a dump", dump_resp{4369, {{"b", 2000, 12, true}, {"old", 1000, -1, false}}},
         bytes(0, 0, 0x11, 0x11, "active name     <b> at port 2000, fd = 12\n",
               "old/unused name <old>, port = 1000, fd = -1 \n")},
        {"a dump with the greatest descriptor", dump_resp{1, {{"a", 1, 2147483647, true}}},
         bytes(u32(1), "active name     <a> at port 1, fd = 2147483647\n")},
        {"a dump with the least descriptor", dump_resp{1, {{"a", 1, -2147483647 - 1, false}}},
         bytes(u32(1), "old/unused name <a>, port = 1, fd = -2147483648 \n")},
        {"killed", kill_resp{true}, "OK"},
        {"not killed", kill_resp{false}, "NO"},
        {"stopped", stop_resp{true}, "STOPPED"},
        {"not known, so not stopped", stop_resp{false}, "NOEXIST"},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(encoded(one.what) == one.expected);
        std::string after = "before";
        encode(one.what, after);
        CHECK(after == "before" + one.expected);
    }
}

TEST_CASE("every request has the bytes of the protocol document") {
    struct {
        std::string name;
        request what;
        std::string expected;
    } const all[] = {
        {"ALIVE2_REQ", alive2_req{.port = 1234, .alive_name = "a", .extra = "e"},
         bytes(0, 15, 120, 0x04, 0xd2, 77, 0, 0, 6, 0, 5, 0, 1, "a", 0, 1, "e")},
        {"PORT_PLEASE2_REQ", port_please2_req{"rabbit"}, bytes(0, 7, 122, "rabbit")},
        {"NAMES_REQ", names_req{}, bytes(0, 1, 110)},
        {"NAMES_REQ for the nodes of every host", names_req{.with_hosts = true}, bytes(0, 6, 110, "hosts")},
        {"DUMP_REQ", dump_req{}, bytes(0, 1, 100)},
        {"KILL_REQ", kill_req{}, bytes(0, 1, 107)},
        {"STOP_REQ", stop_req{"foo"}, bytes(0, 4, 115, "foo")},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(encoded(one.what) == one.expected);
    }
}

TEST_CASE("a request that fills a frame is encoded, and one a byte longer is not") {
    const std::string name(max_request_bytes - 1, 'a');
    CHECK(encoded(request(stop_req{name})) == framed("s" + name));
    const auto longer = name + "a";
    std::string out = "untouched";
    CHECK_THROWS_AS(encode(request(stop_req{longer}), out), std::length_error);
    CHECK(out == "untouched");

    const std::string extra(max_request_bytes - 14, 'e');
    CHECK(encoded(request(alive2_req{.alive_name = "a", .extra = extra})).size() == 2 + max_request_bytes);
    CHECK_THROWS_AS(encode(request(alive2_req{.alive_name = "ab", .extra = extra}), out), std::length_error);
    const std::string huge(70000, 'e'); // more than the field's two bytes can say
    CHECK_THROWS_AS(encode(request(alive2_req{.alive_name = "a", .extra = huge}), out), std::length_error);
    CHECK_THROWS_AS(encode(request(alive2_req{.alive_name = huge, .extra = ""}), out), std::length_error);
    CHECK(out == "untouched");
}

TEST_CASE("a line of the names list can be had alone") {
    std::string out = "x";
    append_names_line({"a", 1}, out);
    CHECK(out == "xname a at port 1\n");
}

} // namespace
} // namespace epmd::wire
