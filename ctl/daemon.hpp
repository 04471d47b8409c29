/// What the running daemon says, over HTTP.
#pragma once

#include "client/http.hpp"
#include "registry/hosts.hpp"
#include "verb.hpp"

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace epmd::ctl {

/// Says on standard error, once, that an answer takes its time.
patience with_remark(std::uint16_t port);

/// A page of the running loopmd. Throws as read_page.
boost::json::value page(const call&, const std::string& target);
boost::json::value page(const call&, const std::string& target, const patience&);

/// What it says in JSON. Throws bad_answer.
boost::json::value parsed(const std::string& text);

/// The text of a key; empty when it is null.
std::string text_of(const boost::json::value& object, std::string_view key);

/// The hosts that a page `/hosts` tells of, as the daemon knows them. Throws bad_answer; std::out_of_range or
/// std::invalid_argument, which main tells of, where it has another shape.
hosts hosts_of(const boost::json::value& page);

/// The host of a node of a page `/nodes`, as one of those; nothing where it has none.
std::optional<host> whereabouts(const boost::json::value& node, const hosts&);

/// The hosts as the running daemon knows them; those of the configuration file where none answers that could say, with
/// a remark. Throws no_epmd or settings_error when that has none either.
hosts known_hosts(const call&);

/// The same, with a remark if none is configured.
hosts hosts_to_print(const call&);

/// The hosts of the configuration file alone.
hosts configured_hosts();

/// The same; none, after a remark, where the file has a mistake.
hosts configured_hosts_or_none();

/// The host that is meant by a name or an address. The rules are those by which a node is placed. Throws failure.
host host_named(std::string_view name, const hosts&);

/// `lowry (127.0.0.2)`, `127.0.0.9`, `this machine`.
std::string describe(host, const hosts&);

} // namespace epmd::ctl
