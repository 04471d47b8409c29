/// Files of /proc.
#pragma once

#include <filesystem>
#include <string>

namespace epmd {

/// Such a file has no size that is known before, and is read up to 2 MiB: a command line may be as long as ARG_MAX, and
/// what matters comes early in it. Empty where it cannot be read.
std::string read_proc_file(const std::filesystem::path&);

} // namespace epmd
