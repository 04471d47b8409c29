#include "wire/quoted.hpp"

#include "wire/alive_name.hpp"

#include <cstddef>

namespace epmd::wire {

std::string quoted(std::string_view text) {
    constexpr std::size_t longest = 300; // a name has at most 255 characters; a line is no place for more
    constexpr std::string_view digits = "0123456789abcdef";
    const bool is_utf8 = utf8_characters(text).has_value();
    std::string result = "'";
    for (const char letter : text.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(letter);
        if (byte < 0x20 || byte == 0x7f || letter == '\'' || letter == '\\' || (byte >= 0x80 && !is_utf8)) {
            result += "\\x";
            result += digits[byte >> 4U];
            result += digits[byte & 0xfU];
        } else {
            result += letter;
        }
    }
    return result + (text.size() > longest ? "...'" : "'");
}

} // namespace epmd::wire
