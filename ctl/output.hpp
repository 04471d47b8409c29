/// How things are printed: aligned and coloured on a terminal, plain in a pipe.
#pragma once

#include "wire/quoted.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace epmd::ctl {

/// Whether standard output is a terminal.
bool is_terminal();

enum class style { plain, bold, dim, good, warning, bad };

/// With colour where there is a terminal that has it and NO_COLOR (no-color.org) is not set.
std::string styled(std::string_view text, style);

using wire::escaped;

/// Text that some process chose, fit for a terminal: with control characters it is quoted and escaped; "-" for none.
std::string shown(std::string_view text);

/// A time as docs/status.md writes it: on a terminal in the local time zone, else as it is.
std::string shown_time(const std::string& rfc3339);

/// Rows of cells. On a terminal aligned, with a heading; in a pipe the cells alone, with a tab between two.
class table {
  public:
    explicit table(std::vector<std::string> heading) : heading_(std::move(heading)) {}

    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    [[nodiscard]] std::string text() const;

  private:
    std::vector<std::string> heading_;
    std::vector<std::vector<std::string>> rows_;
};

/// Writes to standard output. Throws failure when it cannot be written to, but for a pipe whose reader has gone: then
/// the process ends as such processes do.
void print(std::string_view text);

/// A line of ours on standard error.
void remark(std::string_view text);

} // namespace epmd::ctl
