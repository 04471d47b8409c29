/// How a target says what it promises.
#pragma once

#include <stdexcept>
#include <string_view>

namespace epmd::fuzz {

/// Throws std::logic_error when a promise is broken: the fuzzer stops there, and a test of the corpus fails.
inline void demand(bool is_kept, const char* promise) {
    if (!is_kept) {
        throw std::logic_error(promise);
    }
}

/// Whether a view is of a part of what was read.
inline bool is_inside(std::string_view part, std::string_view whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

} // namespace epmd::fuzz
