/// Which cookie a node uses, as far as that can be known from outside. No cookie is ever shown.
#pragma once

#include "dist/cookie.hpp"
#include "doctor/vm.hpp"

#include <optional>
#include <string>

namespace epmd::ctl::doctor {

struct known_cookie {
    std::optional<dist::cookie> value;
    std::string by;          ///< where it was found: "/root/.erlang.cookie", "-setcookie of pid 4711"
    std::string trouble;     ///< a clause: why there is none, or why a VM would not start with it
    bool is_refused = false; ///< no VM starts with its file
    bool is_for_one = false; ///< it is for the other node alone, and not its default
};

/// The cookie that a node has by default: by its flags, else by its cookie file.
known_cookie default_cookie(const vm&, const std::string& for_node);

/// The cookies that were given to us.
struct given_cookies {
    std::optional<dist::cookie> from;
    std::optional<dist::cookie> to;
};

/// The cookie in a file, by the rules of cookie files but for its mode. Throws failure.
dist::cookie cookie_in_file(const std::string& path);

/// The next line of standard input; on a terminal it is not shown as it is typed. Throws failure.
dist::cookie cookie_from_input(const std::string& of_what);

} // namespace epmd::ctl::doctor
