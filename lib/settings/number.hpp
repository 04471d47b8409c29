/// A number that somebody has typed.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace epmd {

/// The whole of a text as a number of that range; nothing for any other text.
template <typename Number>
std::optional<Number> parse_number(std::string_view text, Number lowest, Number highest) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < lowest || value > highest) {
        return std::nullopt;
    }
    return value;
}

} // namespace epmd
