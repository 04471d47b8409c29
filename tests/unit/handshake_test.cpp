// The distribution handshake: messages byte by byte, and conversations, whole, cut anywhere and ended anywhere.
#include "dist/handshake.hpp"
#include "dist/messages.hpp"
#include "support/bytes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <set>
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

/// What the other side has to prove in these tests, and what it is sent: bytes that are all different.
const digest expected_proof{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
const challenge_reply our_reply{
    .challenge = 0x05060708, .proof = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P'}};

std::string ack_message(std::string_view proof = "0123456789abcdef") {
    return framed(bytes('a', proof));
}

const send_challenge of_idfe{
    .flags = 0xd07df7fbd, .challenge = 0x01020304, .creation = 0x6565b1f5, .name = "idfe@lowry"};

/// Has heard a challenge.
handshake challenged_stranger() {
    auto it = stranger();
    it.receive(status_message("ok") + challenge_message("idfe@lowry"));
    return it;
}

/// Has answered it.
handshake answered_stranger() {
    auto it = challenged_stranger();
    it.answer(our_reply, expected_proof);
    return it;
}

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

    TEST_CASE("a challenge is answered with another, and a proof") {
        std::string out;
        encode(our_reply, out);
        CHECK(out == bytes(u16(21), 'r', 5, 6, 7, 8, "ABCDEFGHIJKLMNOP"));
        encode(challenge_reply{.challenge = 0xfffefdfc, .proof = {}}, out);
        CHECK(out == bytes(u16(21), 'r', 5, 6, 7, 8, "ABCDEFGHIJKLMNOP") +
                         bytes(u16(21), 'r', 0xff, 0xfe, 0xfd, 0xfc, std::string(16, '\0')));
    }

    TEST_CASE("what is digested is the cookie, and after it the challenge in decimal") {
        CHECK(digested_text("secret", 12345) == "secret12345");
        CHECK(digested_text("a b ", 0) == "a b 0");
        CHECK(digested_text("c", 0xffffffff) == "c4294967295");
    }

    TEST_CASE("a proof has 16 bytes, and neither less nor more") {
        const auto whole = ack_message().substr(2);
        CHECK(decode_challenge_ack(whole) == expected_proof);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(size);
            CHECK_FALSE(decode_challenge_ack(whole.substr(0, size)));
        }
        CHECK_FALSE(decode_challenge_ack(whole + "g"));
        CHECK_FALSE(decode_challenge_ack("A" + whole.substr(1)));
        CHECK_FALSE(decode_challenge_ack("r" + whole.substr(1)));
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

    TEST_CASE("who answers the challenge with the proof that is expected has the cookie") {
        auto it = challenged_stranger();
        CHECK(it.answer(our_reply, expected_proof) == bytes(u16(21), 'r', 5, 6, 7, 8, "ABCDEFGHIJKLMNOP"));
        CHECK(it.now() == state::answered);
        CHECK_FALSE(it.is_over());
        it.receive(ack_message() + "more");
        CHECK(it.now() == state::connected);
        CHECK(it.is_over());
        it.receive(ack_message("................"));
        it.end();
        CHECK(it.now() == state::connected);
        CHECK(it.challenge() == of_idfe);
    }

    TEST_CASE("however a proof is cut, it is the same") {
        const auto all = ack_message();
        for (std::size_t first = 0; first <= all.size(); ++first) {
            CAPTURE(first);
            auto it = answered_stranger();
            it.receive(std::string_view(all).substr(0, first));
            CHECK(it.is_over() == (first == all.size()));
            it.receive(std::string_view(all).substr(first));
            CHECK(it.now() == state::connected);
        }
        auto it = answered_stranger();
        for (const char one : all) {
            it.receive({&one, 1});
        }
        CHECK(it.now() == state::connected);
    }

    TEST_CASE("who proves anything else is not understood") {
        std::vector<std::string> all{
            status_message("ok"),           challenge_message("idfe@lowry"),  framed(""),
            ack_message("0123456789abcde"), ack_message("0123456789abcdefg"), framed("r0123456789abcdef")};
        for (std::size_t i = 0; i < expected_proof.size(); ++i) {
            std::string proof(expected_proof.begin(), expected_proof.end());
            proof[i] = static_cast<char>(proof[i] ^ 1);
            all.push_back(ack_message(proof));
        }
        for (const auto& one : all) {
            CAPTURE(one);
            auto it = answered_stranger();
            it.receive(one);
            REQUIRE(it.now() == state::failed);
            CHECK(it.why() == failure::not_understood);
            CHECK(it.challenge() == of_idfe); // it has said who it is all the same
        }
    }

    TEST_CASE("a conversation that ends anywhere: before the challenge it is closed, after it the cookie is refused") {
        const auto before = status_message("ok") + challenge_message("idfe@lowry");
        const auto all = before + ack_message();
        for (std::size_t size = 0; size <= all.size(); ++size) {
            CAPTURE(size);
            auto it = stranger();
            it.receive(std::string_view(all).substr(0, std::min(size, before.size())));
            if (it.now() == state::challenged) {
                it.answer(our_reply, expected_proof);
                it.receive(std::string_view(all).substr(before.size(), size - before.size()));
            }
            it.end();
            CHECK(it.is_challenged() == (size >= before.size()));
            CHECK(it.is_over());
            if (size == all.size()) {
                CHECK(it.now() == state::connected);
            } else {
                REQUIRE(it.now() == state::failed);
                CHECK(it.why() == (size < before.size() ? failure::closed : failure::cookie));
                CHECK(is_worth_another_try(it.why()) == (size < before.size()));
            }
        }
    }

    TEST_CASE("each failure has a clause of its own") {
        std::set<std::string_view> clauses;
        for (const auto one : {failure::closed, failure::nok, failure::not_allowed, failure::alive, failure::cookie,
                               failure::tls, failure::not_understood, failure::too_long}) {
            CHECK_FALSE(to_string(one).empty());
            clauses.insert(to_string(one));
        }
        CHECK(clauses.size() == 8);
    }

    TEST_CASE("who sends without end after the answer is not listened to for ever") {
        auto it = answered_stranger();
        const auto before = (status_message("ok") + challenge_message("idfe@lowry")).size();
        it.receive(bytes(0xff, 0xff) + std::string(handshake::max_received_bytes - before - 2, 'x'));
        CHECK_FALSE(it.is_over());
        it.receive("x");
        REQUIRE(it.now() == state::failed);
        CHECK(it.why() == failure::too_long);
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
