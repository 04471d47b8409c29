/// The daemon's life, from its sockets to its end.
#pragma once

#include "settings/settings.hpp"

#include <functional>

namespace epmd {

/// Serves until a signal or a client ends it, and returns the exit status. `read_again` reads the settings anew for a
/// reload. Throws std::exception when it cannot begin.
int serve(const settings&, const std::function<settings()>& read_again);

} // namespace epmd
