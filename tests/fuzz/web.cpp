// What comes over HTTP: to us, and to epmdctl.
#include "client/http.hpp"
#include "client/server_event.hpp"
#include "daemon.hpp"
#include "fuzz/demand.hpp"
#include "fuzz/targets.hpp"
#include "status/request.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace epmd::fuzz {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t at_once = std::numeric_limits<std::size_t>::max();

/// Has a parser read bytes as Beast's async_read does, so many at a time, until it wants no more or they end.
template <typename Parser, typename IsDone>
error_code read(Parser& parser, std::string_view bytes, std::size_t at_a_time, IsDone is_done) {
    boost::beast::flat_buffer received;
    error_code error;
    while (!bytes.empty() && !error && !is_done(parser)) {
        const auto part = bytes.substr(0, at_a_time);
        bytes.remove_prefix(part.size());
        received.commit(boost::asio::buffer_copy(received.prepare(part.size()), boost::asio::buffer(part)));
        for (std::size_t used = 1; used > 0 && received.size() > 0 && !error && !is_done(parser);) {
            used = parser.put(received.data(), error);
            received.consume(used);
        }
        if (error == http::error::need_more) {
            error = {};
        }
    }
    if (!error && !is_done(parser)) {
        parser.got_some() ? parser.put_eof(error) : void(error = http::error::end_of_stream);
    }
    return error;
}

/// What of a request's header counts.
struct read_request {
    bool is_good = false;
    std::string target;
    std::string host;
    std::string accept;

    bool operator==(const read_request&) const = default;
};

read_request request_in(std::string_view bytes, std::size_t at_a_time) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(max_request_header_bytes);
    const auto error = read(parser, bytes, at_a_time, [](const auto& one) { return one.is_header_done(); });
    const auto& got = parser.get();
    return {.is_good = !error && parser.is_header_done(),
            .target = got.target(),
            .host = got[http::field::host],
            .accept = got[http::field::accept]};
}

/// A text without regard to case has one of the names in it.
bool names_one_of(std::string text, const std::vector<std::string>& names) {
    std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
    });
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& one) { return text.find(one) != std::string::npos; });
}

std::vector<server_event> events_in(std::string_view text, std::size_t at_a_time) {
    std::vector<server_event> found;
    std::string unread;
    while (!text.empty()) {
        unread += text.substr(0, at_a_time);
        text.remove_prefix(std::min(at_a_time, text.size()));
        while (auto one = take_event(unread)) {
            found.push_back(std::move(*one));
        }
    }
    return found;
}

/// What may be thrown where a page is not as it should be: no JSON, a key that is not there, a value of another kind.
bool is_understood(const std::string& page, hosts& to) {
    try {
        to = ctl::hosts_of(ctl::parsed(page));
        return true;
    } catch (const bad_answer&) {
    } catch (const std::out_of_range&) {
    } catch (const std::invalid_argument&) {
    }
    return false;
}

} // namespace

void http_request(std::string_view bytes) {
    const auto got = request_in(bytes, at_once);
    if (!got.is_good) {
        return;
    }
    demand(bytes.size() > max_request_header_bytes || request_in(bytes, 1) == got,
           "how the bytes are cut makes no difference");
    const auto target = split(got.target);
    demand(is_inside(target.path, got.target) || target.path == "/", "a path is a part of the target");
    demand(target.authority.empty() || is_inside(target.authority, got.target), "and so is an authority");
    demand(!page_of(target.path) || target.path.front() == '/', "a page is a path");
    demand(!wants_html(got.accept) || !got.accept.empty(), "who accepts nothing wants no HTML");

    const address dialled(address::bytes_v4{127, 0, 0, 2});
    const hosts known({{"lowry", {dialled}}}, {"workshop.example", {}, {}});
    const origin from{.peer = loopback_v4, .peer_port = 40000, .local = dialled, .local_port = 4369};
    const auto& host = target.authority.empty() ? got.host : std::string(target.authority);
    demand(!is_host_header_allowed(host, from, known) ||
               names_one_of(host, {"127.0.0.2", ":7f00:2", ":7f00:0002", "localhost", "lowry", "workshop"}),
           "only our own names are answered");
}

void http_reply(std::string_view bytes) {
    const auto body_of = [&](std::size_t at_a_time) {
        http::response_parser<http::string_body> parser;
        parser.eager(true);
        const auto error = read(parser, bytes, at_a_time, [](const auto& one) { return one.is_done(); });
        return std::pair(!error && parser.is_done(), parser.release().body());
    };
    const auto whole = body_of(at_once);
    // Not byte by byte: Beast asserts that a last chunk comes with two bytes more at least, which is its own mistake
    // and of no consequence without assertions.
    const auto in_pieces = body_of(std::max<std::size_t>(bytes.size() - bytes.size() / 2, 2));
    demand(whole.first == in_pieces.first, "how the bytes are cut makes no difference");
    demand(!whole.first || whole.second == in_pieces.second, "nor to the body");
    demand(whole.second.size() <= bytes.size(), "a body was sent");
}

void take_events(std::string_view bytes) {
    const auto found = events_in(bytes, at_once);
    demand(events_in(bytes, 1) == found, "how a text is cut makes no difference");
    std::string written;
    for (const auto& one : found) {
        demand(!one.name.empty() && one.name.find('\n') == std::string::npos, "an event has a name");
        demand(one.data.find('\n') == std::string::npos, "its data are one line");
        written += "event: " + one.name + "\ndata: " + one.data + "\n\n";
    }
    demand(events_in(written, at_once) == found, "what is written is read as the same");
}

void hosts_page(std::string_view bytes) {
    hosts known;
    if (!is_understood(std::string(bytes), known)) {
        return;
    }
    for (const auto& one : known.configured()) {
        for (const auto& its : one.addresses) {
            demand(known.is_configured(its), "each address of a host is one");
        }
        const auto where = known.at(one.addresses.front());
        const auto names = known.names_of(where);
        demand(known.first_name_of(where) == (names.empty() ? std::string() : names.front()), "its first name is one");
    }
    demand(known.at(loopback_v4).is_machine() || known.is_configured(loopback_v4), "the machine is there");
}

} // namespace epmd::fuzz
