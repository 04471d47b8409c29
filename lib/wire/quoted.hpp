/// A peer's text, fit to stand in a line of a log.
#pragma once

#include <string>
#include <string_view>

namespace epmd::wire {

/// Between quotation marks, with escapes for what would not stand in one line, and for what is not UTF-8. Text of more
/// than 300 bytes is cut.
std::string quoted(std::string_view text);

} // namespace epmd::wire
