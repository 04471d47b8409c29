/// Reads files that somebody else's flags name: nothing there makes us wait, or read without end.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

namespace epmd::ctl::doctor {

/// Of a file that is read: what it has, whose it is, and who else may read it.
struct file_content {
    std::string text;
    uid_t owner = 0;
    mode_t mode = 0;
};

/// Why a file was not read.
enum class unreadable { missing, forbidden, no_file, too_long, failed };

/// A regular file, up to 1 MiB. `why`: set where it cannot be read.
std::optional<file_content> read_regular_file(const std::filesystem::path&, unreadable& why);

/// The same, where the reason does not matter.
std::optional<std::string> read_public_file(const std::filesystem::path&);

} // namespace epmd::ctl::doctor
