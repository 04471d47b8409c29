// The registry: where a registration is seen in each state, creations, former names, and random histories.
#include "registry/registry.hpp"
#include "support/addresses.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace epmd {
namespace {

using test::operator""_ip;
using connections = std::vector<connection_number>;

const host lowry("127.0.0.2"_ip);
const host jill("127.0.0.3"_ip);

finding at(host where) {
    finding result;
    result.where = where;
    return result;
}

finding nowhere() {
    return {};
}

/// A registry of nodes that differ in name only; answers in numbers of connections, 0 for none.
class table {
  public:
    const registration& add(connection_number connection, const std::string& alive_name) {
        return all_.add(connection, static_cast<int>(connection) + 100, {.alive_name = alive_name, .extra = ""}, {});
    }

    const registration& add_at(connection_number connection, const std::string& alive_name, const finding& where) {
        add(connection, alive_name);
        all_.settle(connection, where);
        return *all_.find(connection);
    }

    [[nodiscard]] connection_number found(host where, std::string_view alive_name) const {
        const auto* one = all_.find(where, alive_name);
        return one == nullptr ? 0 : one->connection;
    }

    [[nodiscard]] connections seen(host where) const { return numbers(all_.visible_at(where)); }
    [[nodiscard]] connections everyone() const { return numbers(all_.all()); }
    [[nodiscard]] connections namesakes(std::string_view name) const { return numbers(all_.namesakes(name)); }
    [[nodiscard]] placement_state state(connection_number connection) const { return all_.find(connection)->state; }

    registry& operator*() { return all_; }
    registry* operator->() { return &all_; }

  private:
    static connections numbers(const std::vector<const registration*>& rows) {
        connections result;
        for (const auto* row : rows) {
            result.push_back(row->connection);
        }
        return result;
    }

    registry all_{1000, {}};
};

TEST_CASE("an empty registry has nothing") {
    table all;
    CHECK(all->empty());
    CHECK(all->size() == 0);
    CHECK(all->pending_count() == 0);
    CHECK(all->find(1) == nullptr);
    CHECK(all.found(the_machine, "a") == 0);
    CHECK(all->placed_at(lowry, "a") == nullptr);
    CHECK_FALSE(all->is_pending("a"));
    CHECK(all.seen(the_machine).empty());
    CHECK(all.seen(lowry).empty());
    CHECK(all.everyone().empty());
    CHECK(all.namesakes("a").empty());
    CHECK(all->former_at(the_machine).empty());
    CHECK_FALSE(all->remove(1));
}

TEST_CASE("a registration keeps what its node said") {
    const auto since = time_point(std::chrono::seconds(5));
    registry all(1000, since);
    const node said{.alive_name = "a",
                    .port = 1234,
                    .node_type = 104,
                    .protocol = 1,
                    .highest_version = 6,
                    .lowest_version = 5,
                    .extra = std::string("x\0y", 3)};
    CHECK(all.add(7, 12, said, since) == registration{.connection = 7,
                                                      .descriptor = 12,
                                                      .self = said,
                                                      .creation = 1000,
                                                      .creation_count = 1000,
                                                      .since = since,
                                                      .sequence = 1,
                                                      .state = placement_state::pending,
                                                      .where = the_machine,
                                                      .found = {}});
}

TEST_CASE("a pending registration is seen at the machine only") {
    table all;
    all.add(1, "a");
    CHECK(all.state(1) == placement_state::pending);
    CHECK(all->is_pending("a"));
    CHECK(all->pending_count() == 1);
    CHECK(all.found(the_machine, "a") == 1);
    CHECK(all.found(lowry, "a") == 0);
    CHECK(all.seen(the_machine) == connections{1});
    CHECK(all.seen(lowry).empty());
    CHECK(all->placed_at(the_machine, "a") == nullptr);
    CHECK(all->size() == 1);
}

TEST_CASE("a registration placed at a host is seen there only") {
    table all;
    all.add(1, "a");
    const auto change = all->settle(1, at(lowry));
    CHECK(change.self == all->find(1));
    CHECK(change.before == placement_state::pending);
    CHECK(change.promoted == nullptr);
    CHECK(change.has_moved());
    CHECK(all.state(1) == placement_state::placed);
    CHECK(all->find(1)->where == lowry);
    CHECK(all->find(1)->found == at(lowry));
    CHECK(all.found(lowry, "a") == 1);
    CHECK(all.found(the_machine, "a") == 0);
    CHECK(all.found(jill, "a") == 0);
    CHECK(all.seen(lowry) == connections{1});
    CHECK(all.seen(the_machine).empty());
    CHECK(all.seen(jill).empty());
    CHECK(all->placed_at(lowry, "a") == all->find(1));
    CHECK_FALSE(all->is_pending("a"));
    CHECK(all->pending_count() == 0);
}

TEST_CASE("a registration placed at the machine is seen there only") {
    table all;
    all.add_at(1, "a", at(the_machine));
    CHECK(all.state(1) == placement_state::placed);
    CHECK(all.found(the_machine, "a") == 1);
    CHECK(all.found(lowry, "a") == 0);
    CHECK(all.seen(the_machine) == connections{1});
    CHECK(all.seen(lowry).empty());
}

TEST_CASE("an unplaced registration is seen at every host") {
    table all;
    all.add_at(1, "a", nowhere());
    CHECK(all.state(1) == placement_state::unplaced);
    for (const auto where : {the_machine, lowry, jill}) {
        CHECK(all.found(where, "a") == 1);
        CHECK(all.seen(where) == connections{1});
        CHECK(all->placed_at(where, "a") == nullptr);
    }
}

TEST_CASE("a placed registration shadows an unplaced one of its name at its host") {
    table all;
    all.add_at(1, "a", nowhere());
    all.add_at(2, "a", at(lowry));
    CHECK(all.state(2) == placement_state::placed);
    CHECK(all.found(lowry, "a") == 2);
    CHECK(all.seen(lowry) == connections{2});
    CHECK(all.found(jill, "a") == 1);
    CHECK(all.seen(jill) == connections{1});
    CHECK(all.found(the_machine, "a") == 1);
    CHECK(all.seen(the_machine) == connections{1});
    CHECK(all->remove(2)->promoted == nullptr);
    CHECK(all.found(lowry, "a") == 1);
}

TEST_CASE("an unplaced registration that comes after a placed one is shadowed as well") {
    table all;
    all.add_at(1, "a", at(lowry));
    all.add_at(2, "a", nowhere());
    CHECK(all.state(2) == placement_state::unplaced);
    CHECK(all.found(lowry, "a") == 1);
    CHECK(all.seen(lowry) == connections{1});
    CHECK(all.found(jill, "a") == 2);
}

TEST_CASE("a lookup at the machine finds the unplaced node, not one that is pending") {
    table all;
    all.add(1, "a");
    all.add_at(2, "a", nowhere());
    CHECK(all.found(the_machine, "a") == 2);
    CHECK(all.found(lowry, "a") == 2);
}

TEST_CASE("one name lives on two hosts and the machine") {
    table all;
    all.add_at(1, "a", at(lowry));
    all.add_at(2, "a", at(jill));
    all.add_at(3, "a", at(the_machine));
    CHECK(all.found(lowry, "a") == 1);
    CHECK(all.found(jill, "a") == 2);
    CHECK(all.found(the_machine, "a") == 3);
    CHECK(all.namesakes("a") == connections{1, 2, 3});
    CHECK(all.everyone() == connections{3, 2, 1});
}

TEST_CASE("lists are newest first, whenever a registration got its place") {
    table all;
    all.add(1, "a");
    all.add_at(2, "b", at(lowry));
    all.add_at(3, "c", nowhere());
    all.add_at(4, "d", at(lowry));
    all.add(5, "e");
    all->settle(1, at(lowry));
    CHECK(all.seen(lowry) == connections{4, 3, 2, 1});
    CHECK(all.seen(the_machine) == connections{5, 3});
    all->settle(5, nowhere());
    CHECK(all.seen(lowry) == connections{5, 4, 3, 2, 1});
    all->settle(3, at(jill));
    CHECK(all.seen(lowry) == connections{5, 4, 2, 1});
    CHECK(all.seen(jill) == connections{5, 3});
    CHECK(all.everyone() == connections{5, 4, 3, 2, 1});
}

TEST_CASE("who comes to a place that is taken is parked: connected, and invisible") {
    table all;
    all.add_at(1, "a", at(lowry));
    all.add(2, "a");
    const auto change = all->settle(2, at(lowry));
    CHECK(change.self->state == placement_state::parked);
    CHECK(change.self->where == lowry);
    CHECK(change.has_moved());
    CHECK(change.promoted == nullptr);
    CHECK(all.found(lowry, "a") == 1);
    CHECK(all.seen(lowry) == connections{1});
    CHECK(all.seen(the_machine).empty());
    CHECK(all->size() == 2);
    CHECK(all.namesakes("a") == connections{1, 2});
}

TEST_CASE("a parked registration gets the place when its holder goes, the oldest first") {
    table all;
    all.add_at(1, "a", at(lowry));
    all.add_at(2, "a", at(lowry));
    all.add_at(3, "a", at(lowry));
    all.add_at(4, "b", at(lowry));
    const auto gone = all->remove(1);
    REQUIRE(gone);
    CHECK(gone->gone.connection == 1);
    CHECK(gone->gone.self.alive_name == "a");
    CHECK(gone->gone.state == placement_state::placed);
    CHECK(gone->promoted == all->find(2));
    CHECK(all.state(2) == placement_state::placed);
    CHECK(all.state(3) == placement_state::parked);
    CHECK(all.seen(lowry) == connections{4, 2});
    CHECK(all->remove(2)->promoted == all->find(3));
    CHECK(all.seen(lowry) == connections{4, 3});
    CHECK(all->remove(3)->promoted == nullptr);
    CHECK(all.seen(lowry) == connections{4});
}

TEST_CASE("a parked registration gets the place when its holder moves") {
    table all;
    all.add_at(1, "a", at(lowry));
    all.add_at(2, "a", at(lowry));
    const auto change = all->settle(1, at(jill));
    CHECK(change.before == placement_state::placed);
    CHECK(change.was_at == lowry);
    CHECK(change.has_moved());
    CHECK(change.promoted == all->find(2));
    CHECK(all.found(lowry, "a") == 2);
    CHECK(all.found(jill, "a") == 1);
}

TEST_CASE("a parked registration that goes promotes nobody") {
    table all;
    all.add_at(1, "a", at(lowry));
    all.add_at(2, "a", at(lowry));
    all.add_at(3, "a", at(lowry));
    CHECK(all->remove(2)->promoted == nullptr);
    CHECK(all.found(lowry, "a") == 1);
    CHECK(all->remove(1)->promoted == all->find(3));
}

TEST_CASE("a parked registration whose host turns out another gets that one") {
    table all;
    all.add_at(1, "a", at(lowry));
    all.add_at(2, "a", at(lowry));
    const auto change = all->settle(2, at(jill));
    CHECK(change.before == placement_state::parked);
    CHECK(change.has_moved());
    CHECK(all.state(2) == placement_state::placed);
    CHECK(all.found(jill, "a") == 2);
}

TEST_CASE("an unplaced registration has the machine's place") {
    table all;
    all.add_at(1, "a", nowhere());
    all.add_at(2, "a", at(the_machine));
    CHECK(all.state(2) == placement_state::parked);
    CHECK(all.found(the_machine, "a") == 1);
    CHECK(all->remove(1)->promoted == all->find(2));
    CHECK(all.state(2) == placement_state::placed);
    CHECK(all.found(lowry, "a") == 0);
}

TEST_CASE("an unplaced registration is parked behind one at the machine, and promoted to unplaced") {
    table all;
    all.add_at(1, "a", at(the_machine));
    all.add_at(2, "a", nowhere());
    CHECK(all.state(2) == placement_state::parked);
    CHECK(all.found(lowry, "a") == 0);
    CHECK(all->remove(1)->promoted == all->find(2));
    CHECK(all.state(2) == placement_state::unplaced);
    CHECK(all.found(lowry, "a") == 2);
}

TEST_CASE("two unplaced registrations of one name: the second is parked") {
    table all;
    all.add_at(1, "a", nowhere());
    all.add_at(2, "a", nowhere());
    CHECK(all.state(2) == placement_state::parked);
    const auto change = all->settle(1, at(lowry));
    CHECK(change.promoted == all->find(2));
    CHECK(all.state(2) == placement_state::unplaced);
    CHECK(all.found(lowry, "a") == 1);
    CHECK(all.found(the_machine, "a") == 2);
}

TEST_CASE("to be found again at the same host is no move") {
    table all;
    const std::map<connection_number, finding> places{{1, at(lowry)}, {2, at(the_machine)}, {3, nowhere()}};
    for (const auto& place : places) {
        const auto connection = place.first;
        const auto& where = place.second;
        CAPTURE(connection);
        all.add_at(connection, "node" + std::to_string(connection), where);
        auto again = where;
        again.node_name = "changed@lowry";
        const auto change = all->settle(connection, again);
        CHECK_FALSE(change.has_moved());
        CHECK(change.promoted == nullptr);
        CHECK(all->find(connection)->found == again);
    }
    CHECK(all.seen(lowry) == connections{3, 1});
    CHECK(all.seen(the_machine) == connections{3, 2});
}

TEST_CASE("an unplaced registration found at the machine keeps its name there and leaves the hosts") {
    table all;
    all.add_at(1, "a", nowhere());
    all.add_at(2, "a", nowhere());
    const auto change = all->settle(1, at(the_machine));
    CHECK(change.before == placement_state::unplaced);
    CHECK(change.has_moved());
    CHECK(change.promoted == nullptr);
    CHECK(all.state(1) == placement_state::placed);
    CHECK(all.state(2) == placement_state::parked);
    CHECK(all.found(lowry, "a") == 0);
}

TEST_CASE("a holder that comes to a taken place is parked, and who waited has its own") {
    table all;
    all.add_at(1, "a", at(lowry));
    all.add_at(2, "a", at(jill));
    all.add_at(3, "a", at(lowry));
    const auto change = all->settle(1, at(jill));
    CHECK(change.self->state == placement_state::parked);
    CHECK(change.promoted == all->find(3));
    CHECK(all.found(lowry, "a") == 3);
    CHECK(all.found(jill, "a") == 2);
}

TEST_CASE("to remove an unknown connection changes nothing") {
    table all;
    all.add_at(1, "a", at(lowry));
    CHECK_FALSE(all->remove(2));
    CHECK(all->remove(1));
    CHECK_FALSE(all->remove(1));
    CHECK(all->empty());
}

TEST_CASE("the names of long and short strings outlive those that were registered with them") {
    // The tables view the names of their registrations.
    for (const std::string name : {"a", "a name that is longer than what a string keeps inside itself"}) {
        table all;
        all.add_at(1, name, at(lowry));
        all.add_at(2, name, at(jill));
        all.add_at(3, name, at(the_machine));
        for (connection_number gone = 1; gone <= 3; ++gone) {
            all->remove(gone);
            CHECK(all.namesakes(name).size() == 3 - gone);
        }
        CHECK(all.found(the_machine, name) == 0);
        CHECK(all->former_at(jill).size() == 1);
        CHECK(all->former_at(the_machine).size() == 1);
    }
}

TEST_CASE("pointers to registrations stay good until they are removed") {
    table all;
    const auto* first = &all.add_at(1, "first", at(lowry));
    for (connection_number i = 2; i < 2000; ++i) {
        all.add_at(i, "node" + std::to_string(i), nowhere());
    }
    CHECK(all->find(1) == first);
    CHECK(all->find(lowry, "first") == first);
    CHECK(first->self.alive_name == "first");
}

// ---- creations

std::uint32_t creation_of(registry& all, connection_number connection, const std::string& name,
                          std::uint16_t highest_version, std::chrono::milliseconds since_start = {}) {
    return all
        .add(connection, -1, {.alive_name = name, .highest_version = highest_version, .extra = ""},
             time_point(since_start))
        .creation;
}

TEST_CASE("the first creation of a name is the second in which it came, and 4 at least") {
    using namespace std::chrono_literals;
    struct {
        std::uint32_t first;
        std::chrono::milliseconds since_start;
        std::uint32_t expected;
    } const all[] = {{0, 0ms, 4},   {3, 0ms, 4},    {4, 0ms, 4},    {5, 0ms, 5},
                     {5, 999ms, 5}, {5, 1000ms, 6}, {2, 1500ms, 4}, {1700000000, 3600s, 1700003600}};
    for (const auto& one : all) {
        CAPTURE(one.first);
        CAPTURE(one.since_start.count());
        registry some(one.first, {});
        CHECK(creation_of(some, 1, "a", 6, one.since_start) == one.expected);
        CHECK(creation_of(some, 2, "b", 65535, one.since_start) == one.expected); // of another name, so another node
    }
}

TEST_CASE("a name registered again gets its last creation plus one, however late, narrow ones among them") {
    using namespace std::chrono_literals;
    registry some(999, {}); // 999 % 3 == 0
    struct {
        std::uint16_t highest_version;
        std::uint32_t expected;
    } const all[] = {{6, 999}, {6, 1000}, {5, 3}, {5, 1}, {6, 1003}, {4, 3}, {0, 1}, {6, 1006}};
    connection_number connection = 0;
    for (const auto& one : all) {
        ++connection;
        CHECK(creation_of(some, connection, "a", one.highest_version, (connection - 1) * 60s) == one.expected);
        some.remove(connection);
    }
}

TEST_CASE("a name on several hosts gets another creation on each, and never one that another had") {
    registry some(1000, {});
    CHECK(creation_of(some, 1, "a", 6) == 1000);
    some.settle(1, at(lowry));
    CHECK(creation_of(some, 2, "a", 6) == 1001);
    some.settle(2, at(jill));
    some.remove(2);
    some.remove(1); // the lower one goes last
    CHECK(creation_of(some, 3, "a", 6) == 1002);
}

TEST_CASE("after the greatest wide creation comes 4") {
    registry some(0xffffffff, {});
    CHECK(creation_of(some, 1, "a", 6) == 0xffffffff);
    some.remove(1);
    CHECK(creation_of(some, 2, "a", 6) == 4);
}

TEST_CASE("a name that was forgotten does not get a creation that it may have had") {
    registry some(1000, {});
    connection_number connection = 0;
    for (int i = 0; i < 50; ++i) { // all within one second
        creation_of(some, ++connection, "a", 6);
        some.remove(connection);
    }
    for (std::size_t i = 0; i < max_former_names; ++i) {
        creation_of(some, ++connection, "other" + std::to_string(i), 6);
        some.remove(connection);
    }
    CHECK(creation_of(some, ++connection, "a", 6) == 1050);
}

TEST_CASE("a name that lives on one host, and is forgotten on another, gets no creation twice") {
    registry some(1000, {});
    creation_of(some, 1, "a", 6);
    some.settle(1, at(lowry));
    connection_number connection = 1;
    const auto before = creation_of(some, ++connection, "a", 6);
    some.settle(connection, at(jill));
    some.remove(connection);
    for (std::size_t i = 0; i < max_former_names; ++i) {
        creation_of(some, ++connection, "other" + std::to_string(i), 6);
        some.remove(connection);
    }
    CHECK(creation_of(some, ++connection, "a", 6) > before);
}

TEST_CASE("narrow creations are 1 to 3, and a name registered again gets another one") {
    registry some(1000, {});
    connection_number connection = 0;
    std::set<std::uint32_t> seen;
    std::uint32_t last = 0;
    for (int i = 0; i < 20; ++i) {
        const auto creation = creation_of(some, ++connection, "a", 5);
        CHECK(creation >= 1);
        CHECK(creation <= 3);
        CHECK(creation != last);
        seen.insert(creation);
        last = creation;
        some.remove(connection);
        // Others come and go between, also wide ones; they must not bring it back to the same number.
        for (int others = 0; others <= i % 4; ++others) {
            creation_of(some, ++connection, "other" + std::to_string(others), others % 2 == 0 ? 5 : 6);
            some.remove(connection);
        }
    }
    CHECK(seen.size() == 3);
}

TEST_CASE("a name registered again with another version gets another creation") {
    registry some(1000, {});
    const auto wide = creation_of(some, 1, "a", 6);
    some.remove(1);
    const auto narrow = creation_of(some, 2, "a", 5);
    CHECK(narrow >= 1);
    CHECK(narrow <= 3);
    some.remove(2);
    const auto wide_again = creation_of(some, 3, "a", 6);
    CHECK(wide_again >= 4);
    CHECK(wide_again != wide);
}

TEST_CASE("a name that lives on two hosts gets another narrow creation on each, again and again") {
    registry some(1000, {});
    const auto at_lowry = creation_of(some, 1, "a", 5);
    some.settle(1, at(lowry));
    const auto at_jill = creation_of(some, 2, "a", 5);
    some.settle(2, at(jill));
    CHECK(at_lowry != at_jill);
    some.remove(2);
    const auto at_jill_again = creation_of(some, 3, "a", 5);
    CHECK(at_jill_again != at_jill);
}

// ---- former names

std::vector<former_name> former_at(const registry& some, host where) {
    std::vector<former_name> rows;
    for (const auto* one : some.former_at(where)) {
        rows.push_back(*one);
    }
    return rows;
}

TEST_CASE("a name whose registration ended is a former name, the first to end first") {
    registry some(1000, {});
    some.add(1, 7, {.alive_name = "a", .port = 1, .extra = ""}, {});
    some.add(2, 8, {.alive_name = "b", .port = 2, .extra = ""}, {});
    some.remove(2);
    some.remove(1);
    const std::vector<former_name> expected{{"b", 2, 8, {}, 1000}, {"a", 1, 7, {}, 1000}};
    CHECK(former_at(some, the_machine) == expected);
    CHECK(former_at(some, lowry) == expected); // nothing had placed them: they were seen everywhere
}

TEST_CASE("a name registered again is no former name, and goes to the end when it ends again") {
    registry some(1000, {});
    some.add(1, 7, {.alive_name = "a", .port = 1, .extra = ""}, {});
    some.remove(1);
    some.add(2, 8, {.alive_name = "b", .port = 2, .extra = ""}, {});
    some.remove(2);
    some.add(3, 9, {.alive_name = "a", .port = 3, .extra = ""}, {});
    CHECK(former_at(some, the_machine) == std::vector<former_name>{{"b", 2, 8, {}, 1000}});
    some.remove(3);
    CHECK(former_at(some, the_machine) == std::vector<former_name>{{"b", 2, 8, {}, 1000}, {"a", 3, 9, {}, 1001}});
}

TEST_CASE("a former name is told of at its host, and there only") {
    registry some(1000, {});
    some.add(1, 7, {.alive_name = "a", .port = 1, .extra = ""}, {});
    some.settle(1, at(lowry));
    some.add(2, 8, {.alive_name = "a", .port = 2, .extra = ""}, {});
    some.settle(2, at(jill));
    some.remove(1);
    CHECK(former_at(some, lowry) == std::vector<former_name>{{"a", 1, 7, at(lowry), 1000}});
    CHECK(former_at(some, jill).empty());
    CHECK(former_at(some, the_machine).empty());
    some.remove(2);
    CHECK(former_at(some, lowry).size() == 1);
    CHECK(former_at(some, jill) == std::vector<former_name>{{"a", 2, 8, at(jill), 1001}});
}

TEST_CASE("of former names the oldest go first") {
    registry some(1000, {});
    for (connection_number i = 1; i <= max_former_names + 5; ++i) {
        some.add(i, -1, {.alive_name = "node" + std::to_string(i), .extra = ""}, {});
        some.remove(i);
    }
    const auto rows = former_at(some, the_machine);
    CHECK(rows.size() == max_former_names);
    CHECK(rows.front().alive_name == "node6");
    CHECK(rows.back().alive_name == "node" + std::to_string(max_former_names + 5));
}

TEST_CASE("what was found of a node that has gone is known by its name and port, if its listener was seen") {
    const auto listening_at = [](host where) {
        auto found = at(where);
        found.listener_inode = where == lowry ? 20 : 30;
        return found;
    };
    registry some(1000, {});
    for (const auto& [connection, port, where] : {std::tuple(1, 25672, lowry), {2, 25672, jill}, {3, 5000, lowry}}) {
        some.add(static_cast<connection_number>(connection), 7,
                 {.alive_name = "a", .port = static_cast<std::uint16_t>(port), .extra = ""}, {});
        some.settle(static_cast<connection_number>(connection), listening_at(where));
    }
    some.add(4, 7, {.alive_name = "a", .port = 25672, .extra = ""}, {});
    some.settle(4, at(the_machine));
    CHECK(some.former_findings("a", 25672).empty());
    some.remove(2);
    CHECK(some.former_findings("a", 25672) == std::vector{listening_at(jill)});
    some.remove(1);
    some.remove(4);
    auto both = some.former_findings("a", 25672);
    CHECK(both.size() == 2);
    CHECK(std::find(both.begin(), both.end(), listening_at(lowry)) != both.end());
    CHECK(some.former_findings("a", 5000).empty());
    CHECK(some.former_findings("b", 25672).empty());
}

TEST_CASE("of nodes that have gone no more is told than few, however many had the name and port") {
    registry some(1000, {});
    for (connection_number number = 1; number <= 500; ++number) {
        auto found = at(host(address(std::array<std::uint8_t, 4>{127, 1, static_cast<std::uint8_t>(number >> 8U),
                                                                 static_cast<std::uint8_t>(number)})));
        found.listener_inode = number;
        some.add(number, 7, {.alive_name = "a", .port = 1, .extra = ""}, {});
        some.settle(number, found);
        some.remove(number);
    }
    CHECK(some.former_findings("a", 1).size() == 32);
}

TEST_CASE("of a node that was at several hosts the last one is remembered") {
    registry some(1000, {});
    auto where = at(lowry);
    where.listener_inode = 20;
    some.add(1, 7, {.alive_name = "a", .port = 1, .extra = ""}, {});
    some.settle(1, where);
    some.remove(1);
    where.where = jill;
    some.add(2, 7, {.alive_name = "a", .port = 1, .extra = ""}, {});
    some.settle(2, where);
    some.remove(2);
    CHECK(some.former_findings("a", 1) == std::vector{where});
    CHECK(some.add(3, 7, {.alive_name = "a", .port = 1, .extra = ""}, {}).creation == 1002);
}

TEST_CASE("what is learnt of a pending node leaves it where it is") {
    table some;
    some.add(1, "a");
    finding partly;
    partly.who.pid = 7;
    some->learn(1, partly);
    CHECK(some.state(1) == placement_state::pending);
    CHECK(some.found(the_machine, "a") == 1);
    CHECK(some->find(1)->found == partly);
}

TEST_CASE("a pending node is not seen at the machine beside a namesake there") {
    for (const auto& where : {at(the_machine), nowhere()}) {
        table some;
        some.add_at(1, "a", where);
        some.add(2, "a");
        CHECK(some.found(the_machine, "a") == 1);
        CHECK(some.seen(the_machine) == connections{1});
    }
}

// ---- random histories

/// What the registry ought to be: who has which place, and who waits. An unplaced node has the machine's
/// place.
struct model {
    struct known {
        std::string name;
        bool is_settled = false;
        std::optional<host> wanted;
    };
    std::map<connection_number, known> all; // in the order in which they came
    std::map<std::pair<host, std::string>, connection_number> places;

    void leave(connection_number who) {
        std::erase_if(places, [who](const auto& place) { return place.second == who; });
    }
    void fill_places() {
        for (const auto& [who, what] : all) {
            if (what.is_settled && !has_place(who)) {
                places.try_emplace({what.wanted.value_or(the_machine), what.name}, who);
            }
        }
    }
    void settle(connection_number who, std::optional<host> where) {
        leave(who);
        all.at(who).is_settled = true;
        all.at(who).wanted = where;
        places.try_emplace({where.value_or(the_machine), all.at(who).name}, who);
        fill_places();
    }
    void remove(connection_number who) {
        leave(who);
        all.erase(who);
        fill_places();
    }

    [[nodiscard]] bool has_place(connection_number who) const {
        return std::any_of(places.begin(), places.end(), [who](const auto& place) { return place.second == who; });
    }
    [[nodiscard]] bool is_placed(connection_number who) const { return has_place(who) && all.at(who).wanted; }
    [[nodiscard]] connection_number holder(host where, const std::string& name) const {
        const auto found = places.find({where, name});
        return found == places.end() ? 0 : found->second;
    }
    [[nodiscard]] connection_number found(host where, const std::string& name) const {
        if (const auto who = holder(where, name); who != 0 && is_placed(who)) {
            return who;
        }
        if (const auto who = holder(the_machine, name); who != 0 && !is_placed(who)) {
            return who;
        }
        for (const auto& [who, what] : all) {
            if (where.is_machine() && what.name == name && !what.is_settled) {
                return who;
            }
        }
        return 0;
    }
    [[nodiscard]] connections seen(host where) const {
        connections result;
        for (auto one = all.rbegin(); one != all.rend(); ++one) {
            const auto& [who, what] = *one;
            const bool is_pending_here = where.is_machine() && !what.is_settled;
            if ((is_pending_here || has_place(who)) && found(where, what.name) == who) {
                result.push_back(who);
            }
        }
        return result;
    }
    [[nodiscard]] placement_state state(connection_number who) const {
        const auto& what = all.at(who);
        if (!what.is_settled) {
            return placement_state::pending;
        }
        if (!has_place(who)) {
            return placement_state::parked;
        }
        return what.wanted ? placement_state::placed : placement_state::unplaced;
    }
};

TEST_CASE("a random history leaves what the model has") {
    constexpr int steps = 20000;
    std::mt19937 chance(20250601); // NOLINT: the same history in every run
    const auto below = [&chance](std::size_t count) {
        return std::uniform_int_distribution<std::size_t>(0, count - 1)(chance);
    };
    const std::vector<std::string> names{"a", "b", "rabbit", "a name that is longer than a string keeps inside"};
    const std::vector<std::optional<host>> hosts{the_machine, lowry, jill, std::nullopt};
    table real;
    model expected;
    connection_number last = 0;
    const auto anyone = [&] {
        return std::next(expected.all.begin(), static_cast<std::ptrdiff_t>(below(expected.all.size())))->first;
    };
    for (int step = 0; step < steps; ++step) {
        CAPTURE(step);
        const auto action = below(10);
        if (expected.all.empty() || (action < 3 && expected.all.size() < 16)) {
            ++last;
            const auto& name = names[below(names.size())];
            real.add(last, name);
            expected.all[last] = {.name = name, .is_settled = false, .wanted = {}};
        } else if (action < 7) {
            const auto who = anyone();
            const auto where = hosts[below(hosts.size())];
            const auto before = expected;
            finding what;
            what.where = where;
            const auto change = real->settle(who, what);
            expected.settle(who, where);
            REQUIRE(change.self == real->find(who));
            REQUIRE(change.before == before.state(who));
            REQUIRE((change.promoted != nullptr) ==
                    std::any_of(before.all.begin(), before.all.end(), [&](const auto& one) {
                        return one.first != who && before.state(one.first) != expected.state(one.first);
                    }));
        } else {
            const auto who = anyone();
            const auto gone = real->remove(who);
            REQUIRE(gone);
            REQUIRE(gone->gone.connection == who);
            const auto before = expected;
            expected.remove(who);
            const auto promoted = std::find_if(expected.all.begin(), expected.all.end(), [&](const auto& one) {
                return before.state(one.first) != expected.state(one.first);
            });
            REQUIRE((gone->promoted == nullptr ? 0 : gone->promoted->connection) ==
                    (promoted == expected.all.end() ? 0 : promoted->first));
        }
        connections everyone;
        std::size_t pending = 0;
        for (auto one = expected.all.rbegin(); one != expected.all.rend(); ++one) {
            everyone.push_back(one->first);
            pending += one->second.is_settled ? 0U : 1U;
            REQUIRE(real.state(one->first) == expected.state(one->first));
        }
        REQUIRE(real.everyone() == everyone);
        REQUIRE(real->size() == everyone.size());
        REQUIRE(real->pending_count() == pending);
        for (const auto where : {the_machine, lowry, jill, host("127.0.0.4"_ip)}) {
            REQUIRE(real.seen(where) == expected.seen(where));
            for (const auto& name : names) {
                REQUIRE(real.found(where, name) == expected.found(where, name));
            }
        }
    }
}

TEST_CASE("a registry that was written down in the middle of a change is whole again") {
    const auto one = [](connection_number connection, placement_state state, host where) {
        registration made;
        made.connection = connection;
        made.sequence = connection;
        made.self.alive_name = "a";
        made.state = state;
        made.where = where;
        made.found.where = where;
        return made;
    };
    const auto state_of = [](const registry& all, connection_number connection) { return all.find(connection)->state; };
    // Two in one place: the older keeps it. It goes, and the other has it.
    registry two({.registrations = {one(2, placement_state::placed, lowry), one(1, placement_state::placed, lowry)}});
    CHECK(state_of(two, 1) == placement_state::placed);
    CHECK(state_of(two, 2) == placement_state::parked);
    CHECK(two.remove(1)->promoted == two.find(2));
    CHECK(two.find(lowry, "a") == two.find(2));
    // Parked for nobody.
    registry alone({.registrations = {one(1, placement_state::parked, lowry), one(2, placement_state::parked, jill)}});
    CHECK(state_of(alone, 1) == placement_state::placed);
    CHECK(state_of(alone, 2) == placement_state::placed);
}

} // namespace
} // namespace epmd
