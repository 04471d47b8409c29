// What peers chose, fit for a log and a terminal.
#include "wire/quoted.hpp"

#include <doctest/doctest.h>

#include <string>

namespace epmd::wire {
namespace {

TEST_CASE("what a terminal would obey is escaped, and all else stays") {
    CHECK(escaped("idfe@lowry 'x' \\") == "idfe@lowry 'x' \\");
    CHECK(escaped("h\xc3\xb6rer \xe2\x82\xac") == "h\xc3\xb6rer \xe2\x82\xac");
    CHECK(escaped("a\033[31m\n\x7f") == "a\\x1b[31m\\x0a\\x7f");
    CHECK(escaped("a\xc2\x9b"
                  "b\xc2\x80") == "a\\xc2\\x9bb\\xc2\\x80"); // C1, which begins a sequence in one character
    CHECK(escaped("a\xe2\x80\xae") == "a\\xe2\\x80\\xae");   // turns the line round
    CHECK(escaped("\xc3\x80\xff") == "\\xc3\\x80\\xff");     // no UTF-8
}

TEST_CASE("a name in a line of the log is quoted, and ends where the quotation marks say") {
    CHECK(quoted("idfe") == "'idfe'");
    CHECK(quoted("it's\\") == "'it\\x27s\\x5c'");
    CHECK(quoted("a\xc2\x9b") == "'a\\xc2\\x9b'");
    CHECK(quoted("") == "''");
}

TEST_CASE("a long text is cut at the end of a character") {
    CHECK(quoted(std::string(300, 'x')) == "'" + std::string(300, 'x') + "'");
    CHECK(quoted(std::string(301, 'x')) == "'" + std::string(300, 'x') + "...'");
    CHECK(quoted(std::string(299, 'x') + "\xc3\xb6\xc3\xb6") == "'" + std::string(299, 'x') + "...'");
}

} // namespace
} // namespace epmd::wire
