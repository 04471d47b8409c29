#include "daemon.hpp"

#include "environment.hpp"
#include "output.hpp"
#include "placement/by_name.hpp"
#include "placement/resolver.hpp"
#include "settings/settings.hpp"

#include <boost/json/parse.hpp>

#include <filesystem>
#include <utility>

namespace epmd::ctl {
namespace {

namespace json = boost::json;

address address_of(const json::value& text) {
    const auto found = address::parse({text.as_string().data(), text.as_string().size()});
    if (!found) {
        throw bad_answer("the epmd tells of an address that is none");
    }
    return *found;
}

} // namespace

patience with_remark(std::uint16_t port) {
    patience waiting;
    waiting.on_slow = [port] { remark("waiting for the epmd on port " + std::to_string(port)); };
    return waiting;
}

json::value parsed(const std::string& text) {
    boost::system::error_code error;
    auto result = json::parse(text, error);
    if (error) {
        throw bad_answer("what the daemon says is no JSON: " + error.message());
    }
    return result;
}

json::value page(const call& how, const std::string& target) {
    return page(how, target, with_remark(how.port));
}

json::value page(const call& how, const std::string& target, const patience& waiting) {
    return parsed(read_page(how.port, target, waiting));
}

std::string text_of(const json::value& object, std::string_view key) {
    const auto& found = object.at(key);
    return found.is_string() ? std::string(found.as_string()) : std::string();
}

hosts hosts_of(const json::value& page) {
    std::vector<configured_host> configured;
    machine_identity machine;
    for (const auto& row : page.at("hosts").as_array()) {
        const auto origin = text_of(row, "origin");
        if (origin == "machine") {
            machine.hostname = text_of(row, "name");
            for (const auto& one : row.at("addresses").as_array()) {
                machine.addresses.insert(address_of(one));
            }
        } else if (origin == "configured") {
            configured.push_back({text_of(row, "name"), {}});
            for (const auto& one : row.at("addresses").as_array()) {
                configured.back().addresses.push_back(address_of(one));
            }
            if (configured.back().addresses.empty()) {
                throw bad_answer("the epmd tells of a host without an address");
            }
        } else {
            const auto where = address_of(row.at("address"));
            machine.others.insert(where);
            for (const auto& name : row.at("names").as_array()) {
                machine.names.push_back({std::string(name.as_string()), where});
            }
        }
    }
    return {std::move(configured), std::move(machine)};
}

std::optional<host> whereabouts(const json::value& node, const hosts& known) {
    const auto& at = node.at("host");
    return at.is_null() ? std::nullopt : std::optional(known.at(address_of(at.at("address"))));
}

hosts configured_hosts() {
    const auto read = read_settings({}, variable, std::filesystem::current_path());
    return {read.hosts, {}};
}

hosts configured_hosts_or_none() {
    try {
        return configured_hosts();
    } catch (const settings_error& error) {
        remark(error.what());
        return {};
    }
}

hosts known_hosts(const call& how) {
    try {
        return hosts_of(page(how, "/hosts"));
    } catch (const no_epmd&) {
        remark("no epmd answers on port " + std::to_string(how.port) +
               "; the hosts are those of the configuration file");
    } catch (const no_loopmd&) {
        remark("the epmd on port " + std::to_string(how.port) +
               " is no loopmd, or has `status = off`; the hosts are those of the configuration file");
    }
    return configured_hosts();
}

hosts hosts_to_print(const call& how) {
    auto known = known_hosts(how);
    if (known.configured().empty()) {
        remark("no hosts are configured; a line 'lowry = 127.0.0.2' below [host] in loopmd.conf makes one");
    }
    return known;
}

host host_named(std::string_view name, const hosts& known) {
    if (const auto found = host_without_resolving(name, known)) {
        return *found;
    }
    if (const auto found = known.known_as(name)) {
        return *found;
    }
    finding about;
    about.host_name = name;
    about = place_by_name(std::move(about), ask_system(std::string(name)), known);
    if (!about.where) {
        throw failure("the host " + shown(name) + " " + about.trouble +
                      "; name a host (epmdctl hosts lists them), an address of 127.0.0.0/8, or what resolves to one");
    }
    return *about.where;
}

std::string describe(host which, const hosts& known) {
    if (which.is_machine()) {
        return "this machine";
    }
    const auto names = known.names_of(which);
    const auto address = to_string(which.first_address());
    return names.empty() ? address : shown(names.front()) + " (" + address + ")";
}

} // namespace epmd::ctl
