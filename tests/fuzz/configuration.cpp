// What the daemon is told: by its configuration file, its flags and its environment.
#include "fuzz/demand.hpp"
#include "fuzz/targets.hpp"
#include "settings/settings.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace epmd::fuzz {
namespace {

/// Nothing, not even a home: so no file of this machine counts.
std::optional<std::string> nothing_set(const std::string&) {
    return std::nullopt;
}

settings read(const std::string& text) {
    const std::array<std::string, 2> arguments{"--config", "loopmd.conf"};
    return epmd::read_settings(arguments, nothing_set, "/nowhere", text);
}

std::string list_of(const std::vector<address>& all) {
    std::string text;
    for (const auto& one : all) {
        text += (text.empty() ? "" : ", ") + to_string(one);
    }
    return text;
}

std::string written(const settings& what) {
    constexpr std::array levels{"error", "warn", "info", "debug", "trace"};
    constexpr std::array shown_to{"loopback", "all", "off"};
    std::string listen = what.scope == listen_scope::all ? "all" : "loopback";
    if (!what.addresses.empty()) {
        listen = list_of(what.addresses);
    }
    std::string text = "port = " + std::to_string(what.port) + "\nlisten = " + listen +
                       "\nstatus = " + shown_to.at(static_cast<std::size_t>(what.status)) +
                       "\nlog_level = " + levels.at(static_cast<std::size_t>(what.level)) +
                       "\npacket_timeout = " + std::to_string(what.packet_timeout.count()) +
                       "\nrelaxed_command_check = " + (what.relaxed_command_check ? "yes" : "no") +
                       "\nprobe = " + (what.may_ask_nodes ? "yes" : "no") + "\n[host]\n";
    for (const auto& one : what.hosts) {
        text += one.name + " = " + list_of(one.addresses) + "\n";
    }
    return text;
}

bool is_one_line(std::string_view sentence) {
    return std::none_of(sentence.begin(), sentence.end(), [](char letter) {
        return (static_cast<unsigned char>(letter) < 0x20 && letter != '\t') || letter == '\x7f';
    });
}

} // namespace

void read_settings(std::string_view bytes) {
    settings found;
    try {
        found = read(std::string(bytes));
    } catch (const file_error& error) {
        const std::string_view sentence = error.what();
        demand(is_one_line(sentence), "what is wrong with a file is said in one line");
        demand(sentence.starts_with("/nowhere/loopmd.conf:") || sentence.starts_with("host "), "and has its place");
        demand(sentence.find("allowed") != std::string_view::npos || sentence.find("give ") != std::string_view::npos ||
                   sentence.find(": ") != std::string_view::npos,
               "and a mend");
        return;
    }
    auto again = read(written(found));
    again.config_text = found.config_text;
    demand(again == found, "what is written is read as the same");
}

void read_flags(std::string_view bytes) {
    std::vector<std::string> arguments;
    std::map<std::string, std::string> variables{{"XDG_CONFIG_HOME", "/nowhere"}};
    while (!bytes.empty()) {
        const auto word = bytes.substr(0, bytes.find('\0'));
        bytes.remove_prefix(std::min(word.size() + 1, bytes.size()));
        const auto equals = word.find('=');
        if (word.starts_with("ERL_EPMD_") && equals != std::string_view::npos) {
            variables.insert_or_assign(std::string(word.substr(0, equals)), std::string(word.substr(equals + 1)));
        } else {
            arguments.emplace_back(word);
        }
    }
    const auto value = [&](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    try {
        const auto found = epmd::read_settings(arguments, value, "/nowhere", std::string());
        demand(found.port > 0, "no flag gives port 0");
        demand(
            std::none_of(found.hosts.begin(), found.hosts.end(), [](const auto& one) { return one.addresses.empty(); }),
            "a host has an address");
        demand(found.what == verb::stop || found.stop_name.empty(), "a name is for -stop");
    } catch (const settings_error& error) {
        demand(!std::string_view(error.what()).empty(), "a mistake has a sentence");
    }
}

} // namespace epmd::fuzz
