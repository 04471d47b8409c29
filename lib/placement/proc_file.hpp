/// Files of /proc.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace epmd {

/// A command line may be as long as ARG_MAX, 2 MiB.
inline constexpr std::size_t longest_proc_file_bytes = 2U << 20U;

/// Such a file has no size that is known before; so much of it is read. Empty where it cannot be read.
std::string read_proc_file(const std::filesystem::path&, std::size_t at_most_bytes = longest_proc_file_bytes);

} // namespace epmd
