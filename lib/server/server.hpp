/// Moves bytes between sockets and the service, and decides nothing.
///
/// The way of a request: accepted, read and framed here, decoded by wire, answered by the service, encoded by wire,
/// written here; then the connection is closed or kept. Nearly every request is there whole when its connection is
/// accepted, and is answered on the spot; only a connection that must wait, for bytes, for an answer or for its end, gets
/// an Asio socket, and a coroutine only while it reads or writes.
#pragma once

#include "net/asio.hpp"
#include "service/service.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epmd {

/// What the server needs of the rest of the daemon.
struct server_hooks {
    /// Finds out to which host a registration belongs; `server::found` is to be called with the answer, on the
    /// server's thread and never from inside this call.
    std::function<void(question)> ask;
    /// Told of everything that happens to registrations.
    std::function<void(const event&)> tell;
    /// A client asked the daemon to end, and may; its reply is written.
    std::function<void()> stop;
};

class server final : private liveness {
  public:
    /// `max_connections`: how many may wait or be registered at once; more newcomers stay in the kernel's queue, and
    /// the idle connection that waited longest makes room for the next.
    server(asio::io_context&, std::vector<acceptor> listeners, const settings&, std::size_t max_connections,
           std::shared_ptr<const hosts>, std::uint32_t first_creation, server_hooks);

    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Starts to accept. Returns at once; the work is done by whoever runs the io_context.
    void start();

    /// Stops to accept. What is connected stays so until the server is destroyed.
    void stop();

    /// The answer to a question.
    void found(connection_number, finding);

    void hosts_changed(std::shared_ptr<const hosts>);
    void resolve_again();
    void set_scope(listen_scope);

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] const service& mind() const noexcept { return service_; }
    /// Connections that wait for bytes, for an answer, or that are registered.
    [[nodiscard]] std::size_t connection_count() const noexcept { return connections_.size(); }

  private:
    struct connection;
    using connection_ptr = std::shared_ptr<connection>;
    struct guest;

    /// A listening socket, and the timer on which accepting from it pauses when there is no room.
    struct gate {
        acceptor listener;
        timer pause;
        bool is_busy = false; // several waited when they were last counted
        int turns = 0;        // since then
    };

    awaitable accept_from(gate&);
    void sleep_as_if_busy(acceptor&) const;
    bool accept_burst(gate&);
    static int burst_size(gate&);
    [[nodiscard]] static bool is_anyone_waiting(acceptor&);
    bool make_room(int error);
    void meet(guest&);
    void handle(guest&, std::string_view received);
    connection_ptr adopt(guest&);
    awaitable read_request(connection_ptr);
    void watch(const connection_ptr&);
    awaitable write_rest(connection_ptr);

    void request(connection_number, const origin&, std::string_view received, guest*);
    void perform(guest*);
    void perform(const send&, guest*);
    void perform(const hold&, guest*);
    void perform(const close&, guest*);
    void reply_to_guest(guest&, send::after);
    void reply_to(connection_ptr, send::after);
    void write_later(const connection_ptr&, ssize_t written);
    void wait_for_end(const connection_ptr&);
    void ended(connection_ptr); // by value, as forget: the caller may hold the one in connections_
    void forget(connection_ptr);

    void watch_idle(connection&);
    void unwatch_idle(connection&);
    void arm_idle_timer();
    void close_idle(time_point now);
    void arm_service_timer();

    [[nodiscard]] bool has_gone(connection_number) const override;

    asio::io_context& io_;
    std::vector<gate> gates_;
    std::uint16_t port_;
    listen_scope scope_;
    std::chrono::seconds packet_timeout_;
    std::chrono::seconds delay_accept_;
    std::chrono::seconds delay_write_;
    std::size_t max_connections_;
    server_hooks hooks_;
    service service_;

    connection_number next_number_ = 1;
    std::unordered_map<connection_number, connection_ptr> connections_;
    std::list<std::pair<time_point, connection*>> idle_; // those that wait for their peer, earliest deadline first
    timer idle_timer_;
    bool is_idle_timer_armed_ = false;
    timer service_timer_;
    std::optional<time_point> service_timer_due_;
    std::optional<time_point> out_of_room_; // when descriptors or memory were last short
    bool is_stopping_ = false;

    actions actions_;   // of the service's last call; kept for its capacity
    std::string reply_; // being encoded; kept for its capacity
};

} // namespace epmd
