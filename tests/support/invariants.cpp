#include "support/invariants.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>

namespace epmd::test {
namespace {

void promise(bool is_kept, const char* what) {
    if (!is_kept) {
        throw broken_promise(what);
    }
}

bool has_machine_place(const registration& one) {
    return one.state == placement_state::unplaced || (one.state == placement_state::placed && one.where.is_machine());
}

void check_state(const registry& all, const hosts& known, const registration& one) {
    promise(one.where == known.at(one.where.first_address()), "a node is at a host that there is");
    const auto& name = one.self.alive_name;
    switch (one.state) {
    case placement_state::pending:
        promise(all.is_pending(name), "who is pending is known to be");
        break;
    case placement_state::placed:
        promise(one.found.where == one.where, "who is placed is where it was found");
        promise(all.placed_at(one.where, name) == &one, "and has the place");
        break;
    case placement_state::unplaced:
        promise(!one.found.where, "who is unplaced was found nowhere");
        break;
    case placement_state::parked: {
        promise(one.found.where.value_or(the_machine) == one.where, "who is parked waits where it was found");
        const auto* holder = all.find(one.where, name);
        promise(holder != nullptr && holder != &one && holder->state != placement_state::pending,
                "and another has its place");
        promise(one.where.is_machine() ? has_machine_place(*holder) : holder->where == one.where, "that very place");
        break;
    }
    }
}

/// The view at a host: who is placed there, else an unplaced one; at the machine, else the first that is pending.
void check_view(const registry& all, const std::vector<const registration*>& everybody, host where) {
    std::map<std::string_view, const registration*> seen;
    const auto show = [&](auto is_meant) { // the oldest first
        for (auto one = everybody.rbegin(); one != everybody.rend(); ++one) {
            if (is_meant(**one)) {
                seen.emplace((*one)->self.alive_name, *one);
            }
        }
    };
    show([&](const registration& one) { return one.state == placement_state::placed && one.where == where; });
    const auto placed = seen.size();
    show([](const registration& one) { return one.state == placement_state::unplaced; });
    if (where.is_machine()) {
        show([](const registration& one) { return one.state == placement_state::pending; });
    }
    std::vector<const registration*> expected;
    for (const auto* one : everybody) {
        const auto found = seen.find(one->self.alive_name);
        promise(all.find(where, one->self.alive_name) == (found == seen.end() ? nullptr : found->second),
                "a lookup finds who is there");
        if (found != seen.end() && found->second == one) {
            expected.push_back(one);
        }
    }
    promise(all.visible_at(where) == expected, "a list has who is there, the newest first");
    promise(all.count_at(where) == placed, "and so many are placed there");
}

void check_counts(const registry& all, const std::vector<const registration*>& everybody) {
    std::array<std::size_t, 4> states{};
    std::array<std::size_t, evidence_kinds> placed_by{};
    std::size_t adopted = 0;
    for (const auto* one : everybody) {
        ++states.at(static_cast<std::size_t>(one->state));
        adopted += one->is_adopted ? 1 : 0;
        if (one->state == placement_state::placed) {
            ++placed_by.at(static_cast<std::size_t>(one->found.how));
        }
    }
    for (std::size_t i = 0; i < states.size(); ++i) {
        promise(all.count(static_cast<placement_state>(i)) == states.at(i), "so many are in each state");
    }
    for (std::size_t i = 0; i < placed_by.size(); ++i) {
        promise(all.count(static_cast<evidence>(i)) == placed_by.at(i), "and placed by each evidence");
    }
    promise(all.adopted_count() == adopted && all.size() == everybody.size(), "and in all");
}

} // namespace

void check_registry(const registry& all, const hosts& known, const std::vector<host>& at) {
    const auto everybody = all.all();
    promise(std::is_sorted(everybody.begin(), everybody.end(),
                           [](const auto* left, const auto* right) { return left->sequence > right->sequence; }),
            "the newest comes first");
    std::set<std::pair<host, std::string_view>> places;
    std::set<host> where{the_machine};
    where.insert(at.begin(), at.end());
    for (const auto* one : everybody) {
        check_state(all, known, *one);
        if (one->state == placement_state::placed || one->state == placement_state::unplaced) {
            promise(places.emplace(one->where, one->self.alive_name).second, "one name is one node at a host");
        }
        where.insert(one->where);
    }
    for (const auto& one : where) {
        check_view(all, everybody, one);
    }
    check_counts(all, everybody);
}

void promises::registers(connection_number connection, std::string_view alive_name, time_point now) {
    guests_[connection] = {.alive_name = std::string(alive_name), .came = now};
}

void promises::reads(connection_number connection, time_point now) {
    readers_[connection] = now;
}

void promises::is_replaced(time_point now) {
    last_replaced_ = now;
}

void promises::check(const scene& story) {
    const auto& all = story.mind().registrations();
    check_registry(all, story.mind().all_hosts());
    bool is_anyone_waiting = false;
    std::size_t registered = 0;
    for (auto& [connection, one] : guests_) {
        if (!one.is_over) {
            check_guest(story, connection, one);
            registered += story.fate_of(connection) == fate::registered ? 1 : 0;
            is_anyone_waiting = is_anyone_waiting || story.fate_of(connection) == fate::waiting;
        }
    }
    promise(all.size() == registered, "nobody is kept whose connection ended");
    for (const auto* one : all.all()) {
        check_creation(*one);
        if (one->state == placement_state::pending) {
            is_anyone_waiting = true;
            promise(story.now() < std::max(one->since, last_replaced_) + limits_.evidence_time,
                    "evidence is waited for 5 s at most");
        }
    }
    for (const auto& [connection, since] : readers_) {
        if (story.fate_of(connection) == fate::waiting) {
            is_anyone_waiting = true;
            promise(story.now() < since + limits_.lookup_time, "a lookup waits for half a second at most");
        }
    }
    std::erase_if(readers_, [&](const auto& one) { return story.fate_of(one.first) != fate::waiting; });
    check_deadline(story, is_anyone_waiting);
}

void promises::check_guest(const scene& story, connection_number connection, guest& one) {
    const auto& all = story.mind().registrations();
    const auto became = story.fate_of(connection);
    promise((all.find(connection) != nullptr) == (became == fate::registered),
            "a node is registered as long as its connection lives");
    promise(became != fate::waiting || story.now() < one.came + limits_.evidence_time,
            "a registration is held for 5 s at most");
    promise(became != fate::refused || !all.namesakes(one.alive_name).empty(), "nobody is refused without need");
    one.is_over = became != fate::registered && became != fate::waiting;
}

void promises::check_creation(const registration& one) {
    const auto given = std::pair(one.self.alive_name, one.creation_count);
    promise(given_.emplace(given, one.connection).first->second == one.connection,
            "a creation is given once to a name");
    promise(creations_.emplace(one.connection, one.creation).first->second == one.creation, "and stays");
}

/// Who waits is answered by time alone, and nothing is left that was due.
void promises::check_deadline(const scene& story, bool is_anyone_waiting) const {
    const auto next = story.mind().next_deadline();
    promise(next.has_value() == is_anyone_waiting, "time is waited for if somebody waits");
    promise(!next || (*next > story.now() && *next <= story.now() + limits_.evidence_time),
            "and no longer than he may");
}

} // namespace epmd::test
