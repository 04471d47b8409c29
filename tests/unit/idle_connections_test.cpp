// Whose time is up, and who makes room: by the last byte, by the whole time, and by how many a peer has.
#include "server/idle_connections.hpp"
#include "support/addresses.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace epmd::test {
namespace {

using namespace std::chrono_literals;

constexpr idle_connections::patience ten_and_a_minute{.silence = 10s, .in_all = 60s};
constexpr time_point start{};

peer user(std::uint32_t uid) {
    return {.uid = uid, .where = {}};
}

TEST_CASE("who says nothing for so long is late, and nobody before") {
    idle_connections all(ten_and_a_minute);
    CHECK(!all.next_look());
    all.add(1, user(7), start);
    all.add(2, user(7), start + 1s);
    CHECK(all.next_look() == start + 10s);
    CHECK(!all.late(start + 9s));
    CHECK(all.late(start + 10s) == 1);
    all.remove(1);
    CHECK(!all.late(start + 10s));
    CHECK(all.next_look() == start + 11s);
    CHECK(all.late(start + 11s) == 2);
}

TEST_CASE("a byte now and then keeps the silence off, and not the end of the whole time") {
    idle_connections all(ten_and_a_minute);
    all.add(1, user(7), start);
    for (auto at = start + 5s; at < start + 60s; at += 5s) {
        CHECK(!all.late(at));
        all.moved(1, at);
    }
    CHECK(all.late(start + 60s) == 1);
}

TEST_CASE("who has moved is late by his last byte") {
    idle_connections all(ten_and_a_minute);
    all.add(1, user(7), start);
    all.moved(1, start + 4s);
    CHECK(!all.late(start + 10s));
    CHECK(all.next_look() == start + 14s);
    CHECK(all.late(start + 14s) == 1);
}

TEST_CASE("of the peer that has most the one that waits longest makes room") {
    idle_connections all(ten_and_a_minute);
    CHECK(!all.first_to_go());
    all.add(1, user(7), start);
    all.add(2, user(8), start);
    all.add(3, user(8), start);
    CHECK(all.first_to_go() == 2);
    all.remove(2);
    all.add(4, user(7), start);
    CHECK(all.first_to_go() == 1);
    CHECK(all.longest_of(user(8)) == 3);
    CHECK(!all.longest_of(user(9)));
    CHECK(all.count_of(user(7)) == 2);
    CHECK(all.count_of(user(9)) == 0);
    for (const auto number : {1, 3, 4, 4, 5}) {
        all.remove(static_cast<connection_number>(number));
    }
    CHECK(all.empty());
    CHECK(!all.first_to_go());
    CHECK(!all.next_look());
}

TEST_CASE("another patience counts for those that wait already") {
    idle_connections all(ten_and_a_minute);
    all.add(1, user(7), start);
    all.set_patience({.silence = 2s, .in_all = 60s});
    CHECK(all.late(start + 2s) == 1);
    all.set_patience({.silence = 100s, .in_all = 100s});
    CHECK(!all.late(start + 99s));
    CHECK(all.late(start + 100s) == 1);
}

TEST_CASE("a peer is a user of this machine, an address, or a network of IPv6") {
    const auto from = [](const char* text) { return origin{.peer = *address::parse(text), .local = {}}; };
    CHECK(peer_of(from("127.0.0.1"), 7) == peer_of(from("::1"), 7));
    CHECK(peer_of(from("127.0.0.1"), 7) != peer_of(from("127.0.0.1"), 8));
    CHECK(peer_of(from("10.0.0.1"), {}) != peer_of(from("10.0.0.2"), {}));
    CHECK(peer_of(from("fd00::1"), {}) == peer_of(from("fd00::2:3"), {}));
    CHECK(peer_of(from("fd00::1"), {}) != peer_of(from("fd00:0:0:1::1"), {}));
    CHECK(peer_of(from("::1"), {}).where == loopback_v6);
    CHECK(peer_of(from("127.0.0.1"), {}) != peer_of(from("127.0.0.1"), 0)); // root is somebody
}

} // namespace
} // namespace epmd::test
