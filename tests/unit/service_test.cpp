// The rules of docs/model.md, one by one, told as stories.
#include "support/scene.hpp"
#include "wire/decode.hpp"
#include "wire/limits.hpp"

#include <doctest/doctest.h>

namespace epmd::test {
namespace {

using namespace std::chrono_literals;
using names = std::vector<std::string>;
using kinds = std::vector<event::kind>;
using kind = event::kind;
constexpr auto machine = "127.0.0.1";
constexpr auto lowry = "127.0.0.2";
constexpr auto indecline = "127.0.0.3";

/// A registered node that was found to be at a host ("" for unplaced).
connection_number node_at(scene& story, std::string_view alive_name, std::uint16_t port, std::string_view where) {
    const auto node = story.registers(alive_name, port);
    story.is_found(node, evidence_for(where));
    return node;
}

TEST_CASE("what is found of a node that has its place already is told, and only if it is new") {
    scene story;
    const auto node = story.registers("idfe", 1, "127.0.0.2");
    story.events();
    auto found = evidence_for("");
    found.who.pid = 7;
    story.is_found(node, found);
    CHECK(story.events() == std::vector{event::kind::changed});
    CHECK(story.mind().registrations().find(node)->found.who.pid == 7);
    story.is_found(node, found);
    CHECK(story.events().empty());
}

TEST_CASE("a free name is answered at once and placed afterwards") {
    scene story;
    const auto node = story.registers("idfe", 5001);
    CHECK(story.fate_of(node) == fate::registered);
    CHECK(story.mind().registrations().find(node)->state == placement_state::pending);
    story.is_found(node, evidence_for(lowry));
    CHECK(story.port_of("idfe", lowry) == 5001);
    CHECK(story.port_of("idfe", indecline) == std::nullopt);
    CHECK(story.port_of("idfe", machine) == std::nullopt);
    CHECK(story.events() == kinds{kind::registered, kind::placed});
}

TEST_CASE("the same name lives on two hosts") {
    scene story;
    node_at(story, "idfe", 5001, lowry);
    const auto second = story.registers("idfe", 5002);
    CHECK(story.fate_of(second) == fate::waiting);
    story.is_found(second, evidence_for(indecline));
    CHECK(story.fate_of(second) == fate::registered);
    CHECK(story.port_of("idfe", lowry) == 5001);
    CHECK(story.port_of("idfe", indecline) == 5002);
}

TEST_CASE("the same name is refused on one host while its holder lives") {
    scene story;
    node_at(story, "idfe", 5001, lowry);
    const auto second = story.registers("idfe", 5002);
    story.is_found(second, evidence_for(lowry));
    CHECK(story.fate_of(second) == fate::refused);
    CHECK(story.sent_to(second) == std::string("v\x01\0\0\0c", 6));
    CHECK(story.port_of("idfe", lowry) == 5001);
}

TEST_CASE("a refusal has the form that the client's version reads") {
    scene story;
    node_at(story, "idfe", 5001, lowry);
    const auto old = story.registers("idfe", 5002, lowry, machine, 5);
    CHECK(story.fate_of(old) == fate::refused);
    CHECK(story.sent_to(old) == std::string("y\x01\0c", 4));
}

TEST_CASE("where a registration is sent to and where it comes from places it at once") {
    scene story;
    const auto sent = story.registers("sent", 5001, lowry);
    const auto came = story.registers("came", 5002, machine, indecline);
    const auto both = story.registers("both", 5003, lowry, indecline);
    CHECK(story.mind().registrations().find(sent)->found.how == evidence::destination);
    CHECK(story.mind().registrations().find(came)->found.how == evidence::source);
    CHECK(story.mind().registrations().find(both)->where == host(ip(lowry)));
    CHECK(story.names_at(lowry) == names{"both", "sent"});
    CHECK(story.names_at(indecline) == names{"came"});
}

TEST_CASE("weaker evidence tells of the owner and moves nothing") {
    scene story;
    const auto node = story.registers("idfe", 5001, lowry);
    CHECK(story.questions().size() == 1);
    story.is_found(node, evidence_for(indecline, "indecline", 4242));
    CHECK(story.port_of("idfe", lowry) == 5001);
    CHECK(story.mind().registrations().find(node)->found.who.pid == 4242);
}

TEST_CASE("a dead holder is noticed") {
    scene story;
    const auto first = node_at(story, "idfe", 5001, lowry);
    story.dies_unnoticed(first);
    const auto second = story.registers("idfe", 5002);
    CHECK(story.fate_of(first) == fate::closed);
    CHECK(story.fate_of(second) == fate::registered);
    story.is_found(second, evidence_for(lowry));
    CHECK(story.port_of("idfe", lowry) == 5002);
}

TEST_CASE("a holder that dies while a newcomer waits makes room for it") {
    scene story;
    const auto first = node_at(story, "idfe", 5001, lowry);
    const auto second = story.registers("idfe", 5002);
    SUBCASE("noticed") {
        story.ends(first);
    }
    SUBCASE("unnoticed") {
        story.dies_unnoticed(first);
        story.is_found(second, evidence_for(lowry));
    }
    CHECK(story.fate_of(second) == fate::registered);
}

TEST_CASE("a node that nothing places is seen at every host, and shadowed by one that is placed there") {
    scene story;
    node_at(story, "cnode", 5001, "");
    CHECK(story.port_of("cnode", machine) == 5001);
    CHECK(story.port_of("cnode", lowry) == 5001);
    node_at(story, "cnode", 5002, lowry);
    CHECK(story.port_of("cnode", lowry) == 5002);
    CHECK(story.port_of("cnode", indecline) == 5001);
    CHECK(story.names_at(lowry) == names{"cnode"});
    CHECK(story.names_at(machine) == names{"cnode"});
}

TEST_CASE("an unplaced node is taken to be the machine's when names collide") {
    scene story;
    node_at(story, "idfe", 5001, "");
    for (const auto* where : {machine, ""}) {
        const auto second = story.registers("idfe", 5002);
        story.is_found(second, evidence_for(where));
        CHECK(story.fate_of(second) == fate::refused);
    }
    CHECK(story.fate_of(node_at(story, "idfe", 5003, lowry)) == fate::registered);
}

TEST_CASE("without evidence a newcomer is accepted beside a node on a host and refused beside the machine's") {
    scene story;
    node_at(story, "onhost", 5001, lowry);
    node_at(story, "onmachine", 5002, machine);
    CHECK(story.fate_of(node_at(story, "onhost", 5003, "")) == fate::registered);
    CHECK(story.fate_of(node_at(story, "onmachine", 5004, "")) == fate::refused);
    CHECK(story.port_of("onhost", lowry) == 5001);
    CHECK(story.port_of("onhost", machine) == 5003);
}

TEST_CASE("a held registration is answered after five seconds at the latest, as if nothing named its host") {
    scene story;
    node_at(story, "idfe", 5001, lowry);
    const auto second = story.registers("idfe", 5002);
    story.passes(4999ms);
    CHECK(story.fate_of(second) == fate::waiting);
    story.passes(1ms);
    CHECK(story.fate_of(second) == fate::registered);
    story.passes(5000ms);
    CHECK(story.mind().registrations().find(second)->state == placement_state::unplaced);
    CHECK(story.mind().next_deadline() == std::nullopt);
}

TEST_CASE("late evidence still places a node") {
    scene story;
    const auto node = story.registers("idfe", 5001);
    story.passes(5000ms);
    CHECK(story.port_of("idfe", indecline) == 5001);
    story.is_found(node, evidence_for(lowry));
    CHECK(story.port_of("idfe", indecline) == std::nullopt);
    CHECK(story.port_of("idfe", lowry) == 5001);
}

TEST_CASE("two newcomers of one name wait for the first one's evidence") {
    scene story;
    const auto first = story.registers("idfe", 5001);
    const auto second = story.registers("idfe", 5002);
    story.is_found(second, evidence_for(indecline));
    CHECK(story.fate_of(second) == fate::waiting);
    SUBCASE("on two hosts both are accepted") {
        story.is_found(first, evidence_for(lowry));
        CHECK(story.fate_of(second) == fate::registered);
        CHECK(story.port_of("idfe", indecline) == 5002);
    }
    SUBCASE("on one host the second is refused") {
        story.is_found(first, evidence_for(indecline));
        CHECK(story.fate_of(second) == fate::refused);
    }
    SUBCASE("the second is accepted when the first goes") {
        story.ends(first);
        CHECK(story.fate_of(second) == fate::registered);
    }
}

TEST_CASE("a node that turns out to be on its namesake's host is parked, and promoted when that one goes") {
    scene story;
    const auto first = node_at(story, "idfe", 5001, lowry);
    const auto second = story.registers("idfe", 5002);
    story.is_found(second, evidence_for(""));
    story.events();
    story.is_found(second, evidence_for(lowry));
    CHECK(story.events() == kinds{kind::parked});
    CHECK(story.fate_of(second) == fate::registered);
    CHECK(story.port_of("idfe", lowry) == 5001);
    CHECK(story.port_of("idfe", machine) == std::nullopt);
    story.ends(first);
    CHECK(story.events() == kinds{kind::unregistered, kind::promoted});
    CHECK(story.port_of("idfe", lowry) == 5002);
}

TEST_CASE("a pending node is seen at the machine, and lookups at hosts wait for it") {
    scene story;
    const auto node = story.registers("idfe", 5001);
    CHECK(story.port_of("idfe", machine) == 5001);
    CHECK(story.names_at(machine) == names{"idfe"});
    const auto right = story.looks_up("idfe", lowry);
    const auto wrong = story.looks_up("idfe", indecline);
    const auto list = story.asks_for_names(indecline);
    const auto other = story.looks_up("other", lowry);
    CHECK(story.fate_of(right) == fate::waiting);
    CHECK(story.fate_of(wrong) == fate::waiting);
    CHECK(story.fate_of(list) == fate::waiting);
    CHECK(story.fate_of(other) == fate::answered);
    story.is_found(node, evidence_for(lowry));
    CHECK(story.sent_to(right).substr(0, 4) == std::string("w\0\x13\x89", 4));
    CHECK(story.sent_to(wrong) == "w\x01");
    CHECK(story.sent_to(list) == std::string("\0\0\x11\x11", 4));
}

TEST_CASE("a lookup waits half a second for a pending node and no longer") {
    scene story;
    story.registers("idfe", 5001);
    const auto lookup = story.looks_up("idfe", lowry);
    const auto list = story.asks_for_names(lowry);
    story.passes(499ms);
    CHECK(story.fate_of(lookup) == fate::waiting);
    story.passes(1ms);
    CHECK(story.sent_to(lookup) == "w\x01");
    CHECK(story.fate_of(list) == fate::answered);
}

TEST_CASE("whoever waits may leave") {
    scene story;
    node_at(story, "idfe", 5001, lowry);
    const auto newcomer = story.registers("idfe", 5002);
    const auto pending = story.registers("new", 5003);
    const auto lookup = story.looks_up("new", lowry);
    story.ends(newcomer);
    story.ends(lookup);
    story.ends(pending);
    CHECK(story.mind().registrations().size() == 1);
    CHECK(story.mind().next_deadline() == std::nullopt);
    story.is_found(newcomer, evidence_for(indecline));
    CHECK(story.mind().registrations().size() == 1);
}

TEST_CASE("the address to which the machine's hostname resolves is the machine's") {
    scene story;
    const auto node = story.registers("idfe", 5001, "127.0.1.1");
    story.is_found(node, evidence_for(machine));
    CHECK(story.port_of("idfe", "127.0.1.1") == 5001);
    CHECK(story.port_of("idfe", "::1") == 5001);
    CHECK(story.port_of("idfe", "192.168.1.5") == 5001);
    CHECK(story.port_of("idfe", lowry) == std::nullopt);
}

TEST_CASE("a host with several addresses is one host, and a LAN address may be a host") {
    scene story({{"lowry", {ip(lowry), ip("127.0.0.12"), ip("fd00::2")}}, {"lan", {ip("192.168.1.5")}}});
    story.registers("idfe", 5001, "127.0.0.12");
    story.registers("idfe", 5002, "192.168.1.5", "192.168.1.5");
    CHECK(story.port_of("idfe", lowry) == 5001);
    CHECK(story.port_of("idfe", "fd00::2") == 5001);
    CHECK(story.port_of("idfe", "192.168.1.5") == 5002);
    CHECK(story.port_of("idfe", machine) == std::nullopt);
}

TEST_CASE("a miss has the host names of namesakes resolved again, and waits for the answer") {
    scene story;
    const auto node = story.registers("idfe", 5001);
    story.is_found(node, evidence_for(lowry, "lowry"));
    story.questions();
    story.passes(2000ms);
    const auto lookup = story.looks_up("idfe", "127.0.0.9");
    CHECK(story.fate_of(lookup) == fate::waiting);
    const auto asked = story.questions();
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().before.host_name == "lowry");
    SUBCASE("a host that has moved is found where it is") {
        story.is_found(node, evidence_for("127.0.0.9", "lowry"));
        CHECK(story.sent_to(lookup).substr(0, 4) == std::string("w\0\x13\x89", 4));
        CHECK(story.port_of("idfe", lowry) == std::nullopt);
    }
    SUBCASE("a name that no longer resolves hides nobody") {
        story.is_found(node, evidence_for("", "lowry"));
        CHECK(story.sent_to(lookup) == "w\x01");
        CHECK(story.port_of("idfe", lowry) == 5001);
    }
    SUBCASE("no answer is no answer for half a second") {
        story.passes(500ms);
        CHECK(story.sent_to(lookup) == "w\x01");
    }
}

TEST_CASE("a name that misses often is resolved again once a second") {
    scene story;
    const auto node = story.registers("idfe", 5001);
    story.is_found(node, evidence_for(lowry, "lowry"));
    story.questions();
    for (int i = 0; i < 10; ++i) {
        story.looks_up("idfe", indecline);
        story.is_found(node, evidence_for(lowry, "lowry"));
    }
    CHECK(story.questions().size() == 1);
    story.passes(1000ms);
    story.looks_up("idfe", indecline);
    CHECK(story.questions().size() == 1);
}

TEST_CASE("a reload resolves all host names again and moves nodes with their hosts") {
    scene story;
    const auto named = story.registers("named", 5001);
    story.is_found(named, evidence_for(lowry, "lowry"));
    node_at(story, "bound", 5002, indecline);
    story.questions();
    story.hosts_become({{"both", {ip(indecline), ip("127.0.0.4")}}}, {"workshop", {}, {}});
    story.reloads();
    CHECK(story.questions().size() == 1);
    CHECK(story.port_of("bound", "127.0.0.4") == 5002);
    story.is_found(named, evidence_for("127.0.0.9", "lowry"));
    CHECK(story.port_of("named", "127.0.0.9") == 5001);
}

TEST_CASE("two nodes whose hosts become one are not both seen under one name") {
    scene story;
    node_at(story, "idfe", 5001, lowry);
    const auto second = node_at(story, "idfe", 5002, indecline);
    story.events();
    story.hosts_become({{"one", {ip(lowry), ip(indecline)}}}, {"workshop", {}, {}});
    CHECK(story.events() == kinds{kind::parked});
    CHECK(story.mind().registrations().find(second)->state == placement_state::parked);
    CHECK(story.names_at(lowry) == names{"idfe"});
}

TEST_CASE("holders that died unnoticed are found dead when hosts change while a newcomer waits") {
    scene story;
    const auto first = node_at(story, "idfe", 5001, lowry);
    const auto second = node_at(story, "idfe", 5002, indecline);
    const auto newcomer = story.registers("idfe", 5003);
    story.dies_unnoticed(first);
    story.dies_unnoticed(second);
    story.hosts_become({{"one", {ip("127.0.0.9"), ip(lowry), ip(indecline)}}}, {"workshop", {}, {}});
    CHECK(story.fate_of(newcomer) == fate::registered);
    CHECK(story.mind().registrations().size() == 1);
}

TEST_CASE("a name registered again has another creation") {
    scene story;
    for (const auto version : {std::uint16_t{5}, std::uint16_t{6}}) {
        std::optional<std::uint32_t> before;
        for (int i = 0; i < 5; ++i) {
            const auto node = story.registers("idfe", 5001, machine, machine, version);
            const auto creation = story.creation_of(node);
            CHECK(creation != before);
            CHECK((version == 6 ? creation >= 4U : (creation >= 1U && creation <= 3U)));
            before = creation;
            story.ends(node);
        }
    }
}

TEST_CASE("who is held and closes its side is answered as if its time were up") {
    scene story;
    node_at(story, "idfe", 5001, lowry);
    const auto twin = story.registers("idfe", 5002);
    CHECK(story.fate_of(twin) == fate::waiting);
    story.ends(twin);
    CHECK(wire::decode_alive2_reply(story.sent_to(twin)) == wire::alive2_x_resp{wire::result_error, 99});
    const auto pending = story.registers("other", 5003);
    const auto reader = story.looks_up("other", lowry);
    CHECK(story.fate_of(reader) == fate::waiting);
    story.ends(reader);
    CHECK(std::holds_alternative<wire::port2_unknown>(*wire::decode_port2_reply(story.sent_to(reader))));
    story.is_found(pending, evidence_for(lowry));
    CHECK(story.port_of("other", lowry) == 5003);
}

TEST_CASE("an extra field that is too long is refused") {
    scene story;
    const std::string longest(1020, 'e');
    const auto registers = [&](const std::string& name, const std::string& extra) {
        const wire::alive2_req request{.port = 5000, .alive_name = name, .extra = extra};
        return story.fate_of(story.requests(request, machine, machine));
    };
    CHECK(registers("longest", longest) == fate::registered);
    CHECK(registers("longer", longest + "e") == fate::refused);
    CHECK(story.port_of("longest", machine) == 5000);
    CHECK(story.port_of("longer", machine) == std::nullopt);
}

TEST_CASE("where as many nodes are registered as may be, another is closed without a word, until one goes") {
    scene story({}, {.max_registrations = 2});
    const auto first = story.registers("a", 1);
    story.registers("b", 2);
    const auto late = story.registers("c", 3);
    CHECK(story.fate_of(late) == fate::closed);
    CHECK(story.told_refusals() == 1);
    CHECK(story.fate_of(story.registers("c", 3)) == fate::closed);
    CHECK(story.told_refusals() == 1); // that one was told of
    CHECK(story.mind().counted().of<wire::alive2_req>(outcome::too_many) == 2);
    CHECK(story.port_of("a", "127.0.0.1") == 1);
    story.ends(first);
    CHECK(story.fate_of(story.registers("c", 3)) == fate::registered);
}

TEST_CASE("a registration that takes a dead one's place is none too many") {
    scene story({}, {.max_registrations = 1});
    story.dies_unnoticed(story.registers("a", 1));
    CHECK(story.fate_of(story.registers("a", 1)) == fate::registered);
}

/// Nobody's connection ever ends.
struct nobody_goes final : liveness {
    [[nodiscard]] bool has_gone(connection_number) const override { return false; }
};

TEST_CASE("one user has so many nodes at most, but for root and who runs the daemon") {
    constexpr std::uint32_t daemon_uid = 50;
    const nobody_goes connections;
    service mind({.max_registrations = 100, .max_registrations_per_user = 2, .own_uid = daemon_uid},
                 std::make_shared<const hosts>(), {.first_creation = 1, .started = time_point{}}, connections);
    connection_number next = 1;
    const auto registers = [&](std::uint32_t uid) {
        actions out;
        const auto name = "n" + std::to_string(next);
        mind.request(next, {.peer = loopback_v4, .local = loopback_v4, .uid = uid},
                     wire::alive2_req{.port = 7, .alive_name = name, .extra = {}}, time_point{}, out);
        return mind.registrations().find(next++) != nullptr;
    };
    CHECK(registers(1000));
    CHECK(registers(1000));
    CHECK_FALSE(registers(1000)); // in a crowd as well: before anything was found out
    CHECK(registers(1001));       // another is not kept out
    CHECK(registers(1001));
    CHECK_FALSE(registers(1001));
    for (const std::uint32_t exempt : {0U, daemon_uid}) {
        for (int i = 0; i < 3; ++i) {
            CHECK(registers(exempt));
        }
    }
    mind.set_limits(100, 3);
    CHECK(registers(1000));
    CHECK_FALSE(registers(1000));
    actions out;
    mind.closed(1, time_point{}, out);
    CHECK(registers(1000));
}

TEST_CASE("who is held counts for his user, until he is answered") {
    const nobody_goes connections;
    service mind({.max_registrations = 100, .max_registrations_per_user = 2}, std::make_shared<const hosts>(),
                 {.first_creation = 1, .started = time_point{}}, connections);
    const auto registers = [&](connection_number connection, std::uint32_t uid, std::string_view name) {
        actions out;
        mind.request(connection, {.peer = loopback_v4, .local = loopback_v4, .uid = uid},
                     wire::alive2_req{.port = 7, .alive_name = name, .extra = {}}, time_point{}, out);
        return std::any_of(out.begin(), out.end(),
                           [](const action& one) { return std::holds_alternative<close>(one); });
    };
    CHECK_FALSE(registers(1, 1000, "idfe"));
    CHECK_FALSE(registers(2, 1001, "idfe")); // waits for evidence
    CHECK_FALSE(registers(3, 1001, "other"));
    CHECK(registers(4, 1001, "third"));
    actions out;
    mind.closed(2, time_point{}, out);
    CHECK_FALSE(registers(5, 1001, "third"));
}

TEST_CASE("so many may have one name, or wait for it, and no more") {
    const nobody_goes connections;
    service mind({.max_namesakes = 3}, std::make_shared<const hosts>(), {.first_creation = 1, .started = time_point{}},
                 connections);
    std::vector<std::optional<refusal>> refused;
    for (connection_number connection = 1; connection <= 4; ++connection) {
        actions out;
        mind.request(connection, {.peer = loopback_v4, .local = loopback_v4},
                     wire::alive2_req{.port = 7, .alive_name = "idfe", .extra = {}}, time_point{}, out);
        auto& why = refused.emplace_back();
        for (const auto& one : out) {
            if (const auto* what = std::get_if<event>(&one); what != nullptr && what->what == event::kind::refused) {
                why = what->why;
            }
        }
    }
    CHECK(refused == std::vector<std::optional<refusal>>{{}, {}, {}, refusal::too_many_of_name});
}

TEST_CASE("the lookup that has waited longest is answered before its time where there is no room for it") {
    scene story;
    story.registers("pending", 5001);
    const auto first = story.looks_up("pending", lowry);
    const auto second = story.looks_up("pending", lowry);
    CHECK(story.fate_of(first) == fate::waiting);
    CHECK(story.answers_longest());
    CHECK(story.fate_of(first) == fate::answered);
    CHECK(story.fate_of(second) == fate::waiting);
    CHECK(story.answers_longest());
    CHECK_FALSE(story.answers_longest());
}

TEST_CASE("a name that is not allowed is refused") {
    scene story;
    const auto longest = std::string(wire::max_alive_name_characters, 'x');
    CHECK(story.fate_of(story.registers(longest, 5001)) == fate::registered);
    CHECK(story.fate_of(story.registers(longest + "x", 5002)) == fate::refused);
    CHECK(story.fate_of(story.registers("\xff", 5003)) == fate::refused);
    CHECK(story.fate_of(story.registers("forged at port 1\nname x", 5004)) == fate::refused);
    CHECK(story.port_of(longest, machine) == 5001);
}

TEST_CASE("who is not on this machine may look up and list, and no more") {
    scene story({}, {.relaxed_command_check = true});
    node_at(story, "idfe", 5001, machine);
    const auto outsider = [&](const wire::request& what) {
        return story.fate_of(story.requests(what, "192.168.1.5", "192.168.1.6"));
    };
    CHECK(outsider(wire::port_please2_req{"idfe"}) == fate::answered);
    CHECK(outsider(wire::names_req{}) == fate::answered);
    CHECK(outsider(wire::alive2_req{.alive_name = "mine", .extra = {}}) == fate::closed);
    CHECK(outsider(wire::dump_req{}) == fate::closed);
    CHECK(outsider(wire::kill_req{}) == fate::closed);
    CHECK(outsider(wire::stop_req{"idfe"}) == fate::closed);
    CHECK(story.port_of("idfe", machine) == 5001);
    CHECK(!story.is_stop_asked());
}

TEST_CASE("the daemon is killed without nodes, or with them when the check is relaxed") {
    scene strict;
    const auto node = strict.registers("idfe", 5001);
    CHECK(strict.sent_to(strict.requests(wire::kill_req{}, machine, machine)) == "NO");
    CHECK(!strict.is_stop_asked());
    strict.ends(node);
    CHECK(strict.sent_to(strict.requests(wire::kill_req{}, machine, machine)) == "OK");
    CHECK(strict.is_stop_asked());
    scene relaxed({}, {.relaxed_command_check = true});
    relaxed.registers("idfe", 5001);
    CHECK(relaxed.sent_to(relaxed.requests(wire::kill_req{}, machine, machine)) == "OK");
}

TEST_CASE("a node is stopped by name when the check is relaxed, at its own host") {
    scene story({}, {.relaxed_command_check = true});
    const auto node = node_at(story, "idfe", 5001, lowry);
    CHECK(story.sent_to(story.requests(wire::stop_req{"idfe"}, indecline, machine)) == "NOEXIST");
    CHECK(story.sent_to(story.requests(wire::stop_req{"idfe"}, lowry, machine)) == "STOPPED");
    CHECK(story.fate_of(node) == fate::closed);
    scene strict;
    CHECK(strict.fate_of(strict.requests(wire::stop_req{"idfe"}, machine, machine)) == fate::closed);
}

TEST_CASE("a dump shows who is registered and who was") {
    scene story;
    story.ends(story.registers("old", 5001));
    story.registers("new", 5002);
    CHECK(story.sent_to(story.requests(wire::dump_req{}, machine, machine)) ==
          std::string("\0\0\x11\x11", 4) + "active name     <new> at port 5002, fd = 7\n"
                                           "old/unused name <old>, port = 5001, fd = 7 \n");
}

TEST_CASE("who asks for the hosts as well gets the machine's names, then those of each host that has some") {
    scene story({{"lowry", {ip(lowry), ip("fd00::2")}}});
    const wire::names_req with_hosts{.with_hosts = true};
    const auto list_at = [&](std::string_view to, std::string_view from) {
        return story.sent_to(story.requests(with_hosts, to, from)).substr(4);
    };
    story.registers("pending", 5000);
    node_at(story, "mine", 5001, machine);
    CHECK(list_at(machine, machine) == "name mine at port 5001\nname pending at port 5000\n"); // as stock's
    node_at(story, "idfe", 5002, lowry);
    node_at(story, "other", 5003, lowry);
    const auto jill = story.registers("idfe", 5004);
    story.is_found(jill, evidence_for("127.0.0.9", "jill"));
    story.is_found(story.registers("idfe", 5005), evidence_for("127.0.0.10", "127.0.0.10"));
    const std::string all = "name mine at port 5001\nname pending at port 5000\n"
                            "host lowry at 127.0.0.2, fd00::2\nname other at port 5003\nname idfe at port 5002\n"
                            "host jill at 127.0.0.9\nname idfe at port 5004\n"
                            "host 127.0.0.10\nname idfe at port 5005\n";
    CHECK(list_at(machine, machine) == all);
    CHECK(list_at("::1", "::1") == all);
    story.is_found(1, evidence_for("")); // who asks at a host waits for the pending ones
    CHECK(list_at(lowry, machine) == "name other at port 5003\nname idfe at port 5002\nname pending at port 5000\n");
    CHECK(list_at("192.168.1.5", "192.168.1.6") == "name mine at port 5001\nname pending at port 5000\n");
}

TEST_CASE("the owners of namesakes are told to placement") {
    scene story;
    const auto first = story.registers("idfe", 5001);
    story.is_found(first, evidence_for(lowry, "lowry", 4242));
    story.questions();
    story.registers("idfe", 5002);
    const auto asked = story.questions();
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().namesakes == std::vector<namesake>{{.pid = 4242}});
}

// ---- nodes that only their own word places

/// What a survey says of a node that is named at run time.
finding only_itself_can_say(std::uint64_t listener_inode = 0) {
    finding result;
    result.ask_at = ip("127.0.0.1");
    result.listener_inode = listener_inode;
    return result;
}

/// What such a node then says.
finding its_word(std::string_view host_address, std::uint64_t listener_inode = 0) {
    auto result = evidence_for(host_address);
    result.how = evidence::handshake;
    result.listener_inode = listener_inode;
    return result;
}

finding refused_for(std::uint64_t listener_inode, std::string_view host_address = {}) {
    auto result = evidence_for(host_address);
    result.listener_inode = listener_inode;
    return result;
}

const registration& known(const scene& story, connection_number who) {
    const auto* one = story.mind().registrations().find(who);
    REQUIRE(one != nullptr);
    return *one;
}

TEST_CASE("a node that only its own word places is asked after its reply, once, and is pending until then") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    story.questions();
    story.is_found(node, only_itself_can_say(20));
    CHECK(story.fate_of(node) == fate::registered);
    CHECK(known(story, node).state == placement_state::pending);
    const auto asked = story.questions();
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().what == inquiry::node);
    CHECK(asked.front().connection == node);
    CHECK(asked.front().port == 5001);
    CHECK(asked.front().before == only_itself_can_say(20));
    const auto waits = story.looks_up("rabbit", lowry);
    CHECK(story.fate_of(waits) == fate::waiting);
    story.is_found(node, its_word(lowry, 20));
    CHECK(story.fate_of(waits) == fate::answered);
    CHECK(story.port_of("rabbit", lowry) == 5001);
    CHECK(story.port_of("rabbit", machine) == std::nullopt);
    CHECK(story.questions().empty());
}

TEST_CASE("who is accepted as the holder's time runs out keeps what was found of it") {
    scene story;
    story.registers("rabbit", 5001);
    const auto second = story.registers("rabbit", 5002);
    story.is_found(second, evidence_for(lowry));
    CHECK(story.fate_of(second) == fate::waiting);
    story.passes(5s);
    CHECK(story.port_of("rabbit", lowry) == 5002);
    CHECK(story.port_of("rabbit", machine) == 5001);
}

TEST_CASE("a node that says nothing is unplaced, and not asked again") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    story.is_found(node, only_itself_can_say());
    story.questions();
    story.is_found(node, evidence_for(""));
    CHECK(known(story, node).state == placement_state::unplaced);
    story.passes(1min);
    CHECK(story.questions().empty());
}

TEST_CASE("a node that is silent for too long is unplaced in the meantime") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    story.is_found(node, only_itself_can_say());
    story.passes(5s);
    CHECK(known(story, node).state == placement_state::unplaced);
    story.is_found(node, its_word(lowry));
    CHECK(story.port_of("rabbit", lowry) == 5001);
}

TEST_CASE("late news that only the node itself can say has it asked all the same") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    story.passes(5s);
    story.questions();
    story.is_found(node, only_itself_can_say());
    REQUIRE(story.questions().size() == 1);
    CHECK(known(story, node).state == placement_state::unplaced);
    story.is_found(node, its_word(lowry));
    CHECK(known(story, node).state == placement_state::placed);
}

TEST_CASE("two nodes that only their own word places end on two hosts, though they come together") {
    scene story;
    const auto first = story.registers("rabbit", 5001);
    const auto second = story.registers("rabbit", 5002);
    CHECK(story.fate_of(first) == fate::registered);
    CHECK(story.fate_of(second) == fate::waiting);
    story.is_found(second, only_itself_can_say());
    CHECK(story.fate_of(second) == fate::waiting); // nobody knows yet where the first one is
    story.is_found(first, only_itself_can_say());
    CHECK(story.fate_of(second) == fate::waiting);
    story.questions();
    story.is_found(first, its_word(lowry));
    CHECK(story.fate_of(second) == fate::registered);
    const auto asked = story.questions();
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().what == inquiry::node);
    CHECK(asked.front().connection == second);
    story.is_found(second, its_word(indecline));
    CHECK(story.port_of("rabbit", lowry) == 5001);
    CHECK(story.port_of("rabbit", indecline) == 5002);
}

TEST_CASE("beside the machine's or an unplaced node a newcomer that must be asked is refused, as stock does") {
    for (const std::string_view holder : {"127.0.0.1", ""}) {
        scene story;
        node_at(story, "rabbit", 5001, holder);
        const auto second = story.registers("rabbit", 5002);
        story.questions();
        story.is_found(second, only_itself_can_say(20));
        CHECK(story.fate_of(second) == fate::refused);
        CHECK(story.questions().empty());
    }
}

TEST_CASE("who had to be accepted and is at the holder's host is parked, and promoted when the holder goes") {
    scene story;
    const auto first = node_at(story, "rabbit", 5001, lowry);
    const auto second = story.registers("rabbit", 5002);
    story.is_found(second, only_itself_can_say());
    CHECK(story.fate_of(second) == fate::registered);
    story.events();
    story.is_found(second, its_word(lowry));
    CHECK(story.events() == kinds{kind::parked});
    CHECK(story.port_of("rabbit", lowry) == 5001);
    story.ends(first);
    CHECK(story.port_of("rabbit", lowry) == 5002);
    CHECK(story.events() == kinds{kind::unregistered, kind::promoted});
}

// ---- nodes that register anew

TEST_CASE("what was found of a node that has gone is told to placement when its name and port come again") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    story.is_found(node, its_word(lowry, 20));
    story.ends(node);
    story.questions();
    story.registers("rabbit", 5001);
    story.registers("rabbit", 5002);
    const auto asked = story.questions();
    REQUIRE(asked.size() == 2);
    CHECK(asked.front().former == std::vector{its_word(lowry, 20)});
    CHECK(asked.back().former.empty());
}

TEST_CASE("a node that lost its connection comes back where it was, beside the machine's node of its name") {
    scene story;
    auto node = story.registers("rabbit", 5001);
    story.is_found(node, its_word(lowry, 20));
    node_at(story, "rabbit", 5002, machine);
    story.ends(node);
    node = story.registers("rabbit", 5001);
    CHECK(story.fate_of(node) == fate::waiting);
    story.is_found(node, its_word(lowry, 20)); // as the survey says of one that still has its listener
    CHECK(story.fate_of(node) == fate::registered);
    CHECK(story.port_of("rabbit", lowry) == 5001);
}

/// A node that was refused beside the machine's of its name, and knocks again.
connection_number knocks_again(scene& story) {
    node_at(story, "rabbit", 5001, machine);
    const auto first = story.registers("rabbit", 5002);
    story.is_found(first, only_itself_can_say(20));
    CHECK(story.fate_of(first) == fate::refused);
    const auto again = story.registers("rabbit", 5002);
    story.questions();
    story.is_found(again, only_itself_can_say(20));
    return again;
}

TEST_CASE("a node that knocks again is up, and asked before its reply, since it would knock for ever") {
    scene story;
    const auto again = knocks_again(story);
    CHECK(story.fate_of(again) == fate::waiting);
    const auto asked = story.questions();
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().what == inquiry::node);
    CHECK(asked.front().before == only_itself_can_say(20));
    story.is_found(again, its_word(lowry, 20));
    CHECK(story.fate_of(again) == fate::registered);
    CHECK(story.port_of("rabbit", lowry) == 5002);
    CHECK(story.port_of("rabbit", machine) == 5001);
}

TEST_CASE(
    "a node that knocks again and says that it is the machine's is refused as stock does, where no hosts are in use") {
    scene story;
    const auto again = knocks_again(story);
    story.is_found(again, its_word(machine, 20));
    CHECK(story.fate_of(again) == fate::refused);
    CHECK(story.told_refusals() == 1);
}

TEST_CASE("a node that knocks again and says that it is the machine's is parked where hosts are in use") {
    scene story({{"lowry", {ip(lowry)}}});
    const auto again = knocks_again(story);
    story.is_found(again, its_word(machine, 20));
    CHECK(story.fate_of(again) == fate::registered);
    CHECK(known(story, again).state == placement_state::parked);
    CHECK(story.port_of("rabbit", machine) == 5001);
}

TEST_CASE("a node that knocks again and says nothing is answered in time") {
    scene story;
    const auto again = knocks_again(story);
    story.is_found(again, refused_for(20));
    CHECK(story.fate_of(again) == fate::refused);
    scene slow;
    const auto held = knocks_again(slow);
    slow.passes(5s);
    CHECK(slow.fate_of(held) == fate::refused);
}

TEST_CASE("a node that knocks again for a name that is taken at its own host is parked") {
    scene story;
    const auto holder = node_at(story, "rabbit", 5001, lowry);
    const auto first = story.registers("rabbit", 5002);
    story.is_found(first, refused_for(20, lowry));
    CHECK(story.fate_of(first) == fate::refused);
    const auto again = story.registers("rabbit", 5002);
    story.is_found(again, refused_for(20, lowry));
    CHECK(story.fate_of(again) == fate::registered);
    CHECK(known(story, again).state == placement_state::parked);
    CHECK(story.port_of("rabbit", lowry) == 5001);
    story.ends(holder);
    CHECK(story.port_of("rabbit", lowry) == 5002);
}

TEST_CASE("another that wants the same name is no node that knocks again") {
    scene story;
    node_at(story, "rabbit", 5001, lowry);
    const auto refused = [&](std::uint16_t port, std::uint64_t listener_inode) {
        const auto one = story.registers("rabbit", port);
        story.is_found(one, refused_for(listener_inode, lowry));
        return story.fate_of(one) == fate::refused;
    };
    CHECK(refused(5002, 20));
    CHECK(refused(5003, 21)); // another port
    CHECK(refused(5002, 22)); // the port, taken over by another
    CHECK(refused(5004, 0));
    CHECK(refused(5004, 0)); // no listener was seen: it may be another each time
}

TEST_CASE("where no hosts are in use who knocks again is refused again, as stock does, and told of once") {
    scene story;
    node_at(story, "rabbit", 5001, machine);
    for (int i = 0; i < 5; ++i) {
        const auto one = story.registers("rabbit", 5002);
        story.is_found(one, refused_for(20));
        CHECK(story.fate_of(one) == fate::refused);
    }
    CHECK(story.told_refusals() == 1);
    const auto other = story.registers("rabbit", 5003);
    story.is_found(other, refused_for(21));
    CHECK(story.told_refusals() == 2);
}

TEST_CASE("many that knock are not remembered without end") {
    scene story;
    node_at(story, "rabbit", 5001, lowry);
    for (std::uint16_t port = 6000; port < 7000; ++port) {
        story.is_found(story.registers("rabbit", port), refused_for(port, lowry));
    }
    const auto forgotten = story.registers("rabbit", 6000);
    story.is_found(forgotten, refused_for(6000, lowry));
    CHECK(story.fate_of(forgotten) == fate::refused);
    const auto recent = story.registers("rabbit", 6999);
    story.is_found(recent, refused_for(6999, lowry));
    CHECK(story.fate_of(recent) == fate::registered);
}

TEST_CASE("another node that wants the same name and port is told of, though one was refused before") {
    scene story;
    node_at(story, "rabbit", 5001, machine);
    story.is_found(story.registers("rabbit", 25672), refused_for(20));
    story.is_found(story.registers("rabbit", 25672), refused_for(21));
    CHECK(story.told_refusals() == 2);
    story.is_found(story.registers("rabbit", 25672), refused_for(21));
    CHECK(story.told_refusals() == 2);
}

TEST_CASE("a name that becomes free while a node that knocks is asked is given to it at once") {
    scene story;
    const auto again = knocks_again(story);
    CHECK(story.fate_of(again) == fate::waiting);
    story.ends(1);
    CHECK(story.fate_of(again) == fate::registered);
    CHECK(known(story, again).state == placement_state::pending);
    story.questions();
    story.is_found(again, its_word(lowry, 20));
    CHECK(story.port_of("rabbit", lowry) == 5002);
    CHECK(story.questions().empty());
}

// ---- guesses

TEST_CASE("a guess decides who may have a name, and gives way to what the node says") {
    scene story;
    node_at(story, "rabbit", 5001, machine);
    auto guess = evidence_for(lowry, "lowry");
    guess.is_guess = true;
    guess.ask_at = ip("127.0.0.1");
    const auto node = story.registers("rabbit", 5002);
    story.questions();
    story.is_found(node, guess);
    CHECK(story.fate_of(node) == fate::registered);
    CHECK(known(story, node).state == placement_state::pending);
    CHECK(story.questions().size() == 1);
    story.is_found(node, its_word(indecline));
    CHECK(story.port_of("rabbit", indecline) == 5002);
    CHECK(story.port_of("rabbit", lowry) == std::nullopt);
}

TEST_CASE("a guess that stands because nobody answered in time gives way to a late answer") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    auto guess = evidence_for(machine);
    guess.is_guess = true;
    guess.ask_at = ip("127.0.0.1");
    story.is_found(node, guess);
    story.passes(5s);
    CHECK(story.port_of("rabbit", machine) == 5001);
    CHECK(story.port_of("rabbit", lowry) == std::nullopt);
    story.is_found(node, its_word(lowry));
    CHECK(story.port_of("rabbit", lowry) == 5001);
    CHECK(story.port_of("rabbit", machine) == std::nullopt);
}

TEST_CASE("what the connection itself says goes before all that is found later, and before what was") {
    scene story;
    auto node = story.registers("rabbit", 5001, lowry);
    story.is_found(node, refused_for(20));
    story.ends(node);
    story.questions();
    node = story.registers("rabbit", 5001, indecline);
    CHECK(story.questions().front().former.empty());
    auto other = evidence_for(lowry);
    other.how = evidence::destination;
    other.ask_at = ip("127.0.0.1");
    story.is_found(node, other);
    CHECK(story.port_of("rabbit", indecline) == 5001);
    CHECK(story.port_of("rabbit", lowry) == std::nullopt);
    CHECK(story.questions().empty());
}

TEST_CASE("what is known of a node that is being asked is told to placement of its namesakes") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    auto partly = only_itself_can_say(20);
    partly.who.pid = 4242;
    story.is_found(node, partly);
    story.questions();
    story.registers("rabbit", 5002);
    CHECK(story.questions().front().namesakes == std::vector<namesake>{{.pid = 4242, .listener_inode = 20}});
}

// ---- hosts that are others meanwhile

TEST_CASE("a finding of before the hosts changed is of a host that is") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    story.hosts_become({{"lowry", {ip(lowry), ip("127.0.0.4")}}}, {"workshop", {ip("127.0.1.1")}, {}});
    story.is_found(node, evidence_for("127.0.0.4"));
    CHECK(story.port_of("rabbit", "127.0.0.4") == 5001);
    CHECK(story.port_of("rabbit", lowry) == 5001);
}

TEST_CASE("what was found of a held node is of a host that is, after the hosts have changed") {
    scene story;
    story.registers("rabbit", 5001);
    const auto held = story.registers("rabbit", 5002);
    story.is_found(held, evidence_for("127.0.0.4"));
    story.hosts_become({{"lowry", {ip(lowry), ip("127.0.0.4")}}}, {"workshop", {ip("127.0.1.1")}, {}});
    story.is_found(1, evidence_for(machine));
    CHECK(story.port_of("rabbit", lowry) == 5002);
}

TEST_CASE("before a node is refused the host name of who has its place is resolved again") {
    scene story;
    const auto holder = story.registers("rabbit", 5001);
    story.is_found(holder, evidence_for(lowry, "lowry"));
    story.questions();
    const auto newcomer = story.registers("rabbit", 5002);
    story.questions();
    story.is_found(newcomer, evidence_for(lowry, "other"));
    CHECK(story.fate_of(newcomer) == fate::waiting);
    const auto asked = story.questions();
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().connection == holder);
    CHECK(asked.front().what == inquiry::host_name);
    SUBCASE("it has moved") {
        story.is_found(holder, evidence_for("127.0.0.66", "lowry"));
        CHECK(story.fate_of(newcomer) == fate::registered);
        CHECK(story.port_of("rabbit", lowry) == 5002);
        CHECK(story.port_of("rabbit", "127.0.0.66") == 5001);
    }
    SUBCASE("it is where it was") {
        story.is_found(holder, evidence_for(lowry, "lowry"));
        CHECK(story.fate_of(newcomer) == fate::refused);
        CHECK(story.questions().empty());
    }
    SUBCASE("the resolver does not answer") {
        story.passes(5s);
        CHECK(story.fate_of(newcomer) == fate::refused);
    }
}

TEST_CASE("who is parked has the holder's host name resolved again") {
    scene story;
    const auto holder = story.registers("rabbit", 5001);
    story.is_found(holder, evidence_for(lowry, "lowry"));
    const auto second = story.registers("rabbit", 5002);
    story.is_found(second, only_itself_can_say());
    story.questions();
    story.is_found(second, its_word(lowry));
    CHECK(known(story, second).state == placement_state::parked);
    REQUIRE(story.questions().size() == 1);
    story.is_found(holder, evidence_for("127.0.0.66", "lowry"));
    CHECK(known(story, second).state == placement_state::placed);
}

/// What a lookup was told; empty: no such node.
std::optional<std::uint16_t> port_in(std::string_view bytes) {
    const auto reply = wire::decode_port2_reply(bytes);
    const auto* hit = reply ? std::get_if<wire::port2_resp>(&*reply) : nullptr;
    return hit == nullptr ? std::nullopt : std::optional(hit->port);
}

TEST_CASE("who waits for a node at a host is answered for the host that it is when hosts have changed") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    const auto reader = story.looks_up("rabbit", "127.0.0.4");
    REQUIRE(story.fate_of(reader) == fate::waiting);
    story.hosts_become({{"lowry", {ip(lowry), ip("127.0.0.4")}}}, {"workshop", {ip("127.0.1.1")}, {}});
    story.is_found(node, evidence_for(lowry));
    CHECK(port_in(story.sent_to(reader)) == 5001);
}

TEST_CASE("a guess takes nothing from what the node said, and stands while its host name resolves to nothing") {
    scene story;
    auto guess = evidence_for(indecline, "indecline");
    guess.is_guess = true;
    const auto said = story.registers("rabbit", 5001);
    story.is_found(said, its_word(lowry));
    story.is_found(said, guess);
    CHECK(story.port_of("rabbit", lowry) == 5001);
    const auto guessed = story.registers("idfe", 5002);
    story.is_found(guessed, guess);
    auto unresolved = guess;
    unresolved.where.reset();
    story.is_found(guessed, unresolved);
    CHECK(known(story, guessed).state == placement_state::placed);
    CHECK(known(story, guessed).found.is_guess);
    CHECK(story.port_of("idfe", indecline) == 5002);
}

TEST_CASE("a node that is being asked is pending until it answers, though hosts change meanwhile") {
    scene story;
    const auto node = story.registers("rabbit", 5001);
    auto guess = evidence_for(lowry, "lowry");
    guess.is_guess = true;
    guess.ask_at = ip("127.0.0.1");
    story.is_found(node, guess);
    story.hosts_become({{"one", {ip("127.0.0.9"), ip(lowry)}}}, {"workshop", {ip("127.0.1.1")}, {}});
    CHECK(known(story, node).state == placement_state::pending);
    CHECK(known(story, node).found.where == host(ip("127.0.0.9")));
    story.is_found(node, its_word(indecline));
    CHECK(story.port_of("rabbit", indecline) == 5001);
}

TEST_CASE("who has a place keeps it before who is parked for it when the host is another by its first address") {
    scene story;
    node_at(story, "rabbit", 5001, lowry);
    const auto second = node_at(story, "rabbit", 5002, indecline);
    story.is_found(second, evidence_for(lowry));
    REQUIRE(known(story, second).state == placement_state::parked);
    story.hosts_become({{"one", {ip("127.0.0.9"), ip(lowry)}}}, {"workshop", {ip("127.0.1.1")}, {}});
    CHECK(known(story, second).state == placement_state::parked);
    CHECK(story.port_of("rabbit", lowry) == 5001);
}

TEST_CASE("who waits at the machine is answered as soon as a node is there that is pending") {
    scene story;
    const auto holder = story.registers("rabbit", 5001);
    story.is_found(holder, evidence_for(lowry, "lowry"));
    const auto newcomer = story.registers("rabbit", 5002);
    const auto reader = story.looks_up("rabbit", machine);
    REQUIRE(story.fate_of(reader) == fate::waiting); // the holder's host name may be the machine's by now
    story.is_found(newcomer, only_itself_can_say());
    REQUIRE(known(story, newcomer).state == placement_state::pending);
    CHECK(port_in(story.sent_to(reader)) == 5002);
}

TEST_CASE("a held node whose host becomes one where its name is taken is refused at once") {
    scene story;
    node_at(story, "rabbit", 5001, lowry);
    const auto asked = story.registers("rabbit", 5002);
    story.is_found(asked, only_itself_can_say());
    REQUIRE(known(story, asked).state == placement_state::pending);
    const auto held = story.registers("rabbit", 5003);
    story.is_found(held, evidence_for("127.0.0.4"));
    REQUIRE(story.fate_of(held) == fate::waiting);
    story.hosts_become({{"lowry", {ip(lowry), ip("127.0.0.4")}}}, {"workshop", {ip("127.0.1.1")}, {}});
    CHECK(story.fate_of(held) == fate::refused);
}

TEST_CASE("who listens at an address goes with its host when two hosts become one and are two again") {
    scene story;
    auto bound = evidence_for("127.0.0.4");
    bound.how = evidence::listener;
    const auto node = story.registers("rabbit", 5001);
    story.is_found(node, bound);
    story.hosts_become({{"lowry", {ip(lowry), ip("127.0.0.4")}}}, {"workshop", {ip("127.0.1.1")}, {}});
    story.reloads();
    CHECK(story.port_of("rabbit", lowry) == 5001);
    story.hosts_become({}, {"workshop", {ip("127.0.1.1")}, {}});
    story.questions();
    story.reloads();
    const auto asked = story.questions();
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().what == inquiry::everything);
    CHECK(asked.front().former.empty());
    story.is_found(node, bound);
    CHECK(story.port_of("rabbit", "127.0.0.4") == 5001);
    CHECK(story.port_of("rabbit", lowry) == std::nullopt);
}

TEST_CASE("who is parked although nothing says where it belongs is asked about again by the next process") {
    scene story;
    const auto holder = node_at(story, "rabbit", 5001, lowry);
    const auto parked = story.registers("rabbit", 5002);
    story.is_found(parked, only_itself_can_say());
    story.is_found(holder, evidence_for(machine));
    story.passes(5s);
    REQUIRE(known(story, parked).state == placement_state::parked);
    story.is_killed_and_replaced();
    const auto asked = story.questions();
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().connection == parked);
    story.is_found(parked, evidence_for(indecline));
    CHECK(story.port_of("rabbit", indecline) == 5002);
}

TEST_CASE("a finding is wanted as long as its connection is registered or held") {
    scene story;
    const auto first = story.registers("rabbit", 5001);
    const auto held = story.registers("rabbit", 5002);
    CHECK(story.mind().is_waiting_for(first));
    CHECK(story.mind().is_waiting_for(held));
    CHECK_FALSE(story.mind().is_waiting_for(99));
    story.ends(first);
    CHECK_FALSE(story.mind().is_waiting_for(first));
}

} // namespace
} // namespace epmd::test
