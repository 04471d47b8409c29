#include "registry/hosts.hpp"

#include <algorithm>
#include <utility>

namespace epmd {
namespace {

constexpr char lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

} // namespace

bool is_same_name(std::string_view left, std::string_view right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view first_label(std::string_view name) noexcept {
    return name.substr(0, name.find('.'));
}

hosts::hosts(std::vector<configured_host> configured, machine_identity machine)
    : configured_(std::move(configured)), machine_(std::move(machine)) {
    for (const auto& one : configured_) {
        for (const auto& address : one.addresses) {
            by_address_.emplace(address, host(one.addresses.front()));
        }
    }
    for (const auto& one : machine_.names) {
        file_names_[at(one.where)].push_back(one.name);
    }
}

host hosts::at(const address& local) const noexcept {
    if (const auto found = by_address_.find(local); found != by_address_.end()) {
        return found->second;
    }
    if (local == loopback_v4 || local == loopback_v6) {
        return the_machine;
    }
    const bool is_others = machine_.others.contains(local);
    const bool is_nobodys = local.is_loopback_v4() && !machine_.addresses.contains(local);
    return is_others || is_nobodys ? host(local) : the_machine;
}

std::optional<host> hosts::named(std::string_view name) const {
    // A configured name goes first: who names a host as the machine is named means that host.
    for (const auto& one : configured_) {
        if (is_same_name(one.name, name)) {
            return host(one.addresses.front());
        }
    }
    if (!machine_.hostname.empty() &&
        (is_same_name(name, machine_.hostname) || is_same_name(name, first_label(machine_.hostname)))) {
        return the_machine;
    }
    return std::nullopt;
}

std::optional<host> hosts::named_with_or_without_domain(std::string_view name) const {
    const auto has_domain = [](std::string_view one) { return one.find('.') != std::string_view::npos; };
    std::optional<host> result;
    const auto compare = [&](std::string_view other, host which) {
        if (has_domain(name) == has_domain(other) || !is_same_name(first_label(name), first_label(other))) {
            return true;
        }
        return !std::exchange(result, which).has_value();
    };
    for (const auto& one : configured_) {
        if (!compare(one.name, host(one.addresses.front()))) {
            return std::nullopt;
        }
    }
    if (!result && !machine_.hostname.empty()) {
        compare(machine_.hostname, the_machine);
    }
    return result;
}

std::vector<address> hosts::addresses_of(host which) const {
    const auto* configured = configured_as(which);
    return configured != nullptr ? configured->addresses : std::vector{which.first_address()};
}

std::string hosts::name_of(host which) const {
    if (const auto* configured = configured_as(which)) {
        return configured->name;
    }
    return which.is_machine() ? machine_.hostname : std::string();
}

std::vector<std::string> hosts::names_of(host which) const {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        const auto is_same = [&](const std::string& other) { return is_same_name(name, other); };
        if (!name.empty() && std::none_of(names.begin(), names.end(), is_same)) {
            names.push_back(name);
        }
    };
    add(name_of(which));
    if (const auto found = file_names_.find(which); found != file_names_.end()) {
        std::for_each(found->second.begin(), found->second.end(), add);
    }
    return names;
}

std::string hosts::first_name_of(host which) const {
    auto name = name_of(which);
    if (const auto found = file_names_.find(which); name.empty() && found != file_names_.end()) {
        name = found->second.front();
    }
    return name;
}

std::optional<host> hosts::known_as(std::string_view name) const {
    if (const auto found = named(name)) {
        return found;
    }
    const auto row = std::find_if(machine_.names.begin(), machine_.names.end(),
                                  [&](const named_address& one) { return is_same_name(one.name, name); });
    return row == machine_.names.end() ? std::nullopt : std::optional(at(row->where));
}

/// Null: it is the machine, or a host that nobody configured.
const configured_host* hosts::configured_as(host which) const noexcept {
    const auto found = std::find_if(configured_.begin(), configured_.end(),
                                    [&](const configured_host& one) { return host(one.addresses.front()) == which; });
    return found == configured_.end() ? nullptr : &*found;
}

} // namespace epmd
