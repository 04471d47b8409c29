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
    for (auto part = body(); part; part = body()) {
        text += *part;
    }
    return text;
}

/// A daemon that knows what a scene knows.
struct shown_scene {
    explicit shown_scene(const scene& story)
        : what([&story]() -> const service& { return story.mind(); }, [this] { return facts; }) {}

    page_reply asks(page which, bool wants_html = false) { return reply_of(which, what, {loopback_v4, wants_html}); }
    std::string reads(page which, bool wants_html = false) { return whole(asks(which, wants_html).body); }

    daemon_facts facts;
    subject what;
};

event happened(event::kind what, std::string alive_name) {
    event result;
    result.what = what;
    result.who.self.alive_name = std::move(alive_name);
    return result;
}

TEST_CASE("each page has its target, and a query is none") {
    CHECK(page_of("/") == page::index);
    CHECK(page_of("/nodes") == page::nodes);
    CHECK(page_of("/events") == page::events);
    CHECK(page_of("/metrics") == page::metrics);
    CHECK(page_of("/style.css") == page::style);
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
    lexicon words;
    const auto now = std::chrono::steady_clock::now();
    const auto text = words.clock.text(now);
    CHECK(text.size() == std::string_view("2026-11-26T09:30:00Z").size());
    CHECK(text.ends_with("Z"));
    CHECK(words.clock.text(now) == text);
    CHECK(words.clock.text(now + 1s) != text);
}

/// What the clocks say in the next test.
clock_readings simulated;

TEST_CASE("what happened before the machine slept keeps its time of day") {
    simulated = {.steady = time_point(1000s), .since_boot = 1000s, .of_day = std::chrono::sys_seconds(1'000'000s)};
    wall_clock clock([] { return simulated; });
    const auto pass = [](std::chrono::seconds awake, std::chrono::seconds asleep) {
        simulated.steady += awake;
        simulated.since_boot += awake + asleep;
        simulated.of_day += awake + asleep;
    };
    pass(10s, 0s);
    const auto before = simulated.steady;
    clock.look(); // as something happens
    pass(5s, 3600s);
    const auto between = simulated.steady;
    CHECK(clock.seconds(before) == 1'000'010);
    CHECK(clock.seconds(between) == 1'003'615);
    clock.look();
    pass(5s, 7200s);
    CHECK(clock.seconds(before) == 1'000'010);
    CHECK(clock.seconds(between) == 1'003'615);
    CHECK(clock.seconds(simulated.steady) == 1'010'820);
    simulated.of_day += 60s; // somebody sets the clock
    CHECK(clock.seconds(before) == 1'000'070);
}

TEST_CASE("a target may be a whole URL, whose authority goes before the Host header") {
    CHECK(split("/nodes").path == "/nodes");
    CHECK(split("/nodes").authority.empty());
    CHECK(split("http://lowry:4369/nodes").path == "/nodes");
    CHECK(split("http://lowry:4369/nodes").authority == "lowry:4369");
    CHECK(split("http://lowry").path == "/");
    CHECK(split("*").path == "*");
}

TEST_CASE("a node is told with what is known of it, and with null where nothing is") {
    registration one;
    one.connection = 7;
    one.self = {.alive_name = "idfe", .port = 40000};
    one.creation = 12;
    one.since = std::chrono::steady_clock::now();
    lexicon words;
    auto told = report_of(one, known, words);
    CHECK(told["state"] == "pending");
    CHECK(told["host"].is_null());
    CHECK(told["node_name"].is_null());
    CHECK(told["evidence"].is_null());
    CHECK(json::serialize(told["owner"]) == R"({"pid":null,"uid":null,"user":null,"program":null})");

    one.state = placement_state::placed;
    one.where = host("127.0.0.3"_ip);
    one.found.where = one.where;
    one.found.node_name = "idfe@indecline";
    one.found.who = {50, 0, "beam.smp"};
    told = report_of(one, known, words);
    CHECK(json::serialize(told["host"]) == R"({"address":"127.0.0.3","name":"indecline"})");
    CHECK(told["evidence"] == "process");
    CHECK(told["node_name"] == "idfe@indecline");
    CHECK(json::serialize(told["owner"]) == R"({"pid":50,"uid":0,"user":"root","program":"beam.smp"})");
    CHECK(told["id"] == 7);
    CHECK(told["since"].as_string() == json::string_view(words.clock.text(one.since)));
}

TEST_CASE("what a process calls itself is told in UTF-8, whatever it is") {
    registration one;
    one.self.alive_name = "h\xc3\xb6rer";
    one.found.node_name = "a\xff@b";
    one.found.who.program = "\x80";
    lexicon words;
    const auto told = json::serialize(report_of(one, known, words));
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
    shown_scene shown(story);
    const auto reply = shown.asks(page::nodes);
    auto text = *reply.body();
    for (int number = 50; number < 168; ++number) { // among them all of a slice, and none that was written
        story.ends(nodes[static_cast<std::size_t>(number)]);
    }
    int parts = 1;
    for (auto part = reply.body(); part; part = reply.body()) {
        text += *part;
        ++parts;
    }
    CHECK(parts == 7);
    CHECK(json::parse(text).at("nodes").as_array().size() == 32 + 50);
    CHECK_FALSE(reply.body().has_value());
}

TEST_CASE("without nodes the lists are empty, and the counters count") {
    scene story;
    shown_scene shown(story);
    CHECK(shown.reads(page::nodes) == "{\"nodes\":[]}\n");
    CHECK(shown.reads(page::recent) == "{\"events\":[]}\n");
    CHECK(shown.asks(page::events).is_endless);
    CHECK(shown.reads(page::healthz) == "ok\n");

    const auto first = story.registers("a", 1, "127.0.0.2");
    story.registers("a", 2, "127.0.0.2");
    story.looks_up("a", "127.0.0.2");
    story.asks_for_names("127.0.0.2");
    story.ends(first);
    const auto told = json::parse(shown.reads(page::status));
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
    lexicon words;
    json::object told;
    put_event(told, event{event::kind::refused, holder, holder, refusal::name_taken, false}, known, words);
    CHECK(told["other"].as_object()["alive_name"] == "idfe");
    CHECK(told["reason"] == "name_taken");
    told = {};
    put_event(told, event{event::kind::placed, holder, {}, {}, false}, known, words);
    CHECK_FALSE(told.contains("other"));
    CHECK_FALSE(told.contains("reason"));
    put_trouble(told, std::nullopt);
    CHECK(told["trouble"].is_null());
    put_trouble(told, "bad");
    CHECK(told["trouble"] == "bad");
}

TEST_CASE("what happens is numbered, told as a server-sent event, and kept for who asks later") {
    scene story;
    shown_scene shown(story);
    auto& lately = shown.what.lately();
    const auto now = std::chrono::steady_clock::now();
    lately.add(happened(event::kind::registered, "a"), now);
    lately.add("reloaded", "no such key", now);
    CHECK(lately.next() == 3);
    const auto& text = lately.text_of(1, known, shown.what.words());
    CHECK(text.starts_with("event: registered\ndata: {\"number\":1,\"at\":\""));
    CHECK(text.ends_with("}\n\n"));
    lately.forget_before(lately.next());
    const auto told = json::parse(shown.reads(page::recent)).at("events").as_array();
    REQUIRE(told.size() == 2);
    CHECK(told[0].at("event") == "registered");
    CHECK(told[0].at("node").at("alive_name") == "a");
    CHECK(told[1].at("trouble") == "no such key");
}

TEST_CASE("news that everybody has read are forgotten but for some, and those that nobody reads as well in the end") {
    news lately;
    const auto now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < news::most_unread + 10; ++i) {
        lately.add(happened(event::kind::registered, "a"), now);
    }
    CHECK(lately.next() == news::most_unread + 11);
    CHECK(lately.next() - lately.first() == news::most_unread);
    lately.forget_before(lately.next() - news::kept - 5);
    CHECK(lately.next() - lately.first() == news::kept + 5);
    lately.forget_before(lately.next());
    CHECK(lately.next() - lately.first() == news::kept);
    CHECK(lately.first_kept() == lately.first());
}

TEST_CASE("a browser is shown the page, and whoever takes anything is told what there is") {
    scene story;
    shown_scene shown(story);
    CHECK(wants_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
    CHECK_FALSE(wants_html("*/*"));
    CHECK_FALSE(wants_html(""));
    CHECK(shown.reads(page::index, true).starts_with("<!doctype html>"));
    CHECK(shown.asks(page::index, true).type == "text/html; charset=utf-8");
    const auto text = shown.reads(page::index);
    for (const auto* one : {"/hosts", "/nodes", "/recent", "/status", "/events", "/metrics", "/healthz"}) {
        CAPTURE(one);
        CHECK(text.find(one) != std::string::npos);
        CHECK(page_of(one).has_value());
    }
    CHECK(shown.reads(page::style).find("prefers-color-scheme: dark") != std::string::npos);
    CHECK(shown.reads(page::script).find("EventSource") != std::string::npos);
    CHECK(shown.reads(page::icon).starts_with("<svg"));
}

/// The value of a sample, as it is written.
std::string sample(const std::string& scrape, const std::string& series) {
    const auto found = scrape.find("\n" + series + " ");
    if (found == std::string::npos) {
        return "none";
    }
    const auto begin = found + series.size() + 2;
    return scrape.substr(begin, scrape.find('\n', begin) - begin);
}

TEST_CASE("metrics count nodes by host, state and evidence, and requests by what became of them") {
    scene story({{"lowry", {ip("127.0.0.2")}}});
    const auto first = story.registers("a", 1, "127.0.0.2");
    story.registers("a", 2, "127.0.0.2");
    story.registers("b", 3, "127.0.0.9");
    const auto asked = story.registers("c", 4);
    story.looks_up("a", "127.0.0.2");
    story.looks_up("nobody", "127.0.0.2");
    story.asks_for_names("127.0.0.1");
    story.requests(wire::kill_req{}, "127.0.0.1", "127.0.0.1");
    story.is_found(asked, evidence_for(""));
    story.ends(first);
    shown_scene shown(story);
    shown.facts.restarts = 3;
    shown.facts.counted.answers[type_of_request<wire::port_please2_req>].add(30us);
    shown.facts.counted.answers[type_of_request<wire::port_please2_req>].add(7s);
    const auto scrape = shown.reads(page::metrics);
    const auto is = [&](const char* series, const char* value) {
        CAPTURE(series);
        CHECK(sample(scrape, series) == value);
    };
    is(R"(epmd_nodes{host="lowry",address="127.0.0.2"})", "0");
    is(R"(epmd_nodes{host="127.0.0.9",address="127.0.0.9"})", "1");
    is(R"(epmd_nodes{host="workshop",address="127.0.0.1"})", "0");
    is(R"(epmd_nodes_by_state{state="placed"})", "1");
    is(R"(epmd_nodes_by_state{state="unplaced"})", "1");
    is(R"(epmd_nodes_by_evidence{evidence="destination"})", "1");
    is(R"(epmd_placements_total{evidence="destination"})", "2");
    is(R"(epmd_requests_total{type="ALIVE2_REQ",result="ok"})", "3");
    is(R"(epmd_requests_total{type="ALIVE2_REQ",result="name_taken"})", "1");
    is(R"(epmd_requests_total{type="PORT_PLEASE2_REQ",result="ok"})", "1");
    is(R"(epmd_requests_total{type="PORT_PLEASE2_REQ",result="not_found"})", "1");
    is(R"(epmd_requests_total{type="NAMES_REQ",result="ok"})", "1");
    is(R"(epmd_requests_total{type="KILL_REQ",result="not_allowed"})", "1");
    is(R"(epmd_request_duration_seconds_bucket{type="PORT_PLEASE2_REQ",le="2.5e-05"})", "0");
    is(R"(epmd_request_duration_seconds_bucket{type="PORT_PLEASE2_REQ",le="5e-05"})", "1");
    is(R"(epmd_request_duration_seconds_bucket{type="PORT_PLEASE2_REQ",le="5"})", "1");
    is(R"(epmd_request_duration_seconds_bucket{type="PORT_PLEASE2_REQ",le="+Inf"})", "2");
    is(R"(epmd_request_duration_seconds_sum{type="PORT_PLEASE2_REQ"})", "7.00003");
    is(R"(epmd_request_duration_seconds_count{type="PORT_PLEASE2_REQ"})", "2");
    is("epmd_unregistrations_total", "1");
    is("epmd_restarts_survived_total", "3");
    CHECK(sample(scrape, "process_open_fds") != "none");
    CHECK(sample(scrape, "process_resident_memory_bytes") != "0");
    CHECK(sample(scrape, R"(epmd_requests_total{type="NAMES_REQ",result="name_taken"})") == "none");
}

TEST_CASE("a time lies in the first bound that it does not pass") {
    durations some;
    some.add(10us);
    some.add(10us + 1ns);
    some.add(5s + 1ns);
    CHECK(some.counts().front() == 1);
    CHECK(some.counts()[1] == 1);
    CHECK(some.counts().back() == 1);
    CHECK(some.sum() == 5s + 20us + 2ns);
}

TEST_CASE("a label is UTF-8, and what would end it is escaped") {
    scene story;
    shown_scene shown(story);
    story.hosts_become({}, {"a\"b\\c\nd", {ip("127.0.1.1")}, {}, {}});
    CHECK(shown.reads(page::metrics).find(R"({host="a\"b\\c\nd",address="127.0.0.1"} 0)") != std::string::npos);
    story.hosts_become({}, {"a\xff", {ip("127.0.1.1")}, {}, {}});
    CHECK(shown.reads(page::metrics).find(R"({host="'a\\xff'",address="127.0.0.1"} 0)") != std::string::npos);
}

TEST_CASE("many hosts are scraped some at a time") {
    scene story;
    for (int number = 0; number < 200; ++number) {
        story.registers("a", 1000, "127.0.1." + std::to_string(number + 2));
    }
    shown_scene shown(story);
    const auto reply = shown.asks(page::metrics);
    int parts = 0;
    for (auto part = reply.body(); part; part = reply.body()) {
        CHECK(part->size() < 16'000);
        ++parts;
    }
    CHECK(parts >= 5);
}

} // namespace
} // namespace epmd::test
