// Cookie files: which cookie a VM reads in one, and that a cookie leaves nothing behind where it was.
#include "dist/cookie.hpp"
#include "support/bytes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace epmd::dist {
namespace {

using test::bytes;
using test::repeated;
using verdict = std::variant<cookie, cookie_fault>;

TEST_SUITE("dist: cookie") {
    TEST_CASE("a cookie file has the cookie that OTP reads in it") {
        const auto longest = repeated("c", 255);
        struct {
            std::string name;
            std::string content;
            verdict expected;
        } const all[] = {
            {"a word", "abc", cookie("abc")},
            {"one letter", "a", cookie("a")},
            {"the first and the last letter", " ~", cookie(" ~")},
            {"a blank before it", " abc", cookie(" abc")},
            {"a blank after it", "abc ", cookie("abc ")},
            {"blanks in it", "a b  c", cookie("a b  c")},
            {"blanks only", "  ", cookie("  ")},
            {"an end of line", "abc\n", cookie("abc")},
            {"an end of line, as Windows writes it", "abc\r\n", cookie("abc")},
            {"empty lines after it", "abc\n\n", cookie("abc")},
            {"a line of blanks after it", "abc\n \n", cookie("abc")},
            {"a blank before the end of line", "abc \n", cookie("abc ")},
            {"the most letters", longest, cookie(longest)},
            {"the most letters, and an end of line", longest + "\n", cookie(longest)},
            {"a letter too many", longest + "c", cookie_fault::too_long},
            {"a letter too many, a blank", longest + " \n", cookie_fault::too_long},
            {"nothing", "", cookie_fault::nothing},
            {"an empty line", "\n", cookie_fault::nothing},
            {"empty lines", "\n\r\n\n", cookie_fault::nothing},
            {"an empty line before it", "\nabc", cookie_fault::bad_character},
            {"a second line", "abc\ndef", cookie_fault::bad_character},
            {"a third line", "abc\n\ndef\n", cookie_fault::bad_character},
            {"a tab before it", "\tabc", cookie_fault::bad_character},
            {"a tab in it", "a\tbc", cookie_fault::bad_character},
            {"a tab after it", "abc\t", cookie_fault::bad_character},
            {"a tab in the next line", "abc\n\t\n", cookie_fault::bad_character},
            {"UTF-8", "h\xc3\xb6rer", cookie_fault::bad_character},
            {"Latin-1", "h\xf6rer", cookie_fault::bad_character},
            {"NUL in it", bytes("a", 0, "bc"), cookie_fault::bad_character},
            {"NUL after it", bytes("abc", 0), cookie_fault::bad_character},
            {"DEL", "abc\x7f", cookie_fault::bad_character},
            {"a letter too many, and a second line", longest + "c\nd", cookie_fault::bad_character},
        };
        for (const auto& one : all) {
            CAPTURE(one.name);
            CHECK(read_cookie(one.content) == one.expected);
        }
    }

    TEST_CASE("a cookie file that is cut has the cookie up to there") {
        const std::string whole = "a b~\r\n \n";
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            CAPTURE(size);
            const auto expected =
                size == 0 ? verdict(cookie_fault::nothing) : cookie(whole.substr(0, std::min<std::size_t>(size, 4)));
            CHECK(read_cookie(whole.substr(0, size)) == expected);
        }
    }

    TEST_CASE("each fault has a clause of its own") {
        std::set<std::string_view> clauses;
        for (const auto one : {cookie_fault::nothing, cookie_fault::bad_character, cookie_fault::too_long}) {
            CHECK_FALSE(to_string(one).empty());
            clauses.insert(to_string(one));
        }
        CHECK(clauses.size() == 3);
    }

    TEST_CASE("a copy is as good as the first, and outlives it") {
        auto first = std::make_unique<cookie>("secret");
        const cookie second(*first);
        cookie third("other");
        third = *first;
        CHECK(second == *first);
        first.reset();
        CHECK(second.text() == "secret");
        CHECK(third.text() == "secret");
        CHECK(second != cookie("Secret"));
    }

    TEST_CASE("what is moved away is empty, and may be filled again") {
        for (const auto& text : {std::string("secret"), repeated("long", 50)}) {
            cookie first(text);
            cookie second(std::move(first));
            CHECK(first.text().empty()); // NOLINT(bugprone-use-after-move): that is the promise
            CHECK(second.text() == text);
            cookie third("other");
            third = std::move(second);
            CHECK(second.text().empty()); // NOLINT(bugprone-use-after-move)
            CHECK(third.text() == text);
            second = third;
            CHECK(second.text() == text);
        }
    }

    TEST_CASE("a short cookie, which is stored in the object itself, is not left in what it was moved from") {
        // Each letter that an object has, as anybody sees it who sees the memory.
        const auto letters_of = [](const cookie& one) {
            return std::string(reinterpret_cast<const char*>(&one), sizeof one); // NOLINT: bytes are bytes
        };
        cookie first("secret");
        REQUIRE(letters_of(first).find("secret") != std::string::npos);
        cookie second(std::move(first));
        CHECK(letters_of(first).find("ecret") == std::string::npos); // NOLINT(bugprone-use-after-move)
        cookie third("longer cookie");
        third = std::move(second);
        CHECK(letters_of(second).find("ecret") == std::string::npos); // NOLINT(bugprone-use-after-move)
        CHECK(letters_of(third).find("cookie") == std::string::npos);
        cookie fourth("longer cookie");
        fourth = third;
        CHECK(letters_of(fourth).find("cookie") == std::string::npos);
        CHECK(fourth.text() == "secret");
    }
}

} // namespace
} // namespace epmd::dist
