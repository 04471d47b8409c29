/// The daemon's life, from its sockets to its end.
#pragma once

#include "settings/settings.hpp"

#include <functional>
#include <stdexcept>

namespace epmd {

/// -systemd was given, and systemd passed nothing to listen on. Says so in stock's words.
class no_systemd_sockets : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Serves until a signal or a client ends it, and returns the exit status. `read_again` reads the settings anew for a
/// reload. Throws std::exception when it cannot begin, listen_error and no_systemd_sockets among them.
int serve(const settings&, const std::function<settings()>& read_again);

} // namespace epmd
