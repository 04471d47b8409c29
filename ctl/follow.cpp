#include "follow.hpp"

#include "daemon.hpp"
#include "output.hpp"

#include <algorithm>
#include <string>
#include <thread>

namespace epmd::ctl {
namespace {

using std::chrono::steady_clock;

/// How long a daemon that has ended may take to come back. Chosen, not tuned: a restart takes a second at most.
constexpr std::chrono::seconds longest_absence{10};

/// How long to pause before another is looked for: one that ends again and again, without a word of news, is asked less
/// and less. Chosen, not tuned.
constexpr std::chrono::milliseconds first_pause{50};
constexpr std::chrono::milliseconds longest_pause{2000};

} // namespace

patience until_then(steady_clock::time_point last) {
    patience waiting;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(last - steady_clock::now());
    waiting.longest = std::clamp<std::chrono::milliseconds>(left, usual_answer_time, waiting.longest);
    return waiting;
}

follower::follower(const call& how, time_point last)
    : port_(how.port), last_(last), events_(how.port, until_then(last)), pause_(first_pause) {}

std::optional<server_event> follower::next(time_point until) {
    do {
        try {
            return next_of_this_daemon(until);
        } catch (const bad_answer& error) {
            if (pause_ == first_pause) { // else it was said
                remark(std::string(error.what()) + "; waits for the next one");
            }
            come_back();
        }
    } while (steady_clock::now() < until);
    return std::nullopt;
}

std::optional<server_event> follower::next_of_this_daemon(time_point until) {
    auto found = events_.next(until);
    if (found && found->name != "nodes") {
        pause_ = first_pause;
    }
    return found;
}

void follower::come_back() {
    const auto given_up = steady_clock::now() + longest_absence;
    for (;;) {
        std::this_thread::sleep_for(pause_);
        pause_ = std::min(2 * pause_, longest_pause);
        try {
            events_ = event_stream(port_, until_then(std::min(last_, given_up)));
            return;
        } catch (const std::runtime_error&) {
            const auto now = steady_clock::now();
            if (now > last_) {
                return; // nothing is waited for any more
            }
            if (now > given_up) {
                throw;
            }
        }
    }
}

} // namespace epmd::ctl
