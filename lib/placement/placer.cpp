#include "placement/placer.hpp"

#include "dist/node_name.hpp"
#include "placement/socket_address.hpp"
#include "placement/survey.hpp"
#include "wire/quoted.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace epmd {
namespace {

/// How many questions the survey thread is given at once: the first of them waits for the last. Chosen, not tuned.
constexpr std::size_t max_batch_size = 64;

/// Who comes alone is looked into at once; of those that come in a crowd no batch begins sooner after another. To wake
/// a thread costs more than most questions, and a walk of the kernel through its listeners is one for the whole batch.
/// Chosen, not tuned.
constexpr std::chrono::milliseconds survey_interval{1};

/// LOOPMD_HOSTNAME, where `epmdctl exec` has set it: a daemon that is started in there is the whole machine's, and the
/// hostname in there is a host's.
std::string read_hostname() {
    if (const char* given = std::getenv("LOOPMD_HOSTNAME");
        given != nullptr) { // NOLINT(concurrency-mt-unsafe): only read
        return given;
    }
    std::array<char, 256> name{}; // HOST_NAME_MAX is 64
    if (::gethostname(name.data(), name.size() - 1) != 0) {
        return {};
    }
    return name.data();
}

} // namespace

surroundings surroundings::of_this_machine() {
    return {.sockets = std::make_unique<netlink_kernel>(),
            .all_processes = std::make_unique<proc_processes>(),
            .resolve = ask_system,
            .hostname = read_hostname,
            .hosts_file = "/etc/hosts"};
}

placer::placer(boost::asio::io_context& io, surroundings around, hooks callbacks)
    : io_(io), around_(std::move(around)), hooks_(std::move(callbacks)), resolver_(io, around_.resolve), nodes_(io),
      survey_pause_(io) {}

placer::~placer() {
    is_over_ = true; // a batch may have seconds to go, beside many processes
    survey_thread_.stop();
    survey_thread_.join();
}

void placer::ask(question what) {
    if (what.what == inquiry::everything) {
        if (is_resolving_machine_) {
            look_at_machine(); // else its turn is soon enough
        }
        if (waiting_for_survey_.size() >= max_waiting_ && !make_room()) {
            finding none;
            none.trouble = "it is one of too many that are being placed";
            tell(what.connection, std::move(none));
            return;
        }
        waiting_for_survey_.add(std::move(what));
        survey_in_turn();
        return;
    }
    look_at_machine();
    when_machine_is_known([this, what = std::move(what)] {
        if (what.what == inquiry::node) {
            ask_node(what);
        } else {
            resolve(what.connection, what.before, std::nullopt);
        }
    });
}

/// Those go that have left meanwhile. False: nobody has.
bool placer::make_room() {
    return waiting_for_survey_.keep_only([this](const question& one) { return hooks_.is_wanted(one.connection); }) > 0;
}

/// Hands those that wait to the survey thread, by the batch.
void placer::survey_in_turn() {
    if (is_survey_under_way_ || is_pausing_) {
        return;
    }
    start_survey();
    if (!is_survey_under_way_) {
        return;
    }
    is_pausing_ = true;
    survey_pause_.expires_after(survey_interval);
    survey_pause_.async_wait([this](boost::system::error_code error) {
        if (!error) {
            is_pausing_ = false;
            survey_in_turn();
        }
    });
}

/// Of those that wait, the first max_batch_size; who has gone before its turn is not asked about. None, if nobody
/// waits.
void placer::start_survey() {
    std::vector<question> batch;
    while (batch.size() < max_batch_size && waiting_for_survey_.size() > 0) {
        if (auto next = waiting_for_survey_.take(); hooks_.is_wanted(next->connection)) {
            batch.push_back(*std::move(next));
        }
    }
    if (batch.empty()) {
        return;
    }
    is_survey_under_way_ = true;
    look_at_machine();
    when_machine_is_known([this, batch = std::move(batch)] {
        boost::asio::post(survey_thread_, [this, batch, known = hooks_.known()] {
            std::vector<finding> found;
            try {
                found = survey(batch, *known, *around_.sockets, *around_.all_processes, is_over_);
            } catch (const std::exception& error) { // no memory
                finding none;
                none.trouble = std::string("it could not be looked for (") + error.what() + ")";
                found.assign(batch.size(), none);
            }
            boost::asio::post(io_, [this, batch, found = std::move(found)]() mutable {
                is_survey_under_way_ = false;
                for (std::size_t i = 0; i < batch.size(); ++i) {
                    surveyed(batch[i].connection, std::move(found[i]));
                }
                survey_in_turn();
            });
        });
    });
}

/// Only a host name may be left to look up. A node that is where it was has one as well: the hosts file may be another
/// by now, but a name that no longer resolves moves nobody.
void placer::surveyed(connection_number connection, finding found) {
    if (!may_ask_nodes_) {
        found.ask_at.reset();
    }
    const auto otherwise = found.where;
    resolve(connection, std::move(found), otherwise);
}

void placer::ask_node(const question& what) {
    nodes_.ask(
        what.before.ask_at.value(), what.port, what.highest_version,
        [this, connection = what.connection] { return may_ask_nodes_ && hooks_.is_wanted(connection); },
        [this, what](const node_answer& said) { take_answer(what, said); });
}

/// What a node says counts only for the name that it registered.
void placer::take_answer(const question& about, const node_answer& said) {
    auto found = about.before;
    found.ask_at.reset();
    const auto name = split_node_name(said.node_name);
    if (!said.trouble.empty()) {
        found.trouble = "asked for its name, it " + said.trouble;
    } else if (name.alive_name != about.alive_name || name.host_part.empty()) {
        found.trouble = "asked for its name, it calls itself " + wire::quoted(said.node_name);
    } else {
        const bool was_another =
            found.is_guess && !split_node_name(found.node_name).host_part.empty() && found.node_name != said.node_name;
        if (was_another) {
            found.who = {.pid = 0, .uid = found.who.uid, .program = {}};
        }
        found.how = evidence::handshake;
        found.is_guess = false;
        found.node_name = said.node_name;
        found.host_name = name.host_part;
        found.where.reset();
        resolve(about.connection, std::move(found), std::nullopt);
        return;
    }
    tell(about.connection, std::move(found));
}

void placer::tell(connection_number connection, finding complete) {
    boost::asio::post(io_, [this, connection, complete = std::move(complete)]() mutable {
        hooks_.found(connection, std::move(complete));
    });
}

/// `otherwise`: the host if the name, now, names none.
void placer::resolve(connection_number connection, finding found, std::optional<host> otherwise) {
    if (found.host_name.empty()) {
        tell(connection, std::move(found));
    } else if (const auto where = host_without_resolving(found.host_name, *hooks_.known())) {
        found.where = where;
        found.trouble.clear();
        tell(connection, std::move(found));
    } else {
        const auto name = found.host_name;
        resolver_.resolve(name, [this, connection, found = std::move(found), otherwise](const resolution& resolved) {
            auto complete = place_by_name(found, resolved, *hooks_.known());
            complete.where = complete.where ? complete.where : otherwise;
            hooks_.found(connection, std::move(complete));
        });
    }
}

void placer::look_at_machine() {
    const auto file = stamp_of_hosts_file();
    const auto hostname = around_.hostname();
    if (file == hosts_file_seen_ && hostname == hostname_seen_) {
        return;
    }
    hosts_file_seen_ = file;
    hostname_seen_ = hostname;
    resolver_.forget();
    if (std::exchange(is_resolving_machine_, true)) {
        is_machine_stale_ = true;
    } else {
        resolve_machine();
    }
}

/// The hosts file is read on the survey thread: some have a hundred thousand lines. Then the hostname is resolved.
void placer::resolve_machine() {
    boost::asio::post(survey_thread_, [this, path = around_.hosts_file] {
        boost::asio::post(io_, [this, file = hosts_file::read(path)] {
            resolver_.resolve(hostname_seen_, [this, file, hostname = hostname_seen_](const resolution& resolved) {
                machine_is_resolved(identify(hostname, resolved, file));
            });
        });
    });
}

void placer::machine_is_resolved(machine_identity machine) {
    if (std::exchange(is_machine_stale_, false)) {
        resolve_machine();
        return;
    }
    is_resolving_machine_ = false;
    if (machine != machine_) {
        machine_ = machine;
        hooks_.machine_changed(std::move(machine));
    }
    for (const auto& then : std::exchange(waiting_for_machine_, {})) {
        then();
    }
}

void placer::when_machine_is_known(std::function<void()> then) {
    if (is_resolving_machine_) {
        waiting_for_machine_.push_back(std::move(then));
    } else {
        then();
    }
}

placer::file_stamp placer::stamp_of_hosts_file() const {
    struct stat status {};
    if (::stat(around_.hosts_file.c_str(), &status) != 0) {
        return {};
    }
    return {.inode = status.st_ino,
            .size = status.st_size,
            .seconds = status.st_mtim.tv_sec,
            .nanoseconds = status.st_mtim.tv_nsec};
}

} // namespace epmd
