/// Hosts, nodes, the daemon and what happens, as JSON. docs/status.md has the schema; what stands there stays.
#pragma once

#include "registry/hosts.hpp"
#include "registry/registry.hpp"
#include "service/action.hpp"
#include "service/service.hpp"
#include "status/facts.hpp"
#include "status/wall_clock.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {

std::string_view to_string(placement_state) noexcept;
std::string_view to_string(event::kind) noexcept;
std::string_view to_string(refusal) noexcept;

/// A node. Text that is not UTF-8, as a process may have it in its name, is escaped.
boost::json::object report_of(const registration&, const hosts&, wall_clock&);

/// All hosts: the machine, the configured ones, those of the hosts file, and others that have nodes.
std::vector<host> all_hosts(const registry&, const hosts&);

/// One of them.
boost::json::object report_of(host, const registry&, const hosts&);

/// The daemon, its limits and what it has counted.
boost::json::object report_of(const daemon_facts&, const service&, wall_clock&, time_point now);

/// Something that happened to a node.
boost::json::object report_of(const event&, const hosts&, wall_clock&, time_point now);

/// The outcome of a reload, or of an upgrade that was not made. `trouble`: why it failed.
boost::json::object report_of_change(const std::optional<std::string>& trouble, wall_clock&, time_point now);

} // namespace epmd
