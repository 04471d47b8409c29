#include "wire/alive_name.hpp"

#include "wire/limits.hpp"

#include <algorithm>
#include <cstdint>

namespace epmd::wire {
namespace {

struct sequence_form {
    std::size_t bytes;    // 0: no character begins with this byte
    std::uint32_t lowest; // the first character that needs so many bytes; below it the form is overlong
    std::uint32_t bits;   // what the first byte carries
};

/// RFC 3629, section 3.
constexpr sequence_form form_of(std::uint8_t first) noexcept {
    if (first < 0x80) {
        return {1, 0, first};
    }
    if ((first & 0xe0U) == 0xc0) {
        return {2, 0x80, first & 0x1fU};
    }
    if ((first & 0xf0U) == 0xe0) {
        return {3, 0x800, first & 0x0fU};
    }
    if ((first & 0xf8U) == 0xf0) {
        return {4, 0x10000, first & 0x07U};
    }
    return {0, 0, 0};
}

constexpr bool is_surrogate(std::uint32_t character) noexcept {
    return character >= 0xd800 && character <= 0xdfff;
}

constexpr bool is_control(char byte) noexcept {
    return (byte > 0 && byte < 0x20) || byte == 0x7f;
}

/// Whether there is nothing but printable ASCII, of which nearly every name is made: no more is to be asked of it then,
/// and it has as many characters as bytes.
bool is_printable_ascii(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char byte) { return byte >= 0x20 && byte < 0x7f; });
}

} // namespace

std::optional<std::size_t> utf8_characters(std::string_view text) noexcept {
    constexpr std::uint32_t last_character = 0x10ffff;
    std::size_t characters = 0;
    while (!text.empty()) {
        const auto form = form_of(static_cast<std::uint8_t>(text.front()));
        if (form.bytes == 0 || form.bytes > text.size()) {
            return std::nullopt;
        }
        auto character = form.bits;
        for (const char next : text.substr(1, form.bytes - 1)) {
            const auto byte = static_cast<std::uint8_t>(next);
            if ((byte & 0xc0U) != 0x80) {
                return std::nullopt;
            }
            character = (character << 6U) | (byte & 0x3fU);
        }
        if (character < form.lowest || character > last_character || is_surrogate(character)) {
            return std::nullopt;
        }
        text.remove_prefix(form.bytes);
        ++characters;
    }
    return characters;
}

name_verdict judge_alive_name(std::string_view name) noexcept {
    if (name.empty()) {
        return name_verdict::empty;
    }
    if (name.size() <= max_alive_name_characters && is_printable_ascii(name)) {
        return name_verdict::good;
    }
    if (name.find('\0') != std::string_view::npos) {
        return name_verdict::nul;
    }
    const auto characters = utf8_characters(name);
    if (!characters) {
        return name_verdict::malformed;
    }
    if (*characters > max_alive_name_characters) {
        return name_verdict::too_long;
    }
    return std::any_of(name.begin(), name.end(), is_control) ? name_verdict::control_character : name_verdict::good;
}

} // namespace epmd::wire
