/// Server-sent events, as far as ours go (WHATWG HTML, section 9.2.6; docs/status.md).
#pragma once

#include <optional>
#include <string>

namespace epmd {

/// One event of `/events`.
struct server_event {
    std::string name;
    std::string data; ///< JSON

    bool operator==(const server_event&) const = default;
};

/// Takes the first whole event off a text, and the comments before it. Empty: none is there whole; what may become one
/// stays in the text.
std::optional<server_event> take_event(std::string& text);

} // namespace epmd
