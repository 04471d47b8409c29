/// What the program does as a client of the epmd that runs, with stock's words and exit statuses.
#pragma once

#include "client/client.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace epmd {

/// Each returns the program's exit status.
int print_names(std::uint16_t port);
int print_dump(std::uint16_t port);
int kill_epmd(std::uint16_t port);
int stop_node(std::uint16_t port, std::string_view alive_name);

/// Whether an epmd answers at that port, within that time.
bool is_epmd_running(std::uint16_t port, std::chrono::milliseconds longest = patience().longest);

} // namespace epmd
