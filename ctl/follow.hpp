/// Follows the events of a daemon, and of the one that comes after it.
#pragma once

#include "client/http.hpp"
#include "verb.hpp"

#include <chrono>
#include <optional>

namespace epmd::ctl {

class follower {
  public:
    /// Throws as event_stream.
    explicit follower(const call&);

    /// The next event; the first of each daemon has all nodes. Empty: none came until then. Throws no_epmd and what
    /// else keeps a daemon from being followed, when none has come back in time.
    std::optional<server_event> next(std::chrono::steady_clock::time_point until);

  private:
    void come_back(std::chrono::steady_clock::time_point until);

    std::uint16_t port_;
    event_stream events_;
};

} // namespace epmd::ctl
