// The first steps: are these names of nodes, and do short and long ones meet?
#include "doctor/walk.hpp"
#include "output.hpp"
#include "registry/address.hpp"
#include "wire/alive_name.hpp"

#include <algorithm>

namespace epmd::ctl::doctor {
namespace {

/// What is wrong with a name, as a clause of it; empty: nothing.
std::string fault_of(const std::string& name) {
    const auto parts = split_node_name(name);
    const bool is_quoted = name.size() > 1 && (name.front() == '\'' || name.front() == '"' || name.starts_with(":\""));
    if (is_quoted) {
        return "begins with a quote; as Erlang and Elixir write it, the quotes are not part of the name";
    }
    if (name.starts_with(':')) {
        return "begins with a colon; as Elixir writes it, the colon is not part of the name";
    }
    if (name.find('@') == std::string::npos) {
        return "has no @";
    }
    if (parts.alive_name.empty()) {
        return "has nothing before its @";
    }
    if (parts.host_part.empty()) {
        return "has nothing after its @";
    }
    if (parts.host_part.find('@') != std::string_view::npos) {
        return "has more than one @";
    }
    if (wire::judge_alive_name(name) != wire::name_verdict::good) {
        return "is no UTF-8 of at most 255 characters, or has a control character";
    }
    // Before the @: what a VM starts with (tried with OTP 25 and 27).
    const auto is_allowed = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '_' || letter == '-';
    };
    const auto* bad = std::find_if_not(parts.alive_name.begin(), parts.alive_name.end(), is_allowed);
    if (bad != parts.alive_name.end()) {
        const auto shown_part = static_cast<unsigned char>(*bad) < 0x80 ? "'" + std::string(1, *bad) + "'" : "a letter";
        return "has " + shown_part + " before its @, where only a to z, A to Z, 0 to 9, _ and - may stand";
    }
    // What a name or an address of a host has; nothing else is worth a question, nor fit to be typed.
    const auto is_of_host = [&](char letter) { return is_allowed(letter) || letter == '.' || letter == ':'; };
    const auto* odd = std::find_if_not(parts.host_part.begin(), parts.host_part.end(), is_of_host);
    if (odd != parts.host_part.end()) {
        const auto shown_part = static_cast<unsigned char>(*odd) < 0x80 ? "'" + std::string(1, *odd) + "'" : "a letter";
        return "has " + shown_part + " in its host, where only letters, digits, _, -, . and : may stand";
    }
    return {};
}

bool check_name(way& it, const std::string& name) {
    const auto fault = fault_of(name);
    if (fault.empty()) {
        return true;
    }
    it.told.stop(step::names, shown(name) + " " + fault,
                 {.what = cause::no_node_name,
                  .is_guess = false,
                  .sentence = shown(name) + " is no node name: it " + fault + ".",
                  .why = "A node is called as idfe@lowry: what its VM was started with, an @, and its host.",
                  .mends = {{"in a shell", "epmdctl nodes    # lists the nodes with their names"}}});
    return false;
}

bool has_dot(std::string_view host) {
    return host.find('.') != std::string_view::npos;
}

std::string process_text(const party& one) {
    return one.process ? ", pid " + std::to_string(one.process->pid) : "";
}

/// A name with a domain, or without one.
std::string with_domain(const party& one) {
    const auto host = std::string(one.host_part());
    return std::string(one.alive_name()) + "@" + (has_dot(host) ? host : host + ".DOMAIN");
}

std::string without_domain(const party& one) {
    const auto host = one.host_part();
    const bool is_address = address::parse(host).has_value();
    return std::string(one.alive_name()) + "@" + (is_address ? "HOST" : std::string(first_label(host)));
}

/// What the node calls itself that our epmd lists at the address by which it was called; empty: the name was no
/// address, or none is there.
std::string name_at_that_address(way& it) {
    const auto where = address::parse(it.to.host_part());
    for (const auto& one : where ? it.world.epmd().nodes : std::vector<listed_node>()) {
        if (one.where == it.world.epmd().known.at(*where) && one.alive_name == it.to.alive_name() &&
            one.is_name_known) {
            return shown(one.node_name);
        }
    }
    return {};
}

} // namespace

naming_of_node mode_of(const party& one) {
    if (one.process && one.process->names != naming::unknown) {
        const bool is_short = one.process->names == naming::short_names;
        return {.mode = one.process->names, .is_guess = false, .by = is_short ? "-sname" : "-name"};
    }
    if (one.name.empty()) {
        return {};
    }
    if (address::parse(one.host_part())) { // -sname does not take one
        return {.mode = naming::long_names, .is_guess = false, .by = "its host is an address"};
    }
    return {.mode = has_dot(one.host_part()) ? naming::long_names : naming::short_names, .is_guess = true, .by = {}};
}

bool check_names(way& it) {
    if ((!it.from.name.empty() && !check_name(it, it.from.name)) || !check_name(it, it.to.name)) {
        return false;
    }
    if (it.from.name == it.to.name) {
        it.told.stop(step::names, "both are " + it.to.called(),
                     {.what = cause::own_name,
                      .is_guess = false,
                      .sentence = it.to.called() + " is asked to reach itself.",
                      .why = "A node needs no connection to itself: net_adm:ping/1 says pong and connect_node/1 true, "
                             "whatever the network does.",
                      .mends = {}});
        return false;
    }
    it.told.note(step::names, mark::good,
                 it.from.name.empty() ? shown(it.to.name) + " is a node name"
                                      : shown(it.from.name) + " and " + shown(it.to.name) + " are node names");
    return true;
}

/// A VM refuses to dial a host whose name does not suit its own mode; of the mode of the other it knows nothing.
bool check_mode(way& it) {
    const auto ours = mode_of(it.from);
    const auto theirs = mode_of(it.to);
    const bool is_literal = address::parse(it.to.host_part()).has_value();
    const bool suits_long = has_dot(it.to.host_part()) || is_literal;
    const bool suits_short = !has_dot(it.to.host_part()); // an address of IPv6 suits both
    const auto word = [](naming mode) { return mode == naming::short_names ? "short" : "long"; };
    const auto text = [&](const party& one, const naming_of_node& mode) {
        return one.called() + " has " + word(mode.mode) + " names (" +
               (mode.is_guess ? "a guess, by the " + std::string(has_dot(one.host_part()) ? "dot" : "missing dot")
                              : mode.by + (mode.by.starts_with('-') ? process_text(one) : "")) +
               ")";
    };
    const bool is_short = ours.mode == naming::short_names;
    if (ours.mode == naming::unknown || (is_short ? suits_short : suits_long)) {
        it.told.note(step::mode, mark::good,
                     ours.mode == naming::unknown
                         ? "it is reached by nodes with " + std::string(suits_long ? "long" : "short") + " names (" +
                               (suits_long ? "-name" : "-sname") + ")"
                         : text(it.from, ours) + ", and " + text(it.to, theirs));
        return true;
    }
    diagnosis what{
        .what = cause::short_and_long_names, .is_guess = ours.is_guess, .sentence = {}, .why = {}, .mends = {}};
    if (is_short) {
        what.sentence = it.from.called() + " has short names and " + it.to.called() + " a long one" +
                        (ours.is_guess ? ", as far as the dots say." : ".");
        what.why =
            "A node with short names (-sname) dials no host that has a dot, nor an address; it says so in its own "
            "output.";
        what.mends = {{"start " + it.from.called() + " with", "-name " + with_domain(it.from) + "    # not -sname"},
                      {"or start " + it.to.called() + " with", "-sname " + without_domain(it.to) + "    # not -name"}};
    } else {
        what.sentence = it.from.called() + " has long names and the host of " + it.to.called() + " has no dot" +
                        (ours.is_guess ? ", as far as the dots say." : ".");
        what.why =
            "A node with long names (-name) dials only hosts that have a dot, and addresses; it says so in its own "
            "output.";
        what.mends = {
            {"start " + it.from.called() + " with", "-sname " + without_domain(it.from) + "    # not -name"},
            {"or start " + it.to.called() + " with", "-name " + with_domain(it.to) + "    # and a host with a dot"}};
    }
    if (const auto meant = name_at_that_address(it); !meant.empty()) {
        what.mends.insert(what.mends.begin(), {"did you mean", meant + "?"});
    }
    if (ours.is_guess) {
        what.why += " Its command line is not to be seen from here, so its mode is a guess: -name x@lowry is allowed.";
    }
    it.told.stop(step::mode, text(it.from, ours) + ", and " + text(it.to, theirs), std::move(what));
    return false;
}

} // namespace epmd::ctl::doctor
