#include "client/client.hpp"

#include "wire/encode.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace epmd {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

std::optional<std::string> ask_at(const tcp::endpoint& where, const std::string& request) {
    asio::io_context io;
    tcp::socket socket(io);
    std::string answer;
    error_code result = asio::error::would_block;
    socket.async_connect(where, [&](error_code error) {
        if (error) {
            result = error;
            return;
        }
        asio::async_write(socket, asio::buffer(request), [&](error_code, std::size_t) {
            // An epmd that closed already may have answered before: what it sent is still there.
            asio::async_read(socket, asio::dynamic_buffer(answer),
                             [&](error_code end, std::size_t) { result = end; });
        });
    });
    io.run_for(answer_time);
    const bool is_whole = result == asio::error::eof || (result == asio::error::connection_reset && !answer.empty());
    if (!is_whole) {
        return std::nullopt;
    }
    return answer;
}

} // namespace

std::optional<std::string> ask_epmd(std::uint16_t port, const wire::request& what) {
    std::string request;
    wire::encode(what, request);
    for (const asio::ip::address& where :
         {asio::ip::address(asio::ip::address_v6::loopback()), asio::ip::address(asio::ip::address_v4::loopback())}) {
        if (auto answer = ask_at({where, port}, request)) {
            return answer;
        }
    }
    return std::nullopt;
}

} // namespace epmd
