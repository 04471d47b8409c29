// Random histories of the whole service against a model. A failing seed is printed and can be run alone:
// LOOPMD_SIM_SEED=17 sim_tests
#include "support/scene.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>

namespace epmd::test {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 5> host_addresses{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4",
                                                         "127.0.1.1"};
constexpr std::array<std::string_view, 4> alive_names{"idfe", "rabbit", "a", "\xc3\xbc"};
constexpr int steps_a_history = 2000;
constexpr unsigned histories = 100;

/// A VM as the world knows it; the service has to find out.
struct vm {
    connection_number connection = 0;
    std::string_view alive_name;
    std::uint16_t port = 0;
    std::string_view belongs_to; ///< host address; empty: nothing will ever say
    std::uint64_t listener_inode = 0;
    bool must_be_asked = false; ///< only its own word places it, once it has its reply
    bool insists = false;       ///< it knocks again when it is refused
    time_point came;
    bool is_surveyed = false; ///< all was delivered but its own word
    bool is_found = false;    ///< its evidence was delivered
    bool is_direct = false;   ///< its connection shows where it belongs
    bool is_dead = false;     ///< and nobody told the service
    bool was_known = false;   ///< it was refused before, and its listener was known then
};

class history {
  public:
    explicit history(unsigned seed) : random_(seed) {}

    void run() {
        for (int step = 0; step < steps_a_history; ++step) {
            act();
            check();
        }
    }

    [[nodiscard]] int refused() const { return refused_; }
    [[nodiscard]] int asked() const { return asked_; }
    [[nodiscard]] int insisted() const { return insisted_; }
    [[nodiscard]] int replaced() const { return replaced_; }

  private:
    template <typename Container>
    auto& any_of(Container& from) {
        return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random_)];
    }

    int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

    void act() {
        const auto what = below(100);
        if (vms_.empty() || what < 35) {
            come();
        } else if (what < 60) {
            deliver_evidence(any_of(vms_));
        } else if (what < 70) {
            leave(any_of(vms_));
        } else if (what < 75) {
            auto& one = any_of(vms_);
            one.is_dead = true;
            story_.dies_unnoticed(one.connection);
        } else if (what < 85) {
            readers_.emplace_back(below(2) == 0 ? story_.asks_for_names(any_of(host_addresses))
                                                : story_.looks_up(any_of(alive_names), any_of(host_addresses)),
                                  story_.now());
        } else if (what < 89 && !readers_.empty()) {
            story_.ends(any_of(readers_).first);
        } else if (what == 89) {
            replace_daemon();
        } else {
            story_.passes(std::chrono::milliseconds(below(1500)));
        }
        forget_the_gone();
    }

    void come() {
        vm one{.connection = 0, .alive_name = any_of(alive_names), .port = next_port_++, .belongs_to = {}, .came = {}};
        const auto how = below(10);
        one.belongs_to = how == 0 ? std::string_view() : any_of(host_addresses);
        // Some dial their host's own address, and some dial from it; the most say nothing.
        const auto to = how == 1 ? one.belongs_to : host_addresses.front();
        const auto from = how == 2 ? one.belongs_to : host_addresses.front();
        one.is_direct = how == 1 || how == 2;
        one.must_be_asked = !one.is_direct && below(2) == 0;
        one.insists = !one.is_direct && below(4) == 0;
        one.listener_inode = one.port;
        knock(one, to, from);
    }

    void knock(vm one, std::string_view to, std::string_view from) {
        one.came = story_.now();
        one.connection = story_.registers(one.alive_name, one.port, to, from);
        vms_.push_back(one);
    }

    void deliver_evidence(vm& one) {
        if (one.must_be_asked && !one.is_surveyed) {
            finding only_itself;
            only_itself.ask_at = ip("127.0.0.1");
            only_itself.listener_inode = one.listener_inode;
            one.is_surveyed = true;
            story_.is_found(one.connection, only_itself);
            return;
        }
        if (one.must_be_asked && !was_asked(one)) {
            return; // it has no reply yet
        }
        one.is_found = true;
        // The machine's other address is the machine.
        const bool is_machine = one.belongs_to == "127.0.1.1" || one.belongs_to == "127.0.0.1";
        auto found = evidence_for(is_machine ? "127.0.0.1" : one.belongs_to);
        found.listener_inode = one.listener_inode;
        story_.is_found(one.connection, found);
    }

    /// Whether the service wants that node asked.
    bool was_asked(const vm& one) {
        for (const auto& what : story_.questions()) {
            if (what.what == inquiry::node) {
                REQUIRE_MESSAGE(to_be_asked_.insert(what.connection).second, "a node is asked once");
                ++asked_;
            }
        }
        return to_be_asked_.contains(one.connection);
    }

    /// The daemon is killed, and its successor goes on. What was on its way is asked again.
    void replace_daemon() {
        story_.questions();
        const auto before = story_.mind().registrations().size();
        story_.is_killed_and_replaced();
        REQUIRE(story_.mind().registrations().size() <= before);
        for (auto& one : vms_) {
            const auto* known = story_.mind().registrations().find(one.connection);
            if (known != nullptr && known->state != placement_state::placed) {
                to_be_asked_.erase(one.connection);
                one.is_surveyed = false;
            }
        }
        ++replaced_;
        last_replaced_ = story_.now();
    }

    void leave(vm& one) {
        one.is_dead = true;
        story_.ends(one.connection);
    }

    /// Whom the service refused, or dropped as dead, the world forgets as well.
    void forget_the_gone() {
        std::vector<vm> knocking;
        std::erase_if(vms_, [&](const vm& one) {
            const auto fate = story_.fate_of(one.connection);
            const bool is_gone = fate == fate::refused || fate == fate::closed;
            if (fate == fate::refused) {
                check_refusal(one);
                if (one.insists && !one.is_dead) {
                    knocking.push_back(one);
                }
            }
            return is_gone;
        });
        for (auto& one : knocking) {
            const bool is_known = one.is_surveyed || one.is_found;
            REQUIRE_MESSAGE(!(is_known && one.was_known), "nobody knocks for ever");
            one.was_known = one.was_known || is_known;
            one.is_surveyed = false;
            one.is_found = false;
            ++insisted_;
            knock(one, host_addresses.front(), host_addresses.front());
        }
        std::erase_if(readers_, [&](const auto& one) { return story_.fate_of(one.first) != fate::waiting; });
    }

    /// A refusal is right when a living namesake has the place. Who is not known to belong anywhere by then is taken
    /// to be the machine's.
    void check_refusal(const vm& one) {
        const bool is_known = one.is_found || one.is_direct; // not that of one which must be asked, and has no reply
        const auto& all = story_.mind().all_hosts();
        const auto ours = is_known && !one.belongs_to.empty() ? all.at(ip(one.belongs_to)) : the_machine;
        const auto has_place = [&](const registration* other) {
            return other->found.where.value_or(the_machine) == ours;
        };
        const auto others = story_.mind().registrations().namesakes(one.alive_name);
        REQUIRE_MESSAGE(std::any_of(others.begin(), others.end(), has_place), "nobody is refused without need");
        refused_ += 1;
    }

    // ---- what must hold after every step

    void check() {
        const auto& registrations = story_.mind().registrations();
        std::size_t registered = 0;
        for (const auto& one : vms_) {
            const auto* known = registrations.find(one.connection);
            if (story_.fate_of(one.connection) == fate::registered) {
                registered += 1;
                REQUIRE_MESSAGE(known != nullptr, "no registration is lost while its connection lives");
                check_state(one, *known);
            } else {
                REQUIRE(known == nullptr);
                REQUIRE_MESSAGE(story_.now() < one.came + 5s, "a registration is held for 5 s at most");
            }
        }
        REQUIRE_MESSAGE(registrations.size() == registered, "none is kept whose connection ended");
        for (const auto& [connection, since] : readers_) {
            REQUIRE_MESSAGE(story_.now() < since + 500ms, "a lookup waits for half a second at most");
        }
        for (const auto at : host_addresses) {
            check_view(at);
        }
    }

    void check_state(const vm& one, const registration& known) {
        if (known.state == placement_state::pending) {
            REQUIRE(!one.is_found);
            REQUIRE(story_.now() < std::max(known.since, last_replaced_) + 5s);
        }
        if (known.state == placement_state::placed) {
            const auto where = story_.mind().all_hosts().at(ip(one.belongs_to));
            REQUIRE_MESSAGE(known.where == where, "who is placed is where it belongs");
        }
        if (known.state == placement_state::unplaced && one.is_found) {
            REQUIRE(one.belongs_to.empty());
        }
        if (known.state == placement_state::parked) {
            const auto* holder = registrations_find(known.where, one.alive_name);
            REQUIRE_MESSAGE((holder != nullptr && holder != &known), "who is parked has its place taken");
        }
    }

    const registration* registrations_find(host where, std::string_view alive_name) {
        return story_.mind().registrations().find(where, alive_name);
    }

    /// The view at an address, worked out afresh from all registrations: the one placed there, else an unplaced one.
    void check_view(std::string_view at) {
        const auto where = story_.mind().all_hosts().at(ip(at));
        std::vector<const registration*> expected;
        for (const auto* one : story_.mind().registrations().all()) {
            const bool is_shadowed = std::any_of(vms_.begin(), vms_.end(), [&](const vm& other) {
                const auto* known = story_.mind().registrations().find(other.connection);
                return known != nullptr && known->self.alive_name == one->self.alive_name &&
                       known->state == placement_state::placed && known->where == where;
            });
            const bool is_seen = (one->state == placement_state::placed && one->where == where) ||
                                 (one->state == placement_state::unplaced && !is_shadowed) ||
                                 (one->state == placement_state::pending && where.is_machine() &&
                                  registrations_find(where, one->self.alive_name) == one);
            if (is_seen) {
                expected.push_back(one);
            }
        }
        REQUIRE(story_.mind().registrations().visible_at(where) == expected);
        std::set<std::string_view> settled;
        for (const auto* one : expected) {
            if (one->state != placement_state::pending) {
                REQUIRE_MESSAGE(settled.insert(one->self.alive_name).second, "one name is one node at a host");
            }
            const auto creation = std::pair(one->self.alive_name, one->creation);
            REQUIRE(creations_.emplace(creation, one->connection).first->second == one->connection);
        }
    }

    std::mt19937 random_;
    scene story_{{{"lowry", {ip("127.0.0.2")}}}}; // so that hosts are in use from the first step on
    std::vector<vm> vms_;
    std::vector<std::pair<connection_number, time_point>> readers_;
    std::map<std::pair<std::string, std::uint32_t>, connection_number> creations_; ///< each is given once to a name
    std::set<connection_number> to_be_asked_;
    std::uint16_t next_port_ = 1000;
    int refused_ = 0;
    int asked_ = 0;
    int insisted_ = 0;
    int replaced_ = 0;
    time_point last_replaced_;
};

TEST_CASE("whatever happens in whatever order, every view is right and nobody is lost") {
    if (const char* seed = std::getenv("LOOPMD_SIM_SEED"); seed != nullptr) { // NOLINT(concurrency-mt-unsafe)
        history(static_cast<unsigned>(std::strtoul(seed, nullptr, 10))).run();
        return;
    }
    int refused = 0;
    int asked = 0;
    int insisted = 0;
    int replaced = 0;
    for (unsigned seed = 1; seed <= histories; ++seed) {
        CAPTURE(seed);
        history one(seed);
        one.run();
        refused += one.refused();
        asked += one.asked();
        insisted += one.insisted();
        replaced += one.replaced();
    }
    CHECK_MESSAGE(refused > 1000, "histories in which hardly anybody is refused try too little");
    CHECK_MESSAGE(asked > 1000, "nor those in which hardly anybody is asked for its name");
    CHECK_MESSAGE(insisted > 100, "nor those in which hardly anybody knocks again");
    CHECK_MESSAGE(replaced > 1000, "nor those in which the daemon is hardly ever replaced");
}

} // namespace
} // namespace epmd::test
