/// How many nodes each user has.
#pragma once

#include "registry/evidence.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace epmd {

/// Counts registrations, and those that are held, by the user whose they are. One whose user is not known counts for
/// nobody.
class user_counts {
  public:
    /// Who is counted already stays with the user that he has.
    void add(connection_number, std::optional<std::uint32_t> uid);
    void remove(connection_number);
    [[nodiscard]] std::size_t of(std::uint32_t uid) const;

  private:
    std::unordered_map<connection_number, std::uint32_t> user_of_;
    std::unordered_map<std::uint32_t, std::size_t> counts_;
};

} // namespace epmd
