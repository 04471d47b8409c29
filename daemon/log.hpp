/// Where log lines go: standard error in the foreground, syslog for a daemon that left its terminal.
#pragma once

#include "settings/settings.hpp"

namespace epmd {

void open_log(const settings&);
void set_log_level(log_level);

} // namespace epmd
