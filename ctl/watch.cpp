// epmdctl watch: nodes that come and go, as it happens.
#include "daemon.hpp"
#include "follow.hpp"
#include "node_text.hpp"
#include "output.hpp"
#include "verbs.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>

namespace epmd::ctl {
namespace {

namespace json = boost::json;

style style_of(std::string_view event) {
    if (event == "placed" || event == "promoted") {
        return style::good;
    }
    return event == "refused" || event == "parked" || event == "unplaced" ? style::warning : style::plain;
}

std::string owner_text(const json::value& node) {
    const auto& owner = node.at("owner");
    if (owner.at("pid").is_null()) {
        const auto user = user_of(owner.at("uid"));
        return user.empty() ? "" : ", of " + shown(user);
    }
    return ", pid " + json::serialize(owner.at("pid")) + " (" + shown(text_of(owner, "program")) + ")";
}

std::string node_text(const json::value& node) {
    return shown(name_of(node)) + " port " + json::serialize(node.at("port")) + owner_text(node);
}

/// Empty: there is nothing to say of it.
std::string line_of(const std::string& event, const json::value& data) {
    std::string text;
    if (event == "nodes" || event == "registered" || event == "changed") {
        return {}; // where it is comes next, or is known
    }
    if (event == "reloaded" || event == "not_upgraded") {
        const auto trouble = text_of(data, "trouble");
        text = trouble.empty() ? "the configuration was read again" : shown(trouble);
    } else if (event == "hosts_changed") {
        text = "hosts have other names or addresses than before";
    } else if (!data.as_object().contains("node")) {
        return {}; // of a later daemon
    } else {
        const auto& node = data.at("node");
        text = node_text(node);
        if (!node.at("host").is_null()) {
            text += " at " + shown(text_of(node.at("host"), "address"));
        }
        if (event == "placed") {
            text += ", by " + placement_of(node);
        }
        if (const auto* other = data.as_object().if_contains("other"); other != nullptr && !other->is_null()) {
            text += ": its name belongs to " + node_text(*other);
        }
    }
    const auto when = shown_time(text_of(data, "at"));
    return styled(when, style::dim) + (is_terminal() ? " " : "\t") + styled(event, style_of(event)) +
           (is_terminal() ? std::string(14 - std::min<std::size_t>(13, event.size()), ' ') : "\t") + text + "\n";
}

std::string json_line(const std::string& event, const json::value& data) {
    json::object line{{"event", event}};
    for (const auto& [key, value] : data.as_object()) {
        line[key] = value;
    }
    return json::serialize(line) + "\n";
}

exit_status run(const call& how) {
    const auto never = std::chrono::steady_clock::time_point::max();
    follower events(how, never);
    if (is_terminal()) {
        remark("follows the nodes of the epmd on port " + std::to_string(how.port) + "; Ctrl-C ends it");
    }
    for (;;) {
        if (const auto next = events.next(never)) {
            const auto data = parsed(next->data);
            print(how.as_json ? json_line(next->name, data) : line_of(next->name, data));
        }
    }
}

} // namespace

const verb watch_verb{
    .name = "watch", .help = "follow nodes that come and go, one line each", .has_json = true, .run = run};

} // namespace epmd::ctl
