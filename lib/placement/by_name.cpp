#include "placement/by_name.hpp"

#include <algorithm>
#include <utility>

namespace epmd {
namespace {

/// So many names of the hosts file are shown at most. Chosen, not tuned: far more hosts than one machine is made to
/// look like, and far fewer than the lines of a file that blocks advertisements.
constexpr std::size_t max_names_shown = 1000;

} // namespace

std::optional<host> host_without_resolving(std::string_view host_name, const hosts& known) {
    if (const auto literal = address::parse(host_name)) {
        const bool is_here = literal->is_loopback() || known.is_configured(*literal);
        return is_here ? std::optional(known.at(*literal)) : std::nullopt;
    }
    return known.named(host_name);
}

finding place_by_name(finding found, const resolution& resolved, const hosts& known) {
    found.where.reset();
    found.trouble = resolved.trouble;
    // The lowest rank counts, the first of it.
    enum { a_hosts, a_hosts_of_the_other_kind, the_machines, none } best = none;
    for (const auto& one : resolved.addresses) {
        if (!one.is_loopback() && !known.is_configured(one) && !resolved.local.contains(one)) {
            continue;
        }
        const auto where = known.at(one);
        const bool is_spoken = one.is_v4() != found.is_over_ipv6;
        const auto rank = where.is_machine() ? the_machines : is_spoken ? a_hosts : a_hosts_of_the_other_kind;
        if (rank < best) {
            best = rank;
            found.where = where;
        }
    }
    if (resolved.addresses.empty()) {
        found.where = known.named_with_or_without_domain(found.host_name);
    }
    if (!found.where && !resolved.addresses.empty()) {
        found.trouble = "resolves to " + to_string(resolved.addresses.front()) + ", which is not of this machine";
    }
    if (found.where) {
        found.trouble.clear();
    }
    return found;
}

machine_identity identify(std::string hostname, const resolution& of_hostname, const hosts_file& file) {
    machine_identity machine{.hostname = std::move(hostname),
                             .addresses = {of_hostname.addresses.begin(), of_hostname.addresses.end()},
                             .others = {}};
    const bool is_short = machine.hostname.find('.') == std::string::npos;
    const auto is_ours = [&](const std::string& name) {
        return is_same_name(name, machine.hostname) || is_same_name(name, first_label(machine.hostname)) ||
               (is_short && is_same_name(first_label(name), machine.hostname));
    };
    const auto is_hostname = [&](const std::string& name) { return is_same_name(name, machine.hostname); };
    for (const auto& [where, names] : file.names()) {
        if (of_hostname.addresses.empty() && std::any_of(names.begin(), names.end(), is_hostname)) {
            machine.addresses.insert(where); // the resolver hangs, maybe; the file does not
        }
        if (std::none_of(names.begin(), names.end(), is_ours)) {
            machine.others.insert(where);
            if (where.is_loopback_v4() && where != loopback_v4) {
                const auto room = max_names_shown - std::min(max_names_shown, machine.names.size());
                for (std::size_t i = 0; i < std::min(room, names.size()); ++i) {
                    machine.names.push_back({names[i], where});
                }
            }
        }
    }
    return machine;
}

} // namespace epmd
