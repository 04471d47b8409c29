/// The time of day of moments that were noted by a clock that never goes back.
#pragma once

#include "registry/registration.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace epmd {

/// What the clocks of the system say at one moment.
struct clock_readings {
    time_point steady;                     ///< stands still while the machine is suspended
    std::chrono::nanoseconds since_boot{}; ///< goes on meanwhile (CLOCK_BOOTTIME)
    std::chrono::system_clock::time_point of_day;
};

clock_readings read_clocks();

class wall_clock {
  public:
    /// `read`: for tests.
    explicit wall_clock(clock_readings (*read)() = read_clocks) : read_(read) { look(); }

    /// Looks whether the machine was suspended. Moments until now keep their time if that is called before it is: so
    /// call it when something happens whose time will be asked for.
    void look();

    /// As RFC 3339 writes it, in UTC and in whole seconds: 2026-11-26T09:30:00Z. The same moment gives the same text,
    /// unless somebody sets the machine's clock.
    std::string text(time_point);
    /// The same in seconds since 1970.
    std::int64_t seconds(time_point);

  private:
    /// From `after` on the machine had been suspended for `slept` since it booted.
    struct suspension {
        time_point after;
        std::chrono::nanoseconds slept;
    };

    clock_readings (*read_)();
    std::vector<suspension> suspensions_; // never empty; the last counts
    time_point looked_;
    std::chrono::nanoseconds offset_{}; // of the time of day since boot
};

} // namespace epmd
