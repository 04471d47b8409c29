#include "settings/options.hpp"

#include "settings/number.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

namespace epmd {
namespace {

constexpr std::string_view address_range = "IPv4 and IPv6 addresses, separated by commas";

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

/// Sets what is called `value`. False: nothing is.
template <typename Value, std::size_t N>
bool set_named(Value& to, const std::array<std::pair<std::string_view, Value>, N>& all, std::string_view value) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == value; });
    if (found != all.end()) {
        to = found->second;
    }
    return found != all.end();
}

bool apply_port(settings& to, std::string_view value) {
    const auto port = parse_number<std::uint16_t>(value, 1, 65535);
    to.port = port.value_or(to.port);
    return port.has_value();
}

/// Throws address_error for what is no address. False: there is none.
bool apply_addresses(settings& to, std::string_view value) {
    std::vector<address> addresses;
    for (const auto part : split(value)) {
        const auto one = address::parse(part);
        if (!one) {
            const std::string given(part);
            throw address_error(given + " is not allowed: " + std::string(address_range), given);
        }
        addresses.push_back(*one);
    }
    to.addresses = std::move(addresses);
    to.scope = listen_scope::all;
    return !to.addresses.empty();
}

bool apply_listen(settings& to, std::string_view value) {
    if (value == "all" || value == "loopback") {
        to.addresses.clear();
        to.scope = value == "all" ? listen_scope::all : listen_scope::loopback;
        return true;
    }
    try {
        return apply_addresses(to, value);
    } catch (const address_error&) {
        return false; // ours, and a word for a scope may be meant: all that is allowed is said
    }
}

bool apply_status(settings& to, std::string_view value) {
    constexpr std::array<std::pair<std::string_view, status_scope>, 3> scopes{
        {{"loopback", status_scope::loopback}, {"all", status_scope::all}, {"off", status_scope::off}}};
    return set_named(to.status, scopes, value);
}

bool apply_host(settings& to, std::string_view value) {
    const auto equals = value.find('=');
    if (equals == std::string_view::npos) {
        return false;
    }
    to.hosts.push_back(parse_host(value.substr(0, equals), value.substr(equals + 1)));
    return true;
}

template <bool settings::*To>
bool apply_yes_or_no(settings& to, std::string_view value) {
    to.*To = value == "yes";
    return value == "yes" || value == "no";
}

/// compat: the flag has no value, and the variable counts whatever its value is (transcript of stock).
bool apply_relaxed_always(settings& to, std::string_view) {
    to.relaxed_command_check = true;
    return true;
}

template <std::chrono::seconds settings::*To>
bool apply_seconds(settings& to, std::string_view value) {
    const auto seconds = parse_number<int>(value, 1, 604800);
    if (seconds) {
        to.*To = std::chrono::seconds(*seconds);
    }
    return seconds.has_value();
}

constexpr std::size_t most_connections = 1000000; // fs.nr_open(5) is 1,048,576 where nobody has changed it

template <std::size_t limits::*To, std::size_t Least, std::size_t Most>
bool apply_limit(settings& to, std::string_view value) {
    const auto number = parse_number<std::size_t>(value, Least, Most);
    to.most.*To = number.value_or(to.most.*To);
    return number.has_value();
}

bool apply_request_time(settings& to, std::string_view value) {
    const auto seconds = parse_number<int>(value, 1, 604800);
    to.most.request_time = seconds ? std::chrono::seconds(*seconds) : to.most.request_time;
    return seconds.has_value();
}

bool apply_log_level(settings& to, std::string_view value) {
    constexpr std::array<std::pair<std::string_view, log_level>, 5> levels{{{"error", log_level::error},
                                                                            {"warn", log_level::warn},
                                                                            {"info", log_level::info},
                                                                            {"debug", log_level::debug},
                                                                            {"trace", log_level::trace}}};
    return set_named(to.level, levels, value);
}

/// Once for each request, twice for the bytes as well; stock has a third level, of its inner workings.
bool apply_debug(settings& to, std::string_view) {
    to.level = to.level < log_level::debug ? log_level::debug : log_level::trace;
    return true;
}

template <verb What>
bool apply_verb(settings& to, std::string_view) {
    const bool is_only_one = to.what == verb::serve || to.what == What;
    to.what = What;
    return is_only_one;
}

constexpr std::string_view port_range = "a port is 1 to 65535";
constexpr std::string_view one_verb = "one thing to do at a time";
constexpr std::string_view seconds_range = "1 to 604800 seconds";
constexpr std::string_view level_range = "error, warn, info, debug or trace";

// One row an option; the formatter would give each field a line.
// clang-format off
constexpr std::array options{
    option{.flag = "port", .style = dashes::one, .variable = "ERL_EPMD_PORT", .file_key = "port", .value = "PORT",
           .allowed = port_range, .help = "the epmd port (4369)", .apply = apply_port, .topic = "port"},
    option{.flag = "address", .style = dashes::one, .value = "ADDR[,ADDR]", .allowed = address_range,
           .help = "listen on these addresses, and on 127.0.0.1 and ::1", .apply = apply_addresses, .topic = "listen",
           .is_unset_when_empty = true, .is_for_serving = true},
    option{.variable = "ERL_EPMD_ADDRESS", .value = "ADDR[,ADDR]", .allowed = address_range, .apply = apply_addresses,
           .topic = "listen", .is_unset_when_empty = true, .is_for_serving = true},
    option{.flag = "daemon", .style = dashes::one, .allowed = "no value",
           .help = "leave the terminal; returns when the port is served",
           .apply = [](settings& to, std::string_view) { return to.is_daemon = true; }, .topic = "daemon"},
    option{.flag = "relaxed_command_check", .style = dashes::one, .variable = "ERL_EPMD_RELAXED_COMMAND_CHECK",
           .allowed = "no value", .help = "allow -kill while nodes are registered, and -stop",
           .apply = apply_relaxed_always, .topic = "relaxed_command_check"},
    option{.file_key = "relaxed_command_check", .value = "yes|no", .allowed = "yes or no",
           .apply = apply_yes_or_no<&settings::relaxed_command_check>, .topic = "relaxed_command_check"},
    option{.flag = "systemd", .style = dashes::one, .allowed = "no value",
           .help = "serve the sockets that systemd passes, whatever -port and -address say",
           .apply = [](settings& to, std::string_view) { return to.has_systemd_sockets = true; }, .topic = "systemd"},
    option{.flag = "d", .style = dashes::one, .allowed = "no value",
           .help = "log each request; given twice, the bytes as well",
           .apply = apply_debug, .topic = "log_level"},
    option{.flag = "debug", .style = dashes::one, .allowed = "no value", .help = "the same",
           .apply = apply_debug, .topic = "log_level"},
    option{.flag = "packet_timeout", .style = dashes::one, .file_key = "packet_timeout", .value = "SECONDS",
           .allowed = seconds_range, .help = "close a connection that sends nothing for so long (60)",
           .apply = apply_seconds<&settings::packet_timeout>, .topic = "packet_timeout"},
    option{.flag = "delay_accept", .style = dashes::one, .value = "SECONDS", .allowed = seconds_range,
           .help = "for tests: sleep before accepting, as a busy epmd would",
           .apply = apply_seconds<&settings::delay_accept>, .topic = "delay_accept"},
    option{.flag = "delay_write", .style = dashes::one, .value = "SECONDS", .allowed = seconds_range,
           .help = "for tests: sleep before each reply", .apply = apply_seconds<&settings::delay_write>,
           .topic = "delay_write"},
    option{.flag = "names", .style = dashes::one, .allowed = one_verb,
           .help = "list the names that the running epmd has, the machine's and then each host's",
           .apply = apply_verb<verb::names>, .topic = "verb", .is_last = true},
    option{.flag = "kill", .style = dashes::one, .allowed = one_verb,
           .help = "end the running epmd, if no node is registered or it is relaxed",
           .apply = apply_verb<verb::kill>, .topic = "verb", .is_last = true},
    option{.flag = "stop", .style = dashes::one, .value = "NAME", .allowed = "the alive name of a node",
           .help = "unregister a node by force, if the running epmd is relaxed",
           .apply =
               [](settings& to, std::string_view name) {
                   to.stop_name = name;
                   return apply_verb<verb::stop>(to, name);
               },
           .topic = "verb", .is_last = true},
    option{.flag = "started", .style = dashes::one, .allowed = one_verb,
           .help = "status 0 if an epmd is running, else 1; says nothing", .apply = apply_verb<verb::started>,
           .topic = "verb", .is_last = true},
    option{.flag = "dump", .style = dashes::one, .allowed = one_verb,
           .help = "list also names no longer in use, for debugging", .apply = apply_verb<verb::dump>,
           .topic = "verb", .is_last = true},
    option{.flag = "listen", .file_key = "listen", .value = "loopback|all|ADDR[,ADDR]",
           .allowed = "loopback, all, or IPv4 and IPv6 addresses separated by commas",
           .help = "who is served: this machine only, everybody (all), or as -address", .apply = apply_listen,
           .topic = "listen"},
    option{.flag = "host", .value = "NAME=ADDR[,ADDR]", .allowed = "a name, =, and addresses separated by commas",
           .help = "name a host, or give it several addresses; may be repeated", .apply = apply_host,
           .topic = "host"},
    option{.flag = "probe", .file_key = "probe", .value = "yes|no", .allowed = "yes or no",
           .help = "whether a node may be asked for its name, where nothing else says it (yes)",
           .apply = apply_yes_or_no<&settings::may_ask_nodes>, .topic = "probe"},
    option{.flag = "status", .file_key = "status", .value = "loopback|all|off", .allowed = "loopback, all or off",
           .help = "who sees the status page and all else over HTTP: this machine only (loopback), everybody, nobody",
           .apply = apply_status, .topic = "status"},
    option{.file_key = "request_time", .value = "SECONDS", .allowed = seconds_range, .apply = apply_request_time,
           .topic = "request_time"},
    option{.file_key = "max_connections", .value = "NUMBER", .allowed = "16 to 1000000 connections",
           .apply = apply_limit<&limits::max_connections, 16, most_connections>, .topic = "max_connections"},
    option{.file_key = "max_connections_per_peer", .value = "NUMBER", .allowed = "1 to 1000000 connections",
           .apply = apply_limit<&limits::max_connections_per_peer, 1, most_connections>,
           .topic = "max_connections_per_peer"},
    option{.file_key = "max_registrations", .value = "NUMBER", .allowed = "1 to 1000000 nodes",
           .apply = apply_limit<&limits::max_registrations, 1, most_connections>, .topic = "max_registrations"},
    option{.file_key = "max_registrations_per_user", .value = "NUMBER", .allowed = "1 to 1000000 nodes",
           .apply = apply_limit<&limits::max_registrations_per_user, 1, most_connections>,
           .topic = "max_registrations_per_user"},
    option{.file_key = "max_http_connections", .value = "NUMBER", .allowed = "1 to 10000 connections",
           .apply = apply_limit<&limits::max_http_connections, 1, 10000>, .topic = "max_http_connections"},
    option{.file_key = "max_event_streams", .value = "NUMBER", .allowed = "0 to 10000 connections",
           .apply = apply_limit<&limits::max_event_streams, 0, 10000>, .topic = "max_event_streams"},
    option{.file_key = "max_placements", .value = "NUMBER", .allowed = "64 to 1000000 nodes",
           .apply = apply_limit<&limits::max_placements, 64, 1000000>, .topic = "max_placements"},
    option{.flag = "log-level", .file_key = "log_level", .value = "LEVEL", .allowed = level_range,
           .help = "error, warn, info, debug or trace (info)", .apply = apply_log_level, .topic = "log_level"},
    option{.flag = "config", .value = "FILE", .allowed = "the name of a file",
           .help = "read this file, not $XDG_CONFIG_HOME/loopmd/loopmd.conf or /etc/loopmd/loopmd.conf",
           .apply = [](settings& to, std::string_view value) { return !(to.config_file = value).empty(); },
           .topic = "config"},
    option{.flag = "check-config", .allowed = one_verb, .help = "read everything, say what was read, and leave",
           .apply = apply_verb<verb::check_config>, .topic = "verb"},
    option{.flag = "check-snapshot", .allowed = one_verb,
           .help = "read a table to be handed over on standard input, say whether it can be gone on with, and leave",
           .apply = apply_verb<verb::check_snapshot>, .topic = "verb"},
    option{.flag = "replace", .allowed = "no value",
           .help = "take the port from the epmd that has it, and serve the nodes that it had",
           .apply = [](settings& to, std::string_view) { return to.replaces = true; }, .topic = "replace"},
    option{.flag = "free-port", .allowed = one_verb,
           .help = "end the epmd that has the port, if there is one, and leave: before a socket unit listens there",
           .apply = apply_verb<verb::free_port>, .topic = "verb"},
    option{.flag = "exit-idle", .value = "SECONDS", .allowed = seconds_range,
           .help = "with -systemd: end when no node was registered for so long",
           .apply = apply_seconds<&settings::exit_idle>, .topic = "exit_idle"},
    option{.flag = "version", .allowed = one_verb, .help = "print the version", .apply = apply_verb<verb::version>,
           .topic = "verb"},
    option{.flag = "help", .allowed = one_verb, .help = "print this", .apply = apply_verb<verb::help>,
           .topic = "verb"},
};
// clang-format on

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
