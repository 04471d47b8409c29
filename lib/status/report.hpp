/// Hosts, nodes, the daemon and what happens, as JSON. docs/status.md has the schema; what stands there stays.
#pragma once

#include "registry/hosts.hpp"
#include "registry/registry.hpp"
#include "service/action.hpp"
#include "service/service.hpp"
#include "status/facts.hpp"
#include "status/lexicon.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {

std::string_view to_string(placement_state) noexcept;
std::string_view to_string(event::kind) noexcept;
std::string_view to_string(refusal) noexcept;

/// What others call themselves is not always UTF-8, which JSON and Prometheus want: then it is escaped.
std::string utf8(std::string_view);

/// A node. Text that is not UTF-8, as a process may have it in its name, is escaped.
boost::json::object report_of(const registration&, const hosts&, lexicon&);

/// All hosts: the machine, the configured ones, those of the hosts file, and others that have nodes.
std::vector<host> all_hosts(const registry&, const hosts&);

/// One of them.
boost::json::object report_of(host, const registry&, const hosts&);

/// The daemon, its limits and what it has counted, to who asks at `asked_at`.
boost::json::object report_of(const daemon_facts&, const service&, lexicon&, const address& asked_at, time_point now);

/// Adds to which node something happened, and what else there is to say of it.
void put_event(boost::json::object&, const event&, const hosts&, lexicon&);

/// Adds what was wrong, if anything was.
void put_trouble(boost::json::object&, const std::optional<std::string>&);

} // namespace epmd
