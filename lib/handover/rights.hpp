/// Sends descriptors along with bytes, over a Unix socket (SCM_RIGHTS, unix(7)).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>

namespace epmd {

/// The kernel takes no more descriptors in a message: its SCM_MAX_FD.
inline constexpr std::size_t max_descriptors_in_message = 253;

/// One message; all or nothing. Never waits: resource_unavailable_try_again where there is no room for it.
std::error_code send_with_descriptors(int to, std::string_view bytes, std::span<const int> descriptors) noexcept;

} // namespace epmd
