#include "doctor/erlang_term.hpp"

#include <algorithm>
#include <charconv>

namespace epmd::ctl::doctor {
namespace {

constexpr int deepest = 32;
constexpr std::string_view blanks = " \t\r\n\f\v";

/// Reads term after term from the front of a text.
class reader {
  public:
    explicit reader(std::string_view text) : rest_(text) {}

    [[nodiscard]] bool is_at_end() {
        pass_blanks();
        return rest_.empty();
    }

    bool take(char what) {
        pass_blanks();
        const bool is_there = rest_.starts_with(what);
        rest_.remove_prefix(is_there ? 1 : 0);
        return is_there;
    }

    /// The end of a term: a dot before a blank, a comment or the end of the text. Any other, as in 1.5, is none.
    bool take_dot() {
        pass_blanks();
        const bool is_there = rest_.starts_with('.') &&
                              (rest_.size() == 1 || rest_[1] == '%' || blanks.find(rest_[1]) != std::string_view::npos);
        rest_.remove_prefix(is_there ? 1 : 0);
        return is_there;
    }

    std::optional<term> take_term(int depth = 0) {
        pass_blanks();
        if (rest_.empty() || depth > deepest) {
            return std::nullopt;
        }
        switch (rest_.front()) {
        case '{':
            return take_items(term::kind::tuple, '}', depth);
        case '[':
            return take_items(term::kind::list, ']', depth);
        case '"':
            return take_quoted(term::kind::string);
        case '\'':
            return take_quoted(term::kind::atom);
        default:
            return is_digit(rest_.front()) || rest_.front() == '-' || rest_.front() == '+' ? take_integer()
                                                                                           : take_atom();
        }
    }

  private:
    static bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
    static bool is_lower(char letter) { return letter >= 'a' && letter <= 'z'; }
    static bool is_of_atom(char letter) {
        return is_digit(letter) || is_lower(letter) || (letter >= 'A' && letter <= 'Z') || letter == '_' ||
               letter == '@';
    }

    void pass_blanks() {
        for (;;) {
            const auto first = rest_.find_first_not_of(blanks);
            rest_.remove_prefix(std::min(first, rest_.size()));
            if (!rest_.starts_with('%')) {
                return;
            }
            rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
        }
    }

    std::optional<term> take_items(term::kind what, char end, int depth) {
        term result{.is = what, .text = {}};
        rest_.remove_prefix(1);
        if (take(end)) {
            return result;
        }
        do {
            auto item = take_term(depth + 1);
            if (!item) {
                return std::nullopt;
            }
            result.items.push_back(std::move(*item));
        } while (take(','));
        return take(end) ? std::optional(std::move(result)) : std::nullopt;
    }

    /// Strings that stand side by side are one.
    std::optional<term> take_quoted(term::kind what) {
        term result{.is = what, .text = {}};
        do {
            if (!take_one_quoted(result.text)) {
                return std::nullopt;
            }
            pass_blanks();
        } while (what == term::kind::string && rest_.starts_with('"'));
        return result;
    }

    bool take_one_quoted(std::string& to) {
        const char quote = rest_.front();
        rest_.remove_prefix(1);
        while (!rest_.empty()) {
            const char letter = rest_.front();
            rest_.remove_prefix(1);
            if (letter == quote) {
                return true;
            }
            if (letter != '\\') {
                to += letter;
            } else if (!take_escape(to)) {
                return false;
            }
        }
        return false;
    }

    /// What stands behind a backslash: \n and its like, \x6c, \x{6c}, \154, or the letter itself. What is above 0x7f is
    /// not understood: it has no place in a name of a host or a path that matters here.
    bool take_escape(std::string& to) {
        if (rest_.empty()) {
            return false;
        }
        const char letter = rest_.front();
        if (letter == 'x') {
            rest_.remove_prefix(1);
            const bool is_braced = rest_.starts_with('{');
            rest_.remove_prefix(is_braced ? 1 : 0);
            const bool is_good = take_code(to, 16, is_braced ? 8 : 2);
            return is_good && (!is_braced || take('}'));
        }
        if (letter >= '0' && letter <= '7') {
            return take_code(to, 8, 3);
        }
        constexpr std::string_view names = "bdefnrstv";
        constexpr std::string_view letters = "\b\x7f\x1b\f\n\r \t\v";
        const auto at = names.find(letter);
        to += at == std::string_view::npos ? letter : letters[at];
        rest_.remove_prefix(1);
        return true;
    }

    bool take_code(std::string& to, int base, std::size_t most_digits) {
        unsigned code = 0;
        const auto digits = rest_.substr(0, most_digits);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, base);
        rest_.remove_prefix(static_cast<std::size_t>(end - digits.data()));
        to += static_cast<char>(code);
        return error == std::errc() && code < 0x80;
    }

    /// 127, -1, +1, 1_000, 16#7f
    std::optional<term> take_integer() {
        const bool is_negative = rest_.front() == '-';
        rest_.remove_prefix(is_negative || rest_.front() == '+' ? 1 : 0);
        auto digits = take_digits();
        int base = 10;
        if (rest_.starts_with('#')) {
            rest_.remove_prefix(1);
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), base);
            digits = take_digits();
            if (error != std::errc() || base < 2 || base > 36) {
                return std::nullopt;
            }
        }
        term result{.is = term::kind::integer, .text = {}};
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.number, base);
        result.number = is_negative ? -result.number : result.number;
        const bool is_whole = error == std::errc() && end == digits.data() + digits.size();
        return is_whole ? std::optional(result) : std::nullopt;
    }

    /// Digits of any base; one underscore may stand between two.
    std::string take_digits() {
        std::string digits;
        while (!rest_.empty() && (is_of_atom(rest_.front()) && rest_.front() != '@')) {
            const bool is_between = rest_.front() == '_' && !digits.empty() && rest_.size() > 1 && rest_[1] != '_';
            if (rest_.front() != '_' || !is_between) {
                digits += rest_.front();
            }
            rest_.remove_prefix(1);
        }
        return digits;
    }

    std::optional<term> take_atom() {
        const auto* end = std::find_if_not(rest_.begin(), rest_.end(), is_of_atom);
        const auto size = static_cast<std::size_t>(end - rest_.begin());
        if (size == 0 || !is_lower(rest_.front())) {
            return std::nullopt;
        }
        term result{.is = term::kind::atom, .text = std::string(rest_.substr(0, size))};
        rest_.remove_prefix(size);
        return result;
    }

    std::string_view rest_;
};

} // namespace

bool term::is_tuple_of(std::string_view tag, std::size_t size) const {
    return is == kind::tuple && items.size() == size && items.front().is == kind::atom && items.front().text == tag;
}

terms read_terms(std::string_view text) {
    reader from(text);
    terms result;
    while (!from.is_at_end()) {
        auto one = from.take_term();
        if (!one || !from.take_dot()) {
            result.is_complete = false;
            break;
        }
        result.good.push_back(std::move(*one));
    }
    return result;
}

std::optional<term> read_term(std::string_view text) {
    reader from(text);
    auto result = from.take_term();
    from.take_dot();
    return from.is_at_end() ? result : std::nullopt;
}

std::optional<address> address_of(const term& what) {
    if (what.is == term::kind::string) {
        return address::parse(what.text);
    }
    const auto count = what.items.size();
    const bool is_v4 = count == 4;
    const std::int64_t most = is_v4 ? 0xff : 0xffff;
    const auto is_part = [&](const term& part) {
        return part.is == term::kind::integer && part.number >= 0 && part.number <= most;
    };
    if (what.is != term::kind::tuple || (!is_v4 && count != 8) ||
        !std::all_of(what.items.begin(), what.items.end(), is_part)) {
        return std::nullopt;
    }
    if (is_v4) {
        address::bytes_v4 bytes{};
        std::transform(what.items.begin(), what.items.end(), bytes.begin(),
                       [](const term& part) { return static_cast<std::uint8_t>(part.number); });
        return address(bytes);
    }
    address::bytes_v6 bytes{};
    for (std::size_t i = 0; i < count; ++i) {
        bytes.at(2 * i) = static_cast<std::uint8_t>(what.items[i].number >> 8);
        bytes.at(2 * i + 1) = static_cast<std::uint8_t>(what.items[i].number & 0xff);
    }
    return address(bytes);
}

} // namespace epmd::ctl::doctor
