/// The daemon's life, from its sockets to its end.
#pragma once

#include "settings/settings.hpp"
#include "successor.hpp"

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

namespace epmd {

/// -systemd was given, and systemd passed nothing to listen on. Says so in stock's words.
class no_systemd_sockets : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Reads flags, environment and configuration file, or a text instead of that file. Throws settings_error.
using settings_reader = std::function<settings(const std::optional<std::string>& file_text)>;

/// Ends the epmd that has the port, if there is one. Returns the exit status. Throws std::runtime_error when it cannot.
int free_port(const settings&);

/// Serves until a signal or a client ends it, and returns the exit status. `mistake`: the configuration file has one,
/// and `from` is what there is without it; then the file counts as the process before knew it, if there was one. `self`
/// is run in this one's place for an upgrade. Throws std::exception when it cannot begin, listen_error,
/// no_systemd_sockets and `mistake` among them.
int serve(settings from, const std::optional<file_error>& mistake, const settings_reader&, const program& self);

} // namespace epmd
