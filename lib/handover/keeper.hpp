/// Has the table and its connections outlive the process: both written down before a reply is sent, both held by
/// somebody else (systemd's file descriptor store) or handed over by exec.
///
/// Memory file and queue grow until they have more of the past in them than of the present; then a new one takes the
/// place of the old, which is let go only once the new one is held.
#pragma once

#include "handover/connection_queue.hpp"
#include "handover/snapshot_file.hpp"
#include "handover/systemd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {

/// Under which names the memory file and the queue are held; behind each stands a generation, in digits.
inline constexpr std::string_view table_name = "loopmd-table-";
inline constexpr std::string_view queue_name = "loopmd-queue-";

/// What the keeper reads when it writes all anew.
struct kept_state {
    const registry& table;
    const machine_identity& machine;
    const std::optional<settings_text>& settings;
    std::uint32_t restarts = 0; ///< as snapshot::restarts
};

/// Queues of a process before.
struct left_queue {
    std::vector<queue_pair> pairs;
    std::size_t size = 0; ///< connections in them, with those that have ended
};

class keeper final : private holder {
  public:
    /// `manager`: who holds what is kept; null: nobody but this process, and what it passes on. `before`: what the
    /// process before left in queues, which is gone on with. `old_tables`: the names of its tables, which are let go
    /// once ours is held. `complain` is told once an episode what cannot be kept, as one sentence.
    keeper(service_manager* manager, std::function<kept_state()> all, left_queue before, std::uint64_t generation,
           std::vector<std::string> old_tables, std::function<void(const std::string&)> complain);

    /// A registration is new, or what is known of it has changed. Never waits; costs a system call if it is new, and
    /// now and then the writing of all of them.
    void keep(const registration&, bool is_new);
    /// A registration has ended.
    void let_go(connection_number);
    /// Machine or settings are others than before.
    void keep_surroundings();

    /// Tries again what failed before, if anything did. To be called now and then, for nothing may happen for hours.
    void try_again();

    /// Whether all that was given to it is written down, and whoever is to hold it was told so.
    [[nodiscard]] bool is_whole() const noexcept { return !is_behind_; }
    /// Whether there is something for try_again to do.
    [[nodiscard]] bool is_settled() const noexcept { return !is_behind_ && superseded_.empty(); }

    /// What an exec has to pass to the next process, and how it is called. Good until the next call of another
    /// function.
    [[nodiscard]] std::vector<passed_descriptor> to_pass() const;
    /// The memory file.
    [[nodiscard]] int table_descriptor() const;

  private:
    void write_all();
    void write_table(const kept_state&);
    void write_queue(const registry&);
    [[nodiscard]] connection_queue::descriptor_lookup living() const;
    void store(const std::string& name, std::span<const int> descriptors);
    void let_go_of_superseded() noexcept;
    void append();
    template <typename Step>
    void attempt(const Step&);

    std::string hold(std::span<const int> pair) override;
    void let_go(const std::string& name) override;

    service_manager* manager_;
    std::function<kept_state()> all_;
    std::uint64_t generation_;
    std::vector<std::string> superseded_; // names that are no longer needed, and of which nobody could be told yet
    std::vector<std::string> inherited_;  // tables of the process before, until ours is held
    std::function<void(const std::string&)> complain_;

    std::optional<snapshot_file> table_;
    std::size_t whole_bytes_ = 0; // of the table when it was written whole
    std::string table_held_;      // the name under which it is held; empty: not yet
    connection_queue queue_;
    bool is_behind_ = true; // something could not be written, or told
    bool is_told_ = false;  // that it is so
    std::string records_;   // being appended; kept for its capacity
};

} // namespace epmd
