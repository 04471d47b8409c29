/// What the service is to say and to show, worked out from what it is told, without its tables: of each registration
/// what is known of its host, and of each place who has it. It follows the service call by call; where the two differ
/// it throws, and says in one sentence what was to hold.
#pragma once

#include "support/made_up_server.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace epmd::test {

class wrong : public std::logic_error {
    using std::logic_error::logic_error;
};

/// What histories are to try, and how it is called in a complaint that they hardly do.
enum class deed {
    accepted,
    refused,
    insisted,
    promoted,
    found_dead,
    came_back,
    found_late,
    hit,
    missed,
    listed,
    waited,
    half_closed,
    closed,
    reset,
    vanished,
    evicted,
    paused,
    echoed,
    contradicted,
    adopted,
    hosts_changed,
    resolved_again,
    died,
    died_halfway,
    died_starting,
    finished,
    placed_in_the_end,
    swarmed,
};
inline constexpr std::array<std::string_view, 28> deeds{
    "accepted",
    "refused",
    "accepted since they insist",
    "promoted",
    "found dead",
    "back after they were adopted",
    "found late",
    "found",
    "missed",
    "listed",
    "held",
    "half closed",
    "closed",
    "reset",
    "gone without a packet",
    "evicted",
    "left waiting",
    "found twice",
    "contradicted",
    "adopted",
    "moved with hosts",
    "resolved again",
    "ended by SIGKILL",
    "ended halfway",
    "ended while they start",
    "ended in good order",
    "placed in the end",
    "swarming",
};

/// How often each was done.
struct tally {
    std::array<int, deeds.size()> of{};

    int& operator[](deed what) { return of[static_cast<std::size_t>(what)]; }
};

class model {
  public:
    explicit model(const made_up_server& story) : story_(story) {}

    /// After each call, before anything of `out` is done. A call `returned` of number 0 is a new process.
    void follow(const service_call&, const actions& out);

    /// Compares all that there is, not only what a call has touched.
    void audit();

    /// Whether it is registered.
    [[nodiscard]] bool has(connection_number number) const { return all_.contains(number); }
    [[nodiscard]] bool is_held(connection_number number) const {
        return newcomers_.contains(number) || readers_.contains(number);
    }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    [[nodiscard]] bool is_anyone_held() const { return !newcomers_.empty() || !readers_.empty(); }

    /// The process died in the middle of the last call: of what that touched, the one after it may know less.
    void is_torn();

    tally tried;

  private:
    /// What is known of where a registration belongs.
    struct belief {
        std::optional<host> where;
        evidence how = evidence::process;
        bool is_guess = false;
        bool is_to_be_asked = false;

        void hear(belief fresh);
        [[nodiscard]] host place() const { return where.value_or(the_machine); }
    };

    struct known {
        std::string alive_name;
        std::uint16_t port = 0;
        bool is_adopted = false;
        std::uint32_t creation_count = 0;
        std::uint64_t sequence = 0;
        belief what{};
        bool is_settled = false;
        std::optional<time_point> until{};               ///< while it is pending
        std::optional<host> shown_at{};                  ///< who has his place
        std::optional<host> parked_at{};                 ///< who waits for it
        placement_state told = placement_state::pending; ///< to whoever watches
    };

    struct newcomer {
        std::string alive_name;
        std::uint16_t port = 0;
        std::optional<belief> what; ///< empty: nothing was said yet
        time_point came;
        bool is_being_asked = false;
    };

    struct reader {
        std::optional<std::string> alive_name;
        host where;
        time_point came;
    };

    enum class verdict { accept, refuse, wait };

    void restart();
    void take_in(const service_call&);
    void take_out(const service_call&, const actions&);
    void check_newcomers();
    void check_readers();
    void lose(connection_number);
    void enter(connection_number, known);
    void touch(const std::string& alive_name) { touched_.insert(alive_name); }
    void settle(connection_number);
    [[nodiscard]] belief belief_of(const finding&) const;
    [[nodiscard]] std::optional<belief> belief_of(const origin&) const;
    [[nodiscard]] verdict judge(const newcomer&) const;
    void check_answer(connection_number, bool is_good, const service_call&);
    void check_name(const std::string& alive_name, bool is_any_promotion_right);
    [[nodiscard]] const known* seen(host where, const std::string& alive_name) const;
    [[nodiscard]] std::string list_at(host where) const;
    [[nodiscard]] bool is_pending(const std::string& alive_name) const;
    [[nodiscard]] bool must_wait(const reader&) const;
    [[nodiscard]] const registry& theirs() const { return story_.mind().registrations(); }

    const made_up_server& story_;
    std::unordered_map<connection_number, known> all_;
    std::unordered_map<std::string, std::vector<connection_number>> by_name_; // oldest first; never empty
    std::unordered_map<connection_number, newcomer> newcomers_;
    std::unordered_map<connection_number, reader> readers_;
    std::unordered_set<connection_number> resolving_;
    std::set<std::pair<time_point, connection_number>> pending_;
    std::unordered_map<std::string, std::uint32_t> last_creations_; // counts, of all names that ever were
    std::set<std::pair<std::string, std::uint16_t>> refused_;       // by name and port
    std::unordered_set<std::string> touched_;                       // names, by the last call
    std::unordered_map<connection_number, std::uint32_t> given_;    // in the last call, with the name's count before
    std::unordered_set<std::string> torn_;
    std::vector<std::pair<connection_number, std::string>> answered_; // readers, and the text of their reply
    std::uint64_t next_sequence_ = 1;
};

} // namespace epmd::test
