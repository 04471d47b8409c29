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
