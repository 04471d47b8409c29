/// What the program does as a client of the epmd that runs: `-names` and `-kill`, with stock's words and exit statuses.
#pragma once

#include <cstdint>

namespace epmd {

/// Each returns the program's exit status.
int print_names(std::uint16_t port);
int kill_epmd(std::uint16_t port);

} // namespace epmd
