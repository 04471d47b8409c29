#include "service/service.hpp"

#include "wire/alive_name.hpp"
#include "wire/encode.hpp"
#include "wire/limits.hpp"

#include <algorithm>
#include <limits>
#include <variant>

namespace epmd {
namespace {

/// The reply to an ALIVE2_REQ in the form that its sender reads.
wire::reply alive2_reply(std::uint16_t highest_version, std::uint8_t result, std::uint32_t creation) {
    if (highest_version >= wire::first_version_with_wide_creation) {
        return wire::alive2_x_resp{result, creation};
    }
    return wire::alive2_resp{result, static_cast<std::uint16_t>(creation)};
}

wire::reply port2_reply(const node& node) {
    return wire::port2_resp{.port = node.port,
                            .node_type = node.node_type,
                            .protocol = node.protocol,
                            .highest_version = node.highest_version,
                            .lowest_version = node.lowest_version,
                            .alive_name = node.alive_name,
                            .extra = node.extra};
}

node node_of(const wire::alive2_req& message) {
    return {.alive_name = std::string(message.alive_name),
            .port = message.port,
            .node_type = message.node_type,
            .protocol = message.protocol,
            .highest_version = message.highest_version,
            .lowest_version = message.lowest_version,
            .extra = std::string(message.extra)};
}

/// What is known when `fresh` comes after `old`: a host once found is given up only for one by evidence as strong, and
/// never for none. A guess is weaker than any evidence.
finding merged(const finding& old, finding fresh) {
    if (fresh.who == owner{}) {
        fresh.who = old.who;
    }
    if (fresh.node_name.empty()) {
        fresh.node_name = old.node_name;
    }
    if (fresh.listener_inode == 0) {
        fresh.listener_inode = old.listener_inode;
    }
    const bool is_certain = old.how <= evidence::source; // the connection itself says it
    const bool is_stronger = !old.is_guess && (is_certain || fresh.is_guess || old.how < fresh.how);
    if (old.where && (is_stronger || !fresh.where)) {
        fresh.where = old.where;
        fresh.how = old.how;
        fresh.host_name = old.host_name;
        fresh.is_guess = old.is_guess;
        fresh.trouble.clear();
        if (!old.is_guess) {
            fresh.ask_at.reset();
        }
    }
    return fresh;
}

outcome outcome_of(refusal why) {
    switch (why) {
    case refusal::name_taken:
        return outcome::name_taken;
    case refusal::name_not_allowed:
        return outcome::name_not_allowed;
    case refusal::extra_too_long:
        return outcome::extra_too_long;
    case refusal::too_many:
    case refusal::too_many_of_user:
    case refusal::too_many_of_name:
        break;
    }
    return outcome::too_many;
}

event::kind kind_of(placement_state state) {
    switch (state) {
    case placement_state::pending:
        return event::kind::registered;
    case placement_state::placed:
        return event::kind::placed;
    case placement_state::unplaced:
        return event::kind::unplaced;
    case placement_state::parked:
        break;
    }
    return event::kind::parked;
}

std::vector<wire::names_resp::node> name_rows(const std::vector<const registration*>& nodes) {
    std::vector<wire::names_resp::node> rows;
    rows.reserve(nodes.size());
    for (const auto* one : nodes) {
        rows.push_back({one->self.alive_name, one->self.port});
    }
    return rows;
}

event event_of(event::kind what, const registration& who) {
    return {.what = what, .who = who, .other = {}, .why = {}, .is_repeated = false};
}

} // namespace

service::service(policy rules, std::shared_ptr<const hosts> known, registry_state before, const liveness& connections)
    : policy_(rules), hosts_(std::move(known)), connections_(connections), registry_(std::move(before)) {
    for (const auto* one : registry_.all()) {
        users_.add(one->connection, one->found.who.uid);
    }
}

void service::request(connection_number connection, const origin& from, const wire::request& request, time_point now,
                      actions& out) {
    std::visit([&](const auto& message) { answer(connection, from, message, now, out); }, request);
    answer_readers(now, out);
}

// ---- registrations

void service::answer(connection_number connection, const origin& from, const wire::alive2_req& message, time_point now,
                     actions& out) {
    if (!from.is_this_machine()) {
        counted_.count<wire::alive2_req>(outcome::not_allowed);
        out.emplace_back(close{connection});
        return;
    }
    newcomer self{.connection = connection,
                  .self = node_of(message),
                  .descriptor = from.descriptor,
                  .uid = from.uid,
                  .deadline = now + policy_.evidence_time,
                  .found = evidence_of(from)};
    if (wire::judge_alive_name(message.alive_name) != wire::name_verdict::good) {
        refuse(self, refusal::name_not_allowed, out);
        return;
    }
    if (message.extra.size() > wire::max_extra_bytes) {
        refuse(self, refusal::extra_too_long, out);
        return;
    }
    make_way_for(self.self, out);
    drop_dead(message.alive_name, out);
    judge_newcomers(message.alive_name, now, out);
    if (const auto why = want_of_room(from, message.alive_name)) {
        refuse(self, *why, out);
        return;
    }
    const auto decision = judge(self, false);
    if (decision == verdict::refuse) {
        refuse(self, refusal::name_taken, out);
        return;
    }
    users_.add(connection, from.uid);
    auto what = first_question(connection, self.self, from, self.found.has_value());
    if (decision == verdict::accept) {
        accept(std::move(self), now, out);
    } else {
        out.emplace_back(hold{connection});
        deadlines_.emplace(self.deadline, connection);
        newcomers_.add(std::move(self));
    }
    out.emplace_back(place{std::move(what)});
}

/// Asked even when the host is known already: the owner is wanted as well.
question service::first_question(connection_number connection, const node& self, const origin& from,
                                 bool is_placed) const {
    auto what = question_of(inquiry::everything, connection, self);
    what.from = from;
    if (is_placed) {
        what.former = {}; // what the connection itself says goes before what was
    }
    return what;
}

/// Of one that is registered already.
question service::question_about(const registration& one, const origin& from) const {
    auto what = first_question(one.connection, one.self, from, false);
    what.is_adopted = one.is_adopted;
    return what;
}

void service::adopt(connection_number connection, node self, time_point now, actions& out) {
    const auto& added = registry_.adopt(connection, std::move(self), now);
    readers_may_go_ = true;
    out.emplace_back(keep{.connection = connection, .is_new = true});
    out.emplace_back(event_of(event::kind::registered, added));
    await_evidence(connection, now);
    out.emplace_back(place{question_about(added, {})});
    answer_readers(now, out);
}

/// The node itself is here: what stood for it goes.
void service::make_way_for(const node& returning, actions& out) {
    for (const auto* one : registry_.namesakes(returning.alive_name)) {
        if (one->is_adopted && one->self.port == returning.port) {
            unregister(one->connection, out, event::kind::came_back);
            return;
        }
    }
}

void service::returned(connection_number connection, const origin& from, time_point now, actions& out) {
    const auto* known = registry_.find(connection);
    if (known != nullptr &&
        (known->state == placement_state::pending || !known->found.where || known->found.is_guess)) {
        if (known->state == placement_state::pending) {
            await_evidence(connection, now); // for as long as if it had come now
        }
        out.emplace_back(place{question_about(*known, from)});
    }
    answer_readers(now, out);
}

/// A pending registration is settled by what is known when its time is up.
void service::await_evidence(connection_number connection, time_point now) {
    const auto until = now + policy_.evidence_time;
    pending_until_.insert_or_assign(connection, until);
    deadlines_.emplace(until, connection);
}

void service::await_evidence_no_longer(connection_number connection) {
    if (const auto known = pending_until_.find(connection); known != pending_until_.end()) {
        deadlines_.erase({known->second, connection});
        pending_until_.erase(known);
    }
}

/// Why another node cannot be registered for want of room. Empty: it can.
std::optional<refusal> service::want_of_room(const origin& from, std::string_view alive_name) const {
    if (registry_.size() + newcomers_.size() >= policy_.max_registrations) {
        return refusal::too_many;
    }
    if (registry_.namesakes(alive_name).size() + newcomers_.count_of(alive_name) >= policy_.max_namesakes) {
        return refusal::too_many_of_name;
    }
    const bool is_free = !from.uid || *from.uid == 0U || from.uid == policy_.own_uid;
    return is_free || users_.of(*from.uid) < policy_.max_registrations_per_user
               ? std::nullopt
               : std::optional(refusal::too_many_of_user);
}

void service::set_limits(std::size_t max_registrations, std::size_t max_registrations_per_user) noexcept {
    policy_.max_registrations = max_registrations;
    policy_.max_registrations_per_user = max_registrations_per_user;
}

/// What the connection itself says: the strongest evidence.
std::optional<finding> service::evidence_of(const origin& from) const {
    finding result;
    if (const auto sent_to = hosts_->at(from.local); !sent_to.is_machine()) {
        result.where = sent_to;
        result.how = evidence::destination;
        return result;
    }
    if (const auto came_from = hosts_->at(from.peer); !came_from.is_machine()) {
        result.where = came_from;
        result.how = evidence::source;
        return result;
    }
    return std::nullopt;
}

/// Whether a registration may have its name now. A free name is anybody's. Else both hosts must be known: of a node
/// that nothing places, the machine is taken to be the host. `is_late`: what is not known by now counts as unplaced.
service::verdict service::judge(const newcomer& self, bool is_late) const {
    const auto others = registry_.namesakes(self.self.alive_name);
    if (others.empty()) {
        return verdict::accept;
    }
    if (!self.found && !is_late) {
        return verdict::wait;
    }
    const auto host_of = [](const std::optional<host>& where) { return where.value_or(the_machine); };
    const auto ours = host_of(self.found ? self.found->where : std::nullopt);
    bool is_undecided = false;
    for (const auto* other : others) {
        if (other->state == placement_state::parked) {
            continue;
        }
        if (other->state == placement_state::pending && !is_late) {
            is_undecided = true;
        } else if (host_of(other->found.where) == ours) {
            return verdict::refuse;
        }
    }
    return is_undecided ? verdict::wait : verdict::accept;
}

void service::accept(newcomer self, time_point now, actions& out) {
    counted_.count<wire::alive2_req>(outcome::ok);
    const auto& added = registry_.add(self.connection, self.descriptor, std::move(self.self), now);
    readers_may_go_ = true; // the machine shows it at once
    out.emplace_back(keep{.connection = self.connection, .is_new = true});
    out.emplace_back(send{.connection = self.connection,
                          .reply = alive2_reply(added.self.highest_version, wire::result_ok, added.creation),
                          .then = send::after::keep});
    out.emplace_back(event_of(event::kind::registered, added));
    await_evidence(self.connection, now);
    knocks_.forget(added.self.alive_name, added.self.port);
    if (self.is_being_asked) {
        registry_.learn(self.connection, std::move(*self.found)); // the answer is still to come
    } else if (self.found) {
        take_in(self.connection, std::move(*self.found), now, out);
    }
}

/// Whether a node whose name is taken will not give up.
bool service::insists(const newcomer& self) const {
    return self.found && knocks_.contains(self.self.alive_name, self.self.port, self.found->listener_inode);
}

/// Whether a newcomer that would be refused can be asked before its reply: who knocks again is up, and answers.
bool service::may_be_asked_now(const newcomer& self) const {
    return !self.is_being_asked && self.found && self.found->ask_at && insists(self);
}

/// Whether somebody who has a newcomer's place may have moved meanwhile: the hosts file may be another since its host
/// name was resolved. Has it resolved again, once for each newcomer.
bool service::look_at_holders_again(const newcomer& self, time_point now, actions& out) {
    const auto came = self.deadline - policy_.evidence_time;
    bool may_change = false;
    for (const auto* other : registry_.namesakes(self.self.alive_name)) {
        if (other->state != placement_state::placed || other->where != self.found->where) {
            continue;
        }
        const auto known = resolving_.find(other->connection);
        if (known != resolving_.end() && known->second.asked < came && !known->second.is_outstanding) {
            resolving_.erase(known);
        }
        ask_again(*other, now, out);
        const auto asked = resolving_.find(other->connection);
        may_change = may_change || (asked != resolving_.end() && asked->second.is_outstanding);
    }
    return may_change;
}

/// Where they are not, every answer is stock's.
bool service::are_hosts_in_use() const {
    return !hosts_->configured().empty() || registry_.hosts_in_use() > 0;
}

send service::refusal_of(const newcomer& self) {
    return {.connection = self.connection,
            .reply = alive2_reply(self.self.highest_version, wire::result_error, wire::refused_creation),
            .then = send::after::close};
}

/// compat: stock keeps the connection of a refused registration for ever; we close it after the reply, as it serves
/// nobody (OTP's client closes it itself). For want of room it is closed without a reply: a VM would say of any that
/// its name is in use.
void service::refuse(const newcomer& self, refusal why, actions& out) {
    counted_.count<wire::alive2_req>(outcome_of(why));
    const bool is_for_room =
        why == refusal::too_many || why == refusal::too_many_of_user || why == refusal::too_many_of_name;
    if (is_for_room) {
        out.emplace_back(close{self.connection});
    } else {
        out.emplace_back(refusal_of(self));
    }
    registration who;
    who.connection = self.connection;
    who.self = self.self;
    who.found = self.found.value_or(finding{});
    who.found.who.uid = who.found.who.uid ? who.found.who.uid : self.uid;
    who.where = who.found.where.value_or(the_machine);
    auto refused = event_of(event::kind::refused, who);
    refused.why = why;
    if (const auto* holder = registry_.find(who.where, self.self.alive_name)) {
        refused.other = *holder;
    }
    refused.is_repeated = (why == refusal::name_taken || is_for_room) &&
                          knocks_.note(self.self.alive_name, self.self.port, who.found.listener_inode);
    out.emplace_back(std::move(refused));
}

/// Ends the registrations of that name whose connection ended although no event said so yet.
void service::drop_dead(std::string_view alive_name, actions& out) {
    for (const auto* other : registry_.namesakes(alive_name)) {
        if (const auto connection = other->connection; connections_.has_gone(connection)) {
            unregister(connection, out);
            out.emplace_back(close{connection});
        }
    }
}

/// Answers the held registrations of a name after something changed, in the order in which they came.
void service::judge_newcomers(std::string_view alive_name, time_point now, actions& out) {
    const auto all = newcomers_.of(alive_name);
    if (all.empty()) {
        return;
    }
    drop_dead(alive_name, out);
    for (const auto connection : all) {
        auto& one = *newcomers_.find(connection);
        const bool is_late = now >= one.deadline;
        const auto decision = judge(one, is_late);
        if (decision == verdict::refuse && !is_late && may_be_asked_now(one)) {
            one.is_being_asked = true;
            ask(one.connection, one.self, *one.found, out);
        }
        const bool may_change =
            decision == verdict::refuse && !is_late && (one.is_being_asked || look_at_holders_again(one, now, out));
        if (decision == verdict::wait || may_change) {
            continue;
        }
        auto self = newcomers_.take(connection);
        deadlines_.erase({self.deadline, self.connection});
        if (connections_.has_gone(self.connection)) {
            users_.remove(self.connection);
            counted_.count<wire::alive2_req>(outcome::gone);
            out.emplace_back(refusal_of(self)); // it must not take the name from those who wait behind it
        } else if (decision == verdict::accept || (insists(self) && are_hosts_in_use())) {
            accept(std::move(self), now, out); // who insists is parked
        } else {
            users_.remove(self.connection);
            refuse(self, refusal::name_taken, out);
        }
    }
}

void service::found(connection_number connection, finding found, time_point now, actions& out) {
    if (const auto known = resolving_.find(connection); known != resolving_.end()) {
        known->second.is_outstanding = false;
        readers_may_go_ = true;
    }
    if (found.where) { // the hosts may be others than those with which it was found
        found.where = hosts_->at(found.where->first_address());
    }
    if (auto* held = newcomers_.find(connection)) {
        held->is_being_asked = false;
        users_.add(connection, found.who.uid);
        held->found = held->found ? merged(*held->found, std::move(found)) : std::move(found);
        const auto name = held->self.alive_name;
        judge_newcomers(name, now, out);
    } else if (const auto* registered = registry_.find(connection)) {
        const auto name = registered->self.alive_name;
        take_in(connection, merged(registered->found, std::move(found)), now, out);
        judge_newcomers(name, now, out);
    }
    answer_readers(now, out);
}

/// Settles a registration by what was found, or has the node asked first if it is to be. Once: what is kept has no
/// place to ask at. Who has waited too long already is settled, by a guess if there is one, and asked all the same.
void service::take_in(connection_number connection, finding found, time_point now, actions& out) {
    const auto& known = *registry_.find(connection);
    users_.add(connection, found.who.uid);
    if (found.ask_at) {
        ask(connection, known.self, found, out);
        if (known.state == placement_state::pending) {
            registry_.learn(connection, std::move(found));
            out.emplace_back(keep{.connection = connection, .is_new = false});
            return;
        }
        found.ask_at.reset();
    }
    settle(connection, std::move(found), now, out);
}

void service::ask(connection_number connection, const node& self, finding known, actions& out) {
    auto what = question_of(inquiry::node, connection, self);
    what.before = std::move(known);
    out.emplace_back(place{std::move(what)});
}

/// Gives a registration its place and tells of it, if it is another than before.
void service::settle(connection_number connection, finding found, time_point now, actions& out) {
    const auto change = registry_.settle(connection, std::move(found));
    if (change.before == placement_state::pending) {
        await_evidence_no_longer(connection);
    }
    readers_may_go_ = true;
    if (change.has_changed) {
        out.emplace_back(keep{.connection = connection, .is_new = false});
    }
    if (!change.has_moved()) {
        if (change.has_changed) {
            out.emplace_back(event_of(event::kind::changed, *change.self));
        }
        return;
    }
    note_placement(*change.self);
    auto moved = event_of(kind_of(change.self->state), *change.self);
    if (change.self->state == placement_state::parked) {
        if (const auto* holder = registry_.find(change.self->where, change.self->self.alive_name)) {
            moved.other = *holder;
            ask_again(*holder, now, out); // the hosts file may be another since it was placed
        }
    }
    out.emplace_back(std::move(moved));
    tell_of_promotion(change.promoted, out);
}

void service::note_placement(const registration& moved) noexcept {
    if (moved.state == placement_state::placed) {
        ++counted_.placements[static_cast<std::size_t>(moved.found.how)];
    }
}

/// Null: nobody was promoted.
void service::tell_of_promotion(const registration* promoted, actions& out) {
    if (promoted != nullptr) {
        note_placement(*promoted);
        out.emplace_back(keep{.connection = promoted->connection, .is_new = false});
        out.emplace_back(event_of(event::kind::promoted, *promoted));
    }
}

// ---- lookups and lists

void service::answer(connection_number connection, const origin& from, const wire::port_please2_req& message,
                     time_point now, actions& out) {
    const auto where = hosts_->at(from.local);
    // A hit needs nothing of what follows, and allocates nothing.
    const auto* hit = registry_.find(where, message.alive_name);
    if (hit != nullptr && (hit->state == placement_state::placed || !registry_.is_pending(message.alive_name))) {
        counted_.count<wire::port_please2_req>(outcome::ok);
        out.emplace_back(send{.connection = connection, .reply = port2_reply(hit->self)});
        return;
    }
    if (hit == nullptr) {
        for (const auto* other : registry_.namesakes(message.alive_name)) {
            ask_again(*other, now, out);
        }
    }
    answer_or_hold({.connection = connection,
                    .where = where,
                    .alive_name = std::string(message.alive_name),
                    .deadline = now + policy_.lookup_time},
                   out);
}

void service::answer(connection_number connection, const origin& from, const wire::names_req& message, time_point now,
                     actions& out) {
    const auto where = hosts_->at(from.local);
    if (message.with_hosts && where.is_machine() && from.is_this_machine()) {
        auto list = names_at(where); // at the machine nobody waits: it shows pending nodes
        list.hosts = names_by_host();
        counted_.count<wire::names_req>(outcome::ok);
        out.emplace_back(send{.connection = connection, .reply = std::move(list)});
        return;
    }
    answer_or_hold(
        {.connection = connection, .where = where, .alive_name = std::nullopt, .deadline = now + policy_.lookup_time},
        out);
}

void service::answer_or_hold(reader self, actions& out) {
    if (!must_wait(self)) {
        answer(self, out);
        return;
    }
    out.emplace_back(hold{self.connection});
    deadlines_.emplace(self.deadline, self.connection);
    readers_.push_back(std::move(self));
}

/// Whether an answer now could be wrong in a moment. The machine shows pending nodes, so nobody waits there for one.
bool service::must_wait(const reader& self) const {
    if (!self.alive_name) {
        return !self.where.is_machine() && registry_.pending_count() > 0;
    }
    if (registry_.placed_at(self.where, *self.alive_name) != nullptr) {
        return false;
    }
    if (!self.where.is_machine() && registry_.is_pending(*self.alive_name)) {
        return true;
    }
    if (resolving_.empty() || registry_.find(self.where, *self.alive_name) != nullptr) {
        return false;
    }
    const auto others = registry_.namesakes(*self.alive_name);
    return std::any_of(others.begin(), others.end(), [this](const registration* other) {
        const auto known = resolving_.find(other->connection);
        return known != resolving_.end() && known->second.is_outstanding;
    });
}

/// By what is known now.
void service::answer(const reader& self, actions& out) {
    if (!self.alive_name) {
        counted_.count<wire::names_req>(outcome::ok);
        out.emplace_back(send{.connection = self.connection, .reply = names_text_at(self.where)});
        return;
    }
    const auto* hit = registry_.find(self.where, *self.alive_name);
    counted_.count<wire::port_please2_req>(hit != nullptr ? outcome::ok : outcome::not_found);
    out.emplace_back(send{.connection = self.connection,
                          .reply = hit != nullptr ? port2_reply(hit->self) : wire::reply(wire::port2_unknown{})});
}

wire::names_text service::names_text_at(host where) const {
    if (!last_list_.bytes || last_list_.where != where || last_list_.version != registry_.version()) {
        std::string bytes;
        wire::encode(names_at(where), bytes);
        last_list_ = {where, registry_.version(), std::make_shared<const std::string>(std::move(bytes))};
    }
    return {last_list_.bytes};
}

wire::names_resp service::names_at(host where) const {
    return {.epmd_port = policy_.epmd_port, .nodes = name_rows(registry_.visible_at(where)), .hosts = {}};
}

/// The hosts where nodes are placed. One without a configured name is called as the last of its nodes calls it.
std::vector<wire::names_resp::host> service::names_by_host() const {
    std::vector<wire::names_resp::host> result;
    for (const auto& where : registry_.hosts_with_nodes()) {
        if (where.is_machine()) {
            continue;
        }
        const auto nodes = registry_.placed_at(where);
        const auto named = std::find_if(nodes.begin(), nodes.end(), [](const registration* one) {
            const auto& name = one->found.host_name;
            return !name.empty() && !address::parse(name);
        });
        auto& row = result.emplace_back();
        row.name = hosts_->name_of(where);
        if (row.name.empty() && named != nodes.end()) {
            row.name = (*named)->found.host_name;
        }
        for (const auto& one : hosts_->addresses_of(where)) {
            row.addresses += (row.addresses.empty() ? "" : ", ") + to_string(one);
        }
        row.nodes = name_rows(nodes);
    }
    return result;
}

/// Comes last in every call: the views in its replies must not see a change after them.
void service::answer_readers(time_point now, actions& out) {
    const bool is_anyone_late = !deadlines_.empty() && deadlines_.begin()->first <= now;
    if (!readers_may_go_ && !is_anyone_late) {
        return;
    }
    readers_may_go_ = false;
    std::erase_if(readers_, [&](const reader& one) {
        if (now < one.deadline && must_wait(one)) {
            return false;
        }
        deadlines_.erase({one.deadline, one.connection});
        answer(one, out);
        return true;
    });
}

// ---- debugging and control

void service::answer(connection_number connection, const origin& from, const wire::dump_req&, time_point,
                     actions& out) {
    counted_.count<wire::dump_req>(from.is_this_machine() ? outcome::ok : outcome::not_allowed);
    if (!from.is_this_machine()) {
        out.emplace_back(close{connection});
        return;
    }
    const auto where = hosts_->at(from.local);
    wire::dump_resp dump{.epmd_port = policy_.epmd_port, .nodes = {}};
    for (const auto* row : registry_.visible_at(where)) {
        dump.nodes.push_back({row->self.alive_name, row->self.port, row->descriptor, true});
    }
    for (const auto* former : registry_.former_at(where)) {
        dump.nodes.push_back({former->alive_name, former->port, former->descriptor, false});
    }
    out.emplace_back(send{.connection = connection, .reply = std::move(dump)});
}

void service::answer(connection_number connection, const origin& from, const wire::kill_req&, time_point,
                     actions& out) {
    const bool is_allowed = from.is_this_machine() && (registry_.empty() || policy_.relaxed_command_check);
    counted_.count<wire::kill_req>(is_allowed ? outcome::ok : outcome::not_allowed);
    if (!from.is_this_machine()) {
        out.emplace_back(close{connection});
        return;
    }
    out.emplace_back(send{.connection = connection, .reply = wire::kill_resp{is_allowed}});
    if (is_allowed) {
        out.emplace_back(stop{});
    }
}

void service::answer(connection_number connection, const origin& from, const wire::stop_req& message, time_point now,
                     actions& out) {
    if (!from.is_this_machine() || !policy_.relaxed_command_check) {
        counted_.count<wire::stop_req>(outcome::not_allowed);
        out.emplace_back(close{connection});
        return;
    }
    const auto* known = registry_.find(hosts_->at(from.local), message.alive_name);
    counted_.count<wire::stop_req>(known != nullptr ? outcome::ok : outcome::not_found);
    out.emplace_back(send{.connection = connection, .reply = wire::stop_resp{known != nullptr}});
    if (known != nullptr) {
        const auto stopped = known->connection;
        unregister(stopped, out);
        out.emplace_back(close{stopped});
        judge_newcomers(message.alive_name, now, out);
    }
}

// ---- ends, time, hosts

void service::closed(connection_number connection, time_point now, actions& out) {
    const auto is_it = [&](const reader& one) { return one.connection == connection; };
    if (const auto* known = registry_.find(connection)) {
        const auto name = known->self.alive_name;
        unregister(connection, out);
        judge_newcomers(name, now, out);
    } else if (newcomers_.contains(connection)) {
        const auto held = newcomers_.take(connection);
        users_.remove(connection);
        deadlines_.erase({held.deadline, connection});
        counted_.count<wire::alive2_req>(outcome::gone);
        out.emplace_back(refusal_of(held));
    } else if (const auto asks = std::find_if(readers_.begin(), readers_.end(), is_it); asks != readers_.end()) {
        deadlines_.erase({asks->deadline, connection});
        answer(*asks, out);
        readers_.erase(asks);
    }
    answer_readers(now, out);
}

/// Precondition: the connection is registered.
void service::unregister(connection_number connection, actions& out, event::kind why) {
    ++counted_.ends;
    auto removed = registry_.remove(connection);
    if (removed->gone.state == placement_state::pending) {
        await_evidence_no_longer(connection);
    }
    resolving_.erase(connection);
    users_.remove(connection);
    readers_may_go_ = true;
    out.emplace_back(let_go{connection});
    out.emplace_back(event{.what = why, .who = std::move(removed->gone), .other = {}, .why = {}, .is_repeated = false});
    tell_of_promotion(removed->promoted, out);
}

void service::time_passed(time_point now, actions& out) {
    const std::vector<std::pair<time_point, connection_number>> due(
        deadlines_.begin(), deadlines_.upper_bound({now, std::numeric_limits<connection_number>::max()}));
    for (const auto& [deadline, connection] : due) {
        if (!deadlines_.contains({deadline, connection})) {
            continue; // answered meanwhile, as the namesake of one before it
        }
        std::string name;
        if (const auto* pending = registry_.find(connection)) {
            name = pending->self.alive_name;
            auto found = pending->found;
            found.trouble = "it was not found out in time";
            found.ask_at.reset();
            settle(connection, std::move(found), now, out);
        } else if (const auto* held = newcomers_.find(connection)) {
            name = held->self.alive_name;
        }
        judge_newcomers(name, now, out);
    }
    answer_readers(now, out);
}

bool service::answer_longest(actions& out) {
    if (readers_.empty()) {
        return false;
    }
    const auto longest = readers_.begin();
    deadlines_.erase({longest->deadline, longest->connection});
    answer(*longest, out);
    readers_.erase(longest);
    return true;
}

std::optional<time_point> service::next_deadline() const {
    if (deadlines_.empty()) {
        return std::nullopt;
    }
    return deadlines_.begin()->first;
}

void service::hosts_changed(std::shared_ptr<const hosts> known, time_point now, actions& out) {
    hosts_ = std::move(known);
    std::set<std::string> moved;
    newcomers_.for_each([&](newcomer& one) {
        if (one.found && one.found->where) {
            const auto before = *one.found->where;
            one.found->where = hosts_->at(before.first_address());
            if (one.found->where != before) {
                moved.insert(one.self.alive_name);
            }
        }
    });
    for (auto& one : readers_) {
        one.where = hosts_->at(one.where.first_address());
    }
    // Who has a place goes before who waits for one, and of two that come to one host the older.
    auto all = registry_.all();
    std::reverse(all.begin(), all.end());
    std::stable_partition(all.begin(), all.end(),
                          [](const registration* one) { return one->state != placement_state::parked; });
    for (const auto* one : all) {
        if (!one->found.where) {
            continue;
        }
        if (const auto where = hosts_->at(one->found.where->first_address()); where != *one->found.where) {
            auto found = one->found;
            found.where = where;
            if (one->state == placement_state::pending) { // by a guess: what it says itself is still to come
                registry_.learn(one->connection, std::move(found));
                out.emplace_back(keep{.connection = one->connection, .is_new = false});
            } else {
                settle(one->connection, std::move(found), now, out);
            }
            moved.insert(one->self.alive_name);
        }
    }
    // Only now: a holder may be found dead, and go.
    for (const auto& alive_name : moved) {
        judge_newcomers(alive_name, now, out);
    }
    readers_may_go_ = true;
    answer_readers(now, out);
}

void service::resolve_again(time_point now, actions& out) {
    for (const auto* one : registry_.all()) {
        resolving_.erase(one->connection);
        ask_again(*one, now, out);
        if (one->found.where && one->found.how == evidence::listener) {
            // Its host may have been one with another, and be one of its own again: only the socket says which.
            auto what = question_of(inquiry::everything, one->connection, one->self);
            what.is_adopted = true; // whoever has its port is it
            what.former = {};
            out.emplace_back(place{std::move(what)});
        }
    }
}

/// Has the host name of a registration resolved again, if it has one, unless that was done a moment ago.
void service::ask_again(const registration& one, time_point now, actions& out) {
    if (one.found.host_name.empty()) {
        return;
    }
    const auto [known, is_new] = resolving_.try_emplace(one.connection);
    const bool is_recent = !is_new && now < known->second.asked + policy_.resolve_again_interval;
    if (is_recent || known->second.is_outstanding) {
        return;
    }
    known->second = {.asked = now, .is_outstanding = true};
    auto what = question_of(inquiry::host_name, one.connection, one.self);
    what.before = one.found;
    out.emplace_back(place{std::move(what)});
}

/// Many questions may wait for their turn, so that each has to be small, whatever its name has been used for.
question service::question_of(inquiry what, connection_number connection, const node& self) const {
    constexpr std::size_t most = 256; // of namesakes; who cannot be told from one more is asked. Chosen, not tuned
    std::vector<namesake> others;
    const bool is_everything = what == inquiry::everything; // nothing else reads them
    for (const auto* other :
         is_everything ? registry_.namesakes(self.alive_name) : std::vector<const registration*>()) {
        const namesake known{.pid = other->found.who.pid, .listener_inode = other->found.listener_inode};
        if (other->connection != connection && known != namesake{} && others.size() < most) {
            others.push_back(known);
        }
    }
    return {.what = what,
            .connection = connection,
            .from = {},
            .alive_name = self.alive_name,
            .port = self.port,
            .node_type = self.node_type,
            .highest_version = self.highest_version,
            .namesakes = std::move(others),
            .former = is_everything ? registry_.former_findings(self.alive_name, self.port) : std::vector<finding>(),
            .before = {}};
}

bool service::is_waiting_for(connection_number connection) const {
    return registry_.find(connection) != nullptr || newcomers_.contains(connection);
}

} // namespace epmd
