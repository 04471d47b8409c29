/// A peer's text, fit to stand in a line of a log, and to be seen on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace epmd::wire {

/// With \xHH for each byte of a control character, of C1 as well (terminals obey them), of one that turns the direction
/// of writing, and of what is not UTF-8.
std::string escaped(std::string_view text);

/// The same between quotation marks, of which it has none inside. Text of more than 300 bytes is cut.
std::string quoted(std::string_view text);

} // namespace epmd::wire
