/// The daemon's mind: what happens comes in (a request, an end, a finding, the time), what the server is to do goes
/// out as actions. No sockets, no clock, no threads; the same history gives the same actions.
///
/// The rules are those of docs/model.md. In short: a free name is answered at once and placed afterwards. A name
/// that somebody holds is answered when it is known to which hosts both belong: refused on one host, accepted on two.
#pragma once

#include "registry/registry.hpp"
#include "service/action.hpp"
#include "service/counters.hpp"
#include "service/knocks.hpp"
#include "service/newcomers.hpp"
#include "service/user_counts.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epmd {

/// What the service may be told to do otherwise, each with stock's behaviour or docs/model.md's figure as its default.
struct policy {
    std::uint16_t epmd_port = 4369;
    /// Kill with live nodes, and stop, are allowed.
    bool relaxed_command_check = false;
    /// How long evidence may take: a VM gives up after 10 s without a reply (OTP's client).
    std::chrono::milliseconds evidence_time{5000};
    /// How long a lookup waits for a node that is pending.
    std::chrono::milliseconds lookup_time{500};
    /// A name that misses is not resolved again within this time. Chosen, not tuned.
    std::chrono::milliseconds resolve_again_interval{1000};
    /// Registered nodes; and of them those of one user, but for root and for whoever runs the daemon.
    std::size_t max_registrations = std::numeric_limits<std::size_t>::max();
    std::size_t max_registrations_per_user = std::numeric_limits<std::size_t>::max();
    /// Nodes of one alive name, on as many hosts, and those that wait for it: whoever registers one more has each of
    /// them looked at. Chosen, not tuned.
    std::size_t max_namesakes = 4096;
    std::uint32_t own_uid = 0;
};

/// Tells whether the peer of a connection has gone although nobody noticed yet. The service asks before it calls a
/// name taken: stock, which does not ask, refuses a quick restart now and then.
class liveness {
  public:
    virtual ~liveness() = default;
    /// Whether the connection has ended, or sent a byte, which ends a registration as well.
    [[nodiscard]] virtual bool has_gone(connection_number) const = 0;

  protected:
    liveness() = default;
    liveness(const liveness&) = default;
    liveness& operator=(const liveness&) = default;
};

class service {
  public:
    /// Begins with the registrations of the process before, none of which has its connection yet (`returned`).
    /// `connections` must outlive the service.
    service(policy, std::shared_ptr<const hosts>, registry_state before, const liveness& connections);

    /// A request came in on a connection that has no registration and no request in hand. One of the actions says
    /// what becomes of the connection: send, hold or close; others may be for other connections. Views in the
    /// actions are good until the next call.
    void request(connection_number, const origin&, const wire::request&, time_point now, actions& out);

    /// A node that another epmd had is taken over, without a connection. It is found at once, and pending until
    /// evidence comes in; when it registers itself, by the same name and port, it takes its own place.
    void adopt(connection_number, node, time_point now, actions& out);

    /// A registration of the process before has its connection again; one that has lost it is told by `closed`. Asks
    /// again where it belongs, if that is not known, or by a guess only: evidence may have been on its way.
    void returned(connection_number, const origin&, time_point now, actions& out);

    /// A connection that was held, or is registered, has ended, or its peer closed its side. Who was held is answered
    /// as if its time were up: it may still read. Any other number is no news.
    void closed(connection_number, time_point now, actions& out);

    /// Evidence came in, or was found to be none. Late is not too late: it still places a registration.
    void found(connection_number, finding, time_point now, actions& out);

    /// The hosts are others than before: after a reload, or because the machine got another name or address.
    void hosts_changed(std::shared_ptr<const hosts>, time_point now, actions& out);

    /// Looks again at all placements that came from a host name, or from a listener's address: after a reload.
    void resolve_again(time_point now, actions& out);

    /// Whether kill with live nodes, and stop, are allowed from now on.
    void set_relaxed(bool is_relaxed) noexcept { policy_.relaxed_command_check = is_relaxed; }

    /// How many nodes there may be from now on; who is registered stays.
    void set_limits(std::size_t max_registrations, std::size_t max_registrations_per_user) noexcept;

    /// The time is `now`: answers what has waited long enough.
    void time_passed(time_point now, actions& out);

    /// Answers the lookup that has waited longest by what is known now: there is no room for it to wait. False: none
    /// waits.
    bool answer_longest(actions& out);

    /// When time_passed is to be called next; nothing while nobody waits.
    [[nodiscard]] std::optional<time_point> next_deadline() const;

    /// Whether a finding about that connection is still wanted: it is registered, or held.
    [[nodiscard]] bool is_waiting_for(connection_number) const;

    [[nodiscard]] const registry& registrations() const noexcept { return registry_; }
    [[nodiscard]] const hosts& all_hosts() const noexcept { return *hosts_; }
    [[nodiscard]] const service_counters& counted() const noexcept { return counted_; }

  private:
    /// A lookup or names list that is held: a node that it may mean is pending, or is being resolved again.
    struct reader {
        connection_number connection = 0;
        host where;
        std::optional<std::string> alive_name; ///< empty: a names list
        time_point deadline;
    };

    /// When the host name of a registration was last resolved again, and whether the answer is still to come.
    struct resolving {
        time_point asked;
        bool is_outstanding = false;
    };

    enum class verdict { accept, refuse, wait };

    void answer(connection_number, const origin&, const wire::alive2_req&, time_point now, actions& out);
    void answer(connection_number, const origin&, const wire::port_please2_req&, time_point now, actions& out);
    void answer(connection_number, const origin&, const wire::names_req&, time_point now, actions& out);
    void answer(connection_number, const origin&, const wire::dump_req&, time_point now, actions& out);
    void answer(connection_number, const origin&, const wire::kill_req&, time_point now, actions& out);
    void answer(connection_number, const origin&, const wire::stop_req&, time_point now, actions& out);

    [[nodiscard]] std::optional<refusal> want_of_room(const origin&, std::string_view alive_name) const;
    [[nodiscard]] std::optional<finding> evidence_of(const origin&) const;
    [[nodiscard]] verdict judge(const newcomer&, bool is_late) const;
    [[nodiscard]] bool insists(const newcomer&) const;
    [[nodiscard]] bool may_be_asked_now(const newcomer&) const;
    bool look_at_holders_again(const newcomer&, time_point now, actions& out);
    [[nodiscard]] bool are_hosts_in_use() const;
    void ask(connection_number, const node&, finding, actions& out);
    void accept(newcomer, time_point now, actions& out);
    [[nodiscard]] static send refusal_of(const newcomer&);
    void refuse(const newcomer&, refusal, actions& out);
    void judge_newcomers(std::string_view alive_name, time_point now, actions& out);
    void drop_dead(std::string_view alive_name, actions& out);
    void take_in(connection_number, finding, time_point now, actions& out);
    void settle(connection_number, finding, time_point now, actions& out);
    void unregister(connection_number, actions& out, event::kind why = event::kind::unregistered);
    void make_way_for(const node& returning, actions& out);
    void note_placement(const registration& moved) noexcept;
    void tell_of_promotion(const registration* promoted, actions& out);

    [[nodiscard]] bool must_wait(const reader&) const;
    void answer(const reader&, actions& out);
    [[nodiscard]] wire::names_resp names_at(host) const;
    [[nodiscard]] wire::names_text names_text_at(host) const;
    [[nodiscard]] std::vector<wire::names_resp::host> names_by_host() const;
    void answer_or_hold(reader, actions& out);
    void answer_readers(time_point now, actions& out);

    void ask_again(const registration&, time_point now, actions& out);
    [[nodiscard]] question question_of(inquiry, connection_number, const node&) const;
    [[nodiscard]] question first_question(connection_number, const node&, const origin&, bool is_placed) const;
    [[nodiscard]] question question_about(const registration&, const origin&) const;
    void await_evidence(connection_number, time_point now);
    void await_evidence_no_longer(connection_number);

    policy policy_;
    std::shared_ptr<const hosts> hosts_;
    const liveness& connections_;
    registry registry_;
    service_counters counted_;
    newcomers newcomers_;
    user_counts users_;           // of all that are registered or held
    std::vector<reader> readers_; // in the order in which they came
    knocks knocks_;
    /// The last names list, as long as nothing changes: a list is asked for more often than it changes, and making one
    /// of 900 names costs five times its sending (tests/bench).
    struct made_list {
        host where;
        std::uint64_t version = 0;
        std::shared_ptr<const std::string> bytes; ///< null: none was made
    };
    mutable made_list last_list_;
    bool readers_may_go_ = false; // something that a reader waits for has happened
    std::unordered_map<connection_number, resolving> resolving_;
    std::set<std::pair<time_point, connection_number>> deadlines_;    // of newcomers, readers and pending registrations
    std::unordered_map<connection_number, time_point> pending_until_; // of pending registrations, those in deadlines_
};

} // namespace epmd
