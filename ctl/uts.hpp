/// A hostname of one's own, in a UTS namespace.
#pragma once

#include <string>

namespace epmd::ctl {

/// Gives this process, and whatever it becomes, that hostname; no other process sees it. Where we may not do that as we
/// are, in a user namespace that has our user and group under their own numbers. Before any thread. Throws failure,
/// which says why and how to go on; the process may be in the namespaces by then.
void take_hostname(const std::string&);

} // namespace epmd::ctl
