// How many lines peers can have written.
#include "server/journal.hpp"

#include <doctest/doctest.h>

namespace epmd::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a burst of lines is written whole, and from then on so many a second") {
    line_budget budget;
    auto now = time_point(1h);
    for (std::uint64_t i = 0; i < line_budget::burst; ++i) {
        REQUIRE(budget.spend(now));
    }
    CHECK_FALSE(budget.spend(now));
    CHECK_FALSE(budget.spend(now + 999ms));
    CHECK(budget.take_left_out() == 2);
    CHECK_FALSE(budget.has_left_out());
    now += 2s;
    for (std::uint64_t i = 0; i < 2 * line_budget::per_second; ++i) {
        REQUIRE(budget.spend(now));
    }
    CHECK_FALSE(budget.spend(now));
    now += 24h * 365; // no more than a burst
    for (std::uint64_t i = 0; i < line_budget::burst; ++i) {
        REQUIRE(budget.spend(now));
    }
    CHECK_FALSE(budget.spend(now));
}

} // namespace
} // namespace epmd::test
