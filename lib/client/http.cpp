#include "client/http.hpp"

#include "net/asio.hpp"
#include "wire/quoted.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <utility>

namespace epmd {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;

/// A daemon that lives says something every 15 s (docs/status.md).
constexpr std::chrono::seconds longest_silence{50};

} // namespace

no_epmd::no_epmd(std::uint16_t port)
    : std::runtime_error("no epmd answers on port " + std::to_string(port) +
                         "; start one by `loopmd -daemon`, or name its port by --port or ERL_EPMD_PORT") {}

no_loopmd::no_loopmd(std::uint16_t port)
    : std::runtime_error("the epmd on port " + std::to_string(port) +
                         " is no loopmd, or has `status = off`; `loopmd --replace -daemon` takes its place and its "
                         "nodes over") {}

/// One request and its answer, read as it comes.
struct http_exchange {
    explicit http_exchange(std::uint16_t its_port) : port(its_port), socket(io) { parser.eager(true); }

    /// Runs what was begun until it is done. False: it was not until then; it goes on with the next call.
    bool run_until(steady_clock::time_point until) {
        io.restart();
        io.poll(); // what is there already counts, however late we look
        while (!is_done) {
            if (io.run_one_until(until) == 0) {
                return is_done;
            }
        }
        return true;
    }

    void finish_by(steady_clock::time_point until, const patience& waiting) {
        const auto soon = std::min(until, steady_clock::now() + usual_answer_time);
        if (run_until(soon)) {
            return;
        }
        if (waiting.on_slow) {
            waiting.on_slow();
        }
        if (!run_until(until)) {
            throw bad_answer("the epmd on port " + std::to_string(port) + " does not answer");
        }
    }

    template <typename Begin>
    error_code complete(steady_clock::time_point until, const patience& waiting, Begin begin) {
        is_done = false;
        begin([this](error_code error, std::size_t = 0) {
            outcome = error;
            is_done = true;
        });
        finish_by(until, waiting);
        return outcome;
    }

    void connect(steady_clock::time_point until, const patience& waiting) {
        for (const auto& where : {loopback_v4, loopback_v6}) {
            error_code ignored;
            socket.close(ignored);
            const tcp::endpoint there(to_asio(where), port);
            if (!complete(until, waiting, [&](auto done) { socket.async_connect(there, done); })) {
                host = where.is_v4() ? to_string(where) : "[" + to_string(where) + "]";
                return;
            }
        }
        throw no_epmd(port);
    }

    /// To the end of the header.
    void ask(const std::string& target, steady_clock::time_point until, const patience& waiting) {
        connect(until, waiting);
        http::request<http::empty_body> request(http::verb::get, target, 11);
        request.set(http::field::host, host + ":" + std::to_string(port));
        request.set(http::field::user_agent, "epmdctl");
        error_code error = complete(until, waiting, [&](auto done) { http::async_write(socket, request, done); });
        if (!error) {
            error =
                complete(until, waiting, [&](auto done) { http::async_read_header(socket, received, parser, done); });
        }
        // Stock sees a request that is too long, and closes.
        if (error || parser.get()[http::field::server] != "loopmd") {
            throw no_loopmd(port);
        }
    }

    std::uint16_t port;
    asio::io_context io;
    tcp::socket socket;
    std::string host;
    beast::flat_buffer received;
    http::response_parser<http::string_body> parser;
    bool is_done = true;
    error_code outcome;

    // of events
    bool is_reading = false;
    std::string text; // not yet a whole event
};

std::string read_page(std::uint16_t port, const std::string& target, const patience& waiting) {
    const auto until = steady_clock::now() + waiting.longest;
    http_exchange asked(port);
    asked.parser.body_limit(waiting.most_bytes);
    asked.ask(target, until, waiting);
    const auto error = asked.complete(
        until, waiting, [&](auto done) { http::async_read(asked.socket, asked.received, asked.parser, done); });
    auto answer = asked.parser.release();
    if (error) {
        throw bad_answer("the answer of the loopmd on port " + std::to_string(port) +
                         " ended early: " + error.message());
    }
    if (answer.result() != http::status::ok) {
        throw bad_answer("the loopmd on port " + std::to_string(port) + " says to " + target + ": " +
                         wire::quoted(answer.body()));
    }
    return std::move(answer.body());
}

event_stream::event_stream(std::uint16_t port, const patience& waiting)
    : connection_(std::make_unique<http_exchange>(port)) {
    connection_->parser.body_limit(boost::none);
    connection_->ask("/events", steady_clock::now() + waiting.longest, waiting);
    if (connection_->parser.get().result() != http::status::ok) {
        throw bad_answer("the loopmd on port " + std::to_string(port) +
                         " has no events for us: " + std::to_string(connection_->parser.get().result_int()));
    }
}

event_stream::~event_stream() = default;
event_stream::event_stream(event_stream&&) noexcept = default;
event_stream& event_stream::operator=(event_stream&&) noexcept = default;

std::optional<server_event> event_stream::next(steady_clock::time_point until) {
    auto& self = *connection_;
    auto last_heard = steady_clock::now(); // nobody listened before
    for (;;) {
        auto& body = self.parser.get().body();
        if (!body.empty()) {
            last_heard = steady_clock::now();
            self.text += std::exchange(body, {});
        }
        if (auto found = take_event(self.text)) {
            return found;
        }
        if (!self.is_reading) {
            if (self.parser.is_done()) {
                throw bad_answer("the daemon has ended");
            }
            self.is_reading = true;
            self.is_done = false;
            http::async_read_some(self.socket, self.received, self.parser, [&self](error_code error, std::size_t) {
                self.outcome = error;
                self.is_done = true;
            });
        }
        const auto silent_until = last_heard + longest_silence;
        if (!self.run_until(std::min(until, silent_until))) {
            if (silent_until <= until) {
                throw bad_answer("the daemon has said nothing for " + std::to_string(longest_silence.count()) + " s");
            }
            return std::nullopt;
        }
        self.is_reading = false;
        if (self.outcome) {
            throw bad_answer("the daemon has ended");
        }
    }
}

} // namespace epmd
