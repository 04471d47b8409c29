/// Words as a shell reads them.
#pragma once

#include <string>
#include <string_view>

namespace epmd::ctl {

/// A word that a POSIX shell takes as it is, whatever stands in it.
std::string shell_quoted(std::string_view);

} // namespace epmd::ctl
