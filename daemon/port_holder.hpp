/// Who holds the port that we wanted.
#pragma once

#include "server/listeners.hpp"

#include <string>

namespace epmd {

/// One sentence: where, who holds it (pid and program where they are visible, else the user), and what to do.
std::string describe_port_taken(const listen_error&);

} // namespace epmd
