/// Follows the events of a daemon, and of the one that comes after it.
#pragma once

#include "client/http.hpp"
#include "verb.hpp"

#include <chrono>
#include <optional>

namespace epmd::ctl {

/// For an answer that is no longer wanted then: at least as long as an epmd that answers at all may take.
patience until_then(std::chrono::steady_clock::time_point);

class follower {
  public:
    using time_point = std::chrono::steady_clock::time_point;

    /// `last`: when nothing is waited for any more. Throws as event_stream.
    follower(const call&, time_point last);

    /// The next event; the first of each daemon has all nodes. Empty: none came until then. Throws no_epmd and what
    /// else keeps a daemon from being followed, when none has come back in time, and `last` is still to come.
    std::optional<server_event> next(time_point until);

  private:
    std::optional<server_event> next_of_this_daemon(time_point until);
    void come_back();

    std::uint16_t port_;
    time_point last_;
    event_stream events_;
    std::chrono::milliseconds pause_; // before the next daemon is looked for; grows while none says anything
};

} // namespace epmd::ctl
