// Decoding: requests and replies from their bytes, whole, cut at every length, a byte longer, and byte by
// byte.
#include "support/bytes.hpp"
#include "wire/alive_name.hpp"
#include "wire/decode.hpp"
#include "wire/encode.hpp"
#include "wire/limits.hpp"
#include "wire/names_list.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace epmd::wire {
namespace {

using test::bytes;
using test::framed;
using test::repeated;
using test::u16;
using test::u32;
using namespace std::string_view_literals;

using decoded = std::variant<request, decode_error>;

constexpr auto umlaut = "\xc3\xbc"sv;       // U+00FC
constexpr auto euro = "\xe2\x82\xac"sv;     // U+20AC
constexpr auto clef = "\xf0\x9d\x84\x9e"sv; // U+1D11E

/// A request that decodes, and what it is.
struct row {
    std::string name;
    std::string bytes;
    request expected;
    std::size_t needed_bytes; ///< of the request; what comes after them is ignored
};

/// An ALIVE2_REQ of a node at port 1234, type 77, protocol 0, versions 6 and 5.
std::string alive2(std::string_view alive_name, std::string_view extra) {
    return bytes('x', 0x04, 0xd2, 77, 0, 0, 6, 0, 5, u16(alive_name.size()), alive_name, u16(extra.size()), extra);
}

alive2_req alive2_value(std::string_view alive_name, std::string_view extra) {
    return {.port = 1234, .alive_name = alive_name, .extra = extra};
}

const std::vector<row>& rows() {
    static const std::string long_extra(max_extra_bytes, '\xee');
    static const std::string name_of_1020_bytes = repeated(clef, 255);
    static const std::vector<row> all{
        {"ALIVE2_REQ of an Erlang VM", alive2("a", ""), alive2_value("a", ""), 14},
        {"ALIVE2_REQ with every field another",
         bytes('x', 0xff, 0xfe, 110, 1, 0, 5, 0, 1, 0, 2, "jn", 0, 3, "\x01\x00\xff"sv),
         alive2_req{.port = 65534,
                    .node_type = 110,
                    .protocol = 1,
                    .highest_version = 5,
                    .lowest_version = 1,
                    .alive_name = "jn",
                    .extra = "\x01\x00\xff"sv},
         18},
        {"ALIVE2_REQ with the longest extra", alive2("a", long_extra), alive2_value("a", long_extra),
         14 + max_extra_bytes},
        {"ALIVE2_REQ of a name of 255 characters of 4 bytes", alive2(name_of_1020_bytes, ""),
         alive2_value(name_of_1020_bytes, ""), 13 + 1020},
        {"ALIVE2_REQ whose name is not UTF-8 is not judged yet", alive2("\xff\xfe", ""), alive2_value("\xff\xfe", ""),
         15},
        {"ALIVE2_REQ with bytes after its last field", alive2("ab", "e") + "surplus", alive2_value("ab", "e"), 16},
        {"PORT_PLEASE2_REQ", "zrabbit", port_please2_req{"rabbit"}, 7},
        {"PORT_PLEASE2_REQ of characters of every size", bytes('z', "a", umlaut, euro, clef),
         port_please2_req{"a\xc3\xbc\xe2\x82\xac\xf0\x9d\x84\x9e"}, 11},
        {"PORT_PLEASE2_REQ of a name with a newline, which only lookups may have", "za\nb", port_please2_req{"a\nb"},
         4},
        {"NAMES_REQ", "n", names_req{}, 1},
        {"NAMES_REQ with bytes after it", bytes('n', "\0surplus"sv), names_req{}, 1},
        {"DUMP_REQ", "d", dump_req{}, 1},
        {"DUMP_REQ with bytes after it", "d?", dump_req{}, 1},
        {"KILL_REQ", "k", kill_req{}, 1},
        {"KILL_REQ with bytes after it", "kk", kill_req{}, 1},
        {"STOP_REQ", "sfoo", stop_req{"foo"}, 4},
        {"STOP_REQ of bytes that are not UTF-8", "s\xff\xfe", stop_req{"\xff\xfe"}, 3},
    };
    return all;
}

/// What a row's request gives when only its first `size` bytes are there.
decoded expected_of_cut(const row& one, std::size_t size) {
    if (size == 0) {
        return decode_error::truncated;
    }
    if (std::holds_alternative<alive2_req>(one.expected)) {
        return size < one.needed_bytes ? decoded(decode_error::truncated) : decoded(one.expected);
    }
    const auto name = std::string_view(one.bytes).substr(1, size - 1); // a shorter name is a name as well
    if (std::holds_alternative<port_please2_req>(one.expected)) {
        if (name.empty()) {
            return decode_error::empty_name;
        }
        return utf8_characters(name) ? decoded(request(port_please2_req{name})) : decode_error::malformed_name;
    }
    if (std::holds_alternative<stop_req>(one.expected)) {
        return name.empty() ? decoded(decode_error::empty_name) : decoded(request(stop_req{name}));
    }
    return one.expected;
}

TEST_CASE("every request decodes to its value, also when it comes byte by byte") {
    for (const auto& one : rows()) {
        CAPTURE(one.name);
        const auto whole = framed(one.bytes);
        std::string received;
        for (std::size_t i = 0; i < whole.size(); ++i) {
            CAPTURE(i);
            CHECK(frame(received) == framing::incomplete);
            received.push_back(whole[i]);
        }
        REQUIRE(frame(received) == framing::complete);
        CHECK(request_of(received) == one.bytes);
        CHECK(decode_request(request_of(received)) == decoded(one.expected));
    }
}

TEST_CASE("a byte after a request makes it invalid") {
    for (const auto& one : rows()) {
        CAPTURE(one.name);
        CHECK(frame(framed(one.bytes) + '\0') == framing::invalid);
        CHECK(frame(framed(one.bytes) + framed(one.bytes)) == framing::invalid);
    }
}

TEST_CASE("NAMES_REQ asks for the nodes of every host by exactly one word, and by no part of it") {
    CHECK(decode_request("nhosts") == decoded(names_req{.with_hosts = true}));
    for (const std::string_view other : {"n", "nh", "nhost", "nhosts2", "nhosts ", "nHOSTS", "n hosts"}) {
        CAPTURE(other);
        CHECK(decode_request(other) == decoded(names_req{}));
    }
}

TEST_CASE("a request whose frame ends early gives an error, or what is left of it") {
    for (const auto& one : rows()) {
        CAPTURE(one.name);
        for (std::size_t size = 0; size <= one.bytes.size(); ++size) {
            CAPTURE(size);
            const std::string cut = one.bytes.substr(0, size); // a buffer of its own, so that a sanitizer sees its end
            CHECK(decode_request(cut) == expected_of_cut(one, size));
        }
        CHECK(expected_of_cut(one, one.bytes.size()) == decoded(one.expected));
        CHECK(expected_of_cut(one, one.needed_bytes) == decoded(one.expected));
    }
}

TEST_CASE("a frame is 1 to 3057 bytes long, and its length alone tells") {
    struct {
        std::string name;
        std::string received;
        framing expected;
    } const all[] = {
        {"nothing", "", framing::incomplete},
        {"half a length", bytes(0), framing::incomplete},
        {"half a length that can only become too long", bytes(0xff), framing::incomplete},
        {"a length of 0", u16(0), framing::invalid},
        {"a length of 0 and a byte", u16(0) + "n", framing::invalid},
        {"a length of 1", u16(1), framing::incomplete},
        {"the longest", u16(3057), framing::incomplete},
        {"the longest, all but one byte", u16(3057) + std::string(3056, 'z'), framing::incomplete},
        {"the longest, whole", framed(std::string(3057, 'z')), framing::complete},
        {"the longest and a byte", framed(std::string(3057, 'z')) + "z", framing::invalid},
        {"one too long", u16(3058), framing::invalid},
        {"one too long, whole", framed(std::string(3058, 'z')), framing::invalid},
        {"the greatest number", u16(65535), framing::invalid},
        {"two requests in one segment", framed("n") + framed("n"), framing::invalid},
        {"half a length that may be HTTP's", "G", framing::incomplete},
        {"the beginning of a GET", "GE", framing::incomplete},
        {"all of a GET but its space", "GET", framing::incomplete},
        {"a GET", "GET / HTTP/1.1", framing::http},
        {"the beginning of a HEAD", "HE", framing::incomplete},
        {"all of a HEAD but its space", "HEAD", framing::incomplete},
        {"a HEAD", "HEAD /", framing::http},
        {"almost a GET", "GEX", framing::invalid},
        {"almost a GET at its end", "GET/", framing::invalid},
        {"almost a HEAD", "HEAD/", framing::invalid},
        {"another method", "POST / HTTP/1.1", framing::invalid},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(frame(one.received) == one.expected);
    }
}

TEST_CASE("the request of less than a length prefix is empty") {
    CHECK(request_of("").empty());
    CHECK(request_of("x").empty());
    CHECK(request_of(u16(1)).empty());
}

TEST_CASE("what cannot be decoded gives its error") {
    const auto long_name = std::string(256, 'a');
    struct {
        std::string name;
        std::string bytes;
        decode_error expected;
    } const all[] = {
        {"nothing", "", decode_error::truncated},
        {"no such message", "q", decode_error::unknown_message},
        {"a reply", bytes(118, 0, u32(4)), decode_error::unknown_message},
        {"ALIVE2_REQ of an empty name", alive2("", "extra"), decode_error::empty_name},
        {"ALIVE2_REQ with a NUL in the name", alive2("a\0b"sv, ""), decode_error::nul_in_name},
        {"ALIVE2_REQ with a NUL after the name", alive2("ab\0"sv, ""), decode_error::nul_in_name},
        {"ALIVE2_REQ of a NUL", alive2("\0"sv, ""), decode_error::nul_in_name},
        {"ALIVE2_REQ whose name ends outside", bytes('x', 4, 210, 77, 0, 0, 6, 0, 5, 0xff, 0xff, "abc"),
         decode_error::truncated},
        {"ALIVE2_REQ whose extra ends outside", bytes('x', 4, 210, 77, 0, 0, 6, 0, 5, 0, 1, "a", 0xff, 0xff, "abc"),
         decode_error::truncated},
        {"ALIVE2_REQ of an empty name and nothing after", bytes('x', 4, 210, 77, 0, 0, 6, 0, 5, 0, 0),
         decode_error::truncated},
        {"PORT_PLEASE2_REQ of nothing", "z", decode_error::empty_name},
        {"PORT_PLEASE2_REQ of one NUL", bytes('z', 0), decode_error::empty_name},
        {"PORT_PLEASE2_REQ of two NULs", bytes('z', 0, 0), decode_error::nul_in_name},
        {"PORT_PLEASE2_REQ with a NUL inside", bytes("za", 0, "b"), decode_error::nul_in_name},
        {"PORT_PLEASE2_REQ with a NUL before", bytes('z', 0, "ab"), decode_error::nul_in_name},
        {"PORT_PLEASE2_REQ with two NULs after", bytes("zab", 0, 0), decode_error::nul_in_name},
        {"PORT_PLEASE2_REQ of bytes that are not UTF-8", "z\xff", decode_error::malformed_name},
        {"PORT_PLEASE2_REQ of 256 characters", "z" + long_name, decode_error::malformed_name},
        {"STOP_REQ of nothing", "s", decode_error::empty_name},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(decode_request(one.bytes) == decoded(one.expected));
    }
}

TEST_CASE("a lookup drops one trailing NUL, and no second one") {
    CHECK(decode_request(bytes("zab", 0)) == decoded(request(port_please2_req{"ab"})));
    CHECK(decode_request(bytes("zab", 0, 0)) == decoded(decode_error::nul_in_name));
    const auto longest = bytes('z', repeated(clef, 255), 0);
    CHECK(decode_request(longest) == decoded(request(port_please2_req{std::string_view(longest).substr(1, 1020)})));
}

TEST_CASE("the name of a STOP_REQ ends at its first NUL") {
    CHECK(decode_request(bytes("sab", 0)) == decoded(request(stop_req{"ab"})));
    CHECK(decode_request(bytes("sab", 0, 0)) == decoded(request(stop_req{"ab"})));
    CHECK(decode_request(bytes("sa", 0, "b")) == decoded(request(stop_req{"a"})));
    CHECK(decode_request(bytes('s', 0)) == decoded(request(stop_req{""})));
}

TEST_CASE("until the length is there as much is read as comes, then no more than the request has") {
    CHECK(bytes_wanted("") == 3059);
    CHECK(bytes_wanted(bytes(0)) == 3058);
    CHECK(bytes_wanted(bytes(0, 5)) == 5);
    CHECK(bytes_wanted(bytes(0, 5, "zidf")) == 1);
    CHECK(bytes_wanted(bytes(0x0b, 0xf1, "z")) == 3056);
    CHECK(bytes_wanted("GE") == 3057);
}

TEST_CASE("an alive name is at most 255 characters, of however many bytes") {
    for (const auto character : {"a"sv, umlaut, euro, clef}) {
        CAPTURE(character.size());
        const auto longest = repeated(character, 255);
        const auto too_long = repeated(character, 256);
        CHECK(utf8_characters(longest) == 255U);
        CHECK(utf8_characters(too_long) == 256U);
        CHECK(judge_alive_name(longest) == name_verdict::good);
        CHECK(judge_alive_name(too_long) == name_verdict::too_long);
        const auto lookup = "z" + longest;
        CHECK(decode_request(lookup) == decoded(request(port_please2_req{longest})));
        CHECK(decode_request("z" + too_long) == decoded(decode_error::malformed_name));
        // A registration of such a name is answered, so it is decoded.
        const auto registration = alive2(too_long, "");
        CHECK(decode_request(registration) == decoded(request(alive2_value(too_long, ""))));
    }
}

TEST_CASE("UTF-8 is that of RFC 3629") {
    struct {
        std::string name;
        std::string_view text;
        std::optional<std::size_t> characters;
    } const all[] = {
        {"nothing", "", 0},
        {"ASCII", "node_1", 6},
        {"a NUL", "\0"sv, 1},
        {"the last of one byte", "\x7f", 1},
        {"the first of two bytes", "\xc2\x80", 1},
        {"the last of two bytes", "\xdf\xbf", 1},
        {"the first of three bytes", "\xe0\xa0\x80", 1},
        {"the last before the surrogates", "\xed\x9f\xbf", 1},
        {"the first after the surrogates", "\xee\x80\x80", 1},
        {"the last of three bytes", "\xef\xbf\xbf", 1},
        {"the first of four bytes", "\xf0\x90\x80\x80", 1},
        {"the last of all", "\xf4\x8f\xbf\xbf", 1},
        {"one of each", "a\xc3\xbc\xe2\x82\xac\xf0\x9d\x84\x9e", 4},
        {"a stray continuation byte", "\x80", std::nullopt},
        {"the last continuation byte, stray", "a\xbf", std::nullopt},
        {"a continuation byte too many", "\xc3\xbc\xbc", std::nullopt},
        {"a slash in two bytes, overlong", "\xc0\xaf", std::nullopt},
        {"a NUL in two bytes, overlong", "\xc0\x80", std::nullopt},
        {"the last overlong form of two bytes", "\xc1\xbf", std::nullopt},
        {"the last overlong form of three bytes", "\xe0\x9f\xbf", std::nullopt},
        {"the last overlong form of four bytes", "\xf0\x8f\xbf\xbf", std::nullopt},
        {"the first surrogate", "\xed\xa0\x80", std::nullopt},
        {"the last surrogate", "\xed\xbf\xbf", std::nullopt},
        {"a pair of surrogates", "\xed\xa0\x81\xed\xb0\x80", std::nullopt},
        {"the first after the last", "\xf4\x90\x80\x80", std::nullopt},
        {"a first byte of no character", "\xf5\x80\x80\x80", std::nullopt},
        {"five bytes", "\xf8\x88\x80\x80\x80", std::nullopt},
        {"six bytes", "\xfc\x84\x80\x80\x80\x80", std::nullopt},
        {"FE", "\xfe", std::nullopt},
        {"FF", "\xff", std::nullopt},
        {"two bytes, one missing", "a\xc3", std::nullopt},
        {"three bytes, one missing", "\xe2\x82", std::nullopt},
        {"three bytes, two missing", "\xe2", std::nullopt},
        {"four bytes, one missing", "\xf0\x9d\x84", std::nullopt},
        {"a first byte instead of the last continuation", "\xe2\x82\x61", std::nullopt},
        {"a first byte instead of the first continuation", "\xe2\x61\x82", std::nullopt},
        {"Latin-1", "M\xfcller", std::nullopt},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(utf8_characters(one.text) == one.characters);
    }
}

TEST_CASE("an alive name gets the first verdict that applies") {
    struct {
        std::string name;
        std::string text;
        name_verdict expected;
    } const all[] = {
        {"an ordinary one", "rabbit", name_verdict::good},
        {"a space", "a b", name_verdict::good},
        {"a character of four bytes", std::string(clef), name_verdict::good},
        {"U+0080 is no control character here", "\xc2\x80", name_verdict::good},
        {"nothing", "", name_verdict::empty},
        {"a NUL", bytes(0), name_verdict::nul},
        {"a NUL among bad bytes", bytes(0xff, 0), name_verdict::nul},
        {"a bad byte", "\xff", name_verdict::malformed},
        {"a bad byte after too many characters", std::string(300, 'a') + "\xff", name_verdict::malformed},
        {"too many characters, a newline among them", std::string(256, '\n'), name_verdict::too_long},
        {"a newline", "a\nb", name_verdict::control_character},
        {"U+0001", "\x01", name_verdict::control_character},
        {"U+001F", "\x1f", name_verdict::control_character},
        {"DEL", "a\x7f", name_verdict::control_character},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(judge_alive_name(one.text) == one.expected);
    }
}

TEST_CASE("every first byte gives a value, whatever follows it") {
    std::mt19937 chance(1); // NOLINT: the same bytes in every run
    std::uniform_int_distribution<int> any_byte(0, 255);
    for (int first = 0; first <= 255; ++first) {
        CAPTURE(first);
        const bool is_known = "xzndks"sv.find(static_cast<char>(first)) != std::string_view::npos;
        const auto alone = bytes(first);
        CHECK((decode_request(alone) == decoded(decode_error::unknown_message)) == !is_known);
        for (std::size_t size = 1; size < 64; ++size) {
            auto message = bytes(first);
            while (message.size() < size) {
                message.push_back(static_cast<char>(any_byte(chance)));
            }
            CAPTURE(size);
            CHECK((decode_request(message) == decoded(decode_error::unknown_message)) == !is_known);
            frame(message);
            decode_alive2_reply(message);
            decode_port2_reply(message);
            decode_listing(message);
        }
    }
}

TEST_CASE("every decode error has words of its own") {
    std::vector<std::string_view> seen;
    for (const auto error : {decode_error::unknown_message, decode_error::truncated, decode_error::empty_name,
                             decode_error::nul_in_name, decode_error::malformed_name}) {
        CHECK_FALSE(to_string(error).empty());
        for (const auto other : seen) {
            CHECK(to_string(error) != other);
        }
        seen.push_back(to_string(error));
    }
}

TEST_CASE("an encoded request decodes to what it was") {
    const std::string longest_extra(max_request_bytes - 14, 'e');
    std::vector<request> all{alive2_value("a", longest_extra), port_please2_req{"trailing"},
                             stop_req{std::string_view(longest_extra).substr(0, 1000)}};
    for (const auto& one : rows()) {
        all.push_back(one.expected);
    }
    for (const auto& one : all) {
        std::string encoded = "kept";
        encode(one, encoded);
        CHECK(encoded.starts_with("kept"));
        encoded.erase(0, 4);
        REQUIRE(frame(encoded) == framing::complete);
        CHECK(decode_request(request_of(encoded)) == decoded(one));
    }
}

TEST_CASE("both forms of the reply to a registration decode, and no part of them") {
    struct {
        std::string name;
        std::string bytes;
        alive2_x_resp expected;
    } const all[] = {
        {"wide", bytes(118, 0, u32(0x01020304)), {.result = 0, .creation = 0x01020304}},
        {"wide, the greatest", bytes(118, 0, u32(0xffffffff)), {.result = 0, .creation = 0xffffffff}},
        {"wide, refused", bytes(118, 1, u32(99)), {.result = 1, .creation = 99}},
        {"narrow", bytes(121, 0, u16(3)), {.result = 0, .creation = 3}},
        {"narrow, refused", bytes(121, 1, u16(99)), {.result = 1, .creation = 99}},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(decode_alive2_reply(one.bytes) == one.expected);
        CHECK(decode_alive2_reply(one.bytes + "surplus") == one.expected);
        for (std::size_t size = 0; size < one.bytes.size(); ++size) {
            CAPTURE(size);
            CHECK(decode_alive2_reply(one.bytes.substr(0, size)) == std::nullopt);
        }
    }
    CHECK(decode_alive2_reply(bytes(119, 0, u32(4))) == std::nullopt);
    CHECK(decode_alive2_reply(bytes(0, 0, u32(4))) == std::nullopt);
}

TEST_CASE("the reply to a lookup decodes, and no part of it") {
    using answer = std::variant<port2_resp, port2_unknown>;
    struct {
        std::string name;
        std::string bytes;
        answer expected;
    } const all[] = {
        {"a node", bytes(119, 0, 0x04, 0xd2, 77, 0, 0, 6, 0, 5, 0, 1, "a", 0, 0),
         port2_resp{.port = 1234, .alive_name = "a", .extra = ""}},
        {"every field another", bytes(119, 0, 0xff, 0xfe, 72, 1, 0, 5, 0, 1, 0, 2, "jn", 0, 3, "\x01\x00\xff"sv),
         port2_resp{.port = 65534,
                    .node_type = 72,
                    .protocol = 1,
                    .highest_version = 5,
                    .lowest_version = 1,
                    .alive_name = "jn",
                    .extra = "\x01\x00\xff"sv}},
        {"unknown", bytes(119, 1), port2_unknown{}},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(decode_port2_reply(one.bytes) == one.expected);
        const auto longer = one.bytes + "surplus";
        CHECK(decode_port2_reply(longer) == one.expected);
        for (std::size_t size = 0; size < one.bytes.size(); ++size) {
            CAPTURE(size);
            CHECK(decode_port2_reply(one.bytes.substr(0, size)) == std::nullopt);
        }
    }
    CHECK(decode_port2_reply(bytes(119, 2)) == answer(port2_unknown{}));
    CHECK(decode_port2_reply(bytes(118, 1)) == std::nullopt);
}

TEST_CASE("a listing is a port and all that follows") {
    const auto whole = bytes(u32(4369), "name a at port 1\n", 0);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        CAPTURE(size);
        const auto cut = whole.substr(0, size);
        const auto expected =
            size < 4 ? std::nullopt : std::optional(listing{4369, std::string_view(whole).substr(4, size - 4)});
        CHECK(decode_listing(cut) == expected);
    }
    CHECK(decode_listing(u32(0xffffffff)) == listing{0xffffffff, ""});
}

TEST_CASE("a names list has the machine's nodes and those of each host, with the address where they are looked up") {
    const std::string ours = "name idfe at port 4711\n"
                             "name at port at port 1\n"
                             "host lowry at 127.0.0.2, fd00::2\n"
                             "name idfe at port 4712\n"
                             "host 127.0.0.3\n"
                             "name a at port 1";
    CHECK(read_names_list(ours) ==
          std::vector<names_row>{{"idfe", ""}, {"at port", ""}, {"idfe", "127.0.0.2"}, {"a", "127.0.0.3"}});
    CHECK(read_names_list("").empty());
}

TEST_CASE("a line of a names list that no lookup can come of is passed over") {
    const std::string too_long(max_alive_name_characters + 1, 'a');
    for (const auto& line : {std::string("name idfe"), std::string("name  at port 1"), std::string("idfe at port 1"),
                             "name " + too_long + " at port 1", std::string("name \xff at port 1"),
                             std::string("name a\0b at port 1", 18), std::string("\n\n")}) {
        CAPTURE(line);
        CHECK(read_names_list(line + "\nname b at port 2\n") == std::vector<names_row>{{"b", ""}});
    }
}

TEST_CASE("every encoded reply decodes to what it was") {
    const auto encoded = [](const reply& what) {
        std::string out;
        encode(what, out);
        return out;
    };
    CHECK(decode_alive2_reply(encoded(alive2_x_resp{0, 77})) == alive2_x_resp{0, 77});
    CHECK(decode_alive2_reply(encoded(alive2_resp{1, 99})) == alive2_x_resp{1, 99});
    const port2_resp node{.port = 9, .node_type = 104, .alive_name = "c1", .extra = "x"};
    const auto bytes_of_node = encoded(node);
    CHECK(decode_port2_reply(bytes_of_node) == std::variant<port2_resp, port2_unknown>(node));
    CHECK(decode_port2_reply(encoded(port2_unknown{})) == std::variant<port2_resp, port2_unknown>(port2_unknown{}));
    const auto names = encoded(names_resp{4369, {{"a", 1}}});
    CHECK(decode_listing(names) == listing{4369, "name a at port 1\n"});
}

} // namespace
} // namespace epmd::wire
