// Connections and table outlive the process that had them: the queue, the keeper, and what its successor reads.
#include "handover/connection_queue.hpp"
#include "handover/inheritance.hpp"
#include "handover/keeper.hpp"
#include "handover/rights.hpp"
#include "support/fake_manager.hpp"
#include "support/scene.hpp"
#include "support/sockets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epmd {
namespace {

using test::tcp_socket;

/// A connection with both its ends: ours, which is registered, and the peer's.
struct connected {
    connected() {
        std::array<int, 2> pair{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
            throw std::runtime_error("socketpair failed");
        }
        ours.emplace(pair[0]);
        peers.emplace(pair[1]);
    }

    [[nodiscard]] bool peer_sees_end() const {
        pollfd end{.fd = peers->descriptor(), .events = POLLIN | POLLRDHUP, .revents = 0};
        return ::poll(&end, 1, 0) > 0;
    }

    std::optional<tcp_socket> ours;
    std::optional<tcp_socket> peers;
};

std::vector<connected> connect_many(std::size_t count) {
    std::vector<connected> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.emplace_back();
    }
    return all;
}

/// All that waits at an end.
std::vector<numbered_descriptor> peek_all(int end) {
    return peek_connections(end, [](connection_number) { return true; }).wanted;
}

/// Nobody but this process holds what is in a queue. Counts what it is asked to.
class nobody final : public holder {
  public:
    std::string hold(std::span<const int>) override {
        ++held;
        most_held = std::max(most_held, held);
        return "pair " + std::to_string(++names_);
    }
    void let_go(const std::string&) override { --held; }

    int held = 0;
    int most_held = 0;

  private:
    int names_ = 0;
};

/// A queue and what is to be in it.
class queue_of {
  public:
    explicit queue_of(std::vector<numbered_descriptor> all = {}, int room_bytes = 1 << 24)
        : queue(holder, {}, 0, room_bytes) {
        for (const auto& one : all) {
            add(one);
        }
    }

    void add(numbered_descriptor one) {
        living[one.first] = one.second;
        queue.add(one, lookup());
    }

    std::unordered_set<connection_number> renew() { return queue.renew(lookup()); }

    [[nodiscard]] connection_queue::descriptor_lookup lookup() const {
        return [this](connection_number number) {
            const auto found = living.find(number);
            return found == living.end() ? std::nullopt : std::optional(found->second);
        };
    }

    /// Their numbers, in order; the descriptors are closed.
    [[nodiscard]] std::vector<connection_number> numbers() const {
        std::vector<connection_number> all;
        for (const auto& pair : queue.pairs()) {
            for (const auto& [number, descriptor] : peek_all(pair.from)) {
                all.push_back(number);
                ::close(descriptor);
            }
        }
        return all;
    }

    nobody holder;
    std::map<connection_number, int> living;
    connection_queue queue;
};

std::vector<numbered_descriptor> numbered(const std::vector<connected>& all) {
    std::vector<numbered_descriptor> result;
    for (const auto& one : all) {
        result.emplace_back(result.size() + 1, one.ours->descriptor());
    }
    return result;
}

TEST_CASE("a queue holds its connections open, and may be looked at as often as one likes") {
    auto all = connect_many(600);
    queue_of some(numbered(all));
    CHECK(some.queue.size() == 600);
    for (auto& one : all) {
        one.ours.reset();
    }
    for (int look = 0; look < 3; ++look) {
        const auto numbers = some.numbers();
        CHECK(numbers.size() == 600);
        CHECK(std::is_sorted(numbers.begin(), numbers.end()));
    }
    CHECK(std::none_of(all.begin(), all.end(), [](const connected& one) { return one.peer_sees_end(); }));
}

TEST_CASE("what is looked at is the connection itself") {
    const connected one;
    const queue_of some({{1, one.ours->descriptor()}});
    const auto found = peek_all(some.queue.pairs()[0].from);
    REQUIRE(found.size() == 1);
    const tcp_socket again(found[0].second);
    CHECK(::send(again.descriptor(), "x", 1, 0) == 1);
    CHECK(one.peer_sees_end()); // has something to read
    CHECK((::fcntl(again.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("of what waits only what is wanted is opened, and all of it is counted") {
    const auto all = connect_many(300);
    const queue_of some(numbered(all));
    const auto seen = peek_connections(some.queue.pairs()[0].from, [](connection_number one) { return one == 299; });
    CHECK(seen.count == 300);
    REQUIRE(seen.wanted.size() == 1);
    CHECK(seen.wanted[0].first == 299);
    ::close(seen.wanted[0].second);
}

TEST_CASE("a connection ends with its queue, or when it is shut down") {
    auto all = connect_many(2);
    std::optional<queue_of> some(std::in_place, numbered(all));
    ::shutdown(all[0].ours->descriptor(), SHUT_RDWR);
    for (auto& one : all) {
        one.ours.reset();
    }
    CHECK(all[0].peer_sees_end());
    CHECK(!all[1].peer_sees_end());
    some.reset();
    CHECK(all[1].peer_sees_end());
}

TEST_CASE("a queue that is put together has who lives, each once, and lets the others go") {
    auto all = connect_many(700);
    queue_of some(numbered(all));
    for (connection_number gone = 1; gone <= 700; gone += 2) {
        some.living.erase(gone);
    }
    CHECK(some.renew().size() == 350);
    CHECK(some.queue.size() == 350);
    CHECK(some.numbers().size() == 350);
    CHECK(some.holder.held == 1);
    CHECK(some.renew().size() == 350); // and again
    for (auto& one : all) {
        one.ours.reset();
    }
    CHECK(all[0].peer_sees_end());
    CHECK(!all[1].peer_sees_end());
}

TEST_CASE("a queue with little room has all of them in a few pairs") {
    const connected one;
    constexpr int room_bytes = 20000; // for some twenty messages
    queue_of some({}, room_bytes);
    constexpr connection_number many = 12000;
    for (connection_number number = 1; number <= many; ++number) {
        some.add({number, one.ours->descriptor()});
    }
    CHECK(some.queue.size() == many);
    auto numbers = some.numbers();
    std::sort(numbers.begin(), numbers.end());
    CHECK(numbers.size() == many);
    CHECK(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
    CHECK(some.holder.held == static_cast<int>(some.queue.pairs().size()));
    CHECK(some.holder.most_held < 16);
}

TEST_CASE("however many come alone, what waits is in a few messages") {
    const connected one;
    queue_of some;
    for (connection_number number = 1; number <= 5000; ++number) {
        some.add({number, one.ours->descriptor()});
    }
    std::size_t messages = 0;
    std::array<char, 4000> bytes{};
    while (::recv(some.queue.pairs().back().from, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
        ++messages;
    }
    CHECK(some.queue.size() == 5000);
    CHECK(messages < 2100);
}

TEST_CASE("what is in a queue and is not ours is refused") {
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) == 0);
    const tcp_socket in(pair[0]);
    const tcp_socket out(pair[1]);
    REQUIRE(::send(in.descriptor(), "hello", 5, 0) == 5);
    CHECK_THROWS_AS(peek_all(out.descriptor()), std::system_error);
    CHECK_THROWS_AS(peek_all(-1), std::system_error);
}

TEST_CASE("descriptors alone are no message of a queue, and none of them stays open") {
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) == 0);
    const tcp_socket in(pair[0]);
    const tcp_socket out(pair[1]);
    REQUIRE_FALSE(send_with_descriptors(in.descriptor(), {}, pair));
    const auto lowest_free = [&] {
        const int one = ::dup(in.descriptor());
        ::close(one);
        return one;
    };
    const int before = lowest_free();
    CHECK_THROWS_AS(peek_all(out.descriptor()), std::system_error);
    CHECK(lowest_free() == before);
}

// ---- the keeper, and what is read of it

/// A daemon with its keeper, as far as handover is concerned.
class keeping {
  public:
    explicit keeping(service_manager* manager, inheritance left = {})
        : machine_{"workshop", {}, {}}, settings_(settings_text{"/etc/x", "listen = all\n"}),
          table_(left.before ? std::move(left.before->table) : registry_state{.first_creation = 1000}),
          keeper_(
              manager,
              [this] {
                  return kept_state{table_, machine_, settings_, 2};
              },
              std::move(left.queue), left.generation, left.tables,
              [this](const std::string& what) { complaints.push_back(what); }) {}

    connection_number registers(const connected& one, const std::string& alive_name) {
        const auto number = ++last_;
        const auto& added = table_.add(number, one.ours->descriptor(), {.alive_name = alive_name, .port = 1}, {});
        keeper_.keep(added, true);
        return number;
    }

    void settles(connection_number which, std::string_view where) {
        finding found;
        found.where = host(test::ip(where));
        keeper_.keep(*table_.settle(which, found).self, false);
    }

    void ends(connection_number which) {
        table_.remove(which);
        keeper_.let_go(which);
    }

    keeper& kept() { return keeper_; }
    registry& table() { return table_; }

    std::vector<std::string> complaints;

  private:
    machine_identity machine_;
    std::optional<settings_text> settings_;
    registry table_;
    keeper keeper_;
    connection_number last_ = 0;
};

/// What a successor finds, by alive name; closed with it.
struct found_again {
    explicit found_again(const std::vector<passed_descriptor>& passed) : left(read_inheritance(passed)) {
        if (left.before) {
            for (const auto& one : left.before->table.registrations) {
                by_name.emplace(one.self.alive_name, one);
                if (one.descriptor >= 0) {
                    connections.emplace_back(one.descriptor);
                }
            }
        }
    }

    ~found_again() { close_queue(left.queue); }
    found_again(const found_again&) = delete;
    found_again& operator=(const found_again&) = delete;

    inheritance left;
    std::map<std::string, registration> by_name;
    std::vector<tcp_socket> connections;
};

std::string abstract_path(const char* what) {
    return "@loopmd-test-" + std::string(what) + std::to_string(::getpid());
}

TEST_CASE("a registration is written down and held before the call is over, and found with its connection") {
    test::fake_manager manager(abstract_path("keeper"));
    service_manager way(manager.path());
    connected lowry;
    {
        keeping first(&way);
        first.settles(first.registers(lowry, "idfe"), "127.0.0.2");
    }
    lowry.ours.reset(); // the process has gone
    CHECK(!lowry.peer_sees_end());
    const found_again next(manager.passes());
    CHECK(next.left.complaints.empty());
    REQUIRE(next.by_name.contains("idfe"));
    CHECK(next.by_name.at("idfe").state == placement_state::placed);
    REQUIRE(next.connections.size() == 1);
    CHECK(::send(next.connections[0].descriptor(), "x", 1, 0) == 1);
    CHECK(lowry.peer_sees_end());
    CHECK(next.left.before->machine.hostname == "workshop");
    CHECK(next.left.before->settings->text == "listen = all\n");
}

TEST_CASE("what ended is not found, and its connection is closed") {
    test::fake_manager manager(abstract_path("ended"));
    service_manager way(manager.path());
    connected lowry;
    connected jill;
    {
        keeping first(&way);
        const auto number = first.registers(lowry, "idfe");
        first.registers(jill, "jill");
        ::shutdown(lowry.ours->descriptor(), SHUT_RDWR);
        first.ends(number);
    }
    lowry.ours.reset();
    jill.ours.reset();
    const found_again next(manager.passes());
    CHECK(next.by_name.size() == 1);
    CHECK(next.by_name.contains("jill"));
    CHECK(next.connections.size() == 1);
    CHECK(lowry.peer_sees_end());
    CHECK(!jill.peer_sees_end());
}

TEST_CASE("what is held stays a few descriptors, however many come and go") {
    test::fake_manager manager(abstract_path("few"));
    service_manager way(manager.path());
    const auto lasting = connect_many(700); // more than one message each has room for
    keeping first(&way);
    std::size_t most = 0;
    for (std::size_t i = 0; i < lasting.size(); ++i) {
        first.settles(first.registers(lasting[i], "lasting" + std::to_string(i)), "127.0.0.2");
        for (int turn = 0; turn < 10; ++turn) {
            const connected passing;
            first.ends(first.registers(passing, "passing"));
        }
        most = std::max(most, manager.stored_count());
    }
    CHECK(first.complaints.empty());
    CHECK(most <= 3); // the table, and both ends of one pair
    const found_again next(manager.passes());
    CHECK(next.by_name.size() == lasting.size());
    CHECK(next.connections.size() == lasting.size());
    CHECK(next.left.before->table.former.all().size() == 1);
}

TEST_CASE("a successor holds its own, and lets go what was held before it") {
    test::fake_manager manager(abstract_path("successor"));
    service_manager way(manager.path());
    const connected lowry;
    { keeping(&way).registers(lowry, "idfe"); }
    std::vector<std::string> names;
    for (int generation = 0; generation < 3; ++generation) {
        auto left = read_inheritance(manager.passes());
        REQUIRE(left.before);
        REQUIRE(left.before->table.registrations.size() == 1);
        const tcp_socket again(left.before->table.registrations[0].descriptor);
        CHECK(left.tables.size() == 1);
        CHECK(left.tables != names);
        names = left.tables;
        const keeping next(&way, std::move(left));
        CHECK(manager.stored_count() == 3);
    }
}

TEST_CASE("of two generations that were left the newer counts") {
    test::fake_manager manager(abstract_path("two"));
    service_manager way(manager.path());
    const connected lowry;
    const connected jill;
    keeping first(&way);
    first.registers(lowry, "idfe");
    auto older = manager.passes();
    first.kept().keep_surroundings(); // written anew
    first.registers(jill, "jill");
    auto passed = manager.passes();
    passed.insert(passed.begin(), older.begin(), older.end());
    const found_again next(passed);
    CHECK(next.by_name.size() == 2);
    CHECK(next.connections.size() == 2);
    CHECK(next.left.tables.size() == 2);
}

TEST_CASE("a table that does not count is named, and the next begins with none") {
    test::fake_manager manager(abstract_path("torn"));
    service_manager way(manager.path());
    const connected lowry;
    keeping first(&way);
    first.registers(lowry, "idfe");
    const int table = first.kept().table_descriptor();
    REQUIRE(::pwrite(table, "x", 1, 40) == 1);
    const found_again next(manager.passes());
    CHECK(!next.left.before);
    REQUIRE(next.left.complaints.size() == 1);
    CHECK(next.left.complaints[0].find("loopmd-table-") != std::string::npos);
    CHECK(next.left.complaints[0].find("checksum") != std::string::npos);
    CHECK(next.left.generation > 0);
    CHECK(next.left.tables.size() == 1);
}

TEST_CASE("what nobody named as ours is a listener, in its order") {
    const auto left = read_inheritance({{70, "loopmd.socket"}, {71, "epmd"}, {72, ""}});
    CHECK(left.listeners == std::vector{70, 71, 72});
    CHECK(!left.before);
    CHECK(left.complaints.empty());
}

TEST_CASE("what a later version has left is closed and told of, and is no listener") {
    const int something = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto left = read_inheritance({{something, "loopmd-something-1"}});
    CHECK(left.listeners.empty());
    CHECK(left.complaints.size() == 1);
    CHECK(::fcntl(something, F_GETFD) < 0);
}

TEST_CASE("a registration whose connection is not there is found without one") {
    test::fake_manager manager(abstract_path("lost"));
    service_manager way(manager.path());
    const connected lowry;
    keeping first(&way);
    first.registers(lowry, "idfe");
    auto passed = manager.passes();
    std::erase_if(passed, [](const passed_descriptor& one) {
        const bool is_queue = one.name.starts_with(queue_name);
        if (is_queue) {
            ::close(one.descriptor);
        }
        return is_queue;
    });
    const found_again next(passed);
    CHECK(next.by_name.at("idfe").descriptor == -1);
}

TEST_CASE("a service manager that does not hear is complained of once, and told all when it hears again") {
    test::fake_manager manager(abstract_path("deaf"));
    service_manager way(manager.path());
    const connected lowry;
    keeping first(&way);
    CHECK(first.kept().is_whole());
    while (!way.tell("STATUS=busy")) {
    }
    std::size_t nodes = 0;
    for (; nodes < 100000 && first.kept().is_whole(); ++nodes) { // until a new queue is to be held
        first.registers(lowry, "node" + std::to_string(nodes));
    }
    CHECK(!first.kept().is_whole());
    CHECK(first.complaints.size() == 1);
    manager.hear_all();
    first.kept().try_again();
    CHECK(first.kept().is_whole());
    CHECK(manager.stored_count() == 3);
    const found_again next(manager.passes());
    CHECK(next.connections.size() == nodes);
}

TEST_CASE("without a service manager all is there to be passed on") {
    const connected lowry;
    keeping first(nullptr);
    first.registers(lowry, "idfe");
    CHECK(first.kept().is_whole());
    auto passed = first.kept().to_pass();
    CHECK(passed.size() == 3);
    for (auto& one : passed) {
        one.descriptor = ::dup(one.descriptor);
    }
    const found_again next(passed);
    CHECK(next.by_name.contains("idfe"));
    CHECK(next.connections.size() == 1);
}

} // namespace
} // namespace epmd
