#include "server/gates.hpp"

#include "server/listeners.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace epmd {
namespace {

using boost::system::error_code;

/// How many connections one listener accepts before the others have their turn. Chosen, not tuned.
constexpr int max_burst_size = 64;

/// While connections come one by one, those that wait are counted every so many turns. Chosen, not tuned.
constexpr int turns_between_counts = 16;

/// How long accepting pauses when descriptors or memory ran out (as OpenBSD's daemons do), unless room is made.
constexpr std::chrono::seconds accept_pause{1};

/// How many connections wait to be accepted: what ss(8) shows as Recv-Q. 1 where the kernel does not say it.
int count_waiting(acceptor& listener) {
    tcp_info info{};
    socklen_t length = sizeof info;
    const bool is_said = ::getsockopt(listener.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0;
    return is_said ? std::max(static_cast<int>(std::min<std::uint32_t>(info.tcpi_unacked, max_burst_size)), 1) : 1;
}

} // namespace

gates::gates(asio::io_context& io, std::vector<acceptor> listeners, const settings& from, accept_some accept)
    : io_(io), accept_(std::move(accept)), port_(listeners.front().local_endpoint().port()), scope_(from.scope),
      are_passed_(from.has_systemd_sockets) {
    add(std::move(listeners));
    tell_of_scope();
}

void gates::open() {
    is_open_ = true;
    for (const auto& one : gates_) {
        if (!std::exchange(one->is_accepting, true)) {
            asio::co_spawn(io_.get_executor(), accept_at(one), asio::detached);
        }
    }
}

void gates::rest() {
    is_open_ = false;
    for (const auto& one : gates_) {
        one->listener.cancel();
        one->pause.cancel();
    }
}

void gates::close() {
    is_open_ = false;
    for (const auto& one : gates_) {
        error_code ignored;
        one->listener.close(ignored);
        one->pause.cancel();
    }
}

void gates::room_made() {
    for (const auto& one : gates_) {
        one->pause.cancel();
    }
}

std::vector<int> gates::descriptors() const {
    std::vector<int> result;
    for (const auto& one : gates_) {
        result.push_back(one->listener.native_handle());
    }
    return result;
}

std::vector<address> gates::addresses() const {
    std::vector<address> result;
    for (const auto& one : gates_) {
        error_code error;
        if (const auto end = one->listener.local_endpoint(error); !error) {
            result.push_back(from_asio(end.address()));
        }
    }
    return result;
}

/// No error ends accepting.
awaitable gates::accept_at(gate_ptr open) {
    auto& self = *open;
    while (is_open_ && self.listener.is_open()) {
        error_code error;
        co_await self.listener.async_wait(acceptor::wait_read, asio::redirect_error(use_awaitable, error));
        if (!is_open_ || !self.listener.is_open()) {
            break;
        }
        bool has_room = !error;
        try {
            has_room = has_room && accept_(self.listener, burst_size(self));
        } catch (const std::exception& thrown) {
            spdlog::error("accepting was interrupted by an error of ours: {}", thrown.what());
        }
        if (!has_room) {
            self.pause.expires_after(accept_pause);
            co_await self.pause.async_wait(asio::redirect_error(use_awaitable, error));
        }
    }
    self.is_accepting = false;
}

/// How many to accept in a turn: those who wait at this moment, at most max_burst_size. To ask that costs 4 % of a
/// lookup (scripts/bench lookup), so that while nobody finds another one there it is asked now and then only.
int gates::burst_size(gate& self) {
    if (!self.is_busy && ++self.turns < turns_between_counts) {
        return 1;
    }
    const int waiting = count_waiting(self.listener);
    self.is_busy = waiting > 1;
    self.turns = 0;
    return waiting;
}

void gates::change(const settings& fresh) {
    if (!are_passed_) {
        change_listeners(fresh);
    }
    for (const auto& one : gates_) {
        restrict_listener(one->listener, fresh.scope);
    }
    scope_ = fresh.scope;
    tell_of_scope();
}

/// Who has asked for silence is told if there is none.
void gates::tell_of_scope() const {
    const bool is_silent =
        std::all_of(gates_.begin(), gates_.end(), [](const gate_ptr& one) { return is_filtered(one->listener); });
    if (scope_ == listen_scope::loopback && !is_silent) {
        spdlog::info(
            "listen = loopback: other machines are closed when they connect, and not kept silent: for a packet "
            "filter this kernel wants the capability CAP_NET_ADMIN");
    }
}

void gates::add(std::vector<acceptor> listeners) {
    for (auto& listener : listeners) {
        gates_.push_back(std::make_shared<gate>(std::move(listener), timer(io_)));
    }
}

/// Opens what is wanted and not there, and closes what is there and not wanted.
void gates::change_listeners(const settings& fresh) {
    const auto has = addresses();
    const auto without = [](std::vector<address> some, const std::vector<address>& others) {
        std::erase_if(some,
                      [&](const address& one) { return std::find(others.begin(), others.end(), one) != others.end(); });
        return some;
    };
    const auto wanted = addresses_to_listen_on(fresh);
    const auto added = without(wanted, has);
    const auto removed = without(has, wanted);
    if (added.empty() && removed.empty()) {
        return;
    }
    const auto is_wildcard = [](const address& one) { return one.is_wildcard(); };
    const bool must_close_first = std::any_of(added.begin(), added.end(), is_wildcard) ||
                                  std::any_of(removed.begin(), removed.end(), is_wildcard);
    settings now = fresh;
    now.port = port_;
    if (!must_close_first) {
        add(open_listeners(io_, now, added));
        close_some(removed);
    } else {
        close_some(removed);
        try {
            add(open_listeners(io_, now, added));
        } catch (...) {
            now.addresses = has;
            now.scope = scope_;
            add(open_listeners(io_, now, removed));
            if (is_open_) {
                open();
            }
            throw;
        }
    }
    if (is_open_) {
        open();
    }
}

void gates::close_some(std::span<const address> where) {
    std::erase_if(gates_, [&](const gate_ptr& one) {
        const auto at = from_asio(one->listener.local_endpoint().address());
        const bool is_closed = std::find(where.begin(), where.end(), at) != where.end();
        if (is_closed) {
            error_code ignored;
            one->listener.close(ignored);
            one->pause.cancel();
        }
        return is_closed;
    });
}

} // namespace epmd
