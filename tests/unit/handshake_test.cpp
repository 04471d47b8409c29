// The distribution handshake: messages byte by byte, and conversations, whole, cut anywhere and ended anywhere.
#include "dist/handshake.hpp"
#include "dist/messages.hpp"
#include "support/bytes.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace epmd::dist {
namespace {

using test::bytes;
using test::framed;
using test::repeated;
using test::u16;
using test::u32;
using namespace std::string_view_literals;

using state = handshake::state;
using failure = handshake::failure;

handshake stranger() {
    return handshake(send_name{.name = "nonode@nohost"});
}

std::string status_message(std::string_view word) {
    return framed(bytes('s', word));
}

/// As OTP 25 sends it (seen on the wire): flags, challenge, creation, name.
std::string challenge_message(std::string_view name) {
    return framed(bytes('N', u32(0xd), u32(0x07df7fbd), u32(0x01020304), u32(0x6565b1f5), u16(name.size()), name));
}

std::string old_challenge_message(std::string_view name) {
    return framed(bytes('n', 0, 5, u32(0x0007f7fb), u32(0x01020304), name));
}

const send_challenge of_idfe{
    .flags = 0xd07df7fbd, .challenge = 0x01020304, .creation = 0x6565b1f5, .name = "idfe@lowry"};

TEST_SUITE("dist: messages") {
    TEST_CASE("a name is sent to OTP 23 and later as N, with the flags that OTP 26 made mandatory, hidden") {
        std::string out;
        encode(send_name{.highest_version = 6, .creation = 7, .name = "nonode@nohost"}, out);
        CHECK(out == framed(bytes('N', u32(0x4), u32(0x07070f94), u32(7), u16(13), "nonode@nohost")));
    }

    TEST_CASE("a name is sent to OTP 22 and earlier as n, of version 5") {
        std::string out;
        encode(send_name{.highest_version = 5, .flags = flag::mandatory_before_23, .name = "nonode@nohost"}, out);
        CHECK(out == framed(bytes('n', 0, 5, u32(0x00070f94), "nonode@nohost")));
    }

    TEST_CASE("every status is understood") {
        CHECK(decode_status("sok") == status::ok);
        CHECK(decode_status("sok_simultaneous") == status::ok_simultaneous);
        CHECK(decode_status("snok") == status::nok);
        CHECK(decode_status("snot_allowed") == status::not_allowed);
        CHECK(decode_status("salive") == status::alive);
        CHECK(decode_status(bytes("snamed:", u16(1), "a", u32(1))) == status::named);
    }

    TEST_CASE("what is no status is none") {
        for (const auto& wrong : {""sv, "s"sv, "ok"sv, "sokay"sv, "so"sv, "sok\0"sv, "Nok"sv}) {
            CAPTURE(wrong);
            CHECK_FALSE(decode_status(wrong));
        }
    }

    TEST_CASE("a challenge is read in both forms") {
        CHECK(decode_challenge(challenge_message("idfe@lowry").substr(2)) == of_idfe);
        CHECK(decode_challenge(old_challenge_message("idfe@lowry").substr(2)) ==
              send_challenge{.flags = 0x0007f7fb, .challenge = 0x01020304, .creation = 0, .name = "idfe@lowry"});
    }

    TEST_CASE("what stands after the name of a challenge is for later versions") {
        CHECK(decode_challenge(challenge_message("idfe@lowry").substr(2) + "more") == of_idfe);
    }

    TEST_CASE("a challenge that is cut is none") {
        const auto whole = challenge_message("idfe@lowry").substr(2);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(size);
            CHECK_FALSE(decode_challenge(whole.substr(0, size)));
        }
    }

    TEST_CASE("a name that could forge a line of a log, or is none, is not understood") {
        const auto too_long = repeated("a", 256);
        for (const auto& wrong :
             {""sv, "idfe@low\nry"sv, "idfe@\0lowry"sv, "idfe@\xff"sv, std::string_view(too_long)}) {
            CAPTURE(wrong);
            CHECK_FALSE(decode_challenge(challenge_message(wrong).substr(2)));
            CHECK_FALSE(decode_challenge(old_challenge_message(wrong).substr(2)));
        }
    }
}

TEST_SUITE("dist: handshake") {
    TEST_CASE("a node that accepts says its name") {
        for (const auto* word : {"ok", "ok_simultaneous"}) {
            auto it = stranger();
            CHECK(it.now() == state::name_sent);
            CHECK(it.opening().substr(2, 1) == "N");
            it.receive(status_message(word));
            CHECK(it.now() == state::accepted);
            CHECK_FALSE(it.is_over());
            it.receive(challenge_message("idfe@lowry"));
            REQUIRE(it.now() == state::challenged);
            CHECK(it.challenge() == of_idfe);
        }
    }

    TEST_CASE("however the bytes are cut, the name is the same") {
        const auto all = status_message("ok") + challenge_message("idfe@lowry");
        for (std::size_t first = 0; first <= all.size(); ++first) {
            CAPTURE(first);
            auto it = stranger();
            it.receive(std::string_view(all).substr(0, first));
            it.receive(std::string_view(all).substr(first));
            REQUIRE(it.now() == state::challenged);
            CHECK(it.challenge() == of_idfe);
        }
        auto it = stranger();
        for (const char one : all) {
            it.receive({&one, 1});
        }
        CHECK(it.now() == state::challenged);
    }

    TEST_CASE("a conversation that ends anywhere before the challenge has failed") {
        const auto all = status_message("ok") + challenge_message("idfe@lowry");
        for (std::size_t size = 0; size < all.size(); ++size) {
            CAPTURE(size);
            auto it = stranger();
            it.receive(std::string_view(all).substr(0, size));
            it.end();
            REQUIRE(it.now() == state::failed);
            CHECK(it.why() == failure::closed);
        }
    }

    TEST_CASE("what comes after the challenge, and the end, change nothing") {
        auto it = stranger();
        it.receive(status_message("ok") + challenge_message("idfe@lowry") + "more");
        it.receive("and more");
        it.end();
        REQUIRE(it.now() == state::challenged);
        CHECK(it.challenge() == of_idfe);
    }

    TEST_CASE("each refusal is told apart, and says whether asking again may help") {
        struct row {
            std::string answer;
            failure why;
            bool is_worth_another_try;
        };
        const std::vector<row> rows{
            {status_message("nok"), failure::nok, true},
            {status_message("not_allowed"), failure::not_allowed, false},
            {status_message("alive"), failure::alive, false},
            {status_message("named:xxxx"), failure::not_understood, false},
            {status_message("fine"), failure::not_understood, false},
            {framed(""), failure::not_understood, false},
            {status_message("ok") + framed("x"), failure::not_understood, false},
            {status_message("ok") + status_message("ok"), failure::not_understood, false},
            {bytes(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a), failure::tls, false}, // of an OTP node that speaks TLS
        };
        for (const auto& one : rows) {
            CAPTURE(one.answer);
            auto it = stranger();
            it.receive(one.answer);
            REQUIRE(it.now() == state::failed);
            CHECK(it.why() == one.why);
            CHECK(is_worth_another_try(it.why()) == one.is_worth_another_try);
            CHECK_FALSE(to_string(it.why()).empty());
        }
    }

    TEST_CASE("who sends without end is not listened to for ever") {
        auto it = stranger();
        it.receive(status_message("ok") + bytes(0xff, 0xff));
        const std::string much(4096, 'x');
        int times = 0;
        while (!it.is_over()) {
            it.receive(much);
            ++times;
        }
        CHECK(it.why() == failure::too_long);
        CHECK(times == 16);
    }
}

} // namespace
} // namespace epmd::dist
