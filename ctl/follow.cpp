#include "follow.hpp"

#include "daemon.hpp"
#include "output.hpp"

#include <algorithm>
#include <string>
#include <thread>

namespace epmd::ctl {
namespace {

using std::chrono::steady_clock;

/// How long a daemon that has ended may take to come back, and how often it is looked for. Chosen, not tuned: a restart
/// takes a second at most.
constexpr std::chrono::seconds longest_absence{10};
constexpr std::chrono::milliseconds look_interval{50};

} // namespace

follower::follower(const call& how) : port_(how.port), events_(how.port, with_remark(how.port)) {}

std::optional<server_event> follower::next(steady_clock::time_point until) {
    while (steady_clock::now() < until) {
        try {
            return events_.next(until);
        } catch (const bad_answer& error) {
            remark(std::string(error.what()) + "; waits for the next one");
            come_back(until);
        }
    }
    return std::nullopt;
}

void follower::come_back(steady_clock::time_point until) {
    const auto last = std::min(until, steady_clock::now() + longest_absence);
    for (;;) {
        try {
            events_ = event_stream(port_);
            return;
        } catch (const std::runtime_error&) {
            if (steady_clock::now() + look_interval > last) {
                throw;
            }
        }
        std::this_thread::sleep_for(look_interval);
    }
}

} // namespace epmd::ctl
