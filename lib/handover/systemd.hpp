/// What a service and its service manager say to each other: sd_listen_fds(3) and sd_notify(3), both documented as
/// stable protocols. Against libsystemd they cost these lines and save half of the start-up (docs/decisions.md).
#pragma once

#include <string_view>
#include <vector>

namespace epmd {

/// The sockets that systemd passed to this very process, in the order of the unit; none if it passed none. They are
/// marked close-on-exec, and the variables that told of them are gone: to be called once, before any thread.
std::vector<int> take_passed_sockets();

/// Tells the service manager the state of the service, as "READY=1". Says nothing where nobody listens: without
/// NOTIFY_SOCKET in the environment. Throws std::system_error.
void notify_service_manager(std::string_view state);

} // namespace epmd
