/// Has the running daemon do something: over HTTP nothing can be changed, so by a signal.
#pragma once

#include "verb.hpp"

#include <boost/json/value.hpp>

#include <sys/types.h>

namespace epmd::ctl {

/// Sends a signal to the daemon that a page `/status` tells of. Throws failure, with what would help: its process is
/// not to be seen from here, or is another user's. `instead`: what those do who may not.
void send_signal(const boost::json::value& status, int number, const char* instead);

} // namespace epmd::ctl
