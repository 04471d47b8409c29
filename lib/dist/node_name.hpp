/// Node names: what stands before the @, and what after it.
#pragma once

#include <string_view>

namespace epmd {

/// A node name in its two parts, views into it.
struct node_name {
    std::string_view alive_name;
    std::string_view host_part; ///< empty when the name has no @, or nothing after it

    bool operator==(const node_name&) const = default;
};

/// Splits at the first @, as OTP does. Total.
node_name split_node_name(std::string_view full) noexcept;

} // namespace epmd
