#include "status/wall_clock.hpp"

#include <array>
#include <ctime>

namespace epmd {
namespace {

/// A difference of the two clocks that is no more than this is the time that it takes to read them. Chosen, not tuned.
constexpr std::chrono::milliseconds jitter{500};

} // namespace

std::int64_t wall_clock::seconds(time_point moment) {
    using std::chrono::system_clock;
    const auto offset =
        system_clock::now().time_since_epoch() -
        std::chrono::duration_cast<system_clock::duration>(std::chrono::steady_clock::now().time_since_epoch());
    if (offset > offset_ + jitter || offset + jitter < offset_) {
        offset_ = offset;
    }
    const auto of_day = std::chrono::duration_cast<system_clock::duration>(moment.time_since_epoch()) + offset_;
    return std::chrono::floor<std::chrono::seconds>(of_day).count();
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
