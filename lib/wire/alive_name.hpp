/// What may be an alive name: UTF-8 of at most 255 characters, without NUL.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace epmd::wire {

enum class name_verdict {
    good,
    empty,
    nul,               ///< a NUL byte inside
    malformed,         ///< not UTF-8: a stray or missing continuation byte, an overlong form, a surrogate
    too_long,          ///< more than max_alive_name_characters
    control_character, ///< one of U+0001 to U+001F or U+007F. compat: stock registers these, and a newline in a name
                       ///< forges a line in the names list; we refuse to register them
};

/// Judges an alive name; the first verdict in the order above that applies. Total.
name_verdict judge_alive_name(std::string_view name) noexcept;

/// The number of characters in UTF-8 text (RFC 3629), or nothing when it is malformed. Total.
std::optional<std::size_t> utf8_characters(std::string_view text) noexcept;

} // namespace epmd::wire
