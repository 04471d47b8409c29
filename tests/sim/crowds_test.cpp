// Random histories of hundreds of nodes over several hosts, on connections that fail in every way, with few
// descriptors, with evidence that comes late, twice or against other evidence, while hosts change and one process
// follows the other in the middle of anything. A model follows each call of the service (model.hpp). A failing seed is
// printed with the last that happened, and can be run alone, also for longer:
// LOOPMD_SIM_SEED=17 LOOPMD_SIM_STEPS=1000000 sim_tests -tc='*crowd*'
#include "sim/model.hpp"
#include "support/made_up_server.hpp"
#include "support/scene.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>

namespace epmd::test {
namespace {

using namespace std::chrono_literals;
using id = made_up_server::id;
using phase = made_up_server::phase;

// A sanitizer makes a step ten times as long, and takes a part of them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned histories = 10;
#else
constexpr unsigned histories = 50;
#endif
constexpr int steps_a_history = 20'000;
constexpr int steps_between_audits = 500;
constexpr std::size_t acts_shown = 30;

constexpr std::array<std::string_view, 7> host_addresses{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4",
                                                         "127.0.0.5", "127.0.1.1", "10.1.2.3"};
constexpr std::array<std::string_view, 4> host_names{"lowry", "indecline", "tuttle", "workshop"};

/// What there is to find out about a node.
enum class said_by { destination, source, listener, process, its_word, guess_then_its_word, nothing, silence };

struct vm {
    std::string alive_name;
    std::string_view home;      ///< address; of those that are named by address
    std::string_view host_name; ///< of those that are named by a host name
    said_by how = said_by::nothing;
    std::uint16_t highest_version = 6;
    std::uint64_t listener_inode = 0; ///< 0: nobody can see it
    bool insists = false;             ///< it knocks again when it is refused
    bool is_muddled = false;          ///< what was said of it, or was not, is not the truth
    id connection = 0;
};

class history {
  public:
    explicit history(unsigned seed)
        : random_(seed), target_(static_cast<std::size_t>(30 + below(300))), room_(below(3) == 0   ? 1000
                                                                                   : below(2) == 0 ? 40
                                                                                                   : 150),
          story_(some_hosts(), room_,
                 [this](const service_call& call, const actions& out) { model_.follow(call, out); }),
          model_(story_) {
        for (const auto& name : host_names) {
            file_[name] = any_of(host_addresses);
        }
        names_ = static_cast<int>(target_) / (1 + below(4)) + 1;
        story_.starts();
    }

    void run(int steps) {
        try {
            for (step_ = 1; step_ <= steps; ++step_) {
                act();
                after_each();
            }
            calm_down();
        } catch (const std::exception& failure) {
            std::string text;
            for (const auto& one : last_acts_) {
                text += "  " + one + "\n";
            }
            FAIL("step " << step_ << ": " << std::string(failure.what()) << "; the last that happened:\n" << text);
        }
        model_.tried[deed::evicted] = story_.evicted();
        model_.tried[deed::paused] = story_.paused();
    }

    [[nodiscard]] const tally& tried() const { return model_.tried; }
    [[nodiscard]] std::size_t most_nodes() const { return most_nodes_; }

  private:
    int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

    template <typename Container>
    auto any_of(Container& from) -> decltype(from[0]) {
        return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
    }

    template <typename... Parts>
    void note(const Parts&... parts) {
        if (last_acts_.size() == acts_shown) {
            last_acts_.pop_front();
        }
        auto& text = last_acts_.emplace_back(std::to_string(step_) + ":");
        ((text += " ", text += text_of(parts)), ...);
    }

    static std::string text_of(std::string_view text) { return std::string(text); }
    template <std::integral Number>
    static std::string text_of(Number number) {
        return std::to_string(number);
    }

    // ---- what happens

    void act() {
        if (!story_.is_running()) {
            act_without_daemon();
            return;
        }
        const auto what = below(1000);
        if (what < 130) {
            come_or_go();
        } else if (what < 300) {
            note("accepts");
            story_.accepts(1 + below(8));
        } else if (what < 450) {
            wake();
        } else if (what < 700) {
            answer_a_question();
        } else if (what < 800) {
            look();
        } else if (what < 840) {
            fumble();
        } else if (what < 845) {
            change_hosts();
        } else if (what < 847) {
            note("resolves again");
            ++model_.tried[deed::resolved_again];
            story_.resolves_again();
        } else if (what < 850) {
            adopt();
        } else if (what < 855) {
            hand_over();
        } else if (what < 860) {
            edit_hosts_file();
        } else if (what == 860 && below(4) == 0) {
            swarm();
        } else {
            const auto time = below(20) == 0 ? below(3000) : below(60);
            note("passes", time, "ms");
            story_.passes(std::chrono::milliseconds(time));
        }
    }

    /// What goes on while there is no daemon.
    void act_without_daemon() {
        switch (below(6)) {
        case 0:
            come_or_go();
            break;
        case 1:
            look();
            break;
        case 2:
            fumble();
            break;
        case 3:
            story_.passes(std::chrono::milliseconds(below(1000)));
            break;
        default:
            if (below(3) == 0) {
                change_hosts();
            }
            if (below(4) == 0) {
                const auto after = below(40);
                note("starts, to die after", after);
                story_.dies_after(after);
            } else {
                note("starts");
            }
            story_.starts();
            model_.tried[deed::died_starting] += story_.is_running() ? 0 : 1;
            is_down_ = false; // the next may be dead already
            if (story_.is_running()) {
                check_clients();
            }
            break;
        }
    }

    void come_or_go() {
        const bool is_crowded = there_.size() >= target_;
        if (there_.empty() || below(10) < (is_crowded ? 3 : 7)) {
            come();
        } else {
            go(any_of(there_), true);
        }
    }

    void come() {
        if (!lost_.empty() && below(2) == 0) {
            const auto port = any_of(lost_);
            std::erase(lost_, port);
            register_anew(port);
            return;
        }
        const auto port = static_cast<std::uint16_t>(first_port + vms_.size());
        auto& one = vms_.emplace_back();
        // Some names are had once only, so that old ones are forgotten.
        one.alive_name = below(8) == 0 ? "once" + std::to_string(port) : "n" + std::to_string(below(names_));
        one.home = any_of(host_addresses);
        one.host_name = any_of(host_names);
        one.how = static_cast<said_by>(below(8));
        one.highest_version = below(10) == 0 ? 5 : 6;
        one.listener_inode = below(8) == 0 ? 0 : port;
        one.insists = below(3) == 0;
        if (below(200) == 0) {
            one.alive_name += '\n';
        }
        register_anew(port);
    }

    /// More names than are remembered come and go within a moment; some come again when they are forgotten.
    void swarm() {
        note("a swarm comes and goes");
        ++model_.tried[deed::swarmed];
        for (int i = 0; i < 1500 && story_.is_running() && story_.connection_count() < room_; ++i) {
            const auto one =
                story_.connects({wish::kind::registration, "r" + std::to_string(below(1400)), port_of_swarm},
                                {loopback_v4, 40000, loopback_v4, 4369, 7}, true, true);
            story_.accepts(static_cast<int>(story_.queued_count()));
            story_.goes(one, peer::closed);
            while (story_.ready_count() > 0) {
                story_.is_woken_for(story_.ready_count() - 1);
            }
        }
        std::erase_if(story_.questions(), [](const question& what) { return what.port == port_of_swarm; });
    }

    [[nodiscard]] vm& at(std::uint16_t port) { return vms_[port - first_port]; }

    void register_anew(std::uint16_t port) {
        auto& one = at(port);
        const auto to = one.how == said_by::destination ? one.home : host_addresses[0];
        auto from = one.how == said_by::source ? one.home : host_addresses[0];
        if (from == host_addresses[0] && to == host_addresses[0] && below(300) == 0) {
            from = "10.9.9.9"; // another machine
        }
        const bool is_whole = below(10) != 0;
        note(one.alive_name, "registers, port", port, "to", to, is_whole ? "" : "(says a part)");
        one.connection = story_.connects({wish::kind::registration, one.alive_name, port, one.highest_version},
                                         {ip(from), 40000, ip(to), 4369, 7}, is_whole, true);
        there_.push_back(port);
        if (!is_whole) {
            unfinished_.push_back(one.connection);
        }
    }

    /// A node goes, or only its connection does.
    void go(std::uint16_t port, bool may_come_back) {
        auto& one = at(port);
        note(one.alive_name, "with port", port, "goes");
        say_goodbye(one.connection);
        std::erase(there_, port);
        if (may_come_back && below(3) == 0) {
            lost_.push_back(port);
        } else {
            story_.stops_listening(port);
        }
    }

    void say_goodbye(id which) {
        constexpr std::array<std::pair<peer, deed>, 4> ways{{{peer::half_closed, deed::half_closed},
                                                             {peer::closed, deed::closed},
                                                             {peer::reset, deed::reset},
                                                             {peer::vanished, deed::vanished}}};
        const auto& [how, what] = any_of(ways);
        last_acts_.back() += ", " + std::string(deeds[static_cast<std::size_t>(what)]);
        ++model_.tried[what];
        story_.goes(which, how);
        if (how == peer::vanished) {
            vanished_.push_back(which);
        }
    }

    void wake() {
        if (story_.ready_count() > 0) {
            note("is woken");
            story_.is_woken_for(static_cast<std::size_t>(below(static_cast<int>(story_.ready_count()))));
        }
    }

    void look() {
        const auto at = any_of(host_addresses);
        const bool is_whole = below(10) != 0;
        const bool reads = below(5) != 0;
        wish wanted{.what = wish::kind::names, .alive_name = {}};
        if (below(8) != 0) {
            const bool is_of_some = !there_.empty() && below(3) != 0;
            wanted = {wish::kind::lookup,
                      is_of_some ? this->at(any_of(there_)).alive_name : "n" + std::to_string(below(names_))};
        }
        note("looks for", wanted.alive_name, "at", at, is_whole ? "" : "(says a part)");
        const auto one = story_.connects(std::move(wanted), {ip("127.0.0.1"), 40000, ip(at), 4369, 7}, is_whole, reads);
        if (!is_whole || !reads) {
            unfinished_.push_back(one);
        }
        lookups_.push_back(one);
    }

    /// What clients do out of turn.
    void fumble() {
        const auto what = below(10);
        if (what < 5 && !unfinished_.empty()) {
            auto& place = any_of(unfinished_);
            const auto which = place;
            place = unfinished_.back();
            unfinished_.pop_back();
            note("goes on with what it began, connection", which);
            if (!story_.at(which).is_whole) {
                story_.says_the_rest(which);
            } else {
                story_.reads_on(which);
            }
        } else if (what < 8 && !lookups_.empty()) {
            auto& place = any_of(lookups_);
            const auto which = place;
            place = lookups_.back();
            lookups_.pop_back();
            if (story_.at(which).at != phase::ended) {
                note("who looks goes, connection", which);
                say_goodbye(which);
            }
        } else if (what == 8 && !there_.empty()) {
            const auto port = any_of(there_);
            note(at(port).alive_name, "with port", port, "says more");
            story_.says_more(at(port).connection);
        } else if (!vanished_.empty()) { // somebody tells the kernel after all: keep-alive, a neighbour that is asked
            auto& place = any_of(vanished_);
            if (story_.at(place).at != phase::ended) {
                note("it is known that the peer has vanished of connection", place);
                story_.goes(place, peer::reset);
            }
            place = vanished_.back();
            vanished_.pop_back();
        }
    }

    // ---- hosts

    [[nodiscard]] std::shared_ptr<const hosts> some_hosts() {
        const std::array<std::vector<configured_host>, 6> choices{
            {{},
             {{"lowry", {ip("127.0.0.2")}}},
             {{"lowry", {ip("127.0.0.2"), ip("127.0.0.4")}}},
             {{"lowry", {ip("127.0.0.3"), ip("127.0.0.2")}}, {"tuttle", {ip("10.1.2.3"), ip("127.0.1.1")}}},
             {{"indecline", {ip("127.0.0.2")}}, {"lowry", {ip("127.0.0.5")}}},
             {{"all", {ip("127.0.0.5"), ip("127.0.0.4"), ip("127.0.0.3"), ip("127.0.0.2")}}}}};
        const std::array<machine_identity, 4> machines{{{"workshop", {ip("127.0.1.1")}, {}},
                                                        {"workshop", {}, {ip("127.0.1.1")}},
                                                        {"workshop", {ip("127.0.1.1"), ip("127.0.0.3")}, {}},
                                                        {"workshop", {ip("10.1.2.3")}, {ip("127.0.0.4")}}}};
        const auto configured = below(3) == 0 ? 0 : below(6);
        const auto machine = below(2) == 0 ? 0 : below(4);
        note("hosts become", configured, "of machine", machine);
        return std::make_shared<const hosts>(choices[static_cast<std::size_t>(configured)],
                                             machines[static_cast<std::size_t>(machine)]);
    }

    void change_hosts() {
        ++model_.tried[deed::hosts_changed];
        story_.hosts_become(some_hosts());
        if (story_.is_running() && below(2) == 0) {
            story_.resolves_again();
        }
    }

    void edit_hosts_file() {
        const auto name = any_of(host_names);
        auto& where = file_[name];
        where = below(5) == 0 ? std::string_view() : any_of(host_addresses);
        note("hosts file:", name, "is", where);
    }

    // ---- placement, as it would find out

    [[nodiscard]] std::optional<host> resolved(std::string_view host_name) {
        const auto where = file_.at(host_name);
        return where.empty() ? std::nullopt : std::optional(story_.known()->at(ip(where)));
    }

    void answer_a_question() {
        if (below(12) == 0 && !echoes_.empty()) {
            const auto [number, said] = any_of(echoes_); // whoever has that number by now
            ++model_.tried[deed::echoed];
            muddle(number);
            deliver("once more", number, said);
            return;
        }
        auto& open = story_.questions();
        if (open.empty()) {
            return;
        }
        // The last are answered soon, and some are never, or when it is too late.
        auto& place = below(4) == 0 ? any_of(open) : open.back();
        const auto what = std::move(place);
        if (&place != &open.back()) {
            place = std::move(open.back());
        }
        open.pop_back();
        if (below(50) == 0) {
            muddle(what.connection);
            return;
        }
        auto said = answer_to(what);
        if (below(25) == 0) {
            ++model_.tried[deed::contradicted];
            muddle(what.connection);
            said = anything(said);
        }
        if (below(10) == 0) {
            echoes_.emplace_back(what.connection, said);
            if (echoes_.size() > 100) {
                echoes_.pop_front();
            }
        }
        deliver(what.what == inquiry::everything ? "survey"
                : what.what == inquiry::node     ? "its word"
                                                 : "resolver",
                what.connection, said);
    }

    /// Of whoever has that number, placement says what is not so.
    void muddle(connection_number number) {
        std::uint16_t port = 0;
        if (const auto* known = story_.mind().registrations().find(number)) {
            port = known->self.port;
        } else if (story_.has(number)) {
            port = story_.at(story_.id_of(number)).wanted.port;
        }
        if (port >= first_port) {
            at(port).is_muddled = true;
        }
    }

    void deliver(std::string_view what, connection_number number, const finding& said) {
        note(what, "of", number, "says", said.where ? to_string(said.where->first_address()) : "nothing",
             to_string(said.how), said.is_guess ? "by a guess" : "", said.ask_at ? "and to ask it" : "");
        story_.finds(number, said);
    }

    finding answer_to(const question& what) {
        auto said = what.before;
        if (what.port < first_port || what.port >= first_port + vms_.size()) {
            return said;
        }
        const auto& one = at(what.port);
        if (what.what == inquiry::host_name) {
            said.where = resolved(what.before.host_name);
            said.trouble = said.where ? "" : "does not resolve";
            return said;
        }
        if (what.what == inquiry::node) {
            said.ask_at.reset();
            if (one.how != said_by::silence) {
                said.how = evidence::handshake;
                said.host_name = one.host_name;
                said.where = resolved(one.host_name);
                said.is_guess = false;
            }
            return said;
        }
        said = {};
        said.listener_inode = one.listener_inode;
        for (const auto& was : what.former) {
            if (was.where && !was.is_guess && one.listener_inode != 0 && was.listener_inode == one.listener_inode) {
                return was;
            }
        }
        switch (one.how) {
        case said_by::listener:
            said.how = evidence::listener;
            said.where = story_.known()->at(ip(one.home));
            if (said.where->is_machine()) {
                said.where.reset();
            }
            break;
        case said_by::process:
            said.host_name = one.host_name;
            said.where = resolved(one.host_name);
            break;
        case said_by::guess_then_its_word:
            said.host_name = any_of(host_names);
            said.where = resolved(said.host_name);
            said.is_guess = true;
            [[fallthrough]];
        case said_by::its_word:
        case said_by::silence:
            said.ask_at = loopback_v4;
            break;
        default:
            break;
        }
        return said;
    }

    finding anything(finding said) {
        said.where = below(4) == 0 ? std::nullopt : std::optional(story_.known()->at(ip(any_of(host_addresses))));
        said.how = static_cast<evidence>(2 + below(3));
        said.is_guess = below(4) == 0;
        said.ask_at = below(4) == 0 ? std::optional(loopback_v4) : std::nullopt;
        return said;
    }

    // ---- nodes of another epmd

    void adopt() {
        if (lost_.empty()) {
            return;
        }
        const auto port = any_of(lost_);
        const auto namesakes = story_.mind().registrations().namesakes(at(port).alive_name);
        if (std::any_of(namesakes.begin(), namesakes.end(),
                        [&](const registration* one) { return one->self.port == port; })) {
            return; // another epmd had it, and no two of it
        }
        note(at(port).alive_name, "with port", port, "is adopted");
        ++model_.tried[deed::adopted];
        story_.adopts({.alive_name = at(port).alive_name, .port = port});
        if (below(3) == 0) {
            story_.stops_listening(port);
            std::erase(lost_, port);
        }
    }

    // ---- one process after the other

    void hand_over() {
        if (story_.is_finishing()) {
            if (below(2) == 0) {
                note("resumes");
                story_.resumes();
            }
            return;
        }
        const auto how = below(3);
        if (how == 0) {
            note("is killed");
            story_.dies();
        } else if (how == 1) {
            const auto after = below(12);
            note("is killed after", after, "actions");
            story_.dies_after(after);
        } else {
            note("finishes");
            story_.finishes();
        }
    }

    // ---- what must hold after every step

    void after_each() {
        if (story_.is_running() && story_.is_finished()) {
            note("has finished, and goes on as the next");
            ++model_.tried[deed::finished];
            if (model_.is_anyone_held()) {
                throw wrong("who finishes has answered everybody");
            }
            story_.dies();
            story_.starts();
        }
        if (!story_.is_running()) {
            if (!std::exchange(is_down_, true)) {
                ++model_.tried[deed::died];
                if (story_.has_died_halfway()) {
                    ++model_.tried[deed::died_halfway];
                    model_.is_torn();
                }
                echoes_.clear(); // numbers start anew
            }
            return;
        }
        is_down_ = false;
        most_nodes_ = std::max(most_nodes_, model_.size());
        if (step_ % steps_between_audits == 0) {
            model_.audit();
            check_clients();
            sweep();
        }
    }

    /// As clients see it.
    void check_clients() {
        for (const auto port : there_) {
            const auto& one = story_.at(at(port).connection);
            const bool is_there = one.other_end == peer::there && !one.has_more;
            if (is_there && one.is_registered && !model_.has(one.number)) {
                throw wrong("who was told that he is registered, and stays, is");
            }
            if (is_there && one.is_registered && one.at != phase::waiting) {
                throw wrong("the connection of a registered node is never closed by the daemon");
            }
            if (one.at == phase::waiting && !model_.has(one.number) && !model_.is_held(one.number)) {
                throw wrong("who is connected and waits is registered, or held");
            }
        }
        if (story_.connection_count() > room_ || (story_.is_pausing() && story_.connection_count() < room_)) {
            throw wrong(
                "there are as many connections as there is room, and nobody is left waiting while there is some");
        }
        for (const auto* one : story_.mind().registrations().all()) {
            if (!one->is_adopted && !story_.has(one->connection)) {
                throw wrong("who is registered has a connection");
            }
        }
    }

    static std::string described(const registration& one) {
        const auto& found = one.found;
        return one.self.alive_name + " with port " + std::to_string(one.self.port) + ", connection " +
               std::to_string(one.connection) + ", which is at " +
               (found.where ? to_string(found.where->first_address()) : "no host") + " by " +
               std::string(to_string(found.how)) + (found.is_guess ? ", a guess, " : ", ") + found.host_name;
    }

    /// When all was said, those of whom the truth was said are where they belong by the hosts of now.
    void check_places() {
        for (const auto port : there_) {
            const auto& one = at(port);
            const auto* known = story_.mind().registrations().find(story_.at(one.connection).number);
            if (known == nullptr || known->self.port != port || one.is_muddled) {
                continue;
            }
            const auto& found = known->found;
            const auto home = story_.known()->at(ip(one.home));
            if (one.how == said_by::listener && found.where && !home.is_machine() && found.where != home) {
                throw wrong("who listens at an address is at its host, unlike " + described(*known));
            }
            const bool is_named =
                one.how == said_by::process || one.how == said_by::its_word || one.how == said_by::guess_then_its_word;
            const auto where = resolved(one.host_name);
            if (is_named && where && found.where != where) {
                throw wrong("who has a host name is at the host of that name, unlike " + described(*known));
            }
            model_.tried[deed::placed_in_the_end] += found.where ? 1 : 0;
        }
    }

    /// Whom the daemon refused or lost the world forgets as well, or lets knock again.
    void sweep() {
        std::vector<std::uint16_t> knocking;
        std::erase_if(there_, [&](std::uint16_t port) {
            const bool is_over = story_.at(at(port).connection).is_over;
            if (is_over && at(port).insists) {
                knocking.push_back(port);
            }
            return is_over;
        });
        std::for_each(knocking.begin(), knocking.end(), [this](std::uint16_t port) { register_anew(port); });
        const auto is_gone = [this](id one) { return story_.at(one).at == phase::ended; };
        std::erase_if(unfinished_, is_gone);
        std::erase_if(lookups_, is_gone);
        std::erase_if(vanished_, is_gone);
        if (lost_.size() > 200) {
            lost_.erase(lost_.begin(), lost_.begin() + 100);
        }
    }

    /// No more happens but what is under way: then nobody waits. Then all go, and nothing is left.
    void calm_down() {
        note("calm");
        story_.dies_after(std::nullopt);
        while (!story_.is_running()) {
            story_.starts();
        }
        story_.resumes();
        const auto settle = [&] {
            for (int round = 0; round < 200; ++round) {
                story_.accepts(100);
                while (story_.ready_count() > 0) {
                    story_.is_woken_for(0);
                }
                for (auto left = story_.questions().size(); left > 0; --left) {
                    const auto what = story_.questions().front();
                    story_.questions().erase(story_.questions().begin());
                    deliver("at last", what.connection, answer_to(what));
                }
                story_.passes(1s);
            }
        };
        settle();
        story_.resolves_again();
        settle();
        model_.audit();
        check_clients();
        check_places();
        if (model_.is_anyone_held() || story_.mind().registrations().pending_count() > 0 || story_.idle_count() > 0) {
            throw wrong("in the end nobody waits");
        }
        while (!there_.empty()) {
            go(there_.back(), false);
        }
        for (const auto* one : story_.mind().registrations().all()) {
            if (one->is_adopted) {
                story_.stops_listening(one->self.port);
            } else if (story_.at(story_.id_of(one->connection)).other_end == peer::vanished) {
                story_.goes(story_.id_of(one->connection), peer::reset);
            }
        }
        settle();
        model_.audit();
        if (!story_.mind().registrations().empty() || story_.connection_count() > 0 || story_.queued_count() > 0) {
            throw wrong("when all have gone nothing is left");
        }
    }

    static constexpr std::uint16_t port_of_swarm = 900;
    static constexpr std::uint16_t first_port = 1000;

    std::mt19937 random_;
    int step_ = 0;
    std::deque<std::string> last_acts_;
    std::size_t target_; // how many nodes, about
    std::size_t room_;   // how many connections
    int names_ = 1;
    std::map<std::string_view, std::string_view> file_; // the hosts file: name, address; "" does not resolve
    std::deque<vm> vms_;                                // by port
    std::vector<std::uint16_t> there_;                  // that try to be registered, or are
    std::vector<std::uint16_t> lost_;                   // that have lost their connection, and may come again
    std::vector<id> unfinished_;                        // that have not said all, or do not read
    std::vector<id> lookups_;
    std::vector<id> vanished_;
    std::deque<std::pair<connection_number, finding>> echoes_;
    made_up_server story_;
    model model_;
    std::size_t most_nodes_ = 0;
    bool is_down_ = false;
};

/// A history that does less tries too little: about half of what they do, of 20,000 steps and on the average.
constexpr std::array<std::pair<deed, double>, deeds.size()> least_deeds{{
    {deed::accepted, 400},      {deed::refused, 300},   {deed::insisted, 8},
    {deed::promoted, 50},       {deed::found_dead, 15}, {deed::came_back, 5},
    {deed::found_late, 1500},   {deed::hit, 400},       {deed::missed, 300},
    {deed::listed, 100},        {deed::waited, 600},    {deed::half_closed, 150},
    {deed::closed, 150},        {deed::reset, 150},     {deed::vanished, 150},
    {deed::evicted, 20},        {deed::paused, 150},    {deed::echoed, 150},
    {deed::contradicted, 80},   {deed::adopted, 12},    {deed::hosts_changed, 50},
    {deed::resolved_again, 15}, {deed::died, 30},       {deed::died_halfway, 20},
    {deed::died_starting, 7},   {deed::finished, 8},    {deed::placed_in_the_end, 15},
    {deed::swarmed, 2},
}};

int steps_to_take() {
    const char* steps = std::getenv("LOOPMD_SIM_STEPS"); // NOLINT(concurrency-mt-unsafe)
    return steps == nullptr ? steps_a_history : static_cast<int>(std::strtol(steps, nullptr, 10));
}

TEST_CASE("whatever happens in whatever order to a crowd, its names, places and creations are right after each call") {
    if (const char* seed = std::getenv("LOOPMD_SIM_SEED"); seed != nullptr) { // NOLINT(concurrency-mt-unsafe)
        history(static_cast<unsigned>(std::strtoul(seed, nullptr, 10))).run(steps_to_take());
        return;
    }
    tally total;
    std::size_t most_nodes = 0;
    for (unsigned seed = 1; seed <= histories; ++seed) {
        CAPTURE(seed);
        history one(seed);
        one.run(steps_to_take());
        for (std::size_t i = 0; i < deeds.size(); ++i) {
            total.of[i] += one.tried().of[i];
        }
        most_nodes = std::max(most_nodes, one.most_nodes());
    }
    CHECK_MESSAGE(most_nodes > 300, "a crowd is some hundreds");
    for (const auto& [what, least] : least_deeds) {
        INFO("hardly anybody is ", deeds[static_cast<std::size_t>(what)]);
        CHECK(static_cast<double>(total[what]) >= least * histories * steps_to_take() / steps_a_history);
    }
}

} // namespace
} // namespace epmd::test
