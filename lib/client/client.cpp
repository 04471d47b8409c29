#include "client/client.hpp"

#include "net/asio.hpp"
#include "wire/encode.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>

namespace epmd {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

std::optional<std::string> ask_at(const tcp::endpoint& where, const std::string& request, const patience& waiting) {
    asio::io_context io;
    tcp::socket socket(io);
    std::string answer;
    bool is_connected = false;
    bool has_ended = false;
    socket.async_connect(where, [&](error_code error) {
        is_connected = !error;
        if (error) {
            return;
        }
        asio::async_write(socket, asio::buffer(request), [&](error_code, std::size_t) {
            // An epmd that closed already may have answered before: what it sent is still there.
            asio::async_read(socket, asio::dynamic_buffer(answer), [&](error_code, std::size_t) { has_ended = true; });
        });
    });
    io.run_for(std::min<std::chrono::milliseconds>(usual_answer_time, waiting.longest));
    if (!io.stopped() && waiting.longest > usual_answer_time) {
        if (waiting.on_slow) {
            waiting.on_slow();
        }
        io.run_for(waiting.longest - usual_answer_time);
    }
    if (!is_connected) {
        return std::nullopt;
    }
    return has_ended ? answer : std::string();
}

} // namespace

std::optional<std::string> ask_epmd(std::uint16_t port, const wire::request& what, const patience& waiting) {
    for (const auto& where : {loopback_v6, loopback_v4}) {
        if (auto answer = ask_epmd_at(where, port, what, waiting)) {
            return answer;
        }
    }
    return std::nullopt;
}

std::optional<std::string> ask_epmd_at(const address& where, std::uint16_t port, const wire::request& what,
                                       const patience& waiting) {
    std::string request;
    wire::encode(what, request);
    return ask_at({to_asio(where), port}, request, waiting);
}

} // namespace epmd
