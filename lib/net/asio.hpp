/// The parts of Boost.Asio that server and placement are made of, with the concrete executor: measured, a coroutine
/// then costs what callbacks cost; behind the type-erased one it does not (docs/decisions.md: 22.3 against 22.9 us CPU
/// a connection).
#pragma once

#include "registry/address.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace epmd {

namespace asio = boost::asio;

using executor = asio::io_context::executor_type;
using awaitable = asio::awaitable<void, executor>;
using acceptor = asio::basic_socket_acceptor<asio::ip::tcp, executor>;
using stream_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
using timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;

inline constexpr asio::use_awaitable_t<executor> use_awaitable{};

/// The same address in Asio's words and in ours.
asio::ip::address to_asio(const address&);
address from_asio(const asio::ip::address&);

} // namespace epmd
