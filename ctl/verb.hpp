/// What a verb of epmdctl is: its name, its operands and flags, and what it does.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace epmd::ctl {

/// Of every verb; `exec` ends as its command does. docs/man/epmdctl.1.scd promises them.
enum exit_status : int {
    done = 0,
    failed = 1,    ///< also: not in time
    misused = 2,   ///< a mistake on the command line
    no_daemon = 3, ///< no epmd answers
    not_known = 4, ///< of `doctor`: nothing wrong was found, and not all could be examined
};

/// A mistake on the command line, as one sentence.
class usage_error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Something that cannot be done, as one sentence that says why and what would help.
class failure : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct flag {
    std::string_view name;  ///< without its dashes
    std::string_view value; ///< what its value is called; empty: it has none
    std::string_view help;
    bool is_secret = false; ///< its value is not to be seen in the list of processes
};

/// How a verb was called.
struct call {
    std::uint16_t port = 4369;
    bool as_json = false;
    std::vector<std::string> operands;
    std::map<std::string, std::string, std::less<>> flags; ///< those that were given, with their values

    [[nodiscard]] bool has(std::string_view name) const { return flags.contains(name); }
};

struct verb {
    std::string_view name;
    std::string_view operands{}; ///< as the usage shows them
    std::string_view help;       ///< a line of `epmdctl --help`
    std::size_t fewest_operands = 0;
    std::size_t most_operands = 0;
    std::span<const flag> flags{};
    bool has_json = false;
    /// What comes after the first operand is somebody else's, flags and all.
    bool has_command = false;
    exit_status (*run)(const call&) = nullptr;
};

} // namespace epmd::ctl
