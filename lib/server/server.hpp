/// Moves bytes between sockets and the service, and decides nothing.
///
/// The way of a request: accepted, read and framed here, decoded by wire, answered by the service, encoded by wire,
/// written here; then the connection is closed or kept. Nearly every request is there whole when its connection is
/// accepted, and is answered on the spot; only a connection that must wait, for bytes, for an answer or for its end,
/// gets an Asio socket, and a coroutine only while it reads or writes.
#pragma once

#include "net/asio.hpp"
#include "net/peer.hpp"
#include "server/gates.hpp"
#include "server/idle_connections.hpp"
#include "service/service.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epmd {

/// Whom connections are handed over to that speak HTTP.
struct visitor_hooks {
    /// Takes a connection over, with the beginning of what it sent. `has_room`: descriptors are not short; else whoever
    /// comes would only take the place of another visitor.
    std::function<void(stream_socket, const origin&, const peer&, std::string received, bool has_room)> visit;
    /// How many of them are open.
    std::function<std::size_t()> count;
    /// Ends the one that is there longest: somebody else needs its place. False: there is none.
    std::function<bool()> end_one;
};

/// What the server needs of the rest of the daemon.
struct server_hooks {
    /// Finds out to which host a registration belongs; `server::found` is to be called with the answer, on the
    /// server's thread and never from inside this call.
    std::function<void(question)> ask;
    /// Told of everything that happens to registrations; may keep it.
    std::function<void(event&&)> tell;
    /// A client asked the daemon to end, and may; its reply is written.
    std::function<void()> stop;
    /// Has a registration outlive the process (service's action `keep`). Null: nobody does; then `let_go` is as well.
    std::function<void(const registration&, bool is_new)> keep = nullptr;
    /// A registration has ended. Whether somebody else may hold its connection: then it is shut down, since to close it
    /// would leave it open.
    std::function<bool(connection_number)> let_go = nullptr;
    /// Those of the ports on which somebody on this machine listens: an adopted node is there for as long. At most
    /// kernel::max_ports_at_once. Null: nobody is adopted.
    std::function<std::set<std::uint16_t>(std::span<const std::uint16_t> ports)> listened_on = nullptr;
    /// Whose socket is at the other end of a connection from this machine. Empty: not known. Null: of none it is.
    std::function<std::optional<std::uint32_t>(const origin&)> user_of = nullptr;
    /// Null: who speaks HTTP is closed at once, as stock does.
    std::optional<visitor_hooks> visitors = std::nullopt;
};

class server final : private liveness {
  public:
    /// `room`: how many connections descriptors are left for; not more may wait or be registered at once. More
    /// newcomers stay in the kernel's queue, and an idle connection makes room for the next.
    server(asio::io_context&, std::vector<acceptor> listeners, const settings&, std::size_t room,
           std::shared_ptr<const hosts>, registry_state before, server_hooks);

    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Takes the connections of the registrations of the process before, those that have a descriptor, and ends the
    /// registrations whose connection has ended meanwhile. Then starts to accept. Returns at once; the work is done by
    /// whoever runs the io_context.
    void start();

    /// Serves a node that another epmd had, for as long as its port is listened on.
    void adopt(node);

    /// Stops to accept. What is connected stays so until the server is destroyed.
    void stop();

    /// Accepts nobody more, and calls `is_done` when all requests in hand are answered: who comes meanwhile waits in
    /// the kernel's queue, for the process after this one. Who has not said what he wants, or does not read his reply,
    /// has a second; a registration that is held, policy::evidence_time. Comes back from `resume`.
    void finish(std::function<void()> is_done);

    /// Accepts again, after finish.
    void resume();

    /// The listening sockets.
    [[nodiscard]] std::vector<int> listeners() const { return gates_.descriptors(); }

    /// The answer to a question.
    void found(connection_number, finding);

    void hosts_changed(std::shared_ptr<const hosts>);
    void resolve_again();
    /// Takes over what may change while it serves: who is served, where, and the limits. A registration does not
    /// depend on the listener through which it came. Throws as gates::change, and all is as it was.
    void change(const settings&);

    [[nodiscard]] std::uint16_t port() const { return gates_.port(); }
    [[nodiscard]] const service& mind() const noexcept { return service_; }
    /// Connections that wait for bytes, for an answer, or that are registered, and visitors.
    [[nodiscard]] std::size_t connection_count() const;
    /// What peers may take now, without a 0.
    [[nodiscard]] const limits& most() const noexcept { return most_; }
    [[nodiscard]] const server_counters& counted() const noexcept { return counted_; }
    [[nodiscard]] status_scope status() const noexcept { return status_; }
    [[nodiscard]] listen_scope scope() const noexcept { return gates_.scope(); }
    [[nodiscard]] std::vector<address> addresses() const { return gates_.addresses(); }

  private:
    struct connection;
    using connection_ptr = std::shared_ptr<connection>;
    struct guest;
    struct asked;
    struct encoded;

    bool accept_from(acceptor&, int count);
    void sleep_as_if_busy(acceptor&) const;
    [[nodiscard]] static bool is_anyone_waiting(acceptor&);
    bool make_room(int error);
    void meet(guest&);
    void handle(guest&, std::string_view received);
    connection_ptr adopt(connection_number, const origin&);
    connection_ptr adopt(guest&);
    void show_in(stream_socket, const origin&, std::string received);
    awaitable read_request(connection_ptr);
    void watch(const connection_ptr&);
    awaitable write_rest(connection_ptr);

    void request(connection_number, const origin&, std::string_view received, guest*);
    void perform(guest*);
    bool perform(action&, guest*);
    void perform(const send&, guest*);
    void note_answer(const asked&);
    void perform(const hold&, guest*);
    void perform(const close&, guest*);
    void perform(const keep&);
    void perform(const let_go&);
    void take_back(const registration&);
    void watch_adopted();
    void look_at_adopted();
    [[nodiscard]] std::set<std::uint16_t> unheard_ports(const std::vector<std::uint16_t>&) const;
    void lose_patience();
    void look_whether_done();
    encoded encode(const wire::reply&);
    void reply_to_guest(guest&, const encoded&, send::after);
    void reply_to(connection_ptr, const encoded&, send::after);
    void write_later(const connection_ptr&, const encoded&, ssize_t written);
    void keep_unread(connection&, std::shared_ptr<const std::string>);
    void drop_unread(connection&);
    void wait_for_end(const connection_ptr&);
    void ended(connection_ptr); // by value, as forget and reply_to: the caller may hold the one in connections_
    void forget(connection_ptr);

    [[nodiscard]] peer peer_at(const origin&) const;
    void watch_idle(const connection&);
    void make_room_for(const peer&);
    void arm_idle_timer();
    void close_idle(time_point now);
    void arm_service_timer();

    [[nodiscard]] bool has_gone(connection_number) const override;

    asio::io_context& io_;
    gates gates_;
    std::size_t room_;
    limits most_;
    std::chrono::seconds delay_accept_;
    std::chrono::seconds delay_write_;
    status_scope status_;
    server_hooks hooks_;
    service service_;
    server_counters counted_;

    connection_number next_number_ = 1;
    std::unordered_map<connection_number, connection_ptr> connections_;
    idle_connections idle_;
    timer idle_timer_;
    bool is_idle_timer_armed_ = false;
    std::optional<time_point> too_many_of_one_peer_;             // when one of so many had to go last
    std::unordered_map<const std::string*, std::size_t> unread_; // by how many each is not read yet
    std::size_t unread_bytes_ = 0;                               // of those, in all
    timer service_timer_;
    std::optional<time_point> service_timer_due_;
    std::optional<time_point> out_of_room_; // when descriptors or memory were last short
    std::function<void()> is_done_;         // of finish, until it was called
    timer patience_;                        // of finish, with who does not go on
    timer adopted_timer_;
    bool are_adopted_watched_ = false;

    actions actions_;   // of the service's last call; kept for its capacity
    std::string reply_; // being encoded; kept for its capacity
};

} // namespace epmd
