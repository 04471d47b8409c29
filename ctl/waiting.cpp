#include "waiting.hpp"

#include "client/client.hpp"
#include "daemon.hpp"
#include "dist/node_name.hpp"
#include "follow.hpp"
#include "output.hpp"
#include "settings/number.hpp"
#include "wire/decode.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace epmd::ctl {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr std::array flags{flag{"timeout", "SECONDS", "how long to wait, 0 to 604800 (60); 0 looks once"}};
constexpr std::chrono::seconds usual_timeout{60};
constexpr int longest_timeout = 604800;

/// How often a stock epmd is asked, which tells nothing by itself. Chosen, not tuned.
constexpr std::chrono::milliseconds poll_interval{100};

/// What is waited for.
struct wish {
    std::string alive_name;
    host where;
    const std::function<bool(std::span<const seat>, host)>& is_so;
    steady_clock::time_point until;
    std::string slow_remark;
    std::string late_remark;
};

std::chrono::seconds timeout_of(const call& how) {
    const auto given = how.flags.find("timeout");
    if (given == how.flags.end()) {
        return usual_timeout;
    }
    const auto seconds = parse_number<int>(given->second, 0, longest_timeout);
    if (!seconds) {
        throw usage_error("flag --timeout = " + given->second + " is not allowed: 0 to 604800 seconds");
    }
    return std::chrono::seconds(*seconds);
}

placement_state state_named(std::string_view name) {
    if (name == "placed") {
        return placement_state::placed;
    }
    if (name == "unplaced") {
        return placement_state::unplaced;
    }
    return name == "parked" ? placement_state::parked : placement_state::pending;
}

/// Those of one alive name, by the numbers of their registrations.
class seats {
  public:
    explicit seats(const wish& about, const hosts& known) : about_(about), known_(known) {}

    void take(const server_event& event) {
        const auto data = parsed(event.data);
        if (const auto gone = std::exchange(returning_, std::nullopt)) {
            all_.erase(*gone); // its new registration is told of now
        }
        if (event.name == "nodes") {
            all_.clear();
            for (const auto& node : data.at("nodes").as_array()) {
                put(node);
            }
        } else if (event.name == "unregistered") {
            all_.erase(number_of(data.at("node")));
        } else if (event.name == "came_back") {
            const auto number = number_of(data.at("node"));
            if (const auto found = all_.find(number); found != all_.end()) {
                found->second = {};
                returning_ = number;
            }
        } else if (event.name != "refused" && data.as_object().contains("node")) {
            put(data.at("node"));
        }
    }

    [[nodiscard]] bool are_as_wished() const {
        std::vector<seat> taken;
        for (const auto& [number, one] : all_) {
            taken.push_back(one);
        }
        return about_.is_so(taken, about_.where);
    }

  private:
    static std::uint64_t number_of(const json::value& node) { return node.at("id").to_number<std::uint64_t>(); }

    void put(const json::value& node) {
        if (text_of(node, "alive_name") != about_.alive_name) {
            return;
        }
        all_[number_of(node)] = {.state = state_named(text_of(node, "state")), .where = whereabouts(node, known_)};
    }

    const wish& about_;
    const hosts& known_;
    std::map<std::uint64_t, seat> all_;
    std::optional<std::uint64_t> returning_; // it was adopted, and has registered itself
};

/// Says once that it takes longer than a second.
class slowness {
  public:
    explicit slowness(const wish& about) : about_(about) {}

    /// Until when to wait without a word.
    [[nodiscard]] steady_clock::time_point next() const {
        return is_said_ ? about_.until : std::min(due_, about_.until);
    }

    void look() {
        if (!is_said_ && steady_clock::now() >= due_) {
            is_said_ = true;
            remark(about_.slow_remark);
        }
    }

  private:
    const wish& about_;
    steady_clock::time_point due_ = steady_clock::now() + usual_answer_time;
    bool is_said_ = false;
};

exit_status too_late(const wish& about) {
    remark(about.late_remark);
    return failed;
}

exit_status follow(const call& how, const wish& about, const hosts& known) {
    follower events(how, about.until);
    seats taken(about, known);
    slowness slow(about);
    // What is true now is told first, whatever the time.
    if (const auto first = events.next(std::max(about.until, steady_clock::now() + usual_answer_time))) {
        taken.take(*first);
    }
    while (!taken.are_as_wished()) {
        if (steady_clock::now() >= about.until) {
            return too_late(about);
        }
        if (const auto next = events.next(slow.next())) {
            taken.take(*next);
        }
        slow.look();
    }
    return done;
}

/// Looks the name up at the host's address, where a VM would. Empty: it does not say, as when its descriptors ran out.
std::optional<std::vector<seat>> ask_stock(const call& how, const wish& about) {
    const wire::port_please2_req question{about.alive_name};
    const patience waiting = until_then(about.until);
    auto answer = ask_epmd_at(about.where.first_address(), how.port, question, waiting);
    if (!answer) {
        answer = ask_epmd(how.port, question, waiting);
    }
    if (!answer) {
        throw no_epmd(how.port);
    }
    const auto reply = wire::decode_port2_reply(*answer);
    if (!reply) {
        return std::nullopt;
    }
    const bool is_there = std::holds_alternative<wire::port2_resp>(*reply);
    return is_there ? std::vector{seat{.state = placement_state::unplaced, .where = {}}} : std::vector<seat>();
}

exit_status poll(const call& how, const wish& about) {
    remark("the epmd on port " + std::to_string(how.port) +
           " is no loopmd, or has `status = off`: it is taken to have one table for all hosts, and is asked every " +
           std::to_string(poll_interval.count()) + " ms");
    slowness slow(about);
    for (;;) {
        const auto taken = ask_stock(how, about);
        if (taken && about.is_so(*taken, the_machine)) {
            return done;
        }
        if (steady_clock::now() + poll_interval > about.until) {
            return too_late(about);
        }
        std::this_thread::sleep_for(poll_interval);
        slow.look();
    }
}

} // namespace

std::span<const flag> waiting_flags() {
    return flags;
}

exit_status wait_until(const call& how, const std::string& what,
                       const std::function<bool(std::span<const seat>, host where)>& is_so) {
    const auto& node = how.operands.front();
    const auto timeout = timeout_of(how);
    const auto name = split_node_name(node);
    if (name.alive_name.empty()) {
        throw usage_error("the node " + node + " has no name; a node is called as idfe@lowry, or idfe on this machine");
    }
    const auto until = steady_clock::now() + timeout;
    hosts known;
    bool is_stock = false;
    try {
        known = hosts_of(page(how, "/hosts", until_then(until)));
    } catch (const no_loopmd&) {
        known = configured_hosts();
        is_stock = true;
    }
    const auto seconds = std::to_string(timeout.count()) + " s";
    const wish about{.alive_name = std::string(name.alive_name),
                     .where = name.host_part.empty() ? the_machine : host_named(name.host_part, known),
                     .is_so = is_so,
                     .until = until,
                     .slow_remark = "waits for " + shown(node) + " to be " + what + ", " + seconds + " at most",
                     .late_remark =
                         shown(node) + " is not " + what + " after " + seconds + "; epmdctl nodes lists who is there"};
    return is_stock ? poll(how, about) : follow(how, about, known);
}

} // namespace epmd::ctl
