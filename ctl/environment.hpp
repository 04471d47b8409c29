/// The environment of this process.
#pragma once

#include <optional>
#include <string>

namespace epmd::ctl {

/// The value of a variable, if it is set.
std::optional<std::string> variable(const std::string& name);

} // namespace epmd::ctl
