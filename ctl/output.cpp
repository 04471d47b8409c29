#include "output.hpp"

#include "verb.hpp"
#include "wire/alive_name.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <unistd.h>

namespace epmd::ctl {
namespace {

bool has_colour() {
    const auto* no_colour = std::getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): there is one thread
    const auto* kind = std::getenv("TERM");          // NOLINT(concurrency-mt-unsafe)
    return is_terminal() && (no_colour == nullptr || *no_colour == '\0') && kind != nullptr &&
           std::string_view(kind) != "dumb";
}

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

std::size_t width_of(const std::string& cell) {
    return wire::utf8_characters(cell).value_or(cell.size());
}

} // namespace

bool is_terminal() {
    static const bool is_one = ::isatty(STDOUT_FILENO) != 0;
    return is_one;
}

std::string styled(std::string_view text, style how) {
    constexpr std::array codes{"", "\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[31m"};
    static const bool is_coloured = has_colour();
    if (!is_coloured || how == style::plain || text.empty()) {
        return std::string(text);
    }
    return codes.at(static_cast<std::size_t>(how)) + std::string(text) + "\033[0m";
}

std::string escaped(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    const bool is_utf8 = wire::utf8_characters(text).has_value();
    std::string result;
    for (std::size_t i = 0; i < text.size();) {
        const bool is_stray = !is_utf8 && static_cast<unsigned char>(text[i]) >= 0x80;
        const auto count = is_stray ? std::size_t{1} : control_bytes(text.substr(i));
        for (std::size_t k = i; k < i + count; ++k) {
            const auto byte = static_cast<unsigned char>(text[k]);
            result += std::string("\\x") + digits[byte >> 4U] + digits[byte & 0xfU];
        }
        if (count == 0) {
            result += text[i];
        }
        i += std::max<std::size_t>(count, 1);
    }
    return result;
}

std::string shown(std::string_view text) {
    if (text.empty()) {
        return "-";
    }
    const auto result = escaped(text);
    return result == text ? result : "'" + result + "'";
}

std::string shown_time(const std::string& rfc3339) {
    std::tm fields{};
    if (!is_terminal() || ::strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%SZ", &fields) == nullptr) {
        return shown(rfc3339);
    }
    const auto moment = ::timegm(&fields);
    ::localtime_r(&moment, &fields);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &fields);
    return text.data();
}

std::string table::text() const {
    const bool is_aligned = is_terminal();
    std::vector<std::size_t> widths(heading_.size());
    const auto widen = [&](const std::vector<std::string>& cells) {
        for (std::size_t i = 0; i < cells.size(); ++i) {
            widths[i] = std::max(widths[i], width_of(cells[i]));
        }
    };
    widen(heading_);
    std::for_each(rows_.begin(), rows_.end(), widen);
    const auto line = [&](const std::vector<std::string>& cells) {
        std::string text;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const bool is_last = i + 1 == cells.size();
            text += cells[i];
            if (!is_last) {
                text += is_aligned ? std::string(widths[i] - width_of(cells[i]) + 2, ' ') : "\t";
            }
        }
        return text;
    };
    std::string result = is_aligned ? styled(line(heading_), style::bold) + "\n" : "";
    for (const auto& cells : rows_) {
        result += line(cells) + "\n";
    }
    return result;
}

void print(std::string_view text) {
    const auto written = std::fwrite(text.data(), 1, text.size(), stdout);
    if (written != text.size() || std::fflush(stdout) != 0) {
        throw failure("standard output cannot be written to");
    }
}

void remark(std::string_view text) {
    const auto line = "epmdctl: " + std::string(text) + "\n";
    std::fputs(line.c_str(), stderr);
}

} // namespace epmd::ctl
