/// What two nodes have to have in common: what they can do, and a cookie.
#pragma once

#include "doctor/examine.hpp"
#include "doctor/walk.hpp"

namespace epmd::ctl::doctor {

/// At least one of the two ways led to a node.
struct met_pair {
    const pair_of_nodes& who;
    direction& told;
    way* there = nullptr; ///< the way to TO, if it led there
    way* back = nullptr;  ///< the way to FROM, likewise
};

/// `is_connected`: set where the two have a connection now; then nothing more is asked.
void check_pair(const met_pair&, bool& is_connected);

} // namespace epmd::ctl::doctor
