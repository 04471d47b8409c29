/// What an HTTP request on the epmd port asks for, and whether it may.
#pragma once

#include "registry/evidence.hpp"
#include "registry/hosts.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epmd {

/// The longest request. Chosen, not tuned: browsers send less than 2,000 bytes to a page without cookies.
inline constexpr std::uint32_t max_request_header_bytes = 8192;

enum class page {
    index,   ///< the machine or a host, to be looked at; as text: what there is
    style,   ///< what the index is made of beside its text
    script,  ///< likewise
    icon,    ///< likewise
    hosts,   ///< all hosts
    nodes,   ///< all nodes
    recent,  ///< what happened lately
    status,  ///< the daemon itself
    events,  ///< all nodes, then what happens, as server-sent events
    metrics, ///< all that is counted, for Prometheus
    healthz, ///< that it is alive
};

/// The page of a request's target. Empty: there is none of that name; a query is none.
std::optional<page> page_of(std::string_view target) noexcept;

/// A target that is a whole URL (RFC 9112, section 3.2.2: every server takes those) in its two parts. Any other: the
/// authority is empty, and the path all of it.
struct split_target {
    std::string_view authority; ///< goes before the Host header
    std::string_view path;
};
split_target split(std::string_view target) noexcept;

/// Whether an Accept header is a browser's, which names HTML; curl and the like take anything.
bool wants_html(std::string_view accept) noexcept;

/// Whether a Host header is one that a browser has no other site's page send (DNS rebinding): it names, with or without
/// a port, the address to which the request came, localhost, or a host that we know by name.
bool is_host_header_allowed(std::string_view header, const origin&, const hosts&);

} // namespace epmd
