/// Cookies, and what a cookie file has. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace epmd::dist {

/// The secret of a pair of nodes. It is shown nowhere, so nothing here prints it; it is wiped when it goes.
class cookie {
  public:
    explicit cookie(std::string text) : text_(std::move(text)) {}
    ~cookie() { wipe(); }
    cookie(const cookie&) = default;
    cookie(cookie&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
    cookie& operator=(const cookie& other) {
        if (this != &other) {
            wipe();
            text_ = other.text_;
        }
        return *this;
    }
    cookie& operator=(cookie&& other) noexcept {
        wipe();
        text_ = std::move(other.text_);
        other.wipe();
        return *this;
    }

    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    bool operator==(const cookie&) const = default;

  private:
    void wipe() noexcept;

    std::string text_;
};

/// Why a VM does not start with such a cookie file.
enum class cookie_fault {
    nothing,       ///< not a letter before the first line ends
    bad_character, ///< text after the first line, a tab, or what is not ASCII
    too_long,      ///< more than 255 letters
};

/// A clause, of the file: "has nothing before the end of its first line".
std::string_view to_string(cookie_fault) noexcept;

/// The cookie in the content of a cookie file, by the rules of OTP (seen on 23, 25 and 27): printable ASCII up to the
/// end of the line, blanks among it; after it no text. A trailing blank is part of the cookie. Total.
std::variant<cookie, cookie_fault> read_cookie(std::string_view content);

} // namespace epmd::dist
