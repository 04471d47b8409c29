// The placer: one finding for each question, what the machine is before it, and names resolved again.
#include "placement/placer.hpp"
#include "support/addresses.hpp"
#include "support/fake_lookup.hpp"
#include "support/fake_machine.hpp"
#include "support/made_up_node.hpp"
#include "support/run_until.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace epmd {
namespace {

using test::accepts_as;
using test::made_up_node;
using test::operator""_ip;

const host lowry("127.0.0.2"_ip);
const host jill("127.0.0.3"_ip);

constexpr std::uint32_t our_user = 1000;

/// What the placer told, in its order: a finding, or what the machine is.
struct told {
    connection_number connection = 0; ///< 0: the machine
    finding found;
    machine_identity machine;

    bool operator==(const told&) const = default;
};

told of_machine(machine_identity what) {
    return {.connection = 0, .found = {}, .machine = std::move(what)};
}

told of_question(connection_number connection, finding what) {
    return {.connection = connection, .found = std::move(what), .machine = {}};
}

/// A placer among surroundings that the test makes up: the machine is called sam, and resolves to 127.0.1.1.
class neighbourhood {
  public:
    explicit neighbourhood(std::vector<configured_host> configured = {})
        : configured_(std::move(configured)), known_(std::make_shared<const hosts>(configured_, machine_identity{})) {
        write_hosts_file("# nothing yet\n");
        lookup.when_asked([this] { boost::asio::post(io, [] {}); }); // who runs until then wakes up
        lookup.answer("sam", {"127.0.1.1"_ip});
        auto kernel = std::make_unique<test::fake_kernel>();
        auto processes = std::make_unique<test::fake_processes>();
        sockets = kernel.get();
        all_processes = processes.get();
        it = std::make_unique<placer>(
            io,
            surroundings{.sockets = std::move(kernel),
                         .all_processes = std::move(processes),
                         .resolve = lookup.function(),
                         .hostname = [this] { return hostname; },
                         .hosts_file = folder_.path() / "hosts"},
            placer::hooks{.known = [this] { return known_; },
                          .found = [this](connection_number who,
                                          finding what) { heard.push_back(of_question(who, std::move(what))); },
                          .is_wanted = [this](connection_number who) { return !wanted || wanted->contains(who); },
                          .machine_changed =
                              [this](machine_identity now) {
                                  known_ = std::make_shared<const hosts>(configured_, now);
                                  heard.push_back(of_machine(std::move(now)));
                              }});
    }

    void write_hosts_file(const std::string& content) { folder_.write("hosts", content); }
    void remove_hosts_file() { std::filesystem::remove(folder_.path() / "hosts"); }

    /// A VM that has the connection `number` open, and a listener at `where`.
    void add_node(connection_number number, const std::string& node_name, std::optional<address> where = {}) const {
        const auto from = question_of(number).from;
        const auto port = question_of(number).port;
        sockets->sockets.push_back({.local = from.peer,
                                    .local_port = from.peer_port,
                                    .remote = from.local,
                                    .remote_port = from.local_port,
                                    .uid = our_user,
                                    .inode = number,
                                    .is_listening = false});
        if (where) {
            sockets->sockets.push_back({.local = *where,
                                        .local_port = port,
                                        .remote = wildcard_v4,
                                        .remote_port = 0,
                                        .uid = our_user,
                                        .inode = 1000 + number,
                                        .is_listening = true});
        }
        process what;
        what.pid = pid_of(number);
        what.uid = our_user;
        what.program = "beam.smp";
        what.node_name = node_name;
        what.hostname = hostname_of_process::ours;
        all_processes->all.push_back({.what = std::move(what), .inodes = {number, 1000 + number}});
    }

    static std::int32_t pid_of(connection_number number) { return static_cast<std::int32_t>(100 + number); }

    /// Of a node `a` that registered over that connection.
    static question question_of(connection_number number) {
        return {.connection = number,
                .from = {.peer = "127.0.0.1"_ip,
                         .peer_port = static_cast<std::uint16_t>(5000 + number),
                         .local = "127.0.0.1"_ip,
                         .local_port = 4369},
                .alive_name = "a",
                .port = static_cast<std::uint16_t>(40000 + number),
                .node_type = 77,
                .namesakes = {},
                .former = {},
                .before = {}};
    }

    void ask(connection_number number) const { it->ask(question_of(number)); }

    /// Whether it asks for so many names.
    bool asks(std::size_t count) {
        return test::run_until(io, [&] { return lookup.asked().size() >= count; });
    }

    /// Whether it tells so much, and no more at once.
    bool tells(std::size_t count) {
        const bool is_told = test::run_until(io, [&] { return heard.size() >= count; });
        test::run_ready(io);
        return is_told && heard.size() == count;
    }

    boost::asio::io_context io;
    test::fake_lookup lookup;
    std::string hostname = "sam";
    test::fake_kernel* sockets = nullptr;          ///< the placer's; to be changed before a question only
    test::fake_processes* all_processes = nullptr; ///< likewise
    std::vector<told> heard;
    std::optional<std::set<connection_number>> wanted; ///< whose answers; empty: all

  private:
    test::temporary_directory folder_;
    std::vector<configured_host> configured_;
    std::shared_ptr<const hosts> known_;

  public:
    std::unique_ptr<placer> it; ///< goes first
};

const told sam = of_machine({"sam", {"127.0.1.1"_ip}, {}});

finding found_of(connection_number number, const std::string& node_name, const std::string& host_name) {
    finding result;
    result.node_name = node_name;
    result.host_name = host_name;
    result.who = {.pid = neighbourhood::pid_of(number), .uid = our_user, .program = "beam.smp"};
    return result;
}

told placed_by_process(connection_number number, const std::string& node_name, const std::string& host_name,
                       host where) {
    auto result = found_of(number, node_name, host_name);
    result.where = where;
    return of_question(number, result);
}

TEST_CASE("a question gives one finding, after the machine is known") {
    neighbourhood some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.add_node(1, "a@lowry");
    some.ask(1);
    CHECK(some.heard.empty()); // never from inside the call
    REQUIRE(some.tells(2));
    CHECK(some.heard == std::vector{sam, placed_by_process(1, "a@lowry", "lowry", lowry)});
}

TEST_CASE("a question about which nothing is known gives an empty finding") {
    neighbourhood some;
    some.ask(1);
    REQUIRE(some.tells(2));
    CHECK(some.heard == std::vector{sam, of_question(1, finding{})});
}

TEST_CASE("many questions give one finding each") {
    neighbourhood some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.add_node(1, "a@lowry");
    some.add_node(2, "a", "127.0.0.3"_ip);
    some.add_node(3, "a@nowhere");
    some.add_node(4, "a@lowry");
    some.add_node(5, "a");
    for (connection_number number = 1; number <= 6; ++number) {
        some.ask(number);
    }
    REQUIRE(some.tells(7));
    CHECK(some.heard.front() == sam);
    std::sort(some.heard.begin() + 1, some.heard.end(),
              [](const told& left, const told& right) { return left.connection < right.connection; });
    auto by_listener = found_of(2, "a", "");
    by_listener.where = jill;
    by_listener.how = evidence::listener;
    by_listener.listener_inode = 1002;
    auto nowhere = found_of(3, "a@nowhere", "nowhere");
    nowhere.trouble = "does not resolve (nobody knows)";
    CHECK(some.heard == std::vector{sam, placed_by_process(1, "a@lowry", "lowry", lowry), of_question(2, by_listener),
                                    of_question(3, nowhere), placed_by_process(4, "a@lowry", "lowry", lowry),
                                    placed_by_process(5, "a", "", the_machine), of_question(6, finding{})});
}

TEST_CASE("of many questions those are not looked into whose nodes have gone before their turn") {
    neighbourhood some;
    constexpr connection_number last = 100;
    some.wanted = {1, last - 1, last};
    for (connection_number number = 1; number <= last; ++number) {
        some.ask(number);
    }
    REQUIRE(some.tells(4));
    std::vector<connection_number> answered;
    std::transform(some.heard.begin(), some.heard.end(), std::back_inserter(answered),
                   [](const told& one) { return one.connection; });
    CHECK(answered == std::vector<connection_number>{0, 1, last - 1, last});
}

TEST_CASE("the questions of a user wait for one of each other's, not for all of them") {
    waiting_questions all;
    connection_number next = 1;
    const auto add = [&](std::optional<std::uint32_t> uid, int count) {
        for (; count > 0; --count) {
            question one;
            one.connection = next++;
            one.from.uid = uid;
            all.add(std::move(one));
        }
    };
    add(1000, 4); // 1 to 4
    add(std::nullopt, 2);
    add(1001, 1);
    CHECK(all.size() == 7);
    std::vector<connection_number> taken;
    const auto take = [&](int count) {
        for (; count > 0; --count) {
            taken.push_back(all.take().value().connection);
        }
    };
    take(4);
    CHECK(taken == std::vector<connection_number>{1, 7, 5, 2});
    add(1001, 1); // 8
    take(4);
    CHECK(taken == std::vector<connection_number>{1, 7, 5, 2, 8, 6, 3, 4});
    CHECK_FALSE(all.take().has_value());
}

TEST_CASE("of questions that wait those may be left out that nobody wants") {
    waiting_questions all;
    for (connection_number number = 1; number <= 4; ++number) {
        question one;
        one.connection = number;
        one.from.uid = static_cast<std::uint32_t>(number % 2);
        all.add(std::move(one));
    }
    CHECK(all.keep_only([](const question& one) { return one.connection % 2 == 0; }) == 2);
    CHECK(all.size() == 2);
    CHECK(all.take().value().connection == 2);
    CHECK(all.take().value().connection == 4);
    CHECK_FALSE(all.take().has_value());
}

TEST_CASE("a name that needs no resolver is not resolved") {
    neighbourhood some({{"jill", {"127.0.0.3"_ip}}});
    some.add_node(1, "a@jill");
    some.add_node(2, "a@127.0.0.2");
    some.add_node(3, "a@sam");
    for (connection_number number = 1; number <= 3; ++number) {
        some.ask(number);
    }
    REQUIRE(some.tells(4));
    CHECK(some.heard == std::vector{sam, placed_by_process(1, "a@jill", "jill", jill),
                                    placed_by_process(2, "a@127.0.0.2", "127.0.0.2", lowry),
                                    placed_by_process(3, "a@sam", "sam", the_machine)});
    CHECK(some.lookup.asked() == std::vector<std::string>{"sam"}); // for the machine's own sake
}

TEST_CASE("an address of this machine's devices is the machine's, one of another machine leaves a node unplaced") {
    neighbourhood some;
    some.lookup.answer("here", {"192.0.2.1"_ip}, {"192.0.2.1"_ip});
    some.lookup.answer("there", {"198.51.100.1"_ip});
    some.add_node(1, "a@here");
    some.ask(1);
    REQUIRE(some.tells(2));
    CHECK(some.heard.back() == placed_by_process(1, "a@here", "here", the_machine));
    some.add_node(2, "a@there");
    some.ask(2);
    REQUIRE(some.tells(3));
    auto unplaced = found_of(2, "a@there", "there");
    unplaced.trouble = "resolves to 198.51.100.1, which is not of this machine";
    CHECK(some.heard.back() == of_question(2, unplaced));
}

TEST_CASE("the machine is told once, while it stays as it is") {
    neighbourhood some;
    some.it->look_at_machine();
    CHECK(some.heard.empty());
    REQUIRE(some.tells(1));
    CHECK(some.heard == std::vector{sam});
    some.it->look_at_machine();
    some.ask(1);
    REQUIRE(some.tells(2));
    CHECK(some.heard.back() == of_question(1, finding{}));
    CHECK(some.lookup.asked() == std::vector<std::string>{"sam"});
}

TEST_CASE("a hosts file that has changed is read before the finding") {
    neighbourhood some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.add_node(1, "a@lowry");
    some.ask(1);
    REQUIRE(some.tells(2));
    some.write_hosts_file("127.0.1.9 sam\n192.0.2.1 lan\n127.0.0.3 lowry\n");
    some.lookup.answer("sam", {"127.0.1.9"_ip});
    some.lookup.answer("lowry", {"127.0.0.3"_ip});
    some.ask(1);
    REQUIRE(some.tells(4));
    CHECK(some.heard[2] ==
          of_machine({"sam", {"127.0.1.9"_ip}, {"192.0.2.1"_ip, "127.0.0.3"_ip}, {{"lowry", "127.0.0.3"_ip}}}));
    CHECK(some.heard[3] == placed_by_process(1, "a@lowry", "lowry", jill)); // the old answer is forgotten
}

TEST_CASE("a hostname that has changed is told before the finding") {
    neighbourhood some;
    some.ask(1);
    REQUIRE(some.tells(2));
    some.hostname = "buttle";
    some.lookup.answer("buttle", {"127.0.1.2"_ip});
    some.add_node(2, "a@buttle");
    some.ask(2);
    REQUIRE(some.tells(4));
    CHECK(some.heard[2] == of_machine({"buttle", {"127.0.1.2"_ip}, {}}));
    CHECK(some.heard[3] == placed_by_process(2, "a@buttle", "buttle", the_machine));
}

TEST_CASE("a hosts file that has changed without changing the machine is not told") {
    neighbourhood some;
    some.ask(1);
    REQUIRE(some.tells(2));
    some.write_hosts_file("# nothing more\n");
    some.ask(2);
    REQUIRE(some.tells(3));
    CHECK(some.heard.back() == of_question(2, finding{}));
}

TEST_CASE("a hosts file that has gone is an empty one") {
    neighbourhood some;
    some.write_hosts_file("192.0.2.1 lan\n");
    some.ask(1);
    REQUIRE(some.tells(2));
    CHECK(some.heard.front() == of_machine({"sam", {"127.0.1.1"_ip}, {"192.0.2.1"_ip}}));
    some.remove_hosts_file();
    some.ask(2);
    REQUIRE(some.tells(4));
    CHECK(some.heard[2] == sam);
}

TEST_CASE("a machine that changes while it is looked at is looked at again, before any finding") {
    neighbourhood some;
    some.lookup.hang("sam");
    some.ask(1);
    REQUIRE(some.asks(1));
    some.hostname = "buttle";
    some.lookup.answer("buttle", {"127.0.1.2"_ip});
    some.ask(2);
    some.lookup.release("sam");
    REQUIRE(some.tells(3));
    CHECK(some.heard[0] == of_machine({"buttle", {"127.0.1.2"_ip}, {}}));
    CHECK(some.heard[1] == of_question(1, finding{}));
    CHECK(some.heard[2] == of_question(2, finding{}));
}

TEST_CASE("a hosts file that changes while the hostname is resolved counts, not what was resolved before") {
    neighbourhood some;
    some.lookup.hang("sam");
    some.ask(1);
    REQUIRE(some.asks(1));
    some.write_hosts_file("127.0.1.9 sam\n");
    some.lookup.answer("sam", {"127.0.1.9"_ip});
    some.it->look_at_machine();
    some.lookup.release("sam");
    REQUIRE(some.tells(2));
    CHECK(some.heard[0] == of_machine({"sam", {"127.0.1.9"_ip}, {}}));
    CHECK(some.heard[1] == of_question(1, finding{}));
}

TEST_CASE("a hostname whose lookup hangs holds no finding for ever") {
    neighbourhood some;
    some.lookup.hang("sam");
    some.ask(1);
    some.ask(2);
    REQUIRE(some.tells(3));
    CHECK(some.heard == std::vector{of_machine({"sam", {}, {}}), of_question(1, finding{}), of_question(2, finding{})});
}

TEST_CASE("what was found before only has its host name resolved again") {
    neighbourhood some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.add_node(1, "a@other", "127.0.0.4"_ip); // what a survey would say now
    auto again = neighbourhood::question_of(1);
    auto before = found_of(7, "a@lowry", "lowry");
    before.where = jill;
    before.trouble = "did not resolve within 2 s";
    again.what = inquiry::host_name;
    again.before = before;
    some.it->ask(again);
    REQUIRE(some.tells(2));
    auto expected = before;
    expected.where = lowry;
    expected.trouble.clear();
    CHECK(some.heard.back() == of_question(1, expected));

    again.before.host_name = "nowhere";
    some.it->ask(again);
    REQUIRE(some.tells(3));
    expected = before;
    expected.host_name = "nowhere";
    expected.where = std::nullopt;
    expected.trouble = "does not resolve (nobody knows)";
    CHECK(some.heard.back() == of_question(1, expected));

    again.before.host_name = "127.0.0.2";
    some.it->ask(again);
    REQUIRE(some.tells(4));
    expected = before;
    expected.host_name = "127.0.0.2";
    expected.where = lowry;
    expected.trouble.clear();
    CHECK(some.heard.back() == of_question(1, expected));

    again.before.host_name.clear(); // nothing to resolve: as it was
    some.it->ask(again);
    REQUIRE(some.tells(5));
    expected = before;
    expected.host_name.clear();
    CHECK(some.heard.back() == of_question(1, expected));
}

question ask_node(std::uint16_t port) {
    auto what = neighbourhood::question_of(1);
    what.what = inquiry::node;
    what.port = port;
    what.before = found_of(7, "", "");
    what.before.ask_at = "127.0.0.1"_ip;
    what.before.listener_inode = 20;
    return what;
}

TEST_CASE("a node is asked for its name, and its host part is resolved") {
    neighbourhood some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    made_up_node node(some.io);
    node.answers(accepts_as("a@lowry")).answers(accepts_as("a@lowry"));
    some.it->ask(ask_node(node.port()));
    REQUIRE(some.tells(2));
    auto expected = found_of(7, "a@lowry", "lowry");
    expected.where = lowry;
    expected.how = evidence::handshake;
    expected.listener_inode = 20;
    CHECK(some.heard.back() == of_question(1, expected));
}

TEST_CASE("what a node says under another alive name does not count") {
    for (const std::string name : {"b@lowry", "a", "a@", "aa@lowry", "A@lowry"}) {
        CAPTURE(name);
        neighbourhood some;
        some.lookup.answer("lowry", {"127.0.0.2"_ip});
        made_up_node node(some.io);
        node.answers(accepts_as(name)).answers(accepts_as(name));
        some.it->ask(ask_node(node.port()));
        REQUIRE(some.tells(2));
        auto expected = found_of(7, "", "");
        expected.listener_inode = 20;
        expected.trouble = "asked for its name, it calls itself '" + name + "'";
        CHECK(some.heard.back() == of_question(1, expected));
    }
}

TEST_CASE("of a node that cannot be asked the trouble is told, and the guess stands") {
    neighbourhood some;
    std::uint16_t closed_port = 0;
    {
        const made_up_node gone(some.io);
        closed_port = gone.port();
    }
    auto what = ask_node(closed_port);
    what.before.where = the_machine;
    what.before.is_guess = true;
    some.it->ask(what);
    REQUIRE(some.tells(2));
    CHECK(some.heard.back().found.where == the_machine);
    CHECK(some.heard.back().found.ask_at == std::nullopt);
    CHECK(some.heard.back().found.trouble.find("asked for its name, it cannot be reached (") == 0);
}

TEST_CASE("what a node says goes before a guess, and of another process that was guessed nothing is left") {
    neighbourhood some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    made_up_node node(some.io);
    node.answers(accepts_as("a@lowry")).answers(accepts_as("a@lowry"));
    auto what = ask_node(node.port());
    what.before.is_guess = true;
    what.before.where = jill;
    what.before.node_name = "a@jill";
    what.before.host_name = "jill";
    some.it->ask(what);
    REQUIRE(some.tells(2));
    auto expected = found_of(7, "a@lowry", "lowry");
    expected.where = lowry;
    expected.how = evidence::handshake;
    expected.listener_inode = 20;
    expected.who = {.pid = 0, .uid = our_user, .program = ""};
    CHECK(some.heard.back() == of_question(1, expected));
    what.before.node_name = "a"; // of the same process, under another hostname
    some.it->ask(what);
    REQUIRE(some.tells(3));
    expected.who = found_of(7, "", "").who;
    CHECK(some.heard.back() == of_question(1, expected));
}

TEST_CASE("a node whose answer is not wanted, or that may not be asked any more, is not asked") {
    neighbourhood some;
    made_up_node node(some.io);
    node.answers(accepts_as("a@127.0.0.2")).answers(accepts_as("a@127.0.0.2"));
    some.wanted.emplace();
    some.it->ask(ask_node(node.port()));
    REQUIRE(some.tells(2));
    auto expected = found_of(7, "", "");
    expected.listener_inode = 20;
    expected.trouble = "asked for its name, it may not be asked any more";
    CHECK(some.heard.back() == of_question(1, expected));
    some.wanted.reset();
    some.it->set_probe(false);
    some.it->ask(ask_node(node.port()));
    REQUIRE(some.tells(3));
    CHECK(some.heard.back() == of_question(1, expected));
}

TEST_CASE("a survey says where to ask, unless nodes may not be asked") {
    neighbourhood some;
    some.add_node(1, "b@jill", "127.0.0.1"_ip); // of another alive name: it says nothing
    some.ask(1);
    REQUIRE(some.tells(2));
    auto expected = found_of(1, "", "");
    expected.ask_at = "127.0.0.1"_ip;
    expected.listener_inode = 1001;
    CHECK(some.heard.back() == of_question(1, expected));
    some.it->set_probe(false);
    some.ask(1);
    REQUIRE(some.tells(3));
    expected.ask_at.reset();
    CHECK(some.heard.back() == of_question(1, expected));
}

TEST_CASE("a node that was placed before stays where it was if its name does not resolve any more") {
    neighbourhood some;
    some.add_node(1, "a@nowhere", "127.0.0.1"_ip);
    auto what = neighbourhood::question_of(1);
    auto was = found_of(1, "a@nowhere", "nowhere");
    was.where = jill;
    was.listener_inode = 1001;
    what.former = {was};
    some.it->ask(what);
    REQUIRE(some.tells(2));
    was.trouble = "does not resolve (nobody knows)";
    CHECK(some.heard.back() == of_question(1, was));
    some.lookup.answer("lowry", {"127.0.0.2"_ip}); // and follows its name
    what.former.front().host_name = "lowry";
    some.it->ask(what);
    REQUIRE(some.tells(3));
    CHECK(some.heard.back().found.where == lowry);
}

TEST_CASE("a placer can go while its questions are open") {
    neighbourhood some;
    some.lookup.hang("sam");
    some.ask(1);
    REQUIRE(some.asks(1));
    some.it.reset();
    CHECK(some.heard.empty());

    neighbourhood other;
    other.lookup.hang("lowry");
    other.add_node(1, "a@lowry");
    other.ask(1);
    REQUIRE(other.asks(2));
    other.it.reset();
    other.lookup.release("lowry");
    CHECK(other.heard == std::vector{sam});
}

} // namespace
} // namespace epmd
