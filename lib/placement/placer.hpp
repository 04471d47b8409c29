/// Answers questions of placement: surveys kernel and processes on a thread of its own, or asks the node; then has the
/// host name resolved.
#pragma once

#include "net/asio.hpp"
#include "placement/kernel.hpp"
#include "placement/node_asker.hpp"
#include "placement/processes.hpp"
#include "placement/resolver.hpp"
#include "placement/waiting_questions.hpp"
#include "registry/evidence.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace epmd {

/// What of the world outside placement looks at; the tests put another in its place.
struct surroundings {
    std::unique_ptr<kernel> sockets;          ///< used on the survey thread only
    std::unique_ptr<processes> all_processes; ///< likewise
    resolver::lookup resolve;                 ///< used on resolver threads
    std::function<std::string()> hostname;    ///< used on the io_context's thread
    std::filesystem::path hosts_file;

    /// The real one.
    static surroundings of_this_machine();
};

class placer {
  public:
    /// Called on the io_context's thread, never from inside a call of ours.
    struct hooks {
        /// The hosts at this moment; the one hook that is called at any time, always on the io_context's thread.
        std::function<std::shared_ptr<const hosts>()> known;
        std::function<void(connection_number, finding)> found;
        /// Whether the answer to a question is still wanted: its connection may have ended. Called as `known`.
        std::function<bool(connection_number)> is_wanted;
        /// The machine's hostname or addresses are others than before.
        std::function<void(machine_identity)> machine_changed;
    };

    placer(boost::asio::io_context&, surroundings, hooks);
    ~placer();
    placer(const placer&) = delete;
    placer& operator=(const placer&) = delete;

    /// Finds out what can be found, and calls `found`, unless the answer is no longer wanted when it is the question's
    /// turn.
    void ask(question);

    /// Whether nodes may be asked for their names; who waits for its turn is not asked any more. Yes, unless told
    /// otherwise.
    void set_probe(bool may_ask) { may_ask_nodes_ = may_ask; }

    /// How many may wait for their turn to be looked into; who comes when there are so many is not, and is unplaced.
    void set_limit(std::size_t max_waiting) { max_waiting_ = max_waiting; }

    /// Looks at the machine's hostname and hosts file, and calls `machine_changed` if they are others than before.
    void look_at_machine();

    /// Calls `then` when that is done: now, unless it is under way.
    void when_machine_is_known(std::function<void()> then);

  private:
    /// By which a file is known to be the same; zeroes: there is none.
    struct file_stamp {
        std::uint64_t inode = 0;
        std::int64_t size = 0;
        std::int64_t seconds = 0; ///< of the last write, as are these
        std::int64_t nanoseconds = 0;

        bool operator==(const file_stamp&) const = default;
    };

    bool make_room();
    void survey_in_turn();
    void start_survey();
    void surveyed(connection_number, finding);
    void ask_node(const question&);
    void take_answer(const question&, const node_answer&);
    void tell(connection_number, finding);
    void resolve(connection_number, finding, std::optional<host> otherwise);
    void resolve_machine();
    void machine_is_resolved(machine_identity);
    [[nodiscard]] file_stamp stamp_of_hosts_file() const;

    boost::asio::io_context& io_;
    surroundings around_;
    hooks hooks_;
    resolver resolver_;
    node_asker nodes_;
    bool may_ask_nodes_ = true;
    std::atomic<bool> is_over_{false}; // for the survey thread
    boost::asio::thread_pool survey_thread_{1};
    waiting_questions waiting_for_survey_;
    std::size_t max_waiting_ = std::numeric_limits<std::size_t>::max();
    bool is_survey_under_way_ = false;
    timer survey_pause_;
    bool is_pausing_ = false; // a survey began within the last survey_interval

    machine_identity machine_;
    std::optional<file_stamp> hosts_file_seen_;
    std::string hostname_seen_;
    bool is_resolving_machine_ = false;
    bool is_machine_stale_ = false;                          // it changed again while it was resolved
    std::vector<std::function<void()>> waiting_for_machine_; // while it is resolved
};

} // namespace epmd
