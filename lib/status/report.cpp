#include "status/report.hpp"

#include "wire/alive_name.hpp"
#include "wire/quoted.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace epmd {
namespace {

namespace json = boost::json;

json::value text(std::string_view given) {
    return json::value(json::string(utf8(given)));
}

json::value text_or_null(std::string_view given) {
    return given.empty() ? json::value(nullptr) : text(given);
}

json::object owner_of(const owner& who, user_names& users) {
    json::object result;
    result["pid"] = who.pid != 0 ? json::value(who.pid) : json::value(nullptr);
    result["uid"] = who.uid ? json::value(*who.uid) : json::value(nullptr);
    result["user"] = who.uid ? text_or_null(users.name_of(*who.uid)) : json::value(nullptr);
    result["program"] = text_or_null(who.program);
    return result;
}

bool has_host(const registration& one) {
    return one.state == placement_state::placed || one.state == placement_state::parked;
}

json::object short_report_of(host which, const hosts& known) {
    json::object result;
    result["address"] = to_string(which.first_address());
    result["name"] = text_or_null(known.first_name_of(which));
    return result;
}

std::string_view origin_of(host which, const hosts& known) {
    if (which.is_machine()) {
        return "machine";
    }
    if (known.is_configured(which.first_address())) {
        return "configured";
    }
    return known.first_name_of(which).empty() ? "seen" : "hosts_file";
}

} // namespace

std::string utf8(std::string_view given) {
    return wire::utf8_characters(given) ? std::string(given) : wire::quoted(given);
}

std::string_view to_string(placement_state state) noexcept {
    switch (state) {
    case placement_state::pending:
        return "pending";
    case placement_state::placed:
        return "placed";
    case placement_state::unplaced:
        return "unplaced";
    case placement_state::parked:
        return "parked";
    }
    return "";
}

std::string_view to_string(event::kind what) noexcept {
    switch (what) {
    case event::kind::registered:
        return "registered";
    case event::kind::placed:
        return "placed";
    case event::kind::unplaced:
        return "unplaced";
    case event::kind::parked:
        return "parked";
    case event::kind::promoted:
        return "promoted";
    case event::kind::unregistered:
        return "unregistered";
    case event::kind::came_back:
        return "came_back";
    case event::kind::changed:
        return "changed";
    case event::kind::refused:
        return "refused";
    }
    return "";
}

std::string_view to_string(refusal why) noexcept {
    switch (why) {
    case refusal::name_taken:
        return "name_taken";
    case refusal::name_not_allowed:
        return "name_not_allowed";
    case refusal::extra_too_long:
        return "extra_too_long";
    case refusal::too_many:
        return "too_many";
    case refusal::too_many_of_name:
        return "too_many_of_name";
    case refusal::too_many_of_user:
        return "too_many_of_user";
    }
    return "";
}

json::object report_of(const registration& one, const hosts& known, lexicon& words) {
    json::object result;
    result["id"] = one.connection;
    result["alive_name"] = text(one.self.alive_name);
    result["node_name"] = text_or_null(one.found.node_name);
    result["host"] = has_host(one) ? json::value(short_report_of(one.where, known)) : json::value(nullptr);
    result["state"] = to_string(one.state);
    result["port"] = one.self.port;
    result["type"] = one.self.node_type;
    result["protocol"] = one.self.protocol;
    result["highest_version"] = one.self.highest_version;
    result["lowest_version"] = one.self.lowest_version;
    const bool is_registered = one.since != time_point(); // a refused one never was
    result["creation"] = is_registered ? json::value(one.creation) : json::value(nullptr);
    result["since"] = is_registered ? json::value(words.clock.text(one.since)) : json::value(nullptr);
    result["evidence"] = has_host(one) ? json::value(to_string(one.found.how)) : json::value(nullptr);
    result["is_guess"] = one.found.is_guess;
    result["is_adopted"] = one.is_adopted;
    result["trouble"] = one.state == placement_state::unplaced ? text_or_null(one.found.trouble) : json::value(nullptr);
    result["owner"] = owner_of(one.found.who, words.users);
    return result;
}

std::vector<host> all_hosts(const registry& all, const hosts& known) {
    auto others = all.hosts_with_nodes();
    for (const auto& one : known.machine().names) {
        others.push_back(known.at(one.where));
    }
    std::erase_if(others,
                  [&](const host& one) { return one.is_machine() || known.is_configured(one.first_address()); });
    std::sort(others.begin(), others.end()); // by their addresses
    others.erase(std::unique(others.begin(), others.end()), others.end());
    std::vector<host> result{the_machine};
    for (const auto& one : known.configured()) {
        result.emplace_back(one.addresses.front());
    }
    result.insert(result.end(), others.begin(), others.end());
    return result;
}

json::object report_of(host which, const registry& all, const hosts& known) {
    json::object result;
    const auto names = known.names_of(which);
    result["name"] = names.empty() ? json::value(nullptr) : text(names.front());
    json::array as_names;
    for (const auto& name : names) {
        as_names.push_back(text(name));
    }
    result["names"] = std::move(as_names);
    result["address"] = to_string(which.first_address());
    auto addresses = known.addresses_of(which);
    if (which.is_machine()) {
        addresses.push_back(loopback_v6);
        std::copy_if(
            known.machine().addresses.begin(), known.machine().addresses.end(), std::back_inserter(addresses),
            [&](const address& one) { return one != loopback_v4 && one != loopback_v6 && known.at(one).is_machine(); });
    }
    json::array as_addresses;
    for (const auto& one : addresses) {
        as_addresses.emplace_back(to_string(one));
    }
    result["addresses"] = std::move(as_addresses);
    result["origin"] = origin_of(which, known);
    result["nodes"] = all.count_at(which);
    return result;
}

json::object report_of(const daemon_facts& facts, const service& mind, lexicon& words, const address& asked_at,
                       time_point now) {
    const auto& all = mind.registrations();
    json::object result;
    result["program"] = "loopmd";
    result["version"] = facts.version;
    result["pid"] = facts.pid;
    result["uid"] = facts.uid;
    result["path"] = text_or_null(facts.program);
    result["started"] = words.clock.text(facts.started);
    result["run"] = facts.started.time_since_epoch().count();
    result["uptime_seconds"] = words.clock.seconds(now) - words.clock.seconds(facts.started);
    result["port"] = facts.port;
    json::array listeners;
    for (const auto& one : facts.listeners) {
        listeners.emplace_back(to_string(one));
    }
    result["listeners"] = std::move(listeners);
    result["serves"] = facts.is_for_this_machine_only ? "this_machine" : "everybody";
    result["http_serves"] = facts.is_http_for_everybody ? "everybody" : "this_machine";
    result["asked"] = {{"address", to_string(asked_at)},
                       {"host", short_report_of(mind.all_hosts().at(asked_at), mind.all_hosts())}};
    result["config_file"] = text_or_null(facts.config_file);
    result["survives_restart"] = facts.is_kept;
    result["restarts_survived"] = facts.restarts;

    json::object reloads{{"ok", facts.reloads.good}, {"failed", facts.reloads.failed}};
    put_trouble(reloads, facts.reloads.trouble);
    result["reloads"] = std::move(reloads);

    json::object limits;
    limits["connections"] = facts.connections;
    limits["max_connections"] = facts.most.max_connections;
    limits["http_connections"] = facts.visitors.open;
    limits["max_http_connections"] = facts.most.max_http_connections;
    limits["event_streams"] = facts.visitors.following;
    limits["max_event_streams"] = facts.most.max_event_streams;
    limits["max_connections_per_peer"] = facts.most.max_connections_per_peer;
    limits["max_registrations"] = facts.most.max_registrations;
    limits["max_registrations_per_user"] = facts.most.max_registrations_per_user;
    limits["max_placements"] = facts.most.max_placements;
    limits["packet_timeout_seconds"] = facts.packet_timeout.count();
    limits["request_time_seconds"] = facts.most.request_time.count();
    limits["relaxed_command_check"] = facts.relaxed_command_check;
    limits["probe"] = facts.may_ask_nodes;
    result["limits"] = std::move(limits);

    json::object nodes;
    nodes["registered"] = all.size();
    for (const auto state :
         {placement_state::placed, placement_state::pending, placement_state::unplaced, placement_state::parked}) {
        nodes[to_string(state)] = all.count(state);
    }
    nodes["adopted"] = all.adopted_count();
    result["nodes"] = std::move(nodes);
    result["hosts_with_nodes"] = all.hosts_in_use();

    const auto& asked = mind.counted();
    json::object counters;
    counters["connections"] = facts.counted.accepted;
    counters["registrations"] = asked.of<wire::alive2_req>(outcome::ok);
    counters["refusals"] =
        asked.of<wire::alive2_req>(outcome::name_taken) + asked.of<wire::alive2_req>(outcome::name_not_allowed) +
        asked.of<wire::alive2_req>(outcome::extra_too_long) + asked.of<wire::alive2_req>(outcome::too_many);
    counters["unregistrations"] = asked.ends;
    counters["lookups"] =
        asked.of<wire::port_please2_req>(outcome::ok) + asked.of<wire::port_please2_req>(outcome::not_found);
    counters["names_lists"] = asked.of<wire::names_req>(outcome::ok);
    counters["not_requests"] = facts.counted.not_requests;
    counters["timed_out"] = facts.counted.timed_out;
    counters["of_one_peer"] = facts.counted.of_one_peer;
    counters["out_of_room"] = facts.counted.out_of_room;
    result["counters"] = std::move(counters);
    return result;
}

void put_event(json::object& result, const event& what, const hosts& known, lexicon& words) {
    result["node"] = report_of(what.who, known, words);
    if (what.what == event::kind::parked || what.what == event::kind::refused) {
        result["other"] = what.other ? json::value(report_of(*what.other, known, words)) : json::value(nullptr);
    }
    if (what.why) {
        result["reason"] = to_string(*what.why);
    }
}

void put_trouble(json::object& result, const std::optional<std::string>& trouble) {
    result["trouble"] = trouble ? text(*trouble) : json::value(nullptr);
}

} // namespace epmd
