#include "placement/node_asker.hpp"

#include "dist/handshake.hpp"
#include "net/asio.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace epmd {
namespace {

using error_code = boost::system::error_code;

dist::send_name introduction(std::uint16_t highest_version) {
    const bool is_new = highest_version >= dist::first_version_with_new_form;
    return {.highest_version = highest_version,
            .flags = is_new ? dist::flag::mandatory_26 : dist::flag::mandatory_before_23,
            .creation = 0,
            .name = "nonode@nohost"};
}

} // namespace

/// One node, asked once or twice. Its handlers share it, so that it outlives the asker; then nobody is told.
class node_asker::conversation : public std::enable_shared_from_this<conversation> {
  public:
    conversation(node_asker& asker, asio::ip::tcp::endpoint where, std::uint16_t highest_version, predicate is_wanted,
                 answer then)
        : asker_(&asker), where_(std::move(where)), highest_version_(highest_version), is_wanted_(std::move(is_wanted)),
          then_(std::move(then)), handshake_(introduction(highest_version)), socket_(asker.io_), late_(asker.io_),
          pause_(asker.io_) {}

    void start() {
        if (!is_wanted_()) {
            give_up("may not be asked any more");
            return;
        }
        late_.expires_after(asker_->limits_.time);
        late_.async_wait([self = shared_from_this()](error_code error) {
            if (!error) {
                self->finish({.node_name = {}, .trouble = "says nothing"});
            }
        });
        connect();
    }

    /// Ends it with an answer, but not from inside this call.
    void give_up(const char* why) {
        asio::post(asker_->io_, [self = shared_from_this(), why] { self->finish({.node_name = {}, .trouble = why}); });
    }

    /// Ends it without an answer.
    void abandon() {
        asker_ = nullptr;
        close();
    }

  private:
    void connect() {
        handshake_ = dist::handshake(introduction(highest_version_));
        socket_.async_connect(where_, [self = shared_from_this()](error_code error) {
            if (self->is_over()) {
                return;
            }
            if (error) {
                self->finish({.node_name = {}, .trouble = "cannot be reached (" + error.message() + ")"});
            } else {
                self->introduce();
            }
        });
    }

    void introduce() {
        const auto opening = handshake_.opening();
        asio::async_write(socket_, asio::buffer(opening.data(), opening.size()),
                          [self = shared_from_this()](error_code, std::size_t) {
                              // If it failed, reading says the same.
                              if (!self->is_over()) {
                                  self->listen();
                              }
                          });
    }

    void listen() {
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](error_code error, std::size_t bytes) {
                                    if (!self->is_over()) {
                                        self->heard(error, {self->buffer_.data(), bytes});
                                    }
                                });
    }

    void heard(error_code error, std::string_view bytes) {
        handshake_.receive(bytes);
        if (error) {
            handshake_.end();
        }
        if (!handshake_.is_over()) {
            listen();
        } else if (handshake_.now() == dist::handshake::state::challenged) {
            finish({.node_name = handshake_.challenge().name, .trouble = {}});
        } else if (is_worth_another_try(handshake_.why()) && !std::exchange(is_second_try_, true)) {
            try_again();
        } else {
            finish({.node_name = {}, .trouble = std::string(to_string(handshake_.why()))});
        }
    }

    void try_again() {
        error_code ignored;
        socket_.close(ignored);
        pause_.expires_after(asker_->limits_.pause);
        pause_.async_wait([self = shared_from_this()](error_code error) {
            if (!error && !self->is_over()) {
                self->connect();
            }
        });
    }

    void finish(const node_answer& what) {
        if (is_over()) {
            return;
        }
        auto& asker = *std::exchange(asker_, nullptr);
        close();
        const auto self = shared_from_this();
        asker.finished(self);
        then_(what);
    }

    void close() {
        error_code ignored;
        socket_.close(ignored);
        late_.cancel();
        pause_.cancel();
    }

    [[nodiscard]] bool is_over() const noexcept { return asker_ == nullptr; }

    node_asker* asker_; // null: it is over
    asio::ip::tcp::endpoint where_;
    std::uint16_t highest_version_;
    predicate is_wanted_;
    answer then_;
    dist::handshake handshake_;
    stream_socket socket_;
    timer late_;
    timer pause_;
    bool is_second_try_ = false;
    std::array<char, 1024> buffer_{}; // a challenge is 19 bytes and a name
};

node_asker::node_asker(asio::io_context& io) : node_asker(io, limits{}) {}

node_asker::node_asker(asio::io_context& io, limits what) : io_(io), limits_(what) {}

node_asker::~node_asker() {
    for (const auto& one : talking_) {
        one->abandon();
    }
    for (const auto& one : waiting_) {
        one->abandon();
    }
}

void node_asker::ask(const address& where, std::uint16_t port, std::uint16_t highest_version, predicate is_wanted,
                     answer then) {
    auto one = std::make_shared<conversation>(*this, asio::ip::tcp::endpoint(to_asio(where), port), highest_version,
                                              std::move(is_wanted), std::move(then));
    if (waiting_.size() >= limits_.waiting) {
        talking_.insert(one);
        one->give_up("is one of too many to be asked");
        return;
    }
    waiting_.push_back(std::move(one));
    start_next();
}

void node_asker::start_next() {
    while (talking_.size() < limits_.at_once && !waiting_.empty()) {
        const auto next = std::move(waiting_.front());
        waiting_.pop_front();
        talking_.insert(next);
        next->start();
    }
}

void node_asker::finished(const std::shared_ptr<conversation>& one) {
    talking_.erase(one);
    start_next();
}

} // namespace epmd
