#include "doctor/dial.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace epmd::ctl::doctor {

template <typename Begin>
error_code connection::run(time_point until, Begin begin) {
    auto outcome = std::make_shared<std::optional<error_code>>(); // a handler may come after we have given up
    begin([outcome](error_code error, std::size_t = 0) { *outcome = error; });
    io_.restart();
    io_.poll(); // what is there already counts, however late we look
    while (!*outcome && io_.run_one_until(until) > 0) {
    }
    if (*outcome) {
        return **outcome;
    }
    error_code ignored;
    socket_.close(ignored);
    io_.restart();
    io_.poll(); // no handler is left that would write into what the caller has given us
    return asio::error::timed_out;
}

error_code connection::open(const address& to, std::uint16_t port, const std::optional<address>& from,
                            time_point until) {
    const asio::ip::tcp::endpoint there(to_asio(to), port);
    error_code error;
    socket_.open(there.protocol(), error);
    if (error) {
        return error;
    }
    if (from && from->is_v4() == to.is_v4()) {
        error_code ignored;
        socket_.bind({to_asio(*from), 0}, ignored);
    }
    return run(until, [&](auto done) { socket_.async_connect(there, done); });
}

error_code connection::send(std::string_view bytes, time_point until) {
    return run(until, [&](auto done) { asio::async_write(socket_, asio::buffer(bytes), done); });
}

error_code connection::receive(std::string& to, time_point until) {
    std::array<char, 4096> buffer; // NOLINT: filled by read
    std::size_t count = 0;
    const auto error = run(until, [&](auto done) {
        socket_.async_read_some(asio::buffer(buffer), [&count, done](error_code why, std::size_t bytes) mutable {
            count = bytes;
            done(why);
        });
    });
    to.append(buffer.data(), count);
    return error;
}

error_code connection::receive_all(std::string& to, std::size_t most_bytes, time_point until) {
    for (;;) {
        if (const auto error = receive(to, until); error == asio::error::eof) {
            return {};
        } else if (error) {
            return error;
        }
        if (to.size() > most_bytes) {
            return asio::error::message_size;
        }
    }
}

void connection::finish(time_point until) {
    constexpr std::size_t most_bytes = 65536; // of a peer that goes on
    error_code ignored;
    socket_.shutdown(stream_socket::shutdown_send, ignored);
    std::string unheard;
    receive_all(unheard, most_bytes, until);
}

bool is_timeout(const error_code& error) {
    return error == asio::error::timed_out;
}

} // namespace epmd::ctl::doctor
