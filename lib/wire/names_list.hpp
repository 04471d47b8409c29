/// The lines of a names list: what an epmd answers to NAMES_REQ.
#pragma once

#include <string_view>
#include <vector>

namespace epmd::wire {

struct names_row {
    std::string_view alive_name; ///< one that can be looked up
    std::string_view at;         ///< where: the first address of its host, as text; empty: at the machine

    bool operator==(const names_row&) const = default;
};

/// The nodes in a list's text: "name idfe at port 4711", and in ours "host lowry at 127.0.0.2, fd00::2" before those of
/// a host. Any text will do: a line that is neither, or has a name that no request can ask for, is passed over. The
/// result views it.
std::vector<names_row> read_names_list(std::string_view text);

} // namespace epmd::wire
