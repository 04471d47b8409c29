#include "dist/cookie.hpp"

#include <algorithm>

namespace epmd::dist {
namespace {

/// An atom has no more.
constexpr std::size_t longest_cookie = 255;

} // namespace

void cookie::wipe() noexcept {
    // All that it has room for: what was moved away has no size, and its letters all the same.
    text_.resize(text_.capacity());
    // A write that is never read is left out, but not through a volatile pointer.
    for (volatile char* at = text_.data(); at != text_.data() + text_.size(); ++at) {
        *at = '\0';
    }
    text_.clear();
}

std::string_view to_string(cookie_fault fault) noexcept {
    switch (fault) {
    case cookie_fault::nothing:
        return "has nothing before the end of its first line";
    case cookie_fault::bad_character:
        return "has text after its first line, or a character that is not printable ASCII";
    case cookie_fault::too_long:
        break;
    }
    return "has more than 255 characters";
}

std::variant<cookie, cookie_fault> read_cookie(std::string_view content) {
    const auto is_printable = [](char letter) { return letter >= ' ' && letter <= '~'; };
    const auto is_blank = [](char letter) { return letter == ' ' || letter == '\n' || letter == '\r'; };
    const auto* end = std::find_if_not(content.begin(), content.end(), is_printable);
    if (!std::all_of(end, content.end(), is_blank)) {
        return cookie_fault::bad_character;
    }
    const auto size = static_cast<std::size_t>(end - content.begin());
    if (size == 0) {
        return cookie_fault::nothing;
    }
    if (size > longest_cookie) {
        return cookie_fault::too_long;
    }
    return cookie(std::string(content.substr(0, size)));
}

} // namespace epmd::dist
