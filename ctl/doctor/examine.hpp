/// Examines a pair of nodes: both directions, and what they have to have in common.
#pragma once

#include "doctor/cookies.hpp"
#include "doctor/findings.hpp"
#include "doctor/senses.hpp"

#include <functional>
#include <optional>
#include <string>

namespace epmd::ctl::doctor {

struct pair_of_nodes {
    std::string from; ///< empty: a node that would be started here
    std::string to;
    given_cookies cookies{};
    bool tests_cookies = true;
    bool as_from = false; ///< asks TO under FROM's name, which therefore may not be running
};

enum class outcome {
    connects,  ///< FROM reaches TO, as far as anything can be seen from outside
    does_not,  ///< see wrong
    not_known, ///< nothing wrong was found, and something that matters could not be examined
};

struct examination {
    pair_of_nodes who;
    direction there;
    std::optional<direction> back; ///< only where FROM is running
    direction common;              ///< what the two have to have in common
    outcome result = outcome::not_known;
    /// The first thing that is wrong between FROM and TO. Where all is well in one direction only, `there` or `back`
    /// has what is wrong in the other.
    std::optional<diagnosis> wrong;
    bool is_connected = false; ///< the two have a connection now
};

/// What is said while it goes on.
struct listener {
    std::function<void(const direction&)> on_direction; ///< it begins
    std::function<void(const finding&)> on_finding;
};

/// Throws failure where it cannot begin.
examination examine(senses&, const pair_of_nodes&, const listener&);

} // namespace epmd::ctl::doctor
