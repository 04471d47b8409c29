/// The server and the kernel under it without sockets: what lib/server does with connections and descriptors, and what
/// of lib/handover outlives a process, around a real service, for peers that go as peers go. Whoever drives it decides
/// when each thing happens; nothing happens by itself but what time brings.
#pragma once

#include "server/idle_connections.hpp"
#include "service/service.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epmd::test {

/// What a client wants of the daemon.
struct wish {
    enum class kind { registration, lookup, names };

    kind what = kind::lookup;
    std::string alive_name; ///< not of a names list
    std::uint16_t port = 0; ///< of a registration
    std::uint16_t highest_version = 6;
};

/// How the client's end of a connection is.
enum class peer {
    there,
    half_closed, ///< it has closed its side, and reads on
    closed,      ///< a FIN came; a RST follows what is written to it
    reset,       ///< a RST came
    vanished,    ///< gone without a packet: nobody can know, until something is written to it
};

/// A call of the service.
struct service_call {
    enum class kind { request, found, closed, time, hosts, resolve, returned, adopted };

    kind what = kind::time;
    connection_number number = 0;  ///< not of time, hosts and resolve
    const origin* from = nullptr;  ///< of a request
    const wish* wanted = nullptr;  ///< likewise
    const finding* said = nullptr; ///< of found
    const node* self = nullptr;    ///< of adopted
};

class made_up_server final : public liveness {
  public:
    /// A connection, for as long as the history lasts: the numbers of the daemon start anew with each process.
    using id = std::size_t;

    enum class phase { queued, guest, reading, waiting, writing, ended };

    struct connection {
        origin ends;
        wish wanted;
        bool is_whole = true;  ///< the request is there
        bool reads = true;     ///< what is sent to it, at once
        bool has_more = false; ///< it sent a byte after its request
        peer other_end = peer::there;

        connection_number number = 0;
        phase at = phase::queued;
        bool was_written_to = false;
        bool is_kept = false;  ///< somebody else has it as well: it outlives the process
        bool is_ready = false; ///< something happened that the server was not woken for yet

        bool is_registered = false; ///< as far as the client knows: it has a good reply
        bool is_over = false;       ///< the client saw the end
    };

    /// `told` hears of each call of the service and of what it answers, before anything of it is done.
    made_up_server(std::shared_ptr<const hosts>, std::size_t max_connections,
                   std::function<void(const service_call&, const actions&)> told);

    // ---- what clients do

    id connects(wish, const origin&, bool is_whole, bool reads);
    void says_the_rest(id);
    /// A byte that no registered node sends.
    void says_more(id);
    void goes(id, peer how);
    /// It takes at last what was sent to it.
    void reads_on(id);
    /// A node that another epmd had is taken over; it is there for as long as it listens.
    void adopts(node);
    void stops_listening(std::uint16_t port) { heard_.erase(port); }

    // ---- turns of the server's loop

    /// At most `count` of those who wait, if accepting does not pause.
    void accepts(int count);
    [[nodiscard]] std::size_t ready_count() const { return ready_.size(); }
    /// It is woken for one of those to which something happened.
    void is_woken_for(std::size_t which);
    void finds(connection_number, finding);
    void passes(std::chrono::milliseconds);
    void hosts_become(std::shared_ptr<const hosts>);
    void resolves_again();

    // ---- one process after the other

    /// SIGKILL. Whoever waits to be accepted waits on.
    void dies();
    /// It dies after so many actions, wherever that is. Empty: it does not, after all.
    void dies_after(std::optional<int> actions) { actions_left_ = actions; }
    /// Whether the last process died in the middle of what a call wanted done.
    [[nodiscard]] bool has_died_halfway() const { return has_died_halfway_; }
    /// Who was told, of what the last call wanted said, that he is registered.
    [[nodiscard]] const std::vector<connection_number>& told_last() const { return told_last_; }
    /// Accepts nobody more, until all that is in hand is answered (`is_finished`).
    void finishes();
    void resumes();
    [[nodiscard]] bool is_finishing() const { return is_finishing_; }
    [[nodiscard]] bool is_finished() const;
    /// The next process. It may die on the way.
    void starts();
    [[nodiscard]] bool is_running() const { return service_ != nullptr; }

    // ---- how it stands

    [[nodiscard]] const connection& at(id one) const { return all_[one]; }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    /// Precondition: the server has it.
    [[nodiscard]] id id_of(connection_number number) const { return connections_.at(number); }
    [[nodiscard]] bool has(connection_number number) const { return connections_.contains(number); }
    [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }
    [[nodiscard]] std::size_t queued_count() const { return queue_.size(); }
    [[nodiscard]] std::size_t idle_count() const { return idle_.size(); }
    [[nodiscard]] bool is_pausing() const { return paused_until_ && now_ < *paused_until_; }
    [[nodiscard]] int evicted() const { return evicted_; }
    [[nodiscard]] int paused() const { return paused_; }
    [[nodiscard]] const service& mind() const { return *service_; }
    [[nodiscard]] const std::shared_ptr<const hosts>& known() const { return hosts_; }
    [[nodiscard]] time_point now() const { return now_; }
    /// The questions that nobody answered or took.
    [[nodiscard]] std::vector<question>& questions() { return questions_; }
    /// Whether the peer is known to be gone, by whoever asks.
    [[nodiscard]] bool has_gone(connection_number) const override;

  private:
    bool accept_some(int count);
    bool make_room();
    void meet(id);
    void request(id);
    void perform(const service_call&);
    void perform(const action&);
    void reply(connection&, id, const send&);
    void adopt(connection&, id);
    void ended(id);
    void forget(id);
    void watch_idle(id);
    static constexpr idle_connections::patience patience_with_idle{.silence = std::chrono::seconds(60),
                                                                   .in_all = std::chrono::seconds(60)};
    void wake_for(id);
    void close_idle();
    void look_at_adopted();
    void write_table();

    time_point now_{std::chrono::hours(1)};
    std::shared_ptr<const hosts> hosts_;
    std::size_t max_connections_;
    std::function<void(const service_call&, const actions&)> told_;

    // The world's.
    std::deque<connection> all_;
    std::deque<id> queue_;          // of the kernel
    std::set<std::uint16_t> heard_; // ports of adopted nodes

    // What outlives a process.
    std::string records_;
    std::size_t whole_bytes_ = 0;
    std::unordered_map<connection_number, id> kept_;

    // The process's.
    std::unique_ptr<service> service_;
    connection_number next_number_ = 1;
    std::unordered_map<connection_number, id> connections_;
    idle_connections idle_{patience_with_idle}; // the server's own, by id
    std::vector<id> ready_;
    id guest_ = 0; // whose request is answered now
    std::optional<time_point> paused_until_;
    std::optional<time_point> patience_until_;
    time_point adopted_looked_at_;
    bool is_short_ = false;
    bool is_finishing_ = false;
    std::optional<int> actions_left_;
    bool has_died_halfway_ = false;
    std::vector<connection_number> told_last_;
    std::vector<question> questions_;
    actions actions_;
    int evicted_ = 0;
    int paused_ = 0;
};

} // namespace epmd::test
