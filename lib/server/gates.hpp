/// The listening sockets of a server: waits until somebody dials, and has him accepted.
#pragma once

#include "net/asio.hpp"
#include "settings/settings.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace epmd {

class gates {
  public:
    /// Accepts at most `count` who wait there. False: there is no room for more; then that gate pauses for a second, or
    /// until room_made.
    using accept_some = std::function<bool(acceptor&, int count)>;

    /// All listen already.
    gates(asio::io_context&, std::vector<acceptor> listeners, const settings&, accept_some);

    /// Begins to accept, or goes on. Returns at once.
    void open();
    /// Accepts nobody more. Who dials waits in the kernel's queue.
    void rest();
    /// Ends listening. Who waits in the kernel's queue is reset, unless somebody else has the socket.
    void close();
    /// Somebody was refused for want of room, and there is some now.
    void room_made();

    /// Others are served, or elsewhere. Sockets that a service manager has passed stay as they are, but for who is
    /// served by them. Throws listen_error, or std::system_error, and all is as it was.
    ///
    /// From all addresses to some, or back, the port is closed for a moment: the kernel lets nobody listen on both.
    void change(const settings&);

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] listen_scope scope() const noexcept { return scope_; }
    [[nodiscard]] std::vector<int> descriptors() const;
    /// Where they listen.
    [[nodiscard]] std::vector<address> addresses() const;

  private:
    /// A listening socket, and the timer on which accepting from it pauses when there is no room.
    struct gate {
        gate(acceptor its_listener, timer its_pause) : listener(std::move(its_listener)), pause(std::move(its_pause)) {}

        acceptor listener;
        timer pause;
        bool is_busy = false;      // several waited when they were last counted
        int turns = 0;             // since then
        bool is_accepting = false; // accept_at runs
    };
    using gate_ptr = std::shared_ptr<gate>;

    awaitable accept_at(gate_ptr);
    static int burst_size(gate&);
    void add(std::vector<acceptor>);
    void change_listeners(const settings&);
    void close_some(std::span<const address>);
    void tell_of_scope() const;

    asio::io_context& io_;
    accept_some accept_;
    std::vector<gate_ptr> gates_;
    std::uint16_t port_;
    listen_scope scope_;
    bool are_passed_; // by a service manager
    bool is_open_ = false;
};

} // namespace epmd
