#include "sim/model.hpp"

#include "wire/alive_name.hpp"

#include <algorithm>
#include <map>
#include <variant>

namespace epmd::test {
namespace {

using namespace std::chrono_literals;
using kind = service_call::kind;

void hold_that(bool is_so, const char* what) {
    if (!is_so) {
        throw wrong(what);
    }
}

} // namespace

// ---- what is believed of where a registration belongs

/// The first that names a host wins, but for stronger evidence; a guess counts for less than any; none takes nothing
/// away. What the connection itself says is never given up.
void model::belief::hear(belief fresh) {
    const bool is_certain = where && !is_guess && how <= evidence::source;
    const bool is_weaker = !fresh.where || (!is_guess && (fresh.is_guess || is_certain || how < fresh.how));
    if (!where || !is_weaker) {
        *this = fresh;
    } else {
        is_to_be_asked = is_guess && fresh.is_to_be_asked;
    }
}

model::belief model::belief_of(const finding& said) const {
    belief result{
        .where = said.where, .how = said.how, .is_guess = said.is_guess, .is_to_be_asked = said.ask_at.has_value()};
    if (result.where) {
        result.where = story_.known()->at(result.where->first_address());
    }
    return result;
}

std::optional<model::belief> model::belief_of(const origin& ends) const {
    const auto to = story_.known()->at(ends.local);
    const auto from = story_.known()->at(ends.peer);
    if (to.is_machine() && from.is_machine()) {
        return std::nullopt;
    }
    return to.is_machine() ? belief{.where = from, .how = evidence::source}
                           : belief{.where = to, .how = evidence::destination};
}

// ---- who may have a name, and who sees it

/// Whether a newcomer may have its name: nobody else may have its place. Of whom nothing is known by then, in time, the
/// machine is taken to be the host.
model::verdict model::judge(const newcomer& one) const {
    const auto others = by_name_.find(one.alive_name);
    const bool is_late = story_.now() >= one.came + 5s;
    if (others == by_name_.end()) {
        return verdict::accept;
    }
    if (!one.what && !is_late) {
        return verdict::wait;
    }
    const auto ours = one.what ? one.what->place() : the_machine;
    bool is_anyone_pending = false;
    for (const auto number : others->second) {
        const auto& other = all_.at(number);
        is_anyone_pending = is_anyone_pending || !other.is_settled;
        if ((other.is_settled || is_late) && other.what.place() == ours) {
            return verdict::refuse;
        }
    }
    return is_anyone_pending && !is_late ? verdict::wait : verdict::accept;
}

/// What a lookup finds: who is placed there, else who is unplaced, else, at the machine, who is pending.
const model::known* model::seen(host where, const std::string& alive_name) const {
    const auto named = by_name_.find(alive_name);
    const known* unplaced = nullptr;
    const known* pending = nullptr;
    if (named == by_name_.end()) {
        return nullptr;
    }
    for (const auto number : named->second) {
        const auto& one = all_.at(number);
        if (one.shown_at && one.what.where == where) {
            return &one;
        }
        if (one.shown_at && !one.what.where) {
            unplaced = &one;
        }
        if (!one.is_settled && where.is_machine() && pending == nullptr) {
            pending = &one;
        }
    }
    return unplaced != nullptr ? unplaced : pending;
}

std::string model::list_at(host where) const {
    std::map<std::uint64_t, const known*, std::greater<>> rows;
    for (const auto& [alive_name, numbers] : by_name_) {
        if (const auto* one = seen(where, alive_name)) {
            rows.emplace(one->sequence, one);
        }
    }
    std::string text;
    for (const auto& [sequence, one] : rows) {
        text += "name " + one->alive_name + " at port " + std::to_string(one->port) + "\n";
    }
    return text;
}

bool model::is_pending(const std::string& alive_name) const {
    const auto named = by_name_.find(alive_name);
    return named != by_name_.end() && std::any_of(named->second.begin(), named->second.end(),
                                                  [&](connection_number one) { return !all_.at(one).is_settled; });
}

bool model::must_wait(const reader& one) const {
    if (!one.alive_name) {
        return !one.where.is_machine() && !pending_.empty();
    }
    const auto* hit = seen(one.where, *one.alive_name);
    if (hit != nullptr && hit->shown_at && hit->what.where) {
        return false;
    }
    if (!one.where.is_machine() && is_pending(*one.alive_name)) {
        return true;
    }
    const auto named = by_name_.find(*one.alive_name);
    return hit == nullptr && named != by_name_.end() &&
           std::any_of(named->second.begin(), named->second.end(),
                       [&](connection_number other) { return resolving_.contains(other); });
}

// ---- following

void model::follow(const service_call& call, const actions& out) {
    touched_.clear();
    given_.clear();
    answered_.clear();
    if (call.what == kind::returned && call.number == 0) {
        restart();
        return;
    }
    take_in(call);
    take_out(call, out);
    hold_that(theirs().size() == all_.size(),
              "no registration is lost while its connection lives, and none is kept after");
    const bool is_any_promotion_right = call.what == kind::hosts || call.what == kind::time;
    for (const auto& name : touched_) {
        check_name(name, is_any_promotion_right);
    }
    for (const auto& [number, text] : answered_) {
        const auto one = readers_.at(number);
        readers_.erase(number);
        const bool has_left = call.what == kind::closed && call.number == number;
        const bool is_in_time = story_.now() < one.came + 500ms && !has_left;
        hold_that(!(is_in_time && must_wait(one)),
                  "who looks for a node whose place may be known in a moment waits for it");
        if (one.alive_name) {
            const auto* hit = seen(one.where, *one.alive_name);
            ++tried[hit != nullptr ? deed::hit : deed::missed];
            hold_that(text == (hit != nullptr ? std::to_string(hit->port) : ""),
                      "a lookup finds who is seen there, and nobody else");
        } else {
            ++tried[deed::listed];
            hold_that(text == list_at(one.where), "a names list shows who is seen there, and nobody else");
        }
    }
    check_newcomers();
    check_readers();
}

/// What the call says, before what comes of it.
void model::take_in(const service_call& call) {
    const auto now = story_.now();
    switch (call.what) {
    case kind::request:
        if (call.wanted->what != wish::kind::registration) {
            reader fresh{.alive_name = std::nullopt, .where = story_.known()->at(call.from->local), .came = now};
            if (call.wanted->what == wish::kind::lookup) {
                fresh.alive_name = call.wanted->alive_name;
            }
            readers_.emplace(call.number, std::move(fresh));
        } else {
            newcomers_.emplace(call.number, newcomer{.alive_name = call.wanted->alive_name,
                                                     .port = call.wanted->port,
                                                     .what = belief_of(*call.from),
                                                     .came = now});
            touch(call.wanted->alive_name);
        }
        break;
    case kind::found:
        resolving_.erase(call.number);
        if (const auto one = all_.find(call.number); one != all_.end()) {
            auto& self = one->second;
            self.what.hear(belief_of(*call.said));
            tried[deed::found_late] += self.is_settled ? 1 : 0;
            if (!self.what.is_to_be_asked) {
                settle(call.number);
            }
            touch(self.alive_name);
        } else if (const auto held = newcomers_.find(call.number); held != newcomers_.end()) {
            auto what = held->second.what.value_or(belief{});
            what.hear(belief_of(*call.said));
            held->second.what = what;
            held->second.is_being_asked = false;
            touch(held->second.alive_name);
        }
        break;
    case kind::time:
        while (!pending_.empty() && pending_.begin()->first <= now) {
            const auto number = pending_.begin()->second;
            touch(all_.at(number).alive_name);
            settle(number);
        }
        for (const auto& [number, one] : newcomers_) {
            touch(one.alive_name);
        }
        break;
    case kind::hosts: {
        const auto now_at = [&](std::optional<host>& where) {
            if (where) {
                where = story_.known()->at(where->first_address());
            }
        };
        for (auto& [number, one] : all_) {
            now_at(one.what.where);
            now_at(one.shown_at);
            now_at(one.parked_at);
            touch(one.alive_name);
        }
        for (auto& [number, one] : newcomers_) {
            if (one.what) {
                now_at(one.what->where);
            }
        }
        for (auto& [number, one] : readers_) {
            one.where = story_.known()->at(one.where.first_address());
        }
        break;
    }
    case kind::resolve:
        break;
    case kind::returned:
        if (const auto one = all_.find(call.number); one != all_.end() && !one->second.is_settled) {
            pending_.erase({*one->second.until, call.number});
            one->second.until = now + 5s;
            pending_.emplace(*one->second.until, call.number);
            touch(one->second.alive_name);
        }
        break;
    case kind::closed:
        if (const auto one = all_.find(call.number); one != all_.end()) {
            touch(one->second.alive_name);
        }
        break;
    case kind::adopted:
        enter(call.number, {.alive_name = call.self->alive_name, .port = call.self->port, .is_adopted = true});
        break;
    }
}

/// What comes of it, in its order.
void model::take_out(const service_call& call, const actions& out) {
    for (const auto& one : out) {
        if (const auto* gone = std::get_if<let_go>(&one)) {
            const auto found = all_.find(gone->connection);
            hold_that(found != all_.end(), "who is let go was registered");
            const auto& self = found->second;
            const bool is_itself_here = self.is_adopted && call.what == kind::request &&
                                        call.wanted->alive_name == self.alive_name && call.wanted->port == self.port;
            const bool is_ended = call.what == kind::closed && call.number == gone->connection;
            const bool is_dead = is_ended || story_.has_gone(gone->connection);
            tried[deed::found_dead] += is_dead && !is_ended ? 1 : 0;
            tried[deed::came_back] += is_itself_here ? 1 : 0;
            hold_that(is_dead || is_itself_here, "no registration is lost while its connection lives");
            lose(gone->connection);
        } else if (const auto* reply = std::get_if<send>(&one)) {
            const auto number = reply->connection;
            if (const auto* wide = std::get_if<wire::alive2_x_resp>(&reply->reply)) {
                check_answer(number, wide->result == wire::result_ok, call);
            } else if (const auto* narrow = std::get_if<wire::alive2_resp>(&reply->reply)) {
                check_answer(number, narrow->result == wire::result_ok, call);
            } else {
                hold_that(readers_.contains(number), "nobody is answered twice, or without having asked");
                std::string text;
                if (const auto* hit = std::get_if<wire::port2_resp>(&reply->reply)) {
                    hold_that(hit->alive_name == readers_.at(number).alive_name, "a lookup is answered with its name");
                    text = std::to_string(hit->port);
                } else if (const auto* list = std::get_if<wire::names_text>(&reply->reply)) {
                    text = list->bytes->substr(4); // behind the epmd port
                }
                answered_.emplace_back(number, std::move(text));
            }
        } else if (const auto* closing = std::get_if<close>(&one);
                   closing != nullptr && newcomers_.contains(closing->connection)) {
            hold_that(call.number == closing->connection && !call.from->is_this_machine(),
                      "who may register has an answer");
            newcomers_.erase(closing->connection);
        } else if (const auto* asked = std::get_if<place>(&one)) {
            const auto& what = asked->what;
            if (what.what == inquiry::host_name) {
                resolving_.insert(what.connection);
            } else if (const auto held = newcomers_.find(what.connection);
                       what.what == inquiry::node && held != newcomers_.end()) {
                held->second.is_being_asked = true;
            }
        } else if (std::holds_alternative<hold>(one)) {
            ++tried[deed::waited];
        } else if (const auto* told = std::get_if<event>(&one)) {
            tried[deed::promoted] += told->what == event::kind::promoted ? 1 : 0;
            if (const auto self = all_.find(told->who.connection); self != all_.end()) {
                self->second.told = told->who.state;
            }
        }
    }
    if (call.what == kind::closed) {
        hold_that(!all_.contains(call.number), "no registration is kept after its connection ended");
        hold_that(!newcomers_.contains(call.number), "who leaves while he is held is held no more");
    }
    if (call.what == kind::request && call.from->is_this_machine() && call.wanted->what == wish::kind::registration &&
        wire::judge_alive_name(call.wanted->alive_name) == wire::name_verdict::good) {
        if (const auto named = by_name_.find(call.wanted->alive_name); named != by_name_.end()) {
            for (const auto number : named->second) {
                hold_that(number == call.number || !story_.has_gone(number),
                          "a dead holder is noticed by who wants its name");
                const auto& other = all_.at(number);
                hold_that(!other.is_adopted || other.port != call.wanted->port,
                          "an adopted node goes when it is here itself");
            }
        }
    }
}

/// A registration is answered.
void model::check_answer(connection_number number, bool is_good, const service_call& call) {
    const auto found = newcomers_.find(number);
    hold_that(found != newcomers_.end(), "nobody is answered twice, or without having asked");
    const auto self = found->second;
    newcomers_.erase(found);
    const bool is_fresh = call.what == kind::request && call.number == number;
    const auto what = judge(self);
    if (!is_good) {
        const bool is_gone =
            (call.what == kind::closed && call.number == number) || (!is_fresh && story_.has_gone(number));
        const bool is_bad = wire::judge_alive_name(self.alive_name) != wire::name_verdict::good;
        hold_that(what == verdict::refuse || is_gone || is_bad, "nobody is refused without need");
        ++tried[deed::refused];
        if (!is_gone) {
            refused_.emplace(self.alive_name, self.port);
        }
        return;
    }
    const bool insists = what == verdict::refuse && refused_.contains({self.alive_name, self.port});
    hold_that(what == verdict::accept || insists,
              "nobody is accepted in a place that is taken, or may be, but who insists");
    ++tried[deed::accepted];
    tried[deed::insisted] += insists ? 1 : 0;
    enter(number, {.alive_name = self.alive_name, .port = self.port, .what = self.what.value_or(belief{})});
    if (self.what && !self.what->is_to_be_asked && !self.is_being_asked) {
        settle(number);
    }
}

/// A pending one.
void model::enter(connection_number number, known fresh) {
    const auto* given = theirs().find(number);
    hold_that(given != nullptr, "who is told that he is registered is");
    auto& last = last_creations_[fresh.alive_name];
    hold_that(given->creation_count > last, "a name has no creation twice");
    given_.emplace(number, last);
    const bool is_wide = given->self.highest_version >= 6;
    hold_that(is_wide ? given->creation == given->creation_count : given->creation >= 1 && given->creation <= 3,
              "a creation is made of its count");
    last = given->creation_count;
    fresh.creation_count = given->creation_count;
    fresh.sequence = next_sequence_++;
    fresh.until = story_.now() + 5s;
    pending_.emplace(*fresh.until, number);
    touch(fresh.alive_name);
    by_name_[fresh.alive_name].push_back(number);
    all_.emplace(number, std::move(fresh));
}

void model::settle(connection_number number) {
    auto& self = all_.at(number);
    self.is_settled = true;
    self.what.is_to_be_asked = false;
    if (self.until) {
        pending_.erase({*self.until, number});
        self.until.reset();
    }
}

void model::lose(connection_number number) {
    const auto found = all_.find(number);
    const auto& self = found->second;
    touch(self.alive_name);
    if (self.until) {
        pending_.erase({*self.until, number});
    }
    resolving_.erase(number);
    const auto named = by_name_.find(self.alive_name);
    std::erase(named->second, number);
    if (named->second.empty()) {
        by_name_.erase(named);
    }
    all_.erase(found);
}

// ---- comparing

/// All of one name: the same as ours, each with what is known of it; and at each place exactly one is seen, who stays
/// so for as long as the place is his. `is_any_promotion_right`: several things happened at once, and who was parked
/// first for a place that became free cannot be told.
void model::check_name(const std::string& alive_name, bool is_any_promotion_right) {
    const auto found = by_name_.find(alive_name);
    const auto others = theirs().namesakes(alive_name);
    const std::size_t size = found == by_name_.end() ? 0 : found->second.size();
    hold_that(others.size() == size, "no registration is lost while its connection lives, and none is kept after");
    std::vector<known*> settled;
    std::map<host, known*> shown;
    for (std::size_t i = 0; i < size; ++i) {
        const auto& other = *others[i];
        auto& one = all_.at(found->second[i]);
        hold_that(other.connection == found->second[i], "who came first stands first");
        hold_that(other.self.port == one.port && other.creation_count == one.creation_count,
                  "a registration stays what it was");
        hold_that(other.found.where == one.what.where, "a registration belongs where the strongest evidence says");
        hold_that((other.state == placement_state::pending) != one.is_settled,
                  "a registration is pending for as long as evidence may come, and 5 s at most");
        hold_that(other.state == one.told, "whoever watches is told where a registration is");
        if (!one.is_settled) {
            continue;
        }
        settled.push_back(&one);
        hold_that(other.where == one.what.place(), "a registration stands where it belongs");
        if (other.state != placement_state::parked) {
            hold_that((other.state == placement_state::placed) == one.what.where.has_value(),
                      "who has a host is placed, and who has none unplaced");
            hold_that(shown.emplace(one.what.place(), &one).second, "of one name no two are seen at a host");
        }
    }
    for (const auto* one : settled) {
        const auto seen_there = shown.find(one->what.place());
        hold_that(seen_there != shown.end(), "nobody is parked for a place that is free");
        const auto* holder = seen_there->second;
        const auto place = one->what.place();
        const bool was_here = one->shown_at == place;
        hold_that(!was_here || holder == one || holder->shown_at == place,
                  "who has a place keeps it for as long as it is his");
        const bool was_waiting =
            one->parked_at == place && one->sequence < holder->sequence && holder->shown_at != place;
        hold_that(!was_waiting || is_any_promotion_right, "of those that are parked the oldest is promoted");
    }
    for (auto* one : settled) {
        const bool is_shown = shown.at(one->what.place()) == one;
        one->shown_at = is_shown ? std::optional(one->what.place()) : std::nullopt;
        one->parked_at = is_shown ? std::nullopt : std::optional(one->what.place());
    }
}

/// Nobody is held who could be answered. Who would be refused may wait until it is known whether the holder moved.
void model::check_newcomers() {
    for (const auto& [number, one] : newcomers_) {
        hold_that(story_.now() < one.came + 5s, "a registration is held for 5 s at most");
        if (!touched_.contains(one.alive_name)) {
            continue;
        }
        const auto what = judge(one);
        hold_that(what != verdict::accept, "nobody is held whose name is free");
        if (what == verdict::refuse) {
            const auto& others = by_name_.at(one.alive_name);
            const bool may_change =
                one.is_being_asked || std::any_of(others.begin(), others.end(),
                                                  [&](connection_number other) { return resolving_.contains(other); });
            hold_that(may_change, "nobody is held whose name is taken");
        }
    }
}

void model::check_readers() {
    for (const auto& [number, one] : readers_) {
        hold_that(story_.now() < one.came + 500ms, "a lookup waits for half a second at most");
        hold_that(must_wait(one), "a lookup waits for nothing that nobody can say");
    }
}

void model::audit() {
    hold_that(theirs().all().size() == all_.size(),
              "no registration is lost while its connection lives, and none is kept after");
    for (const auto& [alive_name, numbers] : by_name_) {
        check_name(alive_name, false);
    }
    hold_that(theirs().pending_count() == pending_.size(), "as many are pending as are counted");
    std::set<host> places{the_machine};
    for (const auto& [number, one] : all_) {
        places.insert(one.what.place());
    }
    for (const auto& where : places) {
        std::string text;
        for (const auto* one : theirs().visible_at(where)) {
            text += "name " + one->self.alive_name + " at port " + std::to_string(one->self.port) + "\n";
        }
        hold_that(text == list_at(where), "a view shows who is seen there, and nobody else");
    }
    const auto due = story_.mind().next_deadline();
    hold_that(!due || *due > story_.now(), "no deadline passes unnoticed");
    hold_that(due.has_value() == (!pending_.empty() || is_anyone_held()),
              "a deadline is there for as long as somebody waits");
}

/// A creation that nobody was told may be given again.
void model::is_torn() {
    torn_ = touched_;
    for (const auto& [number, count_before] : given_) {
        const auto& told = story_.told_last();
        if (const auto one = all_.find(number);
            one != all_.end() && std::find(told.begin(), told.end(), number) == told.end()) {
            auto& last = last_creations_.at(one->second.alive_name);
            last = std::min(last, count_before);
        }
    }
}

/// Another process goes on. Whoever was held has lost his connection. Of what was under way when the process before
/// died, the new one knows as much as was written down.
void model::restart() {
    newcomers_.clear();
    readers_.clear();
    resolving_.clear();
    for (const auto& torn : torn_) {
        if (const auto named = by_name_.find(torn); named != by_name_.end()) {
            for (const auto number : std::vector(named->second)) {
                lose(number);
            }
        }
    }
    auto others = theirs().all();
    std::reverse(others.begin(), others.end()); // oldest first
    for (const auto* other : others) {
        const auto& name = other->self.alive_name;
        if (torn_.contains(name)) {
            known one{.alive_name = name, .port = other->self.port, .is_adopted = other->is_adopted};
            one.creation_count = other->creation_count;
            one.sequence = other->sequence;
            one.what = {.where = other->found.where, .how = other->found.how, .is_guess = other->found.is_guess};
            one.is_settled = other->state != placement_state::pending;
            one.told = other->state;
            one.until = one.is_settled ? std::nullopt : std::optional(story_.now() + 5s);
            if (one.until) {
                pending_.emplace(*one.until, other->connection);
            }
            by_name_[name].push_back(other->connection);
            all_.emplace(other->connection, std::move(one));
        } else {
            hold_that(all_.contains(other->connection), "the next process has nobody who had gone");
        }
        const auto found = all_.find(other->connection);
        found->second.sequence = other->sequence;
        next_sequence_ = std::max(next_sequence_, other->sequence + 1);
    }
    hold_that(theirs().size() == all_.size(), "nobody is lost between two processes");
    for (const auto& [name, numbers] : by_name_) {
        check_name(name, torn_.contains(name));
    }
    for (const auto& [number, one] : all_) {
        touch(one.alive_name);
    }
    torn_.clear();
}

} // namespace epmd::test
