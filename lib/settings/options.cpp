#include "settings/options.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace epmd {
namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text, Number lowest, Number highest) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < lowest || value > highest) {
        return std::nullopt;
    }
    return value;
}

/// Text between commas and white space (stock takes both).
std::vector<std::string_view> split(std::string_view text) {
    constexpr std::string_view separators = ", \t";
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        if (end > 0) {
            parts.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

bool apply_port(settings& to, std::string_view value) {
    const auto port = parse_number<std::uint16_t>(value, 1, 65535);
    to.port = port.value_or(to.port);
    return port.has_value();
}

bool apply_addresses(settings& to, std::string_view value) {
    std::vector<address> addresses;
    for (const auto part : split(value)) {
        const auto one = address::parse(part);
        if (!one) {
            return false;
        }
        addresses.push_back(*one);
    }
    to.addresses = std::move(addresses);
    to.scope = listen_scope::all;
    return !to.addresses.empty();
}

bool apply_listen(settings& to, std::string_view value) {
    if (value != "all" && value != "loopback") {
        return apply_addresses(to, value);
    }
    to.addresses.clear();
    to.scope = value == "all" ? listen_scope::all : listen_scope::loopback;
    return true;
}

bool apply_host(settings& to, std::string_view value) {
    const auto equals = value.find('=');
    if (equals == std::string_view::npos) {
        return false;
    }
    to.hosts.push_back(parse_host(value.substr(0, equals), value.substr(equals + 1)));
    return true;
}

bool apply_relaxed(settings& to, std::string_view value) {
    to.relaxed_command_check = value == "yes";
    return value == "yes" || value == "no";
}

/// compat: the flag has no value, and the variable counts whatever its value is (transcript of stock).
bool apply_relaxed_always(settings& to, std::string_view) {
    to.relaxed_command_check = true;
    return true;
}

bool apply_packet_timeout(settings& to, std::string_view value) {
    const auto seconds = parse_number<int>(value, 1, 604800);
    to.packet_timeout = std::chrono::seconds(seconds.value_or(60));
    return seconds.has_value();
}

bool apply_log_level(settings& to, std::string_view value) {
    constexpr std::array<std::pair<std::string_view, log_level>, 4> levels{{{"error", log_level::error},
                                                                            {"warn", log_level::warn},
                                                                            {"info", log_level::info},
                                                                            {"debug", log_level::debug}}};
    for (const auto& [name, level] : levels) {
        if (value == name) {
            to.level = level;
            return true;
        }
    }
    return false;
}

template <verb What>
bool apply_verb(settings& to, std::string_view) {
    const bool is_only_one = to.what == verb::serve || to.what == What;
    to.what = What;
    return is_only_one;
}

constexpr std::string_view port_range = "a port is 1 to 65535";
constexpr std::string_view address_range = "IPv4 and IPv6 addresses, separated by commas";
constexpr std::string_view one_verb = "one thing to do at a time";

constexpr std::array options{
    option{"port", dashes::one, "ERL_EPMD_PORT", "port", "PORT", port_range, "the epmd port (4369)", apply_port,
           "port"},
    option{"address", dashes::one, "", "", "ADDR[,ADDR]", address_range,
           "listen on these addresses, and on 127.0.0.1 and ::1", apply_addresses, "listen"},
    option{"", dashes::two, "ERL_EPMD_ADDRESS", "", "ADDR[,ADDR]", address_range, "", apply_addresses, "listen",
           false, true},
    option{"listen", dashes::two, "", "listen", "loopback|all|ADDR[,ADDR]",
           "loopback, all, or IPv4 and IPv6 addresses separated by commas",
           "who is served: this machine only, everybody (all), or as -address", apply_listen, "listen"},
    option{"host", dashes::two, "", "", "NAME=ADDR[,ADDR]", "a name, =, and addresses separated by commas",
           "name a host, or give it several addresses; may be repeated", apply_host, "host", true},
    option{"relaxed_command_check", dashes::one, "ERL_EPMD_RELAXED_COMMAND_CHECK", "", "", "no value",
           "allow -kill with live nodes, and -stop", apply_relaxed_always, "relaxed_command_check"},
    option{"", dashes::two, "", "relaxed_command_check", "yes|no", "yes or no", "", apply_relaxed,
           "relaxed_command_check"},
    option{"packet_timeout", dashes::one, "", "packet_timeout", "SECONDS", "1 to 604800 seconds",
           "close a connection that sends nothing for so long (60)", apply_packet_timeout, "packet_timeout"},
    option{"daemon", dashes::one, "", "", "", "no value", "leave the terminal; returns when the port is served",
           [](settings& to, std::string_view) { return to.is_daemon = true; }, "daemon", true},
    option{"d", dashes::one, "", "", "", "no value", "log more, to standard error; as --log-level debug",
           [](settings& to, std::string_view) { return apply_log_level(to, "debug"); }, "log_level", true},
    option{"debug", dashes::one, "", "", "", "no value", "the same",
           [](settings& to, std::string_view) { return apply_log_level(to, "debug"); }, "log_level", true},
    option{"log-level", dashes::two, "", "log_level", "LEVEL", "error, warn, info or debug",
           "error, warn, info or debug (info)", apply_log_level, "log_level"},
    option{"names", dashes::one, "", "", "", one_verb, "list the names that the running epmd has",
           apply_verb<verb::names>, "verb"},
    option{"kill", dashes::one, "", "", "", one_verb, "end the running epmd, if no node is registered",
           apply_verb<verb::kill>, "verb"},
    option{"config", dashes::two, "", "", "FILE", "the name of a file",
           "read this file, not $XDG_CONFIG_HOME/loopmd/loopmd.conf or /etc/loopmd/loopmd.conf",
           [](settings& to, std::string_view value) { return !(to.config_file = value).empty(); }, "config"},
    option{"check-config", dashes::two, "", "", "", one_verb, "read everything, say what was read, and leave",
           apply_verb<verb::check_config>, "verb"},
    option{"version", dashes::two, "", "", "", one_verb, "print the version", apply_verb<verb::version>, "verb"},
    option{"help", dashes::two, "", "", "", one_verb, "print this", apply_verb<verb::help>, "verb"},
};

bool is_host_name(std::string_view name) {
    constexpr std::size_t longest = 253; // RFC 1035, section 2.3.4, as text
    return !name.empty() && name.size() <= longest && name.front() != '-' &&
           std::all_of(name.begin(), name.end(), [](char letter) {
               const auto byte = static_cast<unsigned char>(letter);
               return std::isalnum(byte) != 0 || letter == '-' || letter == '.' || letter == '_';
           });
}

} // namespace

std::span<const option> all_options() {
    return options;
}

configured_host parse_host(std::string_view name, std::string_view addresses) {
    const auto complain = [&](const std::string& what) {
        throw settings_error("host " + std::string(name) + " = " + std::string(addresses) + ": " + what);
    };
    if (!is_host_name(name) || is_same_name(name, "localhost")) {
        complain("the name of a host is letters, digits, '-', '.' and '_', and not localhost");
    }
    configured_host result{std::string(name), {}};
    for (const auto part : split(addresses)) {
        const auto one = address::parse(part);
        if (!one) {
            complain(std::string(part) + " is no address; allowed are IPv4 and IPv6 addresses of this machine");
        }
        if (*one == loopback_v4 || *one == loopback_v6 || one->is_wildcard()) {
            complain(to_string(*one) + " is the machine's own; allowed is any other address of this machine, as "
                                       "127.0.0.2 to 127.255.255.254");
        }
        if (std::find(result.addresses.begin(), result.addresses.end(), *one) != result.addresses.end()) {
            complain(to_string(*one) + " is given twice");
        }
        result.addresses.push_back(*one);
    }
    if (result.addresses.empty()) {
        complain("a host has at least one address, as 127.0.0.2");
    }
    return result;
}

} // namespace epmd
