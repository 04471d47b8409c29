/// What happened, in words for the log. One fact, one line; what peers sent is quoted and escaped.
#pragma once

#include "service/action.hpp"

#include <spdlog/logger.h>

namespace epmd {

/// Writes the line for an event, if it is worth one: info for nodes that come and go, warn for what was refused,
/// limited or could not be placed, debug for the rest.
void write_line(spdlog::logger&, const hosts&, const event&);

} // namespace epmd
