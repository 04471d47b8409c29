// The server on real sockets: what is framed, kept, closed and paused, with evidence that the test gives.
#include "server/listeners.hpp"
#include "server/server.hpp"
#include "support/addresses.hpp"
#include "support/bytes.hpp"
#include "support/sockets.hpp"
#include "wire/encode.hpp"

#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>

namespace epmd::test {
namespace {

using namespace std::chrono_literals;

/// Longer than anything here takes; only a fault makes a test wait for it.
constexpr timeval patience{.tv_sec = 20, .tv_usec = 0};

settings on_a_free_port() {
    settings result;
    result.port = 0;
    result.addresses = {"127.0.0.1"_ip, "127.0.0.2"_ip, "127.0.0.3"_ip};
    return result;
}

constexpr std::size_t max_connections = 1000;

/// Port 0 is chosen at the first address, and may be somebody's at the next: then another one is tried.
std::vector<acceptor> open_on_a_free_port(asio::io_context& io, const settings& from) {
    constexpr int tries = 100;
    for (int attempt = 1;; ++attempt) {
        try {
            return open_listeners(io, from);
        } catch (const listen_error& error) {
            if (!error.is_port_taken() || attempt == tries) {
                throw;
            }
        }
    }
}

/// A server that runs on a thread of its own, and answers each question of placement with `evidence`.
class running_server {
  public:
    explicit running_server(const settings& from = on_a_free_port(), std::optional<host> evidence = the_machine)
        : from_(from), listeners_(open_on_a_free_port(io_, from)),
          server_(io_, std::move(listeners_), from, max_connections, std::make_shared<const hosts>(),
                  {.first_creation = 1000, .started = std::chrono::steady_clock::now()},
                  {.ask =
                       [this, evidence](const question& what) {
                           boost::asio::post(io_, [this, evidence, connection = what.connection] {
                               finding found;
                               found.where = evidence;
                               server_.found(connection, found);
                           });
                       },
                   .tell = [](const event&) {},
                   .stop = [this] { io_.stop(); }}) {
        server_.start();
        thread_ = std::thread([this] {
            const auto keep = boost::asio::make_work_guard(io_);
            io_.run();
        });
    }

    ~running_server() {
        boost::asio::post(io_, [this] {
            server_.stop();
            io_.stop();
        });
        thread_.join();
    }

    running_server(const running_server&) = delete;
    running_server& operator=(const running_server&) = delete;

    [[nodiscard]] tcp_socket connect(const address& to = loopback_v4) const {
        auto client = connect_to(to, server_.port());
        ::setsockopt(client.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        return client;
    }

    /// Something that only the server's thread may look at.
    template <typename Look>
    auto ask(Look look) {
        std::promise<decltype(look(server_))> answer;
        boost::asio::post(io_, [&] { answer.set_value(look(server_)); });
        return answer.get_future().get();
    }

    std::size_t registrations() {
        return ask([](const server& one) { return one.mind().registrations().size(); });
    }

    /// Waits until that many nodes are registered: the server may not have seen the end of one yet.
    void await_registrations(std::size_t count) {
        const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(patience.tv_sec);
        while (registrations() != count && std::chrono::steady_clock::now() < late) {
        }
        REQUIRE(registrations() == count);
    }

    /// Waits until the server has ended by itself.
    void await_end() {
        thread_.join();
        thread_ = std::thread([] {});
    }

    void change_scope(listen_scope scope) {
        std::promise<void> done;
        boost::asio::post(io_, [&] {
            auto fresh = from_;
            fresh.scope = scope;
            server_.change(fresh);
            done.set_value();
        });
        done.get_future().get();
    }

  private:
    settings from_;
    asio::io_context io_{1};
    std::vector<acceptor> listeners_;
    server server_;
    std::thread thread_;
};

void send_bytes(const tcp_socket& to, std::string_view what) {
    REQUIRE(::send(to.descriptor(), what.data(), what.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(what.size()));
}

std::string receive(const tcp_socket& from, std::size_t count) {
    std::string bytes(count, '\0');
    REQUIRE(::recv(from.descriptor(), bytes.data(), count, MSG_WAITALL) == static_cast<ssize_t>(count));
    return bytes;
}

/// All that comes until the end of the connection.
std::string receive_all(const tcp_socket& from) {
    std::string bytes;
    std::array<char, 65536> buffer{};
    for (;;) {
        const auto size = ::recv(from.descriptor(), buffer.data(), buffer.size(), 0);
        REQUIRE(size >= 0);
        if (size == 0) {
            return bytes;
        }
        bytes.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

std::string encoded(const wire::request& what) {
    std::string bytes;
    wire::encode(what, bytes);
    return bytes;
}

std::string register_request(std::string_view alive_name, std::uint16_t port = 5001) {
    return encoded(wire::alive2_req{.port = port, .alive_name = alive_name, .extra = {}});
}

/// A node that is registered for as long as the socket lives.
tcp_socket registered(const running_server& at, std::string_view alive_name, const address& to = loopback_v4) {
    auto node = at.connect(to);
    send_bytes(node, register_request(alive_name));
    REQUIRE(receive(node, 6).substr(0, 2) == bytes(118, 0));
    return node;
}

std::string ask_once(const running_server& at, const wire::request& what, const address& to = loopback_v4) {
    const auto client = at.connect(to);
    send_bytes(client, encoded(what));
    return receive_all(client);
}

const std::string unknown = bytes(119, 1);
const std::string idfe_at_5001 = bytes(119, 0, u16(5001), 77, 0, u16(6), u16(5), u16(4), "idfe", u16(0));

TEST_CASE("a node that registers at a host is found there and nowhere else") {
    running_server epmd;
    const auto node = registered(epmd, "idfe", "127.0.0.2"_ip);
    CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}, "127.0.0.2"_ip) == idfe_at_5001);
    CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}, "127.0.0.3"_ip) == unknown);
    CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}) == unknown);
}

TEST_CASE("a request that comes byte by byte is as good as one in a piece") {
    running_server epmd;
    const auto node = registered(epmd, "idfe");
    const auto client = epmd.connect();
    for (const char byte : encoded(wire::port_please2_req{"idfe"})) {
        send_bytes(client, {&byte, 1});
    }
    CHECK(receive_all(client) == idfe_at_5001);
}

TEST_CASE("a connection that stops in mid-request, at any byte, ends alone") {
    running_server epmd;
    const auto node = registered(epmd, "idfe");
    const auto request = register_request("other");
    for (std::size_t sent = 0; sent < request.size(); ++sent) {
        const auto client = epmd.connect();
        send_bytes(client, std::string_view(request).substr(0, sent));
        ::shutdown(client.descriptor(), SHUT_WR);
        CHECK(receive_all(client).empty());
    }
    CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}) == idfe_at_5001);
    CHECK(epmd.registrations() == 1);
    CHECK(epmd.ask([](const server& one) { return one.connection_count(); }) == 1);
}

TEST_CASE("what is no request is closed without a word") {
    running_server epmd;
    for (const auto& wrong : {u16(0), u16(3058), bytes(u16(1), "nX"), bytes(u16(1), "q"), bytes(u16(1), "z"),
                              bytes(u16(3), "xyz"), std::string("GET / HTTP/1.0\r\n\r\n")}) {
        const auto client = epmd.connect();
        send_bytes(client, wrong);
        // With bytes unread in its socket the daemon's close arrives as a reset.
        char byte = 0;
        CHECK(::recv(client.descriptor(), &byte, 1, 0) <= 0);
    }
    CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}) == unknown);
}

TEST_CASE("a registration ends with its connection, however that ends") {
    running_server epmd;
    auto node = registered(epmd, "idfe");
    SUBCASE("closed") {
        node.close();
    }
    SUBCASE("half closed") {
        ::shutdown(node.descriptor(), SHUT_WR);
    }
    SUBCASE("reset") {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(node.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        node.close();
    }
    SUBCASE("by a byte") {
        send_bytes(node, "x");
    }
    epmd.await_registrations(0);
    CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}) == unknown);
}

TEST_CASE("a node that is restarted at once is never refused") {
    running_server epmd;
    std::optional node = registered(epmd, "idfe");
    for (int restart = 0; restart < 500; ++restart) {
        node->close();
        auto next = epmd.connect();
        send_bytes(next, register_request("idfe"));
        REQUIRE(receive(next, 6).substr(0, 2) == bytes(118, 0));
        node.emplace(std::move(next));
    }
}

TEST_CASE("a duplicate is refused and its connection closed, and the holder stays") {
    running_server epmd;
    const auto node = registered(epmd, "idfe");
    epmd.await_registrations(1);
    const auto second = epmd.connect();
    send_bytes(second, register_request("idfe", 5002));
    CHECK(receive_all(second) == bytes(118, 1, u32(99)));
    CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}) == idfe_at_5001);
}

TEST_CASE("a long names list arrives whole, also at a reader that is slow") {
    running_server epmd;
    std::vector<tcp_socket> nodes;
    std::string expected = u32(epmd.ask([](const server& one) { return one.port(); }));
    constexpr int count = 300;
    for (int i = 0; i < count; ++i) {
        nodes.push_back(registered(epmd, std::string(250, 'x') + std::to_string(i)));
    }
    for (int i = count - 1; i >= 0; --i) {
        expected += "name " + std::string(250, 'x') + std::to_string(i) + " at port 5001\n";
    }
    CHECK(ask_once(epmd, wire::names_req{}) == expected);

    // A receive buffer of the least size, read byte by byte at first: the daemon has to wait for it.
    const auto slow = epmd.connect();
    const int least = 1;
    ::setsockopt(slow.descriptor(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    send_bytes(slow, encoded(wire::names_req{}));
    auto text = receive(slow, 1);
    CHECK(ask_once(epmd, wire::port_please2_req{"other"}) == unknown);
    text += receive_all(slow);
    CHECK(text == expected);
}

TEST_CASE("who sends nothing is closed after the packet time-out, and a registered node is not") {
    auto from = on_a_free_port();
    from.packet_timeout = 1s;
    running_server epmd(from);
    const auto node = registered(epmd, "idfe");
    const auto silent = epmd.connect();
    const auto slow = epmd.connect();
    send_bytes(slow, u16(9));
    CHECK(receive_all(silent).empty());
    CHECK(receive_all(slow).empty());
    CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}) == idfe_at_5001);
}

TEST_CASE("a client may end the daemon, and has its answer first") {
    running_server epmd;
    CHECK(ask_once(epmd, wire::kill_req{}) == "OK");
    epmd.await_end();
}

TEST_CASE("hundreds of clients at once, of every kind, do not disturb each other") {
    running_server epmd(on_a_free_port(), host("127.0.0.2"_ip));
    std::vector<std::thread> crowd;
    std::atomic<int> wrong = 0;
    for (int who = 0; who < 4; ++who) {
        crowd.emplace_back([&, who] {
            for (int turn = 0; turn < 100; ++turn) {
                const auto name = "node" + std::to_string(who) + "_" + std::to_string(turn);
                auto node = epmd.connect();
                const auto request = register_request(name);
                ::send(node.descriptor(), request.data(), request.size(), MSG_NOSIGNAL);
                std::array<char, 6> reply{};
                const auto size = ::recv(node.descriptor(), reply.data(), reply.size(), MSG_WAITALL);
                auto reader = epmd.connect("127.0.0.2"_ip);
                const auto lookup = encoded(wire::port_please2_req{name});
                ::send(reader.descriptor(), lookup.data(), lookup.size(), MSG_NOSIGNAL);
                std::array<char, 2> answer{};
                const auto answered = ::recv(reader.descriptor(), answer.data(), answer.size(), MSG_WAITALL);
                // A pending node is waited for, so the lookup at its host always finds it.
                wrong += size != 6 || reply[1] != 0 || answered != 2 || answer[1] != 0 ? 1 : 0;
            }
        });
    }
    for (auto& one : crowd) {
        one.join();
    }
    CHECK(wrong == 0);
    epmd.await_registrations(0);
}

TEST_CASE("listeners are opened all or none, none twice, and under a wildcard no address of its kind") {
    asio::io_context io{1};
    settings from;
    from.port = 0;
    from.addresses = {"127.0.0.2"_ip, "127.0.0.2"_ip, wildcard_v4};
    const auto listeners = open_on_a_free_port(io, from);
    std::vector<address> where;
    for (const auto& one : listeners) {
        where.push_back(from_asio(one.local_endpoint().address()));
        CHECK(one.local_endpoint().port() == listeners.front().local_endpoint().port());
    }
    std::erase(where, loopback_v6); // where the machine has IPv6
    CHECK(where == std::vector{wildcard_v4});

    settings taken;
    taken.port = listeners.front().local_endpoint().port();
    CHECK_THROWS_WITH_AS(open_listeners(io, taken),
                         doctest::Contains(("cannot listen on 0.0.0.0 port " + std::to_string(taken.port)).c_str()),
                         const listen_error&);
    settings foreign;
    foreign.port = 0;
    foreign.addresses = {"192.0.2.7"_ip};
    CHECK_THROWS_WITH_AS(open_listeners(io, foreign), doctest::Contains("192.0.2.7"), const listen_error&);
}

TEST_CASE("with listen = loopback all addresses of this machine are served to it, and a reload changes that") {
    auto from = on_a_free_port();
    from.addresses.clear();
    from.scope = listen_scope::loopback;
    running_server epmd(from);
    for (const auto scope : {listen_scope::loopback, listen_scope::all, listen_scope::loopback}) {
        CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}, "127.0.0.77"_ip) == unknown);
        CHECK(ask_once(epmd, wire::port_please2_req{"idfe"}) == unknown);
        epmd.change_scope(scope);
    }
}

TEST_CASE("a registration that comes in the moment in which its dead holder is found dead is kept") {
    asio::io_context io{1};
    const auto from = on_a_free_port();
    server it(io, open_on_a_free_port(io, from), from, max_connections, std::make_shared<const hosts>(),
              {.first_creation = 1000, .started = std::chrono::steady_clock::now()},
              {.ask = [](const question&) {}, .tell = [](const event&) {}, .stop = [] {}});
    it.start();
    std::string request;
    wire::encode(wire::request(wire::alive2_req{.port = 1, .alive_name = "a", .extra = {}}), request);
    const auto arrive = [&] {
        auto client = connect_to(loopback_v4, it.port());
        REQUIRE(::send(client.descriptor(), request.data(), request.size(), 0) > 0);
        return client;
    };
    auto holder_of_name = std::make_unique<tcp_socket>(arrive());
    io.poll();
    REQUIRE(it.mind().registrations().size() == 1);
    for (int i = 0; i < 20; ++i) {
        auto next = arrive(); // the event loop hears of this first, and of the end in the same turn
        holder_of_name->close();
        io.poll();
        CHECK(it.mind().registrations().size() == 1);
        CHECK(it.connection_count() == 1);
        std::array<char, 6> reply{};
        CHECK(::recv(next.descriptor(), reply.data(), reply.size(), MSG_DONTWAIT) == 6);
        CHECK(reply[1] == 0);
        holder_of_name = std::make_unique<tcp_socket>(std::move(next));
    }
    it.stop();
}

} // namespace
} // namespace epmd::test
