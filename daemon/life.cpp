#include "life.hpp"

#include "client_verbs.hpp"
#include "complaint.hpp"
#include "handover/systemd.hpp"
#include "log.hpp"
#include "placement/placer.hpp"
#include "port_holder.hpp"
#include "process.hpp"
#include "server/journal.hpp"
#include "server/listeners.hpp"
#include "server/server.hpp"

#include <boost/asio/signal_set.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <unistd.h>

namespace epmd {
namespace {

/// The parts of the daemon and what goes between them.
class life {
  public:
    life(asio::io_context& io, std::vector<acceptor> listeners, const settings& from, std::size_t max_connections,
         std::function<settings()> read_again)
        : io_(io), settings_(from), read_again_(std::move(read_again)),
          placer_(io, surroundings::of_this_machine(),
                  {.known = [this] { return known_; },
                   .found = [this](connection_number who, finding what) { server_.found(who, std::move(what)); },
                   .is_wanted = [this](connection_number who) { return server_.mind().is_waiting_for(who); },
                   .machine_changed = [this](machine_identity now) { know(settings_.hosts, std::move(now)); }}),
          server_(io, std::move(listeners), from, max_connections, known_, first_creation(),
                  {.ask = [this](question what) { placer_.ask(std::move(what)); },
                   .tell = [this](const event& what) { write_line(*spdlog::default_logger(), *known_, what); },
                   .stop = [this] { stop("a client asked for it"); }}),
          ending_(io), reloading_(io) {
        // What the caller ignores stays ignored, as with stock; a daemon that left its terminal hears all.
        for (auto [signal, listener] : {std::pair(SIGINT, &ending_), {SIGTERM, &ending_}, {SIGHUP, &reloading_}}) {
            if (from.is_daemon || !is_ignored(signal)) {
                listener->add(signal);
            }
        }
        placer_.set_probe(settings_.may_ask_nodes);
        known_ = std::make_shared<const hosts>(settings_.hosts, machine_identity{});
        server_.hosts_changed(known_);
    }

    void start() {
        placer_.look_at_machine();
        server_.start();
        ending_.async_wait([this](boost::system::error_code error, int signal) {
            if (!error) {
                stop(signal == SIGINT ? "interrupted" : "terminated");
            }
        });
        await_reload();
        spdlog::info("loopmd {} serves port {}, {}; {} hosts are configured", LOOPMD_VERSION, server_.port(),
                     scope_text(settings_), settings_.hosts.size());
    }

  private:
    /// The time in seconds, plus one (transcript of stock): creations differ from those of the daemon before.
    static std::uint32_t first_creation() { return static_cast<std::uint32_t>(std::time(nullptr)) + 1; }

    static std::string scope_text(const settings& from) {
        if (from.scope == listen_scope::loopback) {
            return "for this machine only";
        }
        return from.addresses.empty() ? "for whoever reaches it" : "on the addresses that were given";
    }

    void stop(const char* why) {
        spdlog::info("ends: {}; {} nodes were registered", why, server_.mind().registrations().size());
        server_.stop();
        io_.stop();
    }

    void know(std::vector<configured_host> configured, machine_identity machine) {
        known_ = std::make_shared<const hosts>(std::move(configured), std::move(machine));
        server_.hosts_changed(known_);
    }

    void await_reload() {
        reloading_.async_wait([this](boost::system::error_code error, int) {
            if (!error) {
                reload();
                await_reload();
            }
        });
    }

    /// Takes the new settings over, or none of them.
    void reload() {
        try {
            auto fresh = read_again_();
            server_.set_scope(fresh.scope);
            placer_.set_probe(fresh.may_ask_nodes);
            set_log_level(fresh.level);
            if (fresh.port != settings_.port || fresh.addresses != settings_.addresses) {
                spdlog::warn("the port and the addresses to listen on stay as they are until the next start");
                fresh.port = settings_.port;
                fresh.addresses = settings_.addresses;
            }
            settings_ = std::move(fresh);
            know(settings_.hosts, known_->machine());
            placer_.look_at_machine();
            server_.resolve_again();
            spdlog::info("reloaded {}: {} hosts are configured",
                         settings_.config_file.empty() ? "the settings" : settings_.config_file,
                         settings_.hosts.size());
        } catch (const std::exception& error) {
            spdlog::warn("not reloaded, all stays as it was: {}", error.what());
        }
    }

    asio::io_context& io_;
    settings settings_;
    std::function<settings()> read_again_;
    std::shared_ptr<const hosts> known_ = std::make_shared<const hosts>();
    placer placer_;
    server server_;
    asio::signal_set ending_;
    asio::signal_set reloading_;
};

/// The port is somebody's already. If that is an epmd, all is well and the status 0 (transcript of stock), but we say
/// so. A VM that starts `epmd -daemon` depends on silence and 0: its line goes to the log, and the VM does not wait for
/// it.
int give_way(asio::io_context& io, const settings& from, const listen_error& error) {
    if (!from.is_daemon) {
        const auto line = describe_port_taken(error);
        if (!is_epmd_running(from.port, usual_answer_time)) {
            throw std::runtime_error(line);
        }
        complain(line);
        return EXIT_SUCCESS;
    }
    leave_terminal(io);
    open_log(from);
    spdlog::warn("{}", describe_port_taken(error));
    return EXIT_SUCCESS;
}

/// Those that systemd passed, or new ones.
std::vector<acceptor> listeners_for(asio::io_context& io, const settings& from) {
    if (!from.has_systemd_sockets) {
        return open_listeners(io, from);
    }
    const auto passed = take_passed_sockets();
    if (passed.empty()) {
        throw no_systemd_sockets("systemd provides no sockets");
    }
    return adopt_listeners(io, passed, from.scope);
}

} // namespace

int serve(const settings& from, const std::function<settings()>& read_again) {
    if (from.is_daemon && !from.has_systemd_sockets) {
        close_inherited_descriptors();
    }
    const auto descriptors = raise_descriptor_limit();
    if (descriptors < reserved_descriptors) { // now, while the caller of `-daemon` still hears of it
        throw std::runtime_error("at most " + std::to_string(descriptors) + " files may be open here, and " +
                                 std::to_string(reserved_descriptors) +
                                 " are the least to serve with; raise the limit (ulimit -n)");
    }
    std::signal(SIGPIPE, SIG_IGN); // whoever read our log may go
    std::optional<signals_wait> not_ready(std::in_place);
    const auto max_connections = std::max(descriptors, 2 * reserved_descriptors) - reserved_descriptors;
    asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO); // one thread serves; the others post to it, no more
    std::vector<acceptor> listeners;
    try {
        listeners = listeners_for(io, from);
    } catch (const listen_error& error) {
        if (!error.is_port_taken()) {
            throw;
        }
        return give_way(io, from, error);
    }
    // From here on the port is served: whoever connects waits in the backlog. So a caller of `-daemon`, who goes on
    // when the parent ends, may start a VM at once.
    if (from.is_daemon) {
        leave_terminal(io);
    }
    open_log(from);
    life self(io, std::move(listeners), from, max_connections, read_again);
    self.start();
    not_ready.reset();
    if (from.has_systemd_sockets) { // else NOTIFY_SOCKET may be meant for a service that a VM of ours belongs to
        notify_service_manager("READY=1\nMAINPID=" + std::to_string(::getpid()));
    }
    io.run();
    return EXIT_SUCCESS;
}

} // namespace epmd
