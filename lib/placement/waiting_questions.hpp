/// Questions that wait for their turn: one of each user in turn, so that nobody waits for all of another's.
#pragma once

#include "registry/evidence.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>

namespace epmd {

class waiting_questions {
  public:
    void add(question);

    /// The next one, of the user whose turn it is; of one user in the order in which they came. Empty: none waits.
    std::optional<question> take();

    /// Leaves out those that are not wanted. How many went.
    std::size_t keep_only(const std::function<bool(const question&)>& is_wanted);

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    using user = std::optional<std::uint32_t>; // empty: not known

    std::map<user, std::deque<question>> by_user_; // nobody has an empty one
    user last_;                                    // whose turn it was
    std::size_t size_ = 0;
};

} // namespace epmd
