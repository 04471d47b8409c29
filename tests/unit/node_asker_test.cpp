// Nodes that are asked for their names: made-up ones, on real sockets.
#include "placement/node_asker.hpp"
#include "support/addresses.hpp"
#include "support/bytes.hpp"
#include "support/made_up_node.hpp"
#include "support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace epmd {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::framed;
using test::u16;
using test::u32;
using test::operator""_ip;
using test::accepts_as;
using test::made_up_node;
namespace asio = boost::asio;

/// Asks, and keeps what is answered. Quick, so that what waits in vain does not wait long.
class curious {
  public:
    explicit curious(node_asker::limits how = {.time = 2s, .pause = 1ms, .at_once = 16, .waiting = 1000})
        : asker(std::make_unique<node_asker>(io, how)) {}

    void ask(std::uint16_t port, const address& where = "127.0.0.1"_ip, std::uint16_t highest_version = 6) {
        asker->ask(
            where, port, highest_version, [this] { return is_wanted; },
            [this](const node_answer& what) { heard.push_back(what); });
    }

    bool hears(std::size_t count) {
        return test::run_until(io, [&] { return heard.size() >= count; });
    }

    asio::io_context io;
    std::vector<node_answer> heard;
    bool is_wanted = true; ///< any answer
    std::unique_ptr<node_asker> asker;
};

node_answer name(const std::string& full) {
    return {.node_name = full, .trouble = {}};
}

node_answer trouble(const std::string& what) {
    return {.node_name = {}, .trouble = what};
}

TEST_CASE("a node is asked as the hidden nonode@nohost, and says its name") {
    curious one;
    made_up_node node(one.io);
    node.answers(accepts_as("rabbit@lowry"));
    one.ask(node.port());
    CHECK(one.heard.empty()); // never from inside the call
    REQUIRE(one.hears(1));
    CHECK(one.heard == std::vector{name("rabbit@lowry")});
    CHECK(node.heard == std::vector{framed(bytes('N', u32(0x4), u32(0x07070f94), u32(0), u16(13), "nonode@nohost"))});
}

TEST_CASE("an old node is asked in its own words, and answers in them") {
    curious one;
    made_up_node node(one.io);
    node.answers(framed("sok") + framed(bytes('n', 0, 5, u32(0), u32(1), "rabbit@lowry")));
    one.ask(node.port(), "127.0.0.1"_ip, 5);
    REQUIRE(one.hears(1));
    CHECK(one.heard == std::vector{name("rabbit@lowry")});
    CHECK(node.heard == std::vector{framed(bytes('n', 0, 5, u32(0x00070f94), "nonode@nohost"))});
}

TEST_CASE("a node is asked at the address where it listens") {
    curious one;
    made_up_node node(one.io, "127.0.0.9");
    node.answers(accepts_as("a@b"));
    one.ask(node.port(), "127.0.0.9"_ip);
    REQUIRE(one.hears(1));
    CHECK(one.heard == std::vector{name("a@b")});
    one.ask(node.port(), "127.0.0.8"_ip);
    REQUIRE(one.hears(2));
    CHECK(one.heard.back().trouble.find("cannot be reached (") == 0);
}

TEST_CASE("a node that closes or is busy is asked once more, and no more than that") {
    const std::string nothing; // it closes
    for (const auto& first : {framed("snok"), nothing, framed("sok")}) {
        curious one;
        made_up_node node(one.io);
        node.answers(first).answers(accepts_as("a@b"));
        one.ask(node.port());
        REQUIRE(one.hears(1));
        CHECK(one.heard == std::vector{name("a@b")});
        CHECK(node.heard.size() == 2);
    }
    curious one;
    made_up_node node(one.io);
    node.answers(framed("snok")).answers(framed("snok")).answers(accepts_as("a@b"));
    one.ask(node.port());
    REQUIRE(one.hears(1));
    CHECK(one.heard == std::vector{trouble("answers nok")});
    CHECK(node.heard.size() == 2);
}

TEST_CASE("a node that refuses is not asked again") {
    for (const auto& [answer, expected] :
         {std::pair(framed("snot_allowed"), trouble("answers not_allowed")),
          std::pair(bytes(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a), trouble("speaks TLS")),
          std::pair(framed("x"), trouble("gives an answer that is not understood"))}) {
        curious one;
        made_up_node node(one.io);
        node.answers(answer).answers(accepts_as("a@b"));
        one.ask(node.port());
        REQUIRE(one.hears(1));
        CHECK(one.heard == std::vector{expected});
        CHECK(node.heard.size() == 1);
    }
}

TEST_CASE("a node that says nothing is given up") {
    curious one({.time = 20ms, .pause = 1ms, .at_once = 16, .waiting = 1000});
    made_up_node node(one.io);
    one.ask(node.port());
    REQUIRE(one.hears(1));
    CHECK(one.heard == std::vector{trouble("says nothing")});
    CHECK(test::run_until(one.io, [&] { return node.ends == 1; }));
}

TEST_CASE("a few are asked at a time, and all are answered") {
    curious one({.time = 2s, .pause = 1ms, .at_once = 2, .waiting = 1000});
    made_up_node node(one.io);
    for (int i = 0; i < 20; ++i) {
        node.answers(accepts_as("a@b"));
        one.ask(node.port());
    }
    REQUIRE(one.hears(20));
    CHECK(one.heard == std::vector<node_answer>(20, name("a@b")));
}

TEST_CASE("while as many as may be are silent, the others wait for their turn") {
    curious one({.time = 20ms, .pause = 1ms, .at_once = 2, .waiting = 1000});
    made_up_node silent(one.io);
    made_up_node node(one.io);
    node.answers(accepts_as("a@b"));
    one.ask(silent.port());
    one.ask(silent.port());
    one.ask(node.port());
    REQUIRE(one.hears(3));
    CHECK(one.heard == std::vector{trouble("says nothing"), trouble("says nothing"), name("a@b")});
}

TEST_CASE("whose answer is not wanted any more when its turn comes is not asked") {
    curious one({.time = 20ms, .pause = 1ms, .at_once = 1, .waiting = 1000});
    made_up_node silent(one.io);
    made_up_node node(one.io);
    one.ask(silent.port());
    for (int i = 0; i < 100; ++i) {
        one.ask(node.port());
    }
    one.is_wanted = false;
    REQUIRE(one.hears(101));
    CHECK(one.heard.front() == trouble("says nothing"));
    CHECK(one.heard.back() == trouble("may not be asked any more"));
    CHECK(node.heard.empty());
}

TEST_CASE("no more wait than may wait") {
    curious one({.time = 20ms, .pause = 1ms, .at_once = 1, .waiting = 2});
    made_up_node silent(one.io);
    for (int i = 0; i < 4; ++i) {
        one.ask(silent.port());
    }
    CHECK(one.heard.empty());
    REQUIRE(one.hears(4));
    const auto in_vain = trouble("says nothing");
    CHECK(one.heard == std::vector{trouble("is one of too many to be asked"), in_vain, in_vain, in_vain});
}

TEST_CASE("an asker can go while nodes are silent") {
    curious one({.time = 2s, .pause = 1ms, .at_once = 1, .waiting = 1000});
    made_up_node node(one.io);
    one.ask(node.port());
    one.ask(node.port());
    REQUIRE(test::run_until(one.io, [&] { return node.heard.size() == 1; }));
    one.asker.reset();
    REQUIRE(test::run_until(one.io, [&] { return node.ends == 1; }));
    CHECK(one.heard.empty());
}

} // namespace
} // namespace epmd
