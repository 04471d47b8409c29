/// Runs an io_context until something has happened; other threads may be who makes it happen.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>

namespace epmd::test {

/// Runs handlers until `is_done`. False: it has not come about within `bound`, which only a fault exhausts.
template <typename Predicate>
bool run_until(boost::asio::io_context& io, Predicate is_done,
               std::chrono::milliseconds bound = std::chrono::seconds(30)) {
    const auto stays = boost::asio::make_work_guard(io);
    const auto end = std::chrono::steady_clock::now() + bound;
    while (!is_done()) {
        if (std::chrono::steady_clock::now() >= end) {
            return false;
        }
        if (io.stopped()) {
            io.restart();
        }
        io.run_one_until(end);
    }
    return true;
}

/// Runs what is ready now, and what that makes ready.
inline void run_ready(boost::asio::io_context& io) {
    if (io.stopped()) {
        io.restart();
    }
    io.poll();
}

} // namespace epmd::test
