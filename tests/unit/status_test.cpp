// What is shown over HTTP: which page, to whom, and with which words.
#include "status/pages.hpp"
#include "status/report.hpp"
#include "status/request.hpp"
#include "status/wall_clock.hpp"
#include "support/addresses.hpp"
#include "support/scene.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace epmd::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const hosts known({{"lowry", {"127.0.0.2"_ip, "fd00::2"_ip}}},
                  {"workshop",
                   {"127.0.1.1"_ip},
                   {"127.0.0.3"_ip, "192.0.2.7"_ip},
                   {{"indecline", "127.0.0.3"_ip}, {"indecline.example.org", "127.0.0.3"_ip}}});

origin dialled(std::string_view local) {
    return {.peer = loopback_v4, .peer_port = 5, .local = ip(local), .local_port = 4369};
}

std::string whole(const slices& body) {
    std::string text;
    for (auto part = body(); !part.empty(); part = body()) {
        text += part;
    }
    return text;
}

daemon_facts no_facts() {
    return {};
}

TEST_CASE("each page has its target, and a query is none") {
    CHECK(page_of("/") == page::index);
    CHECK(page_of("/nodes") == page::nodes);
    CHECK(page_of("/events") == page::events);
    for (const auto* other : {"", "/nodes/", "/nodes?host=lowry", "/Nodes", "//", "http://127.0.0.1/nodes", "*"}) {
        CAPTURE(other);
        CHECK_FALSE(page_of(other).has_value());
    }
}

TEST_CASE("a Host header names what was dialled, localhost or a host, and nothing that a rebound name could be") {
    for (const auto* good : {"127.0.0.2", "127.0.0.2:4369", "127.0.0.2:8080", "localhost", "LocalHost:4369", "lowry",
                             "Lowry:4369", "indecline", "indecline.example.org", "workshop", "workshop.:4369"}) {
        CAPTURE(good);
        CHECK(is_host_header_allowed(good, dialled("127.0.0.2"), known));
    }
    for (const auto* bad : {"", ":4369", "127.0.0.1", "127.0.0.3:4369", "evil.example", "lowry.evil.example",
                            "lowry@evil", "localhost.evil.example", "[::1]", "[", "[127.0.0.2", "[]", "."}) {
        CAPTURE(bad);
        CHECK_FALSE(is_host_header_allowed(bad, dialled("127.0.0.2"), known));
    }
    CHECK(is_host_header_allowed("[::1]:4369", dialled("::1"), known));
    CHECK(is_host_header_allowed("[::1]", dialled("::1"), known));
}

TEST_CASE("a moment has one text, in UTC") {
    wall_clock clock;
    const auto now = std::chrono::steady_clock::now();
    const auto text = clock.text(now);
    CHECK(text.size() == std::string_view("2026-11-26T09:30:00Z").size());
    CHECK(text.ends_with("Z"));
    CHECK(clock.text(now) == text);
    CHECK(clock.text(now + 1s) != text);
}

TEST_CASE("a node is told with what is known of it, and with null where nothing is") {
    registration one;
    one.connection = 7;
    one.self = {.alive_name = "idfe", .port = 40000};
    one.creation = 12;
    one.since = std::chrono::steady_clock::now();
    wall_clock clock;
    auto told = report_of(one, known, clock);
    CHECK(told["state"] == "pending");
    CHECK(told["host"].is_null());
    CHECK(told["node_name"].is_null());
    CHECK(told["evidence"].is_null());
    CHECK(json::serialize(told["owner"]) == R"({"pid":null,"uid":null,"program":null})");

    one.state = placement_state::placed;
    one.where = host("127.0.0.3"_ip);
    one.found.where = one.where;
    one.found.node_name = "idfe@indecline";
    one.found.who = {50, 1000, "beam.smp"};
    told = report_of(one, known, clock);
    CHECK(json::serialize(told["host"]) == R"({"address":"127.0.0.3","name":"indecline"})");
    CHECK(told["evidence"] == "process");
    CHECK(told["node_name"] == "idfe@indecline");
    CHECK(json::serialize(told["owner"]) == R"({"pid":50,"uid":1000,"program":"beam.smp"})");
    CHECK(told["id"] == 7);
    CHECK(told["since"].as_string() == json::string_view(clock.text(one.since)));
}

TEST_CASE("what a process calls itself is told in UTF-8, whatever it is") {
    registration one;
    one.self.alive_name = "h\xc3\xb6rer";
    one.found.node_name = "a\xff@b";
    one.found.who.program = "\x80";
    wall_clock clock;
    const auto told = json::serialize(report_of(one, known, clock));
    CHECK(told.find("\"h\xc3\xb6rer\"") != std::string::npos);
    CHECK(told.find(R"('a\\xff@b')") != std::string::npos);
    CHECK(told.find(R"('\\x80')") != std::string::npos);
}

TEST_CASE("hosts are the machine, those of the configuration, of the hosts file, and others with nodes") {
    scene story({{"lowry", {ip("127.0.0.2")}}});
    story.hosts_become(
        {{"lowry", {ip("127.0.0.2")}}},
        {"workshop", {ip("127.0.1.1"), ip("127.0.0.1")}, {ip("127.0.0.3")}, {{"indecline", ip("127.0.0.3")}}});
    story.registers("a", 1, "127.0.0.9");
    story.registers("b", 2, "127.0.0.9");
    std::vector<std::string> lines;
    for (const auto& one : all_hosts(story.mind().registrations(), story.mind().all_hosts())) {
        lines.push_back(json::serialize(report_of(one, story.mind().registrations(), story.mind().all_hosts())));
    }
    REQUIRE(lines.size() == 4);
    CHECK(lines[0] == R"({"name":"workshop","names":["workshop"],"address":"127.0.0.1",)"
                      R"("addresses":["127.0.0.1","::1","127.0.1.1"],"origin":"machine","nodes":0})");
    CHECK(lines[1] == R"({"name":"lowry","names":["lowry"],"address":"127.0.0.2","addresses":["127.0.0.2"],)"
                      R"("origin":"configured","nodes":0})");
    CHECK(lines[2] == R"({"name":"indecline","names":["indecline"],"address":"127.0.0.3","addresses":["127.0.0.3"],)"
                      R"("origin":"hosts_file","nodes":0})");
    CHECK(lines[3] ==
          R"({"name":null,"names":[],"address":"127.0.0.9","addresses":["127.0.0.9"],"origin":"seen","nodes":2})");
}

TEST_CASE("a page of many nodes comes in slices, and leaves out who goes meanwhile") {
    scene story;
    std::vector<connection_number> nodes;
    for (int number = 0; number < 200; ++number) {
        nodes.push_back(story.registers("node" + std::to_string(number), 1000, "127.0.0.2"));
    }
    wall_clock clock;
    const auto reply = reply_of(page::nodes, story.mind(), no_facts, clock);
    auto text = reply.body();
    for (int number = 50; number < 168; ++number) { // among them all of a slice, and none that was written
        story.ends(nodes[static_cast<std::size_t>(number)]);
    }
    int parts = 1;
    for (auto part = reply.body(); !part.empty(); part = reply.body()) {
        text += part;
        ++parts;
    }
    CHECK(parts == 7);
    CHECK(json::parse(text).at("nodes").as_array().size() == 32 + 50);
    CHECK(reply.body().empty());
}

TEST_CASE("without nodes the lists are empty, and the counters count") {
    scene story;
    wall_clock clock;
    CHECK(whole(reply_of(page::nodes, story.mind(), no_facts, clock).body) == "{\"nodes\":[]}\n");
    CHECK(reply_of(page::events, story.mind(), no_facts, clock).is_endless);
    CHECK(whole(reply_of(page::healthz, story.mind(), no_facts, clock).body) == "ok\n");

    const auto first = story.registers("a", 1, "127.0.0.2");
    story.registers("a", 2, "127.0.0.2");
    story.looks_up("a", "127.0.0.2");
    story.asks_for_names("127.0.0.2");
    story.ends(first);
    const auto told = json::parse(whole(reply_of(page::status, story.mind(), no_facts, clock).body));
    const auto& counters = told.at("counters");
    CHECK(counters.at("registrations") == 1);
    CHECK(counters.at("refusals") == 1);
    CHECK(counters.at("unregistrations") == 1);
    CHECK(counters.at("lookups") == 1);
    CHECK(counters.at("names_lists") == 1);
    CHECK(told.at("nodes").at("registered") == 0);
}

TEST_CASE("an event tells of the node, of the other one and of the reason, as far as it has them") {
    registration holder;
    holder.self.alive_name = "idfe";
    wall_clock clock;
    const auto now = std::chrono::steady_clock::now();
    const event refused{event::kind::refused, holder, holder, refusal::name_taken, false};
    auto told = report_of(refused, known, clock, now);
    CHECK(told["other"].as_object()["alive_name"] == "idfe");
    CHECK(told["reason"] == "name_taken");
    told = report_of(event{event::kind::placed, holder, {}, {}, false}, known, clock, now);
    CHECK_FALSE(told.contains("other"));
    CHECK_FALSE(told.contains("reason"));
    CHECK(report_of_change({}, clock, now)["trouble"].is_null());
    CHECK(report_of_change("bad", clock, now)["trouble"] == "bad");
}

} // namespace
} // namespace epmd::test
