// Random histories of VMs that lose their connection and come back, that knock, that must be asked or are guessed at,
// while the hosts change: whatever happens, one name is one node at a host, nobody waits too long, and all find their
// place in the end. A failing seed is printed and can be run alone: LOOPMD_SIM_SEED=17 sim_tests
#include "support/scene.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <utility>

namespace epmd::test {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 5> host_addresses{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4",
                                                         "127.0.1.1"};
constexpr std::array<std::string_view, 3> alive_names{"idfe", "rabbit", "a"};
constexpr int steps_a_history = 600;
constexpr unsigned histories = 200;

/// What there is to find out about a VM.
enum class said_by { connection, listener, process, its_word, guess_then_its_word, nothing, silence };

struct wanderer {
    std::string_view alive_name;
    std::uint16_t port = 0;
    std::string_view home;
    std::uint64_t listener_inode = 0; ///< 0: nobody can see it
    said_by how = said_by::nothing;
    bool insists = false; ///< it knocks again when it is refused

    connection_number connection = 0;
    time_point came;
    bool is_dead = false;
    bool is_surveyed = false;
    int refusals = 0;                    ///< since it was registered last, with its listener known
    std::optional<question> to_survey{}; ///< questions that have no answer yet
    std::optional<question> to_ask{};
};

class history {
  public:
    explicit history(unsigned seed) : random_(seed) { change_hosts(); }

    void run() {
        for (int step = 0; step < steps_a_history; ++step) {
            act();
            check();
        }
        calm_down();
    }

    [[nodiscard]] int came_back() const { return came_back_; }
    [[nodiscard]] int knocked() const { return knocked_; }

  private:
    int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

    template <typename Container>
    auto& any_of(Container& from) {
        return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
    }

    // ---- what happens

    void act() {
        const auto what = below(100);
        if (vms_.empty() || what < 22) {
            come();
        } else if (what < 55) {
            answer_a_question(any_of(vms_));
        } else if (what < 64) {
            auto& one = any_of(vms_);
            one.is_dead = true;
            story_.ends(one.connection);
        } else if (what < 67) {
            auto& one = any_of(vms_);
            one.is_dead = true;
            story_.dies_unnoticed(one.connection);
        } else if (what < 77) {
            lose_connection(any_of(vms_));
        } else if (what < 85) {
            readers_.emplace_back(below(2) == 0 ? story_.asks_for_names(any_of(host_addresses))
                                                : story_.looks_up(any_of(alive_names), any_of(host_addresses)),
                                  story_.now());
        } else if (what < 89) {
            change_hosts();
        } else if (what < 90) {
            story_.reloads();
        } else {
            story_.passes(std::chrono::milliseconds(below(1500)));
        }
        sweep();
    }

    void come() {
        wanderer one;
        one.alive_name = any_of(alive_names);
        one.port = next_port_++;
        one.home = any_of(host_addresses);
        one.how = static_cast<said_by>(below(7));
        one.insists = below(3) == 0;
        one.listener_inode = below(8) == 0 ? 0 : one.port;
        register_anew(std::move(one));
    }

    void register_anew(wanderer one) {
        one.is_surveyed = false;
        one.to_survey.reset();
        one.to_ask.reset();
        one.came = story_.now();
        one.connection = story_.registers(one.alive_name, one.port,
                                          one.how == said_by::connection ? one.home : host_addresses.front());
        vms_.push_back(std::move(one));
        take_questions();
    }

    void lose_connection(const wanderer& lost) {
        if (story_.fate_of(lost.connection) != fate::registered || lost.is_dead) {
            return;
        }
        auto one = lost;
        story_.ends(one.connection);
        sweep();
        register_anew(std::move(one));
    }

    void change_hosts() {
        const std::array<std::vector<configured_host>, 3> choices{
            {{}, {{"lowry", {ip("127.0.0.2")}}}, {{"lowry", {ip("127.0.0.2"), ip("127.0.0.4")}}}}};
        const auto which = below(3);
        are_hosts_configured_ = which != 0;
        story_.hosts_become(choices[static_cast<std::size_t>(which)], {"workshop", {ip("127.0.1.1")}, {}});
    }

    // ---- placement, as it would find out

    [[nodiscard]] host home_of(const wanderer& one) const { return story_.mind().all_hosts().at(ip(one.home)); }

    void take_questions() {
        for (auto& what : story_.questions()) {
            for (auto& one : vms_) {
                if (one.connection != what.connection) {
                    continue;
                }
                if (what.what == inquiry::everything) {
                    one.to_survey = what;
                } else if (what.what == inquiry::node) {
                    REQUIRE_MESSAGE(asked_.insert(what.connection).second, "a node is asked once");
                    one.to_ask = what;
                } else {
                    auto again = what.before;
                    again.where = home_of(one);
                    story_.is_found(one.connection, again);
                    break;
                }
            }
        }
    }

    void answer_a_question(wanderer& one) {
        if (one.to_survey) {
            one.is_surveyed = true;
            story_.is_found(one.connection, survey_of(one, *std::exchange(one.to_survey, {})));
        } else if (one.to_ask) {
            auto answer = std::exchange(one.to_ask, {})->before;
            answer.ask_at.reset();
            if (one.how != said_by::silence) {
                answer.where = home_of(one);
                answer.how = evidence::handshake;
                answer.host_name = "its-own";
                answer.is_guess = false;
            }
            story_.is_found(one.connection, answer);
        }
        take_questions();
    }

    finding survey_of(const wanderer& one, const question& about) {
        finding result;
        result.listener_inode = one.listener_inode;
        for (const auto& was : about.former) {
            if (was.where && !was.is_guess && one.listener_inode != 0 && was.listener_inode == one.listener_inode) {
                ++came_back_;
                return was;
            }
        }
        if (one.how == said_by::listener && !home_of(one).is_machine()) {
            result.where = home_of(one);
            result.how = evidence::listener;
        } else if (one.how == said_by::process) {
            result.where = home_of(one);
            result.host_name = "its-own";
        } else if (one.how == said_by::its_word || one.how == said_by::silence) {
            result.ask_at = ip("127.0.0.1");
        } else if (one.how == said_by::guess_then_its_word) {
            result.ask_at = ip("127.0.0.1");
            result.where = the_machine;
            result.is_guess = true;
        }
        return result;
    }

    /// Whom the service refused, or dropped as dead, the world forgets; some come again.
    void sweep() {
        take_questions();
        std::vector<wanderer> knocking;
        std::erase_if(vms_, [&](wanderer& one) {
            const auto fate = story_.fate_of(one.connection);
            if (fate == fate::registered) {
                one.refusals = 0;
            }
            if (fate == fate::refused && one.insists && !one.is_dead) {
                const bool is_recognised = one.is_surveyed && one.listener_inode != 0 && are_hosts_configured_ &&
                                           one.how != said_by::connection;
                one.refusals = is_recognised ? one.refusals + 1 : 0;
                REQUIRE_MESSAGE(one.refusals < 3, "nobody knocks for ever");
                knocking.push_back(one);
            }
            return fate == fate::refused || fate == fate::closed;
        });
        for (auto& one : knocking) {
            ++knocked_;
            register_anew(std::move(one));
        }
        std::erase_if(readers_, [&](const auto& one) { return story_.fate_of(one.first) != fate::waiting; });
        // Who knocked may have found somebody dead.
        std::erase_if(vms_, [&](const wanderer& one) { return story_.fate_of(one.connection) == fate::closed; });
    }

    // ---- what must hold after every step

    void check() {
        const auto& all = story_.mind().registrations();
        std::size_t registered = 0;
        for (const auto& one : vms_) {
            const auto* known = all.find(one.connection);
            if (story_.fate_of(one.connection) != fate::registered) {
                REQUIRE(known == nullptr);
                REQUIRE_MESSAGE(story_.now() < one.came + 5s, "a registration is held for 5 s at most");
                continue;
            }
            ++registered;
            REQUIRE_MESSAGE(known != nullptr, "no registration is lost while its connection lives");
            check_state(*known);
        }
        REQUIRE_MESSAGE(all.size() == registered, "none is kept whose connection ended");
        for (const auto& [connection, since] : readers_) {
            REQUIRE_MESSAGE(story_.now() < since + 500ms, "a lookup waits for half a second at most");
        }
        for (const auto at : host_addresses) {
            const auto where = story_.mind().all_hosts().at(ip(at));
            std::set<std::string_view> seen;
            for (const auto* one : all.visible_at(where)) {
                REQUIRE_MESSAGE(seen.insert(one->self.alive_name).second, "one name is one node at a host");
                REQUIRE_MESSAGE(all.find(where, one->self.alive_name) == one, "what is listed is found");
            }
        }
        const auto due = story_.mind().next_deadline();
        REQUIRE((!due || *due > story_.now()));
    }

    void check_state(const registration& known) {
        const auto& all = story_.mind().registrations();
        const auto& where = known.found.where;
        REQUIRE_MESSAGE((!where || story_.mind().all_hosts().at(where->first_address()) == *where), "a host that is");
        switch (known.state) {
        case placement_state::pending:
            REQUIRE(story_.now() < known.since + 5s);
            break;
        case placement_state::placed:
            REQUIRE(where == known.where);
            REQUIRE(all.placed_at(known.where, known.self.alive_name) == &known);
            break;
        case placement_state::unplaced:
            REQUIRE(!where);
            break;
        case placement_state::parked:
            const auto* holder = all.find(known.where, known.self.alive_name);
            REQUIRE_MESSAGE((holder != nullptr && holder != &known), "who is parked has its place taken");
            break;
        }
    }

    /// No more happens but what is under way: in the end nobody waits, and every place that becomes free is taken.
    void calm_down() {
        for (int round = 0; round < 400; ++round) {
            const auto open =
                std::find_if(vms_.begin(), vms_.end(), [](const wanderer& one) { return one.to_survey || one.to_ask; });
            if (open != vms_.end()) {
                answer_a_question(*open);
            } else {
                story_.passes(100ms);
            }
            sweep();
            check();
        }
        for (auto& one : vms_) {
            one.insists = false;
        }
        story_.passes(20s);
        sweep();
        check();
        REQUIRE_MESSAGE(!story_.mind().next_deadline(), "no deadline is left behind");
        REQUIRE(story_.mind().registrations().pending_count() == 0);
        for (const auto& one : vms_) {
            REQUIRE(story_.fate_of(one.connection) == fate::registered);
        }
        while (!vms_.empty()) {
            story_.ends(any_of(vms_).connection);
            sweep();
            check();
        }
        REQUIRE(story_.mind().registrations().empty());
    }

    std::mt19937 random_;
    scene story_;
    std::vector<wanderer> vms_;
    std::vector<std::pair<connection_number, time_point>> readers_;
    std::set<connection_number> asked_;
    bool are_hosts_configured_ = false;
    std::uint16_t next_port_ = 1000;
    int came_back_ = 0;
    int knocked_ = 0;
};

TEST_CASE("nodes that come back, knock, are asked or guessed at find their place while hosts change") {
    if (const char* seed = std::getenv("LOOPMD_SIM_SEED"); seed != nullptr) { // NOLINT(concurrency-mt-unsafe)
        history(static_cast<unsigned>(std::strtoul(seed, nullptr, 10))).run();
        return;
    }
    int came_back = 0;
    int knocked = 0;
    for (unsigned seed = 1; seed <= histories; ++seed) {
        CAPTURE(seed);
        history one(seed);
        one.run();
        came_back += one.came_back();
        knocked += one.knocked();
    }
    CHECK_MESSAGE(came_back > 500, "histories in which hardly anybody comes back try too little");
    CHECK_MESSAGE(knocked > 500, "nor those in which hardly anybody knocks");
}

} // namespace
} // namespace epmd::test
