// Whole conversations with the service.
#include "fuzz/demand.hpp"
#include "fuzz/targets.hpp"
#include "support/invariants.hpp"
#include "support/scene.hpp"
#include "wire/decode.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace epmd::fuzz {
namespace {

using test::fate;
using test::ip;

constexpr std::array<std::string_view, 6> addresses{"127.0.0.1", "127.0.0.2", "127.0.0.3",
                                                    "127.0.0.4", "127.0.1.1", "::1"};
constexpr std::string_view elsewhere = "192.0.2.1";
constexpr std::array<std::string_view, 4> alive_names{"idfe", "rabbit", "a", "\xc3\xbc"};
constexpr std::array<std::string_view, 4> host_names{"", "lowry", "indecline.example", "workshop"};

/// Bytes as choices; when they are used up, the first of each.
class choices {
  public:
    explicit choices(std::string_view bytes) : bytes_(bytes) {}

    [[nodiscard]] bool empty() const { return bytes_.empty(); }

    std::uint8_t byte() {
        if (bytes_.empty()) {
            return 0;
        }
        const auto one = static_cast<std::uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return one;
    }

    template <typename Container>
    auto& one_of(Container& all) {
        return all[byte() % all.size()];
    }

    bool yes() { return byte() % 2 != 0; }

  private:
    std::string_view bytes_;
};

class conversation_of {
  public:
    explicit conversation_of(std::string_view bytes)
        : next_(bytes), is_relaxed_(next_.yes()), story_({}, {.relaxed_command_check = is_relaxed_}) {}

    void run() {
        while (!next_.empty() && !story_.is_stop_asked()) {
            act();
            for (auto& what : story_.questions()) {
                questions_.push_back(std::move(what));
            }
            promises_.check(story_);
        }
    }

  private:
    void act() {
        switch (next_.byte() % 16) {
        case 0:
        case 1:
        case 2:
            registers();
            break;
        case 3:
        case 4:
            answers_a_question();
            break;
        case 5:
            if (!guests_.empty()) { // unasked, or long after
                story_.is_found(next_.one_of(guests_), some_finding({}));
            }
            break;
        case 6:
            if (!guests_.empty()) {
                story_.ends(next_.one_of(guests_));
            }
            break;
        case 7:
            if (!guests_.empty()) {
                story_.dies_unnoticed(next_.one_of(guests_));
            }
            break;
        case 8:
            looks_up();
            break;
        case 9:
            asks_for_names();
            break;
        case 10:
            story_.passes(std::chrono::milliseconds(next_.byte() * 25));
            break;
        case 11:
            hosts_change();
            break;
        case 12:
            story_.reloads();
            break;
        case 13:
            story_.is_killed_and_replaced();
            promises_.is_replaced(story_.now());
            questions_.clear(); // whom they were for is asked about anew
            break;
        case 14:
            commands();
            break;
        default:
            if (next_.yes()) {
                is_taken_over();
            } else if (!readers_.empty()) {
                story_.ends(next_.one_of(readers_));
            }
            break;
        }
    }

    void registers() {
        const auto name = next_.one_of(alive_names);
        const auto to = next_.one_of(addresses);
        const auto how = next_.byte();
        const auto from = how % 8 == 0 ? elsewhere : addresses[how % addresses.size()];
        const auto port = static_cast<std::uint16_t>(1000 + how % 4);
        const auto connection = story_.registers(name, port, to, from, how < 32 ? 5 : 6);
        guests_.push_back(connection);
        promises_.registers(connection, name, story_.now());
        demand(from != elsewhere || story_.fate_of(connection) == fate::closed, "only this machine registers nodes");
    }

    /// Its port is one of those with which nodes register: so it may come back.
    void is_taken_over() {
        const auto name = next_.one_of(alive_names);
        const auto connection = story_.is_taken_over(name, static_cast<std::uint16_t>(1000 + next_.byte() % 4));
        guests_.push_back(connection);
        promises_.registers(connection, name, story_.now());
    }

    void looks_up() {
        const auto name = next_.one_of(alive_names);
        const auto at = next_.one_of(addresses);
        const auto connection = story_.looks_up(name, at);
        readers_.push_back(connection);
        promises_.reads(connection, story_.now());
        if (story_.fate_of(connection) != fate::answered) {
            return;
        }
        const auto reply = wire::decode_port2_reply(story_.sent_to(connection));
        const auto* found = reply ? std::get_if<wire::port2_resp>(&*reply) : nullptr;
        const auto* known = registrations().find(host_at(at), name);
        demand(reply && (found != nullptr) == (known != nullptr), "a lookup finds who is there");
        demand(found == nullptr || found->port == known->self.port, "and its port");
    }

    void asks_for_names() {
        const auto at = next_.one_of(addresses);
        const bool with_hosts = next_.yes();
        const auto connection = story_.requests(wire::names_req{.with_hosts = with_hosts}, at, addresses.front());
        readers_.push_back(connection);
        promises_.reads(connection, story_.now());
        if (story_.fate_of(connection) != fate::answered) {
            return;
        }
        std::string expected;
        for (const auto* one : registrations().visible_at(host_at(at))) {
            expected += "name " + one->self.alive_name + " at port " + std::to_string(one->self.port) + "\n";
        }
        const auto list = wire::decode_listing(story_.sent_to(connection));
        demand(list && list->text.starts_with(expected), "a list has who is there");
        demand(list->text.size() == expected.size() || list->text.substr(expected.size()).starts_with("host "),
               "and nobody else");
    }

    void commands() {
        const auto what = next_.byte();
        const auto from = what % 8 == 0 ? elsewhere : addresses.front();
        const auto name = alive_names[what % alive_names.size()];
        const bool was_empty = registrations().empty();
        if (what < 85) {
            story_.requests(wire::dump_req{}, next_.one_of(addresses), from);
        } else if (what < 170) {
            const auto at = next_.one_of(addresses);
            const auto before = registrations().size();
            const auto* known = registrations().find(host_at(at), name);
            const auto stopped = known == nullptr ? 0 : known->connection; // 0 is nobody's
            story_.requests(wire::stop_req{name}, at, from);
            if (is_relaxed_ && from != elsewhere) {
                demand(registrations().find(stopped) == nullptr, "who is stopped is gone");
            } else {
                demand(registrations().size() == before, "nobody is unregistered by who may not");
            }
        } else {
            story_.requests(wire::kill_req{}, next_.one_of(addresses), from);
            demand(!story_.is_stop_asked() || (from != elsewhere && (is_relaxed_ || was_empty)),
                   "nobody who may not ends us");
        }
    }

    void hosts_change() {
        const std::array<std::vector<configured_host>, 4> configured{
            {{},
             {{"lowry", {ip("127.0.0.2")}}},
             {{"lowry", {ip("127.0.0.2"), ip("127.0.0.4")}}, {"indecline", {ip("127.0.0.3")}}},
             {{"indecline", {ip("127.0.0.4"), ip("127.0.0.2")}}}}};
        const std::array<machine_identity, 3> machines{{{"workshop", {ip("127.0.1.1")}, {}},
                                                        {"workshop.example", {ip("127.0.0.3")}, {}},
                                                        {"other", {}, {ip("127.0.1.1"), ip("::1")}}}};
        const auto& hosts = next_.one_of(configured);
        story_.hosts_become(hosts, next_.one_of(machines));
    }

    void answers_a_question() {
        if (questions_.empty()) {
            return;
        }
        const auto which = next_.byte() % questions_.size();
        const auto asked = questions_[which];
        questions_.erase(questions_.begin() + static_cast<std::ptrdiff_t>(which));
        auto found = some_finding(asked.what == inquiry::everything ? finding() : asked.before);
        if (asked.what != inquiry::everything) {
            found.ask_at.reset(); // it was asked
        }
        story_.is_found(asked.connection, std::move(found));
    }

    /// Whatever placement could say, true or not.
    finding some_finding(finding found) {
        const auto where = next_.byte();
        const auto details = next_.byte();
        found.where.reset();
        if (where % 8 < addresses.size()) {
            found.where = host(ip(addresses[where % 8]));
        }
        found.how = static_cast<evidence>(where / 8 % evidence_kinds);
        found.host_name = host_names[details % 4];
        found.is_guess = (details & 4U) != 0;
        if ((details & 8U) != 0) {
            found.ask_at = ip("127.0.0.1");
        }
        found.listener_inode = details >> 6U;
        found.who.pid = details >> 4U & 3U;
        return found;
    }

    [[nodiscard]] const registry& registrations() const { return story_.mind().registrations(); }
    [[nodiscard]] host host_at(std::string_view address) const { return story_.mind().all_hosts().at(ip(address)); }

    choices next_;
    bool is_relaxed_;
    test::scene story_;
    test::promises promises_;
    std::vector<connection_number> guests_;
    std::vector<connection_number> readers_;
    std::vector<question> questions_;
};

} // namespace

void conversation(std::string_view bytes) {
    conversation_of(bytes).run();
}

} // namespace epmd::fuzz
