/// HTTP on the epmd port: who speaks it is shown hosts, nodes, the daemon, and what happens. Nothing can be changed
/// here.
///
/// The way of a request: the server sees that it is none of the epmd protocol and hands the connection over; here it is
/// read (Beast), its target and its Host header are judged (request.hpp), and a page is written slice by slice
/// (pages.hpp), so that one of ten thousand nodes keeps nobody waiting. One request a connection.
///
/// The way of an event: it is noted once (news.hpp), and each that follows reads on from where it was, some at a time.
#pragma once

#include "net/asio.hpp"
#include "net/peer.hpp"
#include "service/service.hpp"
#include "settings/limits.hpp"
#include "status/facts.hpp"
#include "status/pages.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace epmd {

class site {
  public:
    site(asio::io_context&, std::function<const service&()> mind, std::function<daemon_facts()> facts, const limits&);
    ~site();
    site(const site&) = delete;
    site& operator=(const site&) = delete;

    /// Begins to answer. Until then those who come wait: hosts are being made out.
    void open();

    /// Serves a connection that began with `received`, which looks like HTTP. Comes back at once. `has_room`:
    /// descriptors are not short; else it is told to come again later.
    ///
    /// Where there are as many as may be, one that has not asked for anything makes room, else one of the peer that has
    /// most, if that leaves it as many as the newcomer's peer has. Else the newcomer is told to come again later.
    void visit(stream_socket, const origin&, const peer&, std::string received, bool has_room);

    /// From now on; who is there stays.
    void set_limits(const limits& most) noexcept { most_ = most; }

    /// How many connections are open.
    [[nodiscard]] std::size_t visitor_count() const noexcept { return visitors_.size(); }
    [[nodiscard]] visitor_facts visitors() const noexcept;
    /// Closes the one that is there longest. False: there is none.
    bool end_one();
    /// Ends all, once they have what was written for them: who may come is about to change.
    void end_all();

    /// Tells those who follow the events.
    void tell(event);
    /// The configuration was read again; `trouble`: and nothing came of it, for that reason.
    void tell_reloaded(const std::optional<std::string>& trouble);
    /// No other program took our place.
    void tell_not_upgraded(const std::string& trouble);
    /// Hosts have other names or addresses than before.
    void tell_hosts_changed();

  private:
    struct visitor;
    struct share {
        std::size_t visitors = 0;
        std::size_t followers = 0; ///< of them
    };
    using visitor_ptr = std::shared_ptr<visitor>;
    using http_request = boost::beast::http::request<boost::beast::http::empty_body>;

    void begin(const visitor_ptr&);
    awaitable serve(visitor_ptr);
    awaitable follow(visitor_ptr, slices nodes, unsigned version);
    page_reply answer_to(const http_request&, const boost::system::error_code&, const visitor&);
    awaitable write_body(visitor_ptr, slices, unsigned version, boost::system::error_code&);
    awaitable have_news(visitor_ptr);
    awaitable take_turn(visitor_ptr);
    void next_turn();
    std::string unread_of(visitor&);
    void announce();
    void end(const visitor_ptr&);
    bool make_room_for(const peer&, bool among_followers);

    asio::io_context& io_;
    subject subject_;
    std::list<visitor_ptr> visitors_; // the one that is there longest first
    std::map<peer, share> shares_;    // of each peer that has one
    std::deque<visitor_ptr> in_line_; // those that have something to write
    limits most_;                     // request_time: for a request to come, and for each part of a page to be read
    std::size_t following_ = 0;
    timer last_words_; // of end_all
    bool is_turn_due_ = false;
    bool is_open_ = false;
};

} // namespace epmd
