#include "life.hpp"

#include "client_verbs.hpp"
#include "complaint.hpp"
#include "handover/inheritance.hpp"
#include "handover/keeper.hpp"
#include "log.hpp"
#include "manager_reports.hpp"
#include "placement/kernel.hpp"
#include "placement/placer.hpp"
#include "port_holder.hpp"
#include "process.hpp"
#include "server/journal.hpp"
#include "server/listeners.hpp"
#include "server/server.hpp"
#include "status/site.hpp"
#include "succession.hpp"
#include "takeover.hpp"

#include <boost/asio/signal_set.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace epmd {
namespace {

/// What the process before left, as the life begins.
struct beginning {
    registry_state table;
    machine_identity machine;
    legacy kept;
    bool has_predecessor = false;
    std::uint32_t restarts = 0; ///< snapshot::restarts, with this one
};

/// The time in seconds, plus one (transcript of stock): creations differ from those of the daemon before.
std::uint32_t first_creation() {
    return static_cast<std::uint32_t>(std::time(nullptr)) + 1;
}

/// Of what was left, or of nothing.
beginning beginning_from(inheritance&& left) {
    beginning result{.table = {.first_creation = first_creation(), .started = std::chrono::steady_clock::now()},
                     .machine = {},
                     .kept = {std::move(left.queue), left.generation, std::move(left.tables)},
                     .has_predecessor = left.before.has_value()};
    if (left.before) {
        result.restarts = left.before->restarts + 1;
        result.table = std::move(left.before->table);
        result.machine = std::move(left.before->machine);
    }
    return result;
}

/// The parts of the daemon and what goes between them.
class life {
  public:
    life(asio::io_context& io, std::vector<acceptor> listeners, beginning from_before, const settings& from,
         std::size_t room, settings_reader read, const program& self)
        : io_(io), settings_(from), kept_text_(text_of(from)), read_(std::move(read)),
          known_(std::make_shared<const hosts>(from.hosts, std::move(from_before.machine))),
          has_predecessor_(from_before.has_predecessor), restarts_(from_before.restarts),
          nodes_before_(from_before.table.registrations.size()),
          placer_(io, surroundings::of_this_machine(),
                  {.known = [this] { return known_; },
                   .found = [this](connection_number who, finding what) { server_.found(who, std::move(what)); },
                   .is_wanted = [this](connection_number who) { return server_.mind().is_waiting_for(who); },
                   .machine_changed = [this](machine_identity now) { know(settings_.hosts, std::move(now)); }}),
          site_(
              io, [this]() -> const service& { return server_.mind(); }, [this] { return facts(); },
              from.most.within(room)),
          server_(io, std::move(listeners), from, room, known_, std::move(from_before.table),
                  {.ask = [this](question what) { placer_.ask(std::move(what)); },
                   .tell = [this](event&& what) { tell(std::move(what)); },
                   .stop = [this] { end("a client asked for it"); },
                   .keep = [this](const registration& one, bool is_new) { succession_.keep(one, is_new); },
                   .let_go = [this](connection_number who) { return succession_.let_go(who); },
                   .listened_on = [this](std::span<const std::uint16_t> ports) { return listened_on(ports); },
                   .user_of = [this](const origin& who) { return user_of(who); },
                   .visitors = visitor_hooks{.visit =
                                                 [this](stream_socket who, const origin& ends, const peer& whose,
                                                        std::string received, bool has_room) {
                                                     site_.visit(std::move(who), ends, whose, std::move(received),
                                                                 has_room);
                                                 },
                                             .count = [this] { return site_.visitor_count(); },
                                             .end_one = [this] { return site_.end_one(); }}}),
          manager_(from.has_systemd_sockets ? service_manager::find() : nullptr),
          reports_(io, manager_.get(), [this] { return status(); }),
          succession_(
              io, manager_.get(), server_,
              [this] {
                  return kept_state{server_.mind().registrations(), known_->machine(), kept_text_, restarts_};
              },
              self, std::move(from_before.kept), [this](const std::string& why) { site_.tell_not_upgraded(why); }),
          self_(self), ending_(io), reloading_(io), upgrading_(io), idle_(io) {
        // What the caller ignores stays ignored, as with stock; a daemon that left its terminal hears all.
        for (auto [signal, listener] :
             {std::pair(SIGINT, &ending_), {SIGTERM, &ending_}, {SIGHUP, &reloading_}, {SIGUSR2, &upgrading_}}) {
            if (from.is_daemon || !is_ignored(signal)) {
                listener->add(signal);
            }
        }
        placer_.set_probe(settings_.may_ask_nodes);
        placer_.set_limit(server_.most().max_placements);
        server_.hosts_changed(known_);
    }

    /// `adopted`: nodes that another epmd had.
    void start(const std::vector<node>& adopted) {
        placer_.look_at_machine();
        placer_.when_machine_is_known([this] { site_.open(); });
        succession_.begin();
        server_.start();
        if (has_predecessor_) {
            const auto now = server_.mind().registrations().size();
            spdlog::info("goes on with {} nodes of the process before; {} had ended meanwhile", now,
                         nodes_before_ - now);
            server_.resolve_again(); // hosts file and configuration may be others than it knew
        }
        for (const auto& one : adopted) {
            server_.adopt(one);
        }
        await_end();
        await_reload();
        await_upgrade();
        spdlog::info("loopmd {} serves port {}, {}; {} hosts are configured", LOOPMD_VERSION, server_.port(),
                     scope_text(settings_), settings_.hosts.size());
        reports_.ready();
        look_whether_idle();
    }

  private:
    static std::string scope_text(const settings& from) {
        if (from.scope == listen_scope::loopback) {
            return "for this machine only";
        }
        return from.addresses.empty() ? "for whoever reaches it" : "on the addresses that were given";
    }

    static std::optional<settings_text> text_of(const settings& from) {
        return from.config_file.empty() ? std::nullopt
                                        : std::optional(settings_text{from.config_file, from.config_text});
    }

    // ---- what happens

    void tell(event&& what) {
        journal_.write(*spdlog::default_logger(), *known_, what, std::chrono::steady_clock::now());
        reports_.changed();
        site_.tell(std::move(what));
        look_whether_idle();
    }

    [[nodiscard]] daemon_facts facts() const {
        return {.version = LOOPMD_VERSION,
                .pid = ::getpid(),
                .uid = ::getuid(),
                .program = self_.path,
                .started = started_,
                .port = server_.port(),
                .listeners = server_.addresses(),
                .is_for_this_machine_only = server_.scope() == listen_scope::loopback,
                .is_http_for_everybody = server_.status() == status_scope::all,
                .config_file = settings_.config_file,
                .connections = server_.connection_count(),
                .most = server_.most(),
                .visitors = site_.visitors(),
                .packet_timeout = settings_.packet_timeout,
                .relaxed_command_check = settings_.relaxed_command_check,
                .may_ask_nodes = settings_.may_ask_nodes,
                .is_kept = succession_.is_kept(),
                .restarts = restarts_,
                .reloads = reloads_,
                .counted = server_.counted()};
    }

    void know(std::vector<configured_host> configured, machine_identity machine) {
        auto now_known = std::make_shared<const hosts>(std::move(configured), std::move(machine));
        const bool is_news = *now_known != *known_;
        known_ = std::move(now_known);
        server_.hosts_changed(known_);
        succession_.keep_surroundings();
        if (is_news) {
            site_.tell_hosts_changed();
        }
    }

    [[nodiscard]] std::string status() const {
        const auto& all = server_.mind().registrations();
        const auto hosts = all.hosts_in_use();
        return std::to_string(all.size()) + (all.size() == 1 ? " node" : " nodes") + "; " + std::to_string(hosts) +
               (hosts == 1 ? " host has" : " hosts have") + " some";
    }

    /// Those of the ports on which somebody listens.
    std::set<std::uint16_t> listened_on(std::span<const std::uint16_t> ports) {
        std::set<std::uint16_t> result;
        for (const auto& one : kernel_.listening(ports)) {
            result.insert(one.local_port);
        }
        return result;
    }

    /// By the kernel: 3 us.
    std::optional<std::uint32_t> user_of(const origin& who) {
        const auto socket = kernel_.connected(who.peer, who.peer_port, who.local, who.local_port);
        return socket ? std::optional(socket->uid) : std::nullopt;
    }

    // ---- the end

    void await_end() {
        ending_.async_wait([this](boost::system::error_code error, int signal) {
            if (error) {
                return;
            }
            const char* const why = signal == SIGINT ? "interrupted" : "terminated";
            if (!manager_ || std::exchange(is_ending_, true)) {
                end(why);
                return;
            }
            finish_and_end(why);
            await_end();
        });
    }

    /// Those who come later wait for the process after this one; who was here already is answered.
    void finish_and_end(const char* why) {
        succession_.give_up();
        reports_.stopping();
        server_.finish([this, why] {
            succession_.try_again();
            end(why);
        });
    }

    void end(const char* why) {
        const auto nodes = server_.mind().registrations().size();
        spdlog::info("ends: {}; {} nodes {}", why, nodes,
                     succession_.is_kept() ? "are left with the service manager" : "were registered");
        server_.stop();
        io_.stop();
    }

    /// With --exit-idle: ends when nobody was registered for that time. systemd starts it again for the next client.
    void look_whether_idle() {
        if (settings_.exit_idle.count() == 0 || !manager_) {
            return;
        }
        if (!server_.mind().registrations().empty()) {
            idle_.cancel();
            return;
        }
        idle_.expires_after(settings_.exit_idle);
        idle_.async_wait([this](boost::system::error_code error) {
            if (error || !server_.mind().registrations().empty() || is_ending_ || succession_.is_leaving()) {
                return;
            }
            is_ending_ = true;
            server_.finish([this] {
                if (server_.mind().registrations().empty()) {
                    reports_.stopping();
                    end("no node was registered for a while");
                } else { // it came in the last moment
                    is_ending_ = false;
                    server_.resume();
                }
            });
        });
    }

    // ---- upgrade

    void await_upgrade() {
        upgrading_.async_wait([this](boost::system::error_code error, int) {
            if (!error) {
                if (!is_ending_) {
                    succession_.upgrade();
                }
                await_upgrade();
            }
        });
    }

    // ---- reload

    void await_reload() {
        reloading_.async_wait([this](boost::system::error_code error, int) {
            if (error) {
                return;
            }
            if (is_ending_ || succession_.is_leaving()) {
                spdlog::warn("not reloaded: this process is about to end, and the next one reads everything anew");
            } else {
                reports_.reloading();
                reload();
                reports_.ready();
            }
            await_reload();
        });
    }

    /// Takes the new settings over, or none of them.
    void reload() {
        const auto status_before = server_.status();
        try {
            auto fresh = read_({});
            server_.change(fresh);
            placer_.set_probe(fresh.may_ask_nodes);
            placer_.set_limit(server_.most().max_placements);
            site_.set_limits(server_.most());
            set_log_level(fresh.level);
            if (fresh.port != settings_.port && !settings_.has_systemd_sockets) {
                spdlog::warn("the port stays {} until the next start", server_.port());
                fresh.port = settings_.port;
            }
            settings_ = std::move(fresh);
            kept_text_ = text_of(settings_);
            know(settings_.hosts, known_->machine());
            placer_.look_at_machine();
            server_.resolve_again();
            spdlog::info("reloaded {}: {} hosts are configured",
                         settings_.config_file.empty() ? "the settings" : settings_.config_file,
                         settings_.hosts.size());
            reloads_.trouble.reset();
            ++reloads_.good;
            site_.tell_reloaded({});
            if (server_.status() != status_before) {
                site_.end_all();
            }
        } catch (const std::exception& error) {
            spdlog::warn("not reloaded, all stays as it was: {}", error.what());
            reloads_.trouble = error.what();
            ++reloads_.failed;
            site_.tell_reloaded(error.what());
        }
    }

    asio::io_context& io_;
    settings settings_;
    std::optional<settings_text> kept_text_;
    settings_reader read_;
    std::shared_ptr<const hosts> known_;
    bool has_predecessor_;
    std::uint32_t restarts_;
    std::size_t nodes_before_;
    netlink_kernel kernel_;
    journal journal_;
    placer placer_;
    site site_;
    server server_;
    std::unique_ptr<service_manager> manager_;
    manager_reports reports_;
    succession succession_;
    const program& self_;
    time_point started_ = std::chrono::steady_clock::now();
    asio::signal_set ending_;
    asio::signal_set reloading_;
    asio::signal_set upgrading_;
    timer idle_;
    reload_facts reloads_;
    bool is_ending_ = false;
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

/// Those that were passed, or new ones.
std::vector<acceptor> listeners_for(asio::io_context& io, const settings& from, std::span<const int> passed) {
    if (!passed.empty()) {
        return adopt_listeners(io, passed, from.scope);
    }
    if (from.has_systemd_sockets) {
        throw no_systemd_sockets("systemd provides no sockets");
    }
    return open_listeners(io, from);
}

/// Those of the epmd before, or new ones in their place. Whoever is quicker gets the port: a VM that starts brings an
/// epmd up.
std::vector<acceptor> listeners_after(asio::io_context& io, const settings& from, const takeover& taken) {
    if (!taken.listeners.empty()) {
        auto listeners = adopt_listeners(io, taken.listeners, from.scope);
        for (auto& one : listeners) {
            one.listen(asio::socket_base::max_listen_connections); // stock has a queue of its own length
        }
        return listeners;
    }
    return open_listeners(io, from);
}

/// Descriptors that connections may have.
std::size_t room_for_connections() {
    const auto descriptors = raise_descriptor_limit();
    if (descriptors < reserved_descriptors) { // now, while the caller of `-daemon` still hears of it
        throw std::runtime_error("at most " + std::to_string(descriptors) + " files may be open here, and " +
                                 std::to_string(reserved_descriptors) +
                                 " are the least to serve with; raise the limit (ulimit -n)");
    }
    return std::max(descriptors, 2 * reserved_descriptors) - reserved_descriptors;
}

/// The settings as the process before read them last, since there is a mistake in the file by now. Without a process
/// before there is no way but out: throws the mistake.
settings last_good_settings(const inheritance& left, const file_error& mistake, const settings_reader& read) {
    if (!left.before) {
        throw file_error(mistake);
    }
    if (!left.before->settings) {
        return mistake.without_file(); // there was no file then
    }
    try {
        return read(left.before->settings->text);
    } catch (const file_error&) { // that version allowed what this one does not
        return mistake.without_file();
    }
}

/// Nothing that one peer brings about, nor a moment without memory, may end the process, and with it registrations.
void run(asio::io_context& io) {
    for (;;) {
        try {
            io.run();
            return;
        } catch (const std::exception& error) {
            spdlog::error("goes on after an error: {}", error.what());
        }
    }
}

} // namespace

int free_port(const settings& from) {
    const auto taken = take_over(from);
    for (const int listener : taken ? taken->listeners : std::vector<int>()) {
        ::close(listener);
    }
    return EXIT_SUCCESS;
}

int serve(settings from, const std::optional<file_error>& mistake, const settings_reader& read, const program& self) {
    const bool takes_over = is_successor();
    const bool is_new_daemon = from.is_daemon && !takes_over;
    if (is_new_daemon && !from.has_systemd_sockets) {
        close_inherited_descriptors();
    }
    const auto room = room_for_connections();
    auto left = read_inheritance(from.has_systemd_sockets || takes_over ? take_passed_descriptors()
                                                                        : std::vector<passed_descriptor>());
    if (mistake) {
        from = last_good_settings(left, *mistake, read);
    }
    std::signal(SIGPIPE, SIG_IGN); // whoever read our log may go
    std::signal(SIGCHLD, SIG_DFL); // how a successor's trial ended is asked of the kernel
    std::optional<takeover> taken;
    if (from.replaces && !takes_over && left.listeners.empty()) {
        taken = take_over(from); // before signals wait: it may take its time
    }
    std::optional<signals_wait> not_ready(std::in_place, takes_over);
    asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO); // one thread serves; the others post to it, no more
    std::vector<acceptor> listeners;
    try {
        listeners = taken ? listeners_after(io, from, *taken) : listeners_for(io, from, left.listeners);
    } catch (const listen_error& error) {
        if (!error.is_port_taken()) {
            throw;
        }
        return give_way(io, from, error);
    }
    // From here on the port is served: whoever connects waits in the backlog. So a caller of `-daemon`, who goes on
    // when the parent ends, may start a VM at once.
    if (is_new_daemon) {
        leave_terminal(io);
    } else if (from.is_daemon) {
        [[maybe_unused]] const int stays_here = ::chdir("/"); // as its predecessor was
    }
    open_log(from);
    if (mistake) {
        spdlog::error("{}. Goes on with this file as it was when it was read last without a mistake; mend it, and "
                      "reload",
                      mistake->what());
    }
    for (const auto& complaint : left.complaints) {
        spdlog::error("{}", complaint);
    }
    life self_life(io, std::move(listeners), beginning_from(std::move(left)), from, room, read, self);
    if (taken) {
        spdlog::info("has taken port {} over, and adopts {} nodes", from.port, taken->nodes.size());
    }
    self_life.start(taken ? taken->nodes : std::vector<node>());
    not_ready.reset();
    run(io);
    return EXIT_SUCCESS;
}

} // namespace epmd
