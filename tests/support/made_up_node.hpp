/// A node that is made up: it answers a distribution handshake, on a real socket, as a test says.
#pragma once

#include "support/bytes.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace epmd::test {

/// What a node answers that accepts, and is called so.
inline std::string accepts_as(const std::string& name) {
    return framed("sok") + framed(bytes('N', u32(0), u32(0), u32(1), u32(2), u16(name.size()), name));
}

/// A node that has an answer ready for each time that it is asked, and closes after it; without one it says nothing.
class made_up_node {
  public:
    explicit made_up_node(boost::asio::io_context& io, const char* at = "127.0.0.1")
        : listener_(io, {boost::asio::ip::make_address(at), 0}) {
        accept();
    }

    made_up_node& answers(std::string with) {
        answers_.push_back(std::move(with));
        return *this;
    }

    [[nodiscard]] std::uint16_t port() const { return listener_.local_endpoint().port(); }

    /// What it was sent, each time.
    std::vector<std::string> heard;
    std::size_t ends = 0; ///< of conversations, by the asker

  private:
    struct visit {
        explicit visit(boost::asio::ip::tcp::socket from) : socket(std::move(from)) {}
        boost::asio::ip::tcp::socket socket;
        std::array<char, 256> received{};
        std::string answer;
    };

    void accept() {
        listener_.async_accept([this](boost::system::error_code error, boost::asio::ip::tcp::socket socket) {
            if (!error) {
                listen(std::make_shared<visit>(std::move(socket)));
                accept();
            }
        });
    }

    void listen(const std::shared_ptr<visit>& one) {
        one->socket.async_read_some(boost::asio::buffer(one->received),
                                    [this, one](boost::system::error_code error, std::size_t size) {
                                        if (error) {
                                            ++ends;
                                            return;
                                        }
                                        heard.emplace_back(one->received.data(), size);
                                        if (answers_.empty()) {
                                            listen(one); // says nothing, and sees it go
                                            return;
                                        }
                                        one->answer = answers_.front();
                                        answers_.pop_front();
                                        boost::asio::async_write(one->socket, boost::asio::buffer(one->answer),
                                                                 [one](boost::system::error_code, std::size_t) {});
                                    });
    }

    boost::asio::ip::tcp::acceptor listener_;
    std::deque<std::string> answers_;
};

} // namespace epmd::test
