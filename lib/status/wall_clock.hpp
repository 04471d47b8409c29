/// The time of day of moments that were noted by a clock that never goes back.
#pragma once

#include "registry/registration.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace epmd {

class wall_clock {
  public:
    /// As RFC 3339 writes it, in UTC and in whole seconds: 2026-11-26T09:30:00Z. The same moment gives the same text,
    /// unless somebody sets the machine's clock.
    std::string text(time_point);
    /// The same in seconds since 1970.
    std::int64_t seconds(time_point);

  private:
    std::chrono::system_clock::duration offset_{};
};

} // namespace epmd
