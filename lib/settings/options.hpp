/// One row an option: how it is called in each place, what its values are, where they go.
#pragma once

#include "settings/settings.hpp"

#include <span>
#include <string>
#include <string_view>

namespace epmd {

/// How a flag is written: stock's with one dash, ours with two.
enum class dashes { one = 1, two = 2 };

struct option {
    std::string_view flag = {}; ///< without dashes; empty: not a flag
    dashes style = dashes::two;
    std::string_view variable = {}; ///< of the environment; empty: none
    std::string_view file_key = {}; ///< empty: not in the file
    /// What the value is called in the help text; empty: the flag has no value.
    std::string_view value = {};
    /// What is allowed, for messages. Has the range and the unit.
    std::string_view allowed = {};
    std::string_view help = {};
    /// Puts a value into the settings. False: it is not allowed. Throws settings_error, without the source, where more
    /// can be said than `allowed` does.
    bool (*apply)(settings&, std::string_view value) = nullptr;
    /// Options that say the same thing in two words share a topic: a flag for either goes before a file's for either.
    std::string_view topic = {};
    /// A list without an entry is as if nothing were given; scripts export ERL_EPMD_ADDRESS so (transcript of stock).
    bool is_unset_when_empty = false;
    /// A client verb does not look at it, not even for mistakes (transcript of stock).
    bool is_for_serving = false;
    /// Nothing may come after it: stock's client verbs act where they stand.
    bool is_last = false;
};

/// All of them, in the order of the help text.
std::span<const option> all_options();

/// `name` and its addresses, separated by commas, as `--host` and the section [host] give them. Throws settings_error
/// without the source: the caller knows it.
configured_host parse_host(std::string_view name, std::string_view addresses);

} // namespace epmd
