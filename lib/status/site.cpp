#include "status/site.hpp"

#include "status/request.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <limits>
#include <utility>

#include <sys/socket.h>

namespace epmd {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

/// Events that are written at once, in bytes, if there are so many: then others have their turn. Chosen, not tuned:
/// some 20 events, which take 0.2 ms to be made text by the first who reads them.
constexpr std::size_t bytes_at_once = std::size_t{1} << 14U;

/// How long one that follows the events is left alone once it has read all: what happens meanwhile is told together.
/// Chosen, not tuned: nobody sees the difference, and what goes on all the time costs 50 writes a second and follower.
constexpr std::chrono::milliseconds shortest_pause{20};

/// How often one that follows the events hears from us at least: so it knows that we are there. Chosen, not tuned.
constexpr std::chrono::seconds heartbeat_interval{15};

/// What a page of ours may do (W3C, Content Security Policy 3): fetch from here what it is made of and what it shows.
/// Its script can make no markup of what peers sent (Trusted Types).
constexpr std::string_view content_security_policy =
    "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// How long those whose time is over may go on to read what was said before. Chosen, not tuned.
constexpr std::chrono::seconds time_for_last_words{2};

time_point now() {
    return std::chrono::steady_clock::now();
}

std::string_view view_of(const boost::core::string_view& text) noexcept {
    return {text.data(), text.size()};
}

/// Whether the peer is known to have gone: then nothing need be made for it. One that has only closed its side reads.
bool was_reset(stream_socket& socket) {
    char byte = 0;
    const auto size = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
}

/// No: its peer has gone, or took too long; or it speaks neither our protocol nor a method of HTTP that we know, and is
/// closed without a word, as stock does.
bool may_be_answered(http::verb method, const error_code& error) {
    if (error) {
        const bool is_of_http = error.category() == http::make_error_code(http::error::bad_method).category();
        return is_of_http && error != http::error::bad_method && error != http::error::end_of_stream &&
               error != http::error::partial_message;
    }
    return method == http::verb::get || method == http::verb::head;
}

} // namespace

struct site::visitor {
    visitor(stream_socket socket, const origin& ends, const peer& whose)
        : stream(std::move(socket)), from(ends), who(whose), rest(stream.get_executor()), turn(stream.get_executor()) {}

    beast::basic_stream<asio::ip::tcp, executor> stream;
    origin from;
    peer who;
    std::list<visitor_ptr>::iterator place; // among all
    beast::flat_buffer received;
    bool is_open = true;
    bool has_asked = false; // its request is there whole
    bool has_room = true;
    bool is_one_too_many = false; // there were as many as may be when it came
    bool follows = false;
    news::number unread = 0;                                      // where it reads on
    news::number last = std::numeric_limits<news::number>::max(); // it ends when it has read what is before that
    bool is_waiting = false;                                      // it has read all that happened
    time_point quiet_until;                                       // it is told nothing before that
    timer rest;                                                   // ends early when something has happened
    timer turn;                                                   // ends when it may write something
};

namespace {

using stream_of_visitor = beast::basic_stream<asio::ip::tcp, executor>;

/// The beginning of a reply. HTTP 1.1 has the body in chunks, so that its end is seen; before, it goes on to the end of
/// the connection.
awaitable write_header(stream_of_visitor& stream, const page_reply& what, unsigned version,
                       std::chrono::seconds patience, error_code& error) {
    http::response<http::empty_body> header(http::int_to_status(what.status), version);
    header.set(http::field::server, "loopmd");
    header.set(http::field::content_type, what.type);
    header.set(http::field::cache_control, "no-store");
    header.set("X-Content-Type-Options", "nosniff"); // and no page of another site may read it
    header.set("Cross-Origin-Resource-Policy", "same-origin");
    header.set("Content-Security-Policy", content_security_policy);
    header.set(http::field::vary, "Accept");
    header.set("Referrer-Policy", "no-referrer");
    header.keep_alive(false);
    header.chunked(version >= 11);
    http::response_serializer<http::empty_body> serializer(header);
    stream.expires_after(patience);
    co_await http::async_write_header(stream, serializer, asio::redirect_error(use_awaitable, error));
}

/// Beast's chunks refer to what they are made of: `text` is a copy of the coroutine.
awaitable write_slice(stream_of_visitor& stream, std::string text, unsigned version, std::chrono::seconds patience,
                      error_code& error) {
    if (error || text.empty()) { // an empty chunk would be the last
        co_return;
    }
    stream.expires_after(patience);
    if (version >= 11) {
        co_await asio::async_write(stream, http::make_chunk(asio::buffer(text)),
                                   asio::redirect_error(use_awaitable, error));
    } else {
        co_await asio::async_write(stream, asio::buffer(text), asio::redirect_error(use_awaitable, error));
    }
}

awaitable write_end(stream_of_visitor& stream, unsigned version, error_code& error) {
    if (version >= 11 && !error) {
        co_await asio::async_write(stream, http::make_chunk_last(), asio::redirect_error(use_awaitable, error));
    }
}

} // namespace

site::site(asio::io_context& io, std::function<const service&()> mind, std::function<daemon_facts()> facts,
           const limits& most)
    : io_(io), subject_(std::move(mind), std::move(facts)), most_(most), last_words_(io) {}

site::~site() = default;

visitor_facts site::visitors() const noexcept {
    return {.open = visitors_.size(), .following = following_};
}

void site::visit(stream_socket socket, const origin& from, const peer& who, std::string received, bool has_room) {
    if (visitors_.size() >= most_.max_http_connections) {
        const auto silent =
            std::find_if(visitors_.begin(), visitors_.end(), [](const auto& one) { return !one->has_asked; });
        if (silent != visitors_.end()) {
            end(visitor_ptr(*silent));
        }
    }
    if (visitors_.size() >= most_.max_http_connections) { // still: who went may have been one too many himself
        make_room_for(who, false);
    }
    if (visitors_.size() >= 2 * most_.max_http_connections) { // so many wait to be told that they are too many
        return;
    }
    const auto self = std::make_shared<visitor>(std::move(socket), from, who);
    self->has_room = has_room;
    self->is_one_too_many = visitors_.size() >= most_.max_http_connections;
    const auto bytes = self->received.prepare(received.size());
    asio::buffer_copy(bytes, asio::buffer(received));
    self->received.commit(received.size());
    self->has_asked = received.find("\r\n\r\n") != std::string::npos;
    self->place = visitors_.insert(visitors_.end(), self);
    ++shares_[who].visitors;
    if (is_open_) {
        begin(self);
    }
}

void site::open() {
    is_open_ = true;
    for (const auto& one : std::list<visitor_ptr>(visitors_)) {
        begin(one);
    }
}

void site::begin(const visitor_ptr& self) {
    asio::co_spawn(io_.get_executor(), serve(self), [this, self](const std::exception_ptr&) {
        end(self); // if it was ended by an error of ours, its place is free again
    });
}

/// Nobody is robbed of his share: who has most keeps as many as the newcomer's peer has by then.
bool site::make_room_for(const peer& newcomer, bool among_followers) {
    const auto count = among_followers ? &share::followers : &share::visitors;
    const auto greatest =
        std::max_element(shares_.begin(), shares_.end(), [count](const auto& left, const auto& right) {
            return left.second.*count < right.second.*count;
        });
    const auto theirs = shares_.find(newcomer);
    const auto has = theirs == shares_.end() ? 0 : theirs->second.*count;
    if (greatest == shares_.end() || greatest->second.*count < has + 2) {
        return false;
    }
    const auto first = std::find_if(visitors_.begin(), visitors_.end(), [&](const auto& one) {
        return one->who == greatest->first && (one->follows || !among_followers);
    });
    end(visitor_ptr(*first));
    return true;
}

bool site::end_one() {
    if (visitors_.empty()) {
        return false;
    }
    end(visitor_ptr(visitors_.front()));
    return true;
}

void site::end_all() {
    for (const auto& one : std::list<visitor_ptr>(visitors_)) {
        one->last = subject_.lately().next();
        if (!one->has_asked) {
            end(one);
        } else if (one->is_waiting) {
            one->rest.cancel();
        }
    }
    last_words_.expires_after(time_for_last_words);
    last_words_.async_wait([this](error_code error) {
        if (error) {
            return;
        }
        for (const auto& one : std::list<visitor_ptr>(visitors_)) {
            if (one->last <= subject_.lately().next()) {
                end(one);
            }
        }
    });
}

/// Its coroutine sees that, and leaves.
void site::end(const visitor_ptr& self) {
    if (std::exchange(self->is_open, false)) {
        visitors_.erase(self->place);
        following_ -= self->follows ? 1 : 0;
        const auto share_of = shares_.find(self->who);
        share_of->second.followers -= self->follows ? 1 : 0;
        if (--share_of->second.visitors == 0) {
            shares_.erase(share_of);
        }
        self->stream.close();
        self->rest.cancel();
        self->turn.cancel();
    }
}

/// What is said to a request that was read, or could not be.
page_reply site::answer_to(const http_request& request, const error_code& error, const visitor& who) {
    const auto target = split({request.target().data(), request.target().size()});
    const auto host = target.authority.empty() ? view_of(request[http::field::host]) : target.authority;
    const auto what = page_of(target.path);
    if (error == http::error::header_limit) {
        return refusal_reply(431, "a request has " + std::to_string(max_request_header_bytes) + " bytes at most");
    }
    if (error) {
        return refusal_reply(400, "this is not HTTP: " + error.message());
    }
    if (!who.has_room) {
        return refusal_reply(503, "descriptors are short, and nodes go before; come again later, or raise the limit");
    }
    if (request.count(http::field::host) > 1) {
        return refusal_reply(400, "there are two Host headers");
    }
    if (who.is_one_too_many) {
        return refusal_reply(503,
                             std::to_string(most_.max_http_connections) + " others are being served; come again later");
    }
    if (!is_host_header_allowed(host, who.from, subject_.all_hosts())) {
        return refusal_reply(403, "the Host header names none of ours; allowed are the address that was dialled, "
                                  "localhost, and the names of hosts");
    }
    if (!what) {
        return refusal_reply(404, "there is no such page; / lists them");
    }
    if (what == page::events && following_ >= most_.max_event_streams && !make_room_for(who.who, true)) {
        return refusal_reply(503,
                             std::to_string(most_.max_event_streams) + " others follow the events; come again later");
    }
    return reply_of(*what, subject_,
                    {.at = who.from.local, .wants_html = wants_html(view_of(request[http::field::accept]))});
}

awaitable site::serve(visitor_ptr self) {
    error_code error;
    http::request_parser<http::empty_body> parser;
    parser.header_limit(max_request_header_bytes);
    self->stream.expires_after(most_.request_time);
    co_await http::async_read_header(self->stream, self->received, parser, asio::redirect_error(use_awaitable, error));
    const auto& request = parser.get();
    if (!self->is_open) { // its place was needed meanwhile
        co_return;
    }
    if (!may_be_answered(request.method(), error)) {
        end(self);
        co_return;
    }
    self->has_asked = true;
    co_await take_turn(self);
    if (!self->is_open) {
        co_return;
    }
    const bool is_head = request.method() == http::verb::head;
    const unsigned version = error || request.version() >= 11 ? 11 : 10;
    const auto answer = answer_to(request, error, *self);
    if (answer.is_endless && !is_head) {
        self->follows = true;
        self->unread = subject_.lately().next();
        ++following_;
        ++shares_.at(self->who).followers;
    }
    error = {};
    co_await write_header(self->stream, answer, version, most_.request_time, error);
    if (!error && !is_head) {
        if (answer.is_endless) {
            co_await follow(self, answer.body, version);
        } else {
            co_await write_body(self, answer.body, version, error);
        }
        if (self->is_open) {
            co_await write_end(self->stream, version, error);
        }
    }
    if (self->is_open) {
        error_code ignored;
        self->stream.socket().shutdown(stream_socket::shutdown_send, ignored);
        end(self);
    }
}

/// Slice by slice, each in its turn; the first in that of the request, with the header.
awaitable site::write_body(visitor_ptr self, slices body, unsigned version, error_code& error) {
    for (bool is_first = true; self->is_open && !error; is_first = false) {
        if (!is_first) {
            co_await take_turn(self);
        }
        const bool is_wanted = self->is_open && !was_reset(self->stream.socket());
        auto slice = is_wanted ? body() : std::nullopt;
        if (!slice) {
            co_return;
        }
        co_await write_slice(self->stream, std::move(*slice), version, most_.request_time, error);
    }
}

/// In each turn of the loop only one visitor makes something to write: else lookups would wait for all of them.
awaitable site::take_turn(visitor_ptr self) {
    in_line_.push_back(self);
    self->turn.expires_at(time_point::max());
    if (!std::exchange(is_turn_due_, true)) {
        asio::post(io_, [this] { next_turn(); });
    }
    error_code ignored;
    co_await self->turn.async_wait(asio::redirect_error(use_awaitable, ignored));
}

/// What is posted comes after the sockets have been looked at.
void site::next_turn() {
    if (in_line_.empty()) {
        is_turn_due_ = false;
        return;
    }
    in_line_.front()->turn.cancel();
    in_line_.pop_front();
    asio::post(io_, [this] { next_turn(); });
}

/// Shows all nodes, then tells what happens, until it leaves or does not read. What happens while the nodes are written
/// comes after them.
awaitable site::follow(visitor_ptr self, slices nodes, unsigned version) {
    error_code error;
    // What happened before the first slice is among the nodes.
    const auto from_then_on = [this, self, nodes, has_begun = false]() mutable -> std::optional<std::string> {
        if (std::exchange(has_begun, true)) {
            return nodes();
        }
        self->unread = subject_.lately().next();
        return "event: nodes\ndata: " + nodes().value_or("");
    };
    co_await write_body(self, from_then_on, version, error);
    co_await write_slice(self->stream, "\n", version, most_.request_time, error); // an empty line ends an event
    if (error) {
        co_return;
    }
    // It has nothing more to say: whatever comes is its end.
    self->stream.socket().async_wait(stream_socket::wait_read, [this, self](error_code cancelled) {
        if (!cancelled) {
            end(self);
        }
    });
    while (self->is_open && !error) {
        co_await have_news(self);
        auto text = self->is_open ? unread_of(*self) : std::string();
        if (text.empty()) {
            if (self->unread >= self->last) {
                co_return;
            }
            text = ":\n\n"; // a comment: so it knows that we are there
        }
        co_await write_slice(self->stream, std::move(text), version, most_.request_time, error);
        if (self->unread == subject_.lately().next()) {
            self->quiet_until = now() + shortest_pause;
        }
    }
}

/// Comes back in its turn when something has happened that it has not read, and not too soon after the last time; or,
/// without anything, when it is to hear of us all the same.
awaitable site::have_news(visitor_ptr self) {
    error_code ended;
    if (self->unread == subject_.lately().next() && self->unread < self->last) {
        self->is_waiting = true;
        self->rest.expires_after(heartbeat_interval);
        co_await self->rest.async_wait(asio::redirect_error(use_awaitable, ended));
        self->is_waiting = false;
    }
    if (now() < self->quiet_until) {
        self->rest.expires_at(self->quiet_until);
        co_await self->rest.async_wait(asio::redirect_error(use_awaitable, ended));
    }
    co_await take_turn(self);
}

/// The next events that it has not read, as many as are written at once.
std::string site::unread_of(visitor& who) {
    std::string text;
    auto& lately = subject_.lately();
    while (who.unread < std::min(lately.next(), who.last) && text.size() < bytes_at_once) {
        text += lately.text_of(who.unread++, subject_.all_hosts(), subject_.words());
    }
    return text;
}

/// Something was added to the news: wakes those who follow, and ends those who have not read what is forgotten by now.
void site::announce() {
    auto& lately = subject_.lately();
    auto unread_by_any = lately.next();
    for (auto next = visitors_.begin(); next != visitors_.end();) {
        const auto one = *next++; // it may be ended here
        if (!one->follows) {
            continue;
        }
        if (one->unread < lately.first()) {
            end(one);
            continue;
        }
        unread_by_any = std::min(unread_by_any, one->unread);
        if (one->is_waiting) {
            one->rest.cancel();
        }
    }
    lately.forget_before(unread_by_any);
}

void site::tell(event what) {
    if (!what.is_repeated) {
        subject_.words().clock.look();
        subject_.lately().add(std::move(what), now());
        announce();
    }
}

void site::tell_reloaded(const std::optional<std::string>& trouble) {
    subject_.lately().add("reloaded", trouble, now());
    announce();
}

void site::tell_not_upgraded(const std::string& trouble) {
    subject_.lately().add("not_upgraded", trouble, now());
    announce();
}

void site::tell_hosts_changed() {
    if (is_open_) { // before, nobody has seen any
        subject_.lately().add("hosts_changed", std::nullopt, now());
        announce();
    }
}

} // namespace epmd
