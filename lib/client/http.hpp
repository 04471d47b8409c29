/// Reads what a running loopmd shows over HTTP on its epmd port (docs/status.md).
#pragma once

#include "client/client.hpp"
#include "client/server_event.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace epmd {

/// Nobody accepts connections on the epmd port.
class no_epmd : public std::runtime_error {
  public:
    explicit no_epmd(std::uint16_t port);
};

/// Somebody does, and closes when HTTP is spoken, as Erlang's own epmd does.
class no_loopmd : public std::runtime_error {
  public:
    explicit no_loopmd(std::uint16_t port);
};

/// It answers, but not as it should: no, not in time, or not to the end.
class bad_answer : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The text of a page of the loopmd of this machine, as "/nodes", by 127.0.0.1 or else by ::1. Throws the above.
std::string read_page(std::uint16_t port, const std::string& target, const patience& = {});

struct http_exchange;

/// Follows `/events`.
class event_stream {
  public:
    /// Asks for them. Throws as read_page.
    explicit event_stream(std::uint16_t port, const patience& = {});
    ~event_stream();
    event_stream(event_stream&&) noexcept;
    event_stream& operator=(event_stream&&) noexcept;

    /// The next one. Empty: none came until then. Throws bad_answer when the stream has ended, or nothing was heard of
    /// the daemon for so long that it must have gone.
    std::optional<server_event> next(std::chrono::steady_clock::time_point until);

  private:
    std::unique_ptr<http_exchange> connection_;
};

} // namespace epmd
