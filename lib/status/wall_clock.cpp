#include "status/wall_clock.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace epmd {
namespace {

/// A difference of two clocks that is no more than this is the time that it takes to read them. Chosen, not tuned.
constexpr std::chrono::milliseconds jitter{500};

/// Suspensions that are remembered; then the oldest two are one. Chosen, not tuned: a year of a laptop.
constexpr std::size_t most_suspensions = 1024;

} // namespace

clock_readings read_clocks() {
    timespec boot{};
    ::clock_gettime(CLOCK_BOOTTIME, &boot);
    return {.steady = std::chrono::steady_clock::now(),
            .since_boot = std::chrono::seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec),
            .of_day = std::chrono::system_clock::now()};
}

void wall_clock::look() {
    const auto now = read_();
    const auto slept = now.since_boot - now.steady.time_since_epoch();
    if (suspensions_.empty() || slept > suspensions_.back().slept + jitter) {
        suspensions_.push_back({.after = looked_, .slept = slept});
        if (suspensions_.size() > most_suspensions) {
            suspensions_.erase(suspensions_.begin());
        }
    }
    looked_ = now.steady;
    const auto offset = now.of_day.time_since_epoch() - now.since_boot;
    if (offset > offset_ + jitter || offset + jitter < offset_) {
        offset_ = offset;
    }
}

std::int64_t wall_clock::seconds(time_point moment) {
    look();
    const auto later = std::find_if(suspensions_.rbegin(), suspensions_.rend(),
                                    [&](const suspension& one) { return one.after < moment; });
    const auto slept = later != suspensions_.rend() ? later->slept : suspensions_.front().slept;
    return std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch() + slept + offset_).count();
}

std::string wall_clock::text(time_point moment) {
    const auto since_1970 = static_cast<std::time_t>(seconds(moment));
    std::tm fields{};
    ::gmtime_r(&since_1970, &fields);
    std::array<char, sizeof "2026-11-26T09:30:00Z" + 8> text{}; // the year may have more digits one day
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &fields);
    return text.data();
}

} // namespace epmd
