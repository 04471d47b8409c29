// epmdctl status: the daemon itself, its limits and what it has counted.
#include "daemon.hpp"
#include "node_text.hpp"
#include "output.hpp"
#include "verbs.hpp"

#include <boost/json/serialize.hpp>

#include <utility>

namespace epmd::ctl {
namespace {

namespace json = boost::json;

std::string number(const json::value& of, std::string_view key) {
    return json::serialize(of.at(key));
}

std::string duration(std::int64_t seconds) {
    const auto minutes = seconds / 60;
    const auto hours = minutes / 60;
    if (hours >= 48) {
        return std::to_string(hours / 24) + " days";
    }
    if (hours > 0) {
        return std::to_string(hours) + " h " + std::to_string(minutes % 60) + " min";
    }
    return minutes > 0 ? std::to_string(minutes) + " min " + std::to_string(seconds % 60) + " s"
                       : std::to_string(seconds) + " s";
}

std::string joined(const json::array& texts) {
    std::string result;
    for (const auto& one : texts) {
        result += (result.empty() ? "" : ", ") + std::string(one.as_string());
    }
    return result;
}

exit_status run(const call& how) {
    const auto all = page(how, "/status");
    if (how.as_json) {
        print(json::serialize(all) + "\n");
        return done;
    }
    const auto& limits = all.at("limits");
    const auto& nodes = all.at("nodes");
    const auto& counters = all.at("counters");
    const bool is_local = text_of(all, "serves") == "this_machine";
    const auto config = text_of(all, "config_file");
    table rows({"WHAT", "VALUE"});
    const auto row = [&](std::string what, std::string value) { rows.add({std::move(what), std::move(value)}); };
    row("version", text_of(all, "version"));
    row("process",
        "pid " + number(all, "pid") + ", user " + shown(user_of(all.at("uid"))) + ", " + shown(text_of(all, "path")));
    row("up", duration(all.at("uptime_seconds").to_number<std::int64_t>()) + ", since " +
                  shown_time(text_of(all, "started")));
    row("port", number(all, "port"));
    row("listens on", joined(all.at("listeners").as_array()));
    row("serves", is_local ? "this machine only" : "whoever reaches it");
    row("status page", "http://127.0.0.1:" + number(all, "port") + "/, for " +
                           (text_of(all, "http_serves") == "everybody" ? "whoever reaches it" : "this machine only"));
    row("configuration", config.empty() ? "no file" : shown(config));
    row("at a restart", all.at("survives_restart").as_bool()
                            ? "all nodes are kept"
                            : "nodes are lost, and newer ones come back by themselves");
    row("nodes", number(nodes, "registered") + " (" + number(nodes, "placed") + " placed, " +
                     number(nodes, "unplaced") + " unplaced, " + number(nodes, "pending") + " pending, " +
                     number(nodes, "parked") + " parked)");
    row("hosts with nodes", number(all, "hosts_with_nodes"));
    row("connections", number(limits, "connections") + " of at most " + number(limits, "max_connections") + ", " +
                           number(limits, "http_connections") + " of them by HTTP");
    row("packet time-out", number(limits, "packet_timeout_seconds") + " s");
    row("relaxed", limits.at("relaxed_command_check").as_bool() ? "yes" : "no");
    row("asks nodes", limits.at("probe").as_bool() ? "yes" : "no");
    for (const auto& [key, value] : counters.as_object()) {
        row("counted " + std::string(key), json::serialize(value));
    }
    print(rows.text());
    return done;
}

} // namespace

const verb status_verb{.name = "status",
                       .help = "show the daemon: version, process, listeners, limits, counters",
                       .has_json = true,
                       .run = run};

} // namespace epmd::ctl
