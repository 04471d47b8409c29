/// What our numbers mean to people.
#pragma once

#include "status/user_names.hpp"
#include "status/wall_clock.hpp"

namespace epmd {

struct lexicon {
    wall_clock clock;
    user_names users;
};

} // namespace epmd
