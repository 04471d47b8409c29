/// The sizes of the EPMD protocol, each with its source.
#pragma once

#include <cstddef>
#include <cstdint>

namespace epmd::wire {

/// Every request begins with its length in two bytes, most significant first (protocol document).
inline constexpr std::size_t length_prefix_bytes = 2;

/// The longest request that is read, without its length prefix. Stock closes on 3,058 and above without reading
/// them (transcript of stock, OTP 25 and 27).
inline constexpr std::size_t max_request_bytes = 3057;

/// The most that is read of a request. compat: so a byte after the longest one is not seen, as with stock.
inline constexpr std::size_t max_received_bytes = length_prefix_bytes + max_request_bytes;

/// The longest alive name in characters, not bytes: Erlang's atom limit (stock answers 1 to 256 characters).
inline constexpr std::size_t max_alive_name_characters = 255;

/// The longest extra field of a registration; a longer one is refused (transcript of stock).
inline constexpr std::size_t max_extra_bytes = 1020;

/// From this highest version on a client reads a 32-bit creation (ALIVE2_X_RESP; protocol document, OTP 23).
inline constexpr std::uint16_t first_version_with_wide_creation = 6;

} // namespace epmd::wire
