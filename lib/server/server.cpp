#include "server/server.hpp"

#include "server/progress.hpp"
#include "wire/decode.hpp"
#include "wire/encode.hpp"
#include "wire/limits.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <spdlog/fmt/bin_to_hex.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epmd {
namespace {

using boost::system::error_code;

/// How long a server that finishes waits for a client that does not go on by itself. Chosen, not tuned: far more than a
/// client on this machine takes.
constexpr std::chrono::seconds last_patience{1};

/// How often it is looked whether adopted nodes are there. Chosen, not tuned: as often as a VM knocks that has lost its
/// epmd.
constexpr std::chrono::seconds adopted_interval{2};

/// Room for so long ends an episode of having none. Chosen, not tuned.
constexpr std::chrono::seconds out_of_room_episode{10};

/// Of replies that their clients do not read, in all; then those that wait longest are closed. Chosen, not tuned: a
/// hundred names lists of 15,000 nodes, of which the kernel takes the most part at once.
constexpr std::size_t max_unread_bytes = std::size_t{64} << 20U;

/// Who has set packet_timeout higher is not kept from it.
idle_connections::patience patience_of(const settings& from) {
    return {.silence = from.packet_timeout, .in_all = std::max(from.packet_timeout, from.most.request_time)};
}

std::string text_of(const peer& who) {
    return who.uid ? "uid " + std::to_string(*who.uid) : to_string(who.where);
}

time_point now() {
    return std::chrono::steady_clock::now();
}

bool is_out_of_room(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

asio::ip::tcp protocol_of(const origin& from) {
    return from.local.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
}

bool would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

/// For those who follow the protocol byte by byte; costs one comparison when nobody does.
void log_bytes(std::string_view what, const origin& from, std::string_view bytes) {
    if (spdlog::should_log(spdlog::level::trace)) {
        spdlog::trace("{} {}:{}, {} bytes:{:a}", what, to_string(from.peer), from.peer_port, bytes.size(),
                      spdlog::to_hex(bytes.begin(), bytes.end()));
    }
}

/// For co_spawn and callbacks: an exception ends its own connection and no other.
void log_exception(const std::exception_ptr& thrown) {
    if (!thrown) {
        return;
    }
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        spdlog::error("a connection was ended by an error of ours: {}", error.what());
    }
}

} // namespace

/// A request in hand, for the time that its answer takes.
struct server::asked {
    std::size_t type = 0; ///< in the order of wire::request
    time_point at;
};

/// A reply in bytes.
struct server::encoded {
    std::string_view bytes;
    std::shared_ptr<const std::string> shared; ///< the same; null: good until the next is encoded
};

/// A connection that was accepted this moment: a descriptor on the stack, and nothing allocated.
struct server::guest {
    guest(int accepted, const origin& ends) : descriptor(accepted), from(ends) {}
    guest(const guest&) = delete;
    guest& operator=(const guest&) = delete;
    ~guest() { leave(); }

    void leave() noexcept {
        if (descriptor >= 0) {
            ::close(std::exchange(descriptor, -1));
        }
    }

    connection_number number = 0;
    int descriptor;
    origin from;
    asked request;
};

/// A connection that waits: for the rest of its request, for an answer, for its peer to read, or to end.
struct server::connection {
    enum class phase { reading, waiting, writing, closed };

    connection(asio::io_context& io, connection_number its_number, const origin& ends)
        : number(its_number), from(ends), socket(io) {}

    connection_number number;
    origin from;
    stream_socket socket;
    phase at = phase::reading;
    std::string received;
    std::shared_ptr<const std::string> unread; // of a reply; others may read the same
    std::size_t sent = 0;                      // of it
    asked request;
};

server::server(asio::io_context& io, std::vector<acceptor> listeners, const settings& from, std::size_t room,
               std::shared_ptr<const hosts> known, registry_state before, server_hooks hooks)
    : io_(io), gates_(io, std::move(listeners), from,
                      [this](acceptor& listener, int count) { return accept_from(listener, count); }),
      room_(room), most_(from.most.within(room)), delay_accept_(from.delay_accept), delay_write_(from.delay_write),
      status_(from.status), hooks_(std::move(hooks)),
      service_({.epmd_port = gates_.port(),
                .relaxed_command_check = from.relaxed_command_check,
                .max_registrations = most_.max_registrations,
                .max_registrations_per_user = most_.max_registrations_per_user,
                .own_uid = ::getuid()},
               std::move(known), std::move(before), *this),
      idle_(patience_of(from)), idle_timer_(io), service_timer_(io), patience_(io), adopted_timer_(io) {
    for (const auto* one : service_.registrations().all()) {
        next_number_ = std::max(next_number_, one->connection + 1);
    }
}

void server::start() {
    std::vector<registration> before; // copies: who has lost his connection is removed in the middle of it
    for (const auto* one : service_.registrations().all()) {
        before.push_back(*one);
    }
    for (const auto& one : before) {
        take_back(one);
    }
    gates_.open();
}

void server::resume() {
    patience_.cancel();
    gates_.open();
}

void server::finish(std::function<void()> is_done) {
    is_done_ = std::move(is_done);
    gates_.rest();
    lose_patience();
    look_whether_done();
}

/// Again and again: a reply may be held, and then not be read.
void server::lose_patience() {
    patience_.expires_after(last_patience);
    patience_.async_wait([this](error_code error) {
        if (error || !is_done_) {
            return;
        }
        while (const auto first = idle_.first_to_go()) {
            forget(connections_.at(*first));
        }
        lose_patience();
    });
}

/// After finish: nobody is left but registered nodes.
void server::look_whether_done() {
    const auto& all = service_.registrations();
    if (is_done_ && connections_.size() <= all.size() - all.adopted_count()) {
        asio::post(io_, std::exchange(is_done_, nullptr));
    }
}

/// Has the connection of a registration of the process before, as if it had been accepted here.
void server::take_back(const registration& one) {
    if (one.is_adopted) {
        service_.returned(one.connection, {}, now(), actions_);
        perform(nullptr);
        watch_adopted();
        return;
    }
    asio::ip::tcp::endpoint peer;
    asio::ip::tcp::endpoint local;
    auto peer_length = static_cast<socklen_t>(peer.capacity());
    auto local_length = static_cast<socklen_t>(local.capacity());
    const bool is_connected = one.descriptor >= 0 && ::getpeername(one.descriptor, peer.data(), &peer_length) == 0 &&
                              ::getsockname(one.descriptor, local.data(), &local_length) == 0;
    if (!is_connected) { // it was lost, or reset
        if (one.descriptor >= 0) {
            ::close(one.descriptor);
        }
        service_.closed(one.connection, now(), actions_);
        perform(nullptr);
        return;
    }
    const auto kept = adopt(one.connection, {.peer = from_asio(peer.address()),
                                             .peer_port = peer.port(),
                                             .local = from_asio(local.address()),
                                             .local_port = local.port(),
                                             .descriptor = one.descriptor});
    if (!kept) {
        return;
    }
    kept->at = connection::phase::waiting;
    // Who has no reply yet, since the process was killed between the two, does not wait for one in vain.
    if (has_gone(kept->number) || !has_sent_anything(one.descriptor)) {
        ended(kept);
        return;
    }
    service_.returned(kept->number, kept->from, now(), actions_);
    perform(nullptr);
    watch(kept);
}

void server::stop() {
    gates_.close();
}

// ---- accepting

/// Accepts `count` who wait on a listener, if there are so many. False: there is no room for more.
///
/// Who comes meanwhile has the next turn: between the two the ends of registered connections are noticed, so that a
/// lookup never finds a node that had left before it was sent.
///
/// accept4 and an immediate read instead of async_accept and async_read: 6 system calls a lookup against 11
/// (measured, docs/decisions.md), and no socket object for a connection that is over at once.
bool server::accept_from(acceptor& listener, int count) {
    for (; count > 0; --count) {
        sleep_as_if_busy(listener);
        if (connection_count() >= most_.max_connections) {
            return !is_anyone_waiting(listener) || make_room(EMFILE);
        }
        asio::ip::tcp::endpoint peer;
        auto length = static_cast<socklen_t>(peer.capacity());
        const int descriptor = ::accept4(listener.native_handle(), peer.data(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) {
            if (would_block(errno)) {
                return true;
            }
            if (const int error = errno; is_out_of_room(error)) {
                // Said before the kernel looks whether anybody waits.
                return !is_anyone_waiting(listener) || make_room(error);
            }
            continue; // the peer has gone already, or a network error that accept(2) passes on
        }
        ++counted_.accepted;
        asio::ip::tcp::endpoint local;
        length = static_cast<socklen_t>(local.capacity());
        ::getsockname(descriptor, local.data(), &length);
        guest accepted(descriptor, {.peer = from_asio(peer.address()),
                                    .peer_port = peer.port(),
                                    .local = from_asio(local.address()),
                                    .local_port = local.port(),
                                    .descriptor = descriptor});
        try {
            meet(accepted);
        } catch (const std::exception& error) {
            actions_.clear();
            spdlog::error("closed {}:{}: {}", to_string(accepted.from.peer), accepted.from.peer_port, error.what());
            if (const auto left = connections_.find(accepted.number);
                left != connections_.end() && !service_.is_waiting_for(accepted.number)) {
                forget(left->second); // nobody watches it
            }
        }
    }
    return true;
}

/// With -delay_accept: nobody is served meanwhile, nor would be by a server that is busy.
void server::sleep_as_if_busy(acceptor& listener) const {
    if (delay_accept_.count() > 0 && is_anyone_waiting(listener)) {
        std::this_thread::sleep_for(delay_accept_);
    }
}

bool server::is_anyone_waiting(acceptor& listener) {
    pollfd queue{.fd = listener.native_handle(), .events = POLLIN, .revents = 0};
    return ::poll(&queue, 1, 0) > 0;
}

/// Descriptors or memory ran out: an idle connection goes, or a lookup that waits is answered, or a visitor goes; a
/// registered one never does. False: there is none to go. One line an episode, which ends when there was room for a
/// while.
bool server::make_room(int error) {
    const auto at = now();
    if (!out_of_room_ || *out_of_room_ + out_of_room_episode < at) {
        ++counted_.out_of_room;
        spdlog::warn("no room for another connection: {}; {} are open, of at most {}, and {} of them are nodes. "
                     "Newcomers wait; raise the limit of open files (ulimit -n, or LimitNOFILE= of the service)",
                     std::generic_category().message(error), connection_count(), most_.max_connections,
                     service_.registrations().size());
    }
    out_of_room_ = at;
    if (const auto first = idle_.first_to_go()) {
        ++counted_.made_room;
        forget(connections_.at(*first));
        return true;
    }
    if (service_.answer_longest(actions_)) {
        perform(nullptr);
        return true;
    }
    const bool is_made = hooks_.visitors && hooks_.visitors->end_one();
    counted_.made_room += is_made ? 1 : 0;
    return is_made;
}

void server::meet(guest& who) {
    if (gates_.scope() == listen_scope::loopback && !who.from.is_this_machine()) {
        return;
    }
    who.number = next_number_++;
    std::array<char, wire::max_received_bytes> buffer; // NOLINT: filled by recv
    const auto size = ::recv(who.descriptor, buffer.data(), buffer.size(), 0);
    if (size > 0) {
        handle(who, {buffer.data(), static_cast<std::size_t>(size)});
    } else if (size < 0 && would_block(errno)) {
        handle(who, {});
    }
}

/// Answers a connection whose request is there whole; lets one whose request is not wait for the rest.
void server::handle(guest& who, std::string_view received) {
    switch (wire::frame(received)) {
    case wire::framing::complete:
        request(who.number, who.from, received, &who);
        break;
    case wire::framing::incomplete: {
        const auto waiting = adopt(who);
        if (!waiting) {
            break;
        }
        waiting->received = received;
        watch_idle(*waiting);
        asio::co_spawn(io_.get_executor(), read_request(waiting), log_exception);
        break;
    }
    case wire::framing::invalid:
        ++counted_.not_requests;
        spdlog::debug("closed {}:{}: not a request", to_string(who.from.peer), who.from.peer_port);
        break;
    case wire::framing::http:
        stream_socket socket(io_);
        error_code error;
        socket.assign(protocol_of(who.from), who.descriptor, error);
        if (!error) {
            who.descriptor = -1;
            show_in(std::move(socket), who.from, std::string(received));
        }
        break;
    }
}

/// Hands over who speaks HTTP, if he is one of those who may see something; to others the port has nothing to show.
void server::show_in(stream_socket socket, const origin& from, std::string received) {
    const bool may_see = status_ == status_scope::all || (status_ == status_scope::loopback && from.is_this_machine());
    if (hooks_.visitors && may_see) {
        const bool is_short = out_of_room_ && now() < *out_of_room_ + out_of_room_episode;
        hooks_.visitors->visit(std::move(socket), from, peer_at(from), std::move(received), !is_short);
    } else {
        ++counted_.not_requests;
        spdlog::debug("closed {}:{}: not a request", to_string(from.peer), from.peer_port);
    }
}

std::size_t server::connection_count() const {
    return connections_.size() + (hooks_.visitors ? hooks_.visitors->count() : 0);
}

/// Gives a connection that is to wait its socket object. Null: the kernel would not watch it, and it is closed; the
/// service hears of that as of any other end.
server::connection_ptr server::adopt(guest& who) {
    who.descriptor = -1;
    return adopt(who.number, who.from);
}

/// `from` has the descriptor.
server::connection_ptr server::adopt(connection_number number, const origin& from) {
    auto adopted = std::make_shared<connection>(io_, number, from);
    error_code error;
    adopted->socket.assign(protocol_of(from), from.descriptor, error);
    if (error) {
        ::shutdown(from.descriptor, SHUT_RDWR); // whoever else has it
        ::close(from.descriptor);
        spdlog::error("closed {}:{}: {}", to_string(from.peer), from.peer_port, error.message());
        asio::post(io_, [this, number] {
            service_.closed(number, now(), actions_);
            perform(nullptr);
        });
        return nullptr;
    }
    connections_.emplace(adopted->number, adopted);
    return adopted;
}

// ---- connections that wait

awaitable server::read_request(connection_ptr self) {
    std::array<char, wire::max_received_bytes> buffer; // NOLINT: filled by the read
    for (;;) {
        error_code error;
        const auto size = co_await self->socket.async_read_some(
            asio::buffer(buffer, wire::bytes_wanted(self->received)), asio::redirect_error(use_awaitable, error));
        if (self->at == connection::phase::closed) {
            co_return;
        }
        if (error) {
            ended(self);
            co_return;
        }
        self->received.append(buffer.data(), size);
        idle_.moved(self->number, now());
        const auto state = wire::frame(self->received);
        if (state == wire::framing::invalid) {
            ++counted_.not_requests;
            ended(self);
            co_return;
        }
        if (state == wire::framing::http) {
            auto socket = std::move(self->socket);
            forget(self);
            show_in(std::move(socket), self->from, std::move(self->received));
            co_return;
        }
        if (state == wire::framing::complete) {
            break;
        }
    }
    self->at = connection::phase::waiting;
    idle_.remove(self->number);
    request(self->number, self->from, self->received, nullptr);
    if (self->at == connection::phase::waiting) {
        self->received = std::string(); // {} would keep its memory
        watch(self);
    }
}

/// Waits for the end of a connection that has nothing more to say: a byte is as good as an end (transcript of stock).
///
/// What wakes it is looked at, for it may be meant for another: Asio gives what it keeps of a closed socket to the next
/// one, and with it an event of the same turn of the loop. A holder that is found dead makes room for its namesake in
/// such a turn.
///
/// A callback, since every node has one for as long as it lives: a coroutine took 0.6 KB more of 2 (massif, 900 held).
void server::watch(const connection_ptr& self) {
    self->socket.async_wait(stream_socket::wait_read, [this, self](error_code error) {
        if (self->at != connection::phase::waiting) {
            return;
        }
        if (!error && !has_gone(self->number)) {
            watch(self);
            return;
        }
        try {
            ended(self);
        } catch (const std::exception&) {
            log_exception(std::current_exception());
        }
    });
}

/// Writes what a slow reader did not take at once, then closes: only a reply that ends a connection can be so long.
awaitable server::write_rest(connection_ptr self) {
    const auto text = self->unread;
    while (self->sent < text->size() && self->at == connection::phase::writing) {
        error_code error;
        const auto size = co_await self->socket.async_write_some(asio::buffer(*text) + self->sent,
                                                                 asio::redirect_error(use_awaitable, error));
        if (error) {
            break;
        }
        self->sent += size;
        idle_.moved(self->number, now());
    }
    if (self->at == connection::phase::writing) {
        forget(self);
    }
}

// ---- the service and its actions

void server::request(connection_number number, const origin& from, std::string_view received, guest* who) {
    log_bytes("got from", from, received);
    const auto decoded = wire::decode_request(wire::request_of(received));
    if (const auto* error = std::get_if<wire::decode_error>(&decoded)) {
        ++counted_.not_requests;
        spdlog::debug("closed {}:{}: {}", to_string(from.peer), from.peer_port, to_string(*error));
        actions_.emplace_back(close{number});
    } else {
        if (spdlog::should_log(spdlog::level::debug)) {
            spdlog::debug("{} from {}:{}", to_string(std::get<wire::request>(decoded)), to_string(from.peer),
                          from.peer_port);
        }
        const auto& what = std::get<wire::request>(decoded);
        const auto at = now();
        (who != nullptr ? who->request : connections_.at(number)->request) = {.type = what.index(), .at = at};
        if (std::holds_alternative<wire::alive2_req>(what)) { // 3 us, which a lookup need not pay
            auto with_user = from;
            with_user.uid = peer_at(from).uid;
            service_.request(number, with_user, what, at, actions_);
        } else {
            service_.request(number, from, what, at, actions_);
        }
    }
    perform(who);
}

void server::found(connection_number number, finding what) {
    service_.found(number, std::move(what), now(), actions_);
    perform(nullptr);
}

void server::hosts_changed(std::shared_ptr<const hosts> known) {
    service_.hosts_changed(std::move(known), now(), actions_);
    perform(nullptr);
}

void server::resolve_again() {
    service_.resolve_again(now(), actions_);
    perform(nullptr);
}

void server::change(const settings& fresh) {
    gates_.change(fresh);
    most_ = fresh.most.within(room_);
    service_.set_relaxed(fresh.relaxed_command_check);
    service_.set_limits(most_.max_registrations, most_.max_registrations_per_user);
    status_ = fresh.status;
    idle_.set_patience(patience_of(fresh));
    is_idle_timer_armed_ = false;
    arm_idle_timer();
}

/// Does what the service's last call asked for. Nothing here calls the service: the replies view its registrations.
void server::perform(guest* who) {
    bool is_stop_asked = false;
    try {
        for (auto& one : actions_) {
            is_stop_asked = !perform(one, who) || is_stop_asked;
        }
    } catch (...) { // no memory: what is done is not to be done again
        actions_.clear();
        throw;
    }
    actions_.clear();
    arm_service_timer();
    if (is_stop_asked) {
        hooks_.stop();
    }
    look_whether_done();
}

/// False: the daemon is to stop.
bool server::perform(action& one, guest* who) {
    if (const auto* reply = std::get_if<send>(&one)) {
        perform(*reply, who);
    } else if (const auto* holding = std::get_if<hold>(&one)) {
        perform(*holding, who);
    } else if (const auto* closing = std::get_if<close>(&one)) {
        perform(*closing, who);
    } else if (auto* placing = std::get_if<place>(&one)) {
        hooks_.ask(std::move(placing->what));
    } else if (const auto* keeping = std::get_if<keep>(&one)) {
        perform(*keeping);
    } else if (const auto* leaving = std::get_if<let_go>(&one)) {
        perform(*leaving);
    } else if (auto* happened = std::get_if<event>(&one)) {
        hooks_.tell(std::move(*happened));
    } else {
        return false;
    }
    return true;
}

/// A names list is sent to many, and is long: nobody has a copy of his own.
server::encoded server::encode(const wire::reply& what) {
    if (const auto* list = std::get_if<wire::names_text>(&what)) {
        return {.bytes = *list->bytes, .shared = list->bytes};
    }
    reply_.clear();
    wire::encode(what, reply_);
    return {.bytes = reply_, .shared = nullptr};
}

void server::perform(const send& what, guest* who) {
    const auto reply = encode(what.reply);
    if (delay_write_.count() > 0) {
        std::this_thread::sleep_for(delay_write_); // with -delay_write, as a server that is busy
    }
    if (who != nullptr && who->number == what.connection) {
        log_bytes("sent to", who->from, reply.bytes);
        reply_to_guest(*who, reply, what.then);
        note_answer(who->request);
    } else if (const auto found = connections_.find(what.connection); found != connections_.end()) {
        log_bytes("sent to", found->second->from, reply.bytes);
        const auto to = found->second; // it may be forgotten with the reply
        reply_to(to, reply, what.then);
        note_answer(to->request);
    }
}

void server::note_answer(const asked& request) {
    counted_.answers[request.type].add(now() - request.at);
}

void server::perform(const hold& what, guest* who) {
    if (who != nullptr && who->number == what.connection) {
        if (const auto held = adopt(*who)) {
            held->request = who->request;
            wait_for_end(held);
        }
    }
}

void server::perform(const close& what, guest* who) {
    if (who != nullptr && who->number == what.connection) {
        who->leave();
    } else if (const auto found = connections_.find(what.connection); found != connections_.end()) {
        forget(found->second);
    }
}

void server::perform(const keep& what) {
    const auto* known = hooks_.keep ? service_.registrations().find(what.connection) : nullptr;
    if (known != nullptr) {
        hooks_.keep(*known, what.is_new);
    }
}

void server::perform(const let_go& what) {
    if (!hooks_.let_go || !hooks_.let_go(what.connection)) {
        return;
    }
    if (const auto found = connections_.find(what.connection); found != connections_.end()) {
        ::shutdown(found->second->socket.native_handle(), SHUT_RDWR); // whoever else has it
    }
}

/// Answers a connection that has no socket object.
///
/// With MSG_MORE and a close right after it the reply and the end leave as one segment and the client wakes once:
/// 25 to 30 % of the daemon's CPU a lookup (measured, docs/decisions.md). Never without the close: the kernel would
/// hold the reply for 200 ms.
void server::reply_to_guest(guest& who, const encoded& reply, send::after then) {
    const bool is_last = then == send::after::close;
    const auto written = ::send(who.descriptor, reply.bytes.data(), reply.bytes.size(),
                                MSG_DONTWAIT | MSG_NOSIGNAL | (is_last ? MSG_MORE : 0));
    if (is_last && written == static_cast<ssize_t>(reply.bytes.size())) {
        who.leave();
        return;
    }
    if (is_last && written < 0 && !would_block(errno)) {
        who.leave();
        return;
    }
    const auto kept = adopt(who);
    if (!is_last) {
        wait_for_end(kept);
    } else if (kept) {
        write_later(kept, reply, written);
    }
}

/// Answers a connection that waited.
void server::reply_to(connection_ptr self, const encoded& reply, send::after then) { // NOLINT: by value, see the header
    const auto written =
        ::send(self->socket.native_handle(), reply.bytes.data(), reply.bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (then == send::after::keep) {
        return; // its watch goes on; if it could not be written to, that sees the end
    }
    if (written == static_cast<ssize_t>(reply.bytes.size()) || (written < 0 && !would_block(errno))) {
        forget(self);
    } else {
        write_later(self, reply, written);
    }
}

/// The first `written` bytes of a reply have gone (negative: none); the others follow as the peer reads.
void server::write_later(const connection_ptr& self, const encoded& reply, ssize_t written) {
    while (unread_bytes_ + reply.bytes.size() > max_unread_bytes && !idle_.empty()) {
        forget(connections_.at(idle_.first_to_go().value()));
    }
    self->at = connection::phase::writing;
    self->sent = written > 0 ? static_cast<std::size_t>(written) : 0;
    keep_unread(*self, reply.shared ? reply.shared : std::make_shared<const std::string>(reply.bytes));
    watch_idle(*self);
    asio::co_spawn(io_.get_executor(), write_rest(self), log_exception);
}

void server::keep_unread(connection& self, std::shared_ptr<const std::string> text) {
    unread_bytes_ += ++unread_[text.get()] == 1 ? text->size() : 0;
    self.unread = std::move(text);
}

void server::drop_unread(connection& self) {
    const auto text = std::exchange(self.unread, nullptr);
    if (text && --unread_.at(text.get()) == 0) {
        unread_.erase(text.get());
        unread_bytes_ -= text->size();
    }
}

void server::wait_for_end(const connection_ptr& self) {
    if (self) {
        self->at = connection::phase::waiting;
        watch(self);
    }
}

/// A connection ended by itself, or waited too long: the one place where the service hears of it.
void server::ended(connection_ptr self) { // NOLINT: by value, see the header
    const auto before = self->at;
    service_.closed(self->number, now(), actions_);
    perform(nullptr);
    if (self->at == before) { // else it was given a last answer
        forget(self);
    }
}

/// Closes a connection that the service does not have, or no longer has.
void server::forget(connection_ptr self) { // NOLINT: by value, see the header
    self->at = connection::phase::closed;
    idle_.remove(self->number);
    drop_unread(*self);
    error_code ignored;
    self->socket.close(ignored);
    connections_.erase(self->number);
    look_whether_done();
    if (out_of_room_) {
        gates_.room_made();
    }
}

void server::adopt(node self) {
    service_.adopt(next_number_++, std::move(self), now(), actions_);
    perform(nullptr);
    watch_adopted();
}

void server::watch_adopted() {
    if (std::exchange(are_adopted_watched_, true)) {
        return;
    }
    adopted_timer_.expires_after(adopted_interval);
    adopted_timer_.async_wait([this](error_code error) {
        are_adopted_watched_ = false;
        if (!error) {
            look_at_adopted();
        }
    });
}

/// Ends those whose port nobody listens on any more; looks again later, if there are others.
void server::look_at_adopted() {
    std::vector<std::uint16_t> ports;
    for (const auto* one : service_.registrations().all()) {
        if (one->is_adopted) {
            ports.push_back(one->self.port);
        }
    }
    const auto unheard = unheard_ports(ports);
    std::vector<connection_number> gone;
    for (const auto* one : service_.registrations().all()) {
        if (one->is_adopted && unheard.contains(one->self.port)) {
            gone.push_back(one->connection);
        }
    }
    for (const auto number : gone) {
        service_.closed(number, now(), actions_);
        perform(nullptr);
    }
    if (service_.registrations().adopted_count() > 0) {
        watch_adopted();
    }
}

/// Those on which nobody listens. Our own port is asked about as well: if that is not heard, the kernel did not answer.
std::set<std::uint16_t> server::unheard_ports(const std::vector<std::uint16_t>& ports) const {
    constexpr std::size_t most_at_once = 500;
    std::set<std::uint16_t> unheard;
    for (std::size_t begin = 0; hooks_.listened_on && begin < ports.size(); begin += most_at_once) {
        const auto end = std::min(begin + most_at_once, ports.size());
        std::vector<std::uint16_t> part(ports.begin() + static_cast<std::ptrdiff_t>(begin),
                                        ports.begin() + static_cast<std::ptrdiff_t>(end));
        part.push_back(gates_.port());
        const auto heard = hooks_.listened_on(part);
        if (heard.contains(gates_.port())) {
            std::copy_if(part.begin(), part.end(), std::inserter(unheard, unheard.end()),
                         [&](std::uint16_t one) { return !heard.contains(one); });
        }
    }
    return unheard;
}

bool server::has_gone(connection_number number) const {
    if (const auto* known = service_.registrations().find(number); known != nullptr && known->is_adopted) {
        return !unheard_ports({known->self.port}).empty();
    }
    const auto found = connections_.find(number);
    if (found == connections_.end()) {
        return true;
    }
    char byte = 0;
    const auto size = ::recv(found->second->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size >= 0 || !would_block(errno);
}

// ---- time

peer server::peer_at(const origin& from) const {
    const bool may_be_known = hooks_.user_of && from.is_this_machine();
    return peer_of(from, may_be_known ? hooks_.user_of(from) : std::nullopt);
}

/// Lets a connection wait for its peer, but not too long, and not beside too many of the same peer. The service knows
/// nothing of such connections: it has not heard of them yet, or is done with them.
void server::watch_idle(const connection& self) {
    const auto who = peer_at(self.from);
    make_room_for(who);
    idle_.add(self.number, who, now());
    arm_idle_timer();
}

/// One line an episode, as in make_room.
void server::make_room_for(const peer& who) {
    if (idle_.count_of(who) < most_.max_connections_per_peer) {
        return;
    }
    const auto at = now();
    if (!too_many_of_one_peer_ || *too_many_of_one_peer_ + out_of_room_episode < at) {
        spdlog::warn("{} has {} connections that say nothing, or half of something, or do not read; with each that "
                     "comes, the one that waits longest is closed. If that is as it should be, raise "
                     "max_connections_per_peer",
                     text_of(who), idle_.count_of(who));
    }
    too_many_of_one_peer_ = at;
    while (idle_.count_of(who) >= most_.max_connections_per_peer) {
        ++counted_.of_one_peer;
        forget(connections_.at(idle_.longest_of(who).value()));
    }
}

/// For the first whose time may be up. It is looked at again then, so later deadlines need no timer of their own.
void server::arm_idle_timer() {
    const auto next = idle_.next_look();
    if (!next || is_idle_timer_armed_) {
        return;
    }
    is_idle_timer_armed_ = true;
    idle_timer_.expires_at(*next);
    idle_timer_.async_wait([this](error_code error) {
        if (!error) {
            is_idle_timer_armed_ = false;
            close_idle(now());
            arm_idle_timer();
        }
    });
}

void server::close_idle(time_point at) {
    while (const auto late = idle_.late(at)) {
        const auto one = connections_.at(*late);
        ++counted_.timed_out;
        spdlog::debug("closed {}:{}: idle, or slow, for too long", to_string(one->from.peer), one->from.peer_port);
        forget(one);
    }
}

/// The service's deadlines mostly grow: the timer is set anew only for an earlier one, and is not set when nobody
/// waits.
void server::arm_service_timer() {
    const auto due = service_.next_deadline();
    if (!due || (service_timer_due_ && *service_timer_due_ <= *due)) {
        return;
    }
    service_timer_due_ = due;
    service_timer_.expires_at(*due);
    service_timer_.async_wait([this](error_code error) {
        if (!error) {
            service_timer_due_.reset();
            service_.time_passed(now(), actions_);
            perform(nullptr);
        }
    });
}

} // namespace epmd
