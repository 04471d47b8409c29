/// A TCP connection on which nothing takes longer than it may.
#pragma once

#include "net/asio.hpp"

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epmd::ctl::doctor {

using error_code = boost::system::error_code;
using time_point = std::chrono::steady_clock::time_point;

/// Every step ends with asio::error::timed_out when its time is up; then the connection is good for nothing more.
class connection {
  public:
    connection() : socket_(io_) {}

    /// `from`: the source address; where we may not have it, the system chooses.
    error_code open(const address& to, std::uint16_t port, const std::optional<address>& from, time_point until);
    error_code send(std::string_view bytes, time_point until);
    /// Appends what comes next. asio::error::eof: the other side has ended it.
    error_code receive(std::string& to, time_point until);
    /// Appends all that comes until the other side ends it: then no error. asio::error::message_size: it was more than
    /// `most_bytes`.
    error_code receive_all(std::string& to, std::size_t most_bytes, time_point until);

    /// Says that we send no more, and waits until the other side has ended it too, or its time is up.
    void finish(time_point until);

  private:
    template <typename Begin>
    error_code run(time_point until, Begin begin);

    asio::io_context io_;
    stream_socket socket_;
};

/// Whether it means that nobody took the connection in time.
bool is_timeout(const error_code&);

} // namespace epmd::ctl::doctor
