#include "wire/quoted.hpp"

#include "wire/alive_name.hpp"

#include <algorithm>
#include <cstddef>

namespace epmd::wire {
namespace {

/// How many bytes of a control character begin there: of C0, DEL, C1 as UTF-8 writes it, or one that turns the
/// direction of writing. 0: none does.
std::size_t control_bytes(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    if (byte(0) < 0x20 || byte(0) == 0x7f) {
        return 1;
    }
    if (byte(0) == 0xc2 && text.size() > 1 && byte(1) < 0xa0) {
        return 2;
    }
    // U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069 turn the direction of what follows.
    const bool is_turn =
        byte(0) == 0xe2 && text.size() > 2 &&
        ((byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xaa && byte(2) <= 0xae))) ||
         (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9));
    return is_turn ? 3 : 0;
}

void put_escaped(std::string& result, std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char one : bytes) {
        const auto byte = static_cast<unsigned char>(one);
        result += "\\x";
        result += digits[byte >> 4U];
        result += digits[byte & 0xfU];
    }
}

/// `also`: ASCII that is to be escaped as well.
std::string escape(std::string_view text, std::string_view also) {
    const bool is_utf8 = utf8_characters(text).has_value();
    std::string result;
    while (!text.empty()) {
        const char first = text.front();
        const bool is_stray = !is_utf8 && static_cast<unsigned char>(first) >= 0x80;
        const bool is_one = is_stray || also.find(first) != std::string_view::npos;
        const auto count = is_one ? std::size_t{1} : control_bytes(text);
        if (count == 0) {
            result += first;
        } else {
            put_escaped(result, text.substr(0, count));
        }
        text.remove_prefix(std::max<std::size_t>(count, 1));
    }
    return result;
}

} // namespace

std::string escaped(std::string_view text) {
    return escape(text, {});
}

std::string quoted(std::string_view text) {
    constexpr std::size_t longest = 300; // a name has at most 255 characters; a line is no place for more
    auto cut = text.substr(0, longest);
    if (cut.size() < text.size() && utf8_characters(text)) { // at the end of a character
        while (!cut.empty() && !utf8_characters(cut)) {
            cut.remove_suffix(1);
        }
    }
    return "'" + escape(cut, "'\\") + (cut.size() < text.size() ? "...'" : "'");
}

} // namespace epmd::wire
