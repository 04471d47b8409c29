/// Reads the command line.
#pragma once

#include "verb.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace epmd::ctl {

struct request {
    const verb* what = nullptr; ///< null: help or version
    call how{};
    bool wants_help = false; ///< of the verb, if there is one
    bool wants_version = false;
};

/// `variable`: the environment. Throws usage_error.
request read_command_line(std::span<const std::string> arguments,
                          const std::function<std::optional<std::string>(const std::string&)>& variable);

/// Whether a word of the command line is a flag whose value is not to be seen in the list of processes: of some verb.
bool is_secret_flag(std::string_view word);

/// What `epmdctl --help` prints.
std::string help_text();

/// What `epmdctl VERB --help` prints.
std::string help_text(const verb&);

} // namespace epmd::ctl
