#include "support/made_up_server.hpp"

#include "handover/snapshot.hpp"

#include <algorithm>
#include <stdexcept>
#include <variant>

namespace epmd::test {
namespace {

// As in server.cpp and gates.cpp.
constexpr std::chrono::seconds accept_pause{1};
constexpr std::chrono::seconds last_patience{1};
constexpr std::chrono::seconds adopted_interval{2};

} // namespace

made_up_server::made_up_server(std::shared_ptr<const hosts> known, std::size_t max_connections,
                               std::function<void(const service_call&, const actions&)> told)
    : hosts_(std::move(known)), max_connections_(max_connections), told_(std::move(told)), adopted_looked_at_(now_) {
    put_table(records_, registry(1000, now_));
}

// ---- what clients do

made_up_server::id made_up_server::connects(wish wanted, const origin& ends, bool is_whole, bool reads) {
    auto& fresh = all_.emplace_back();
    fresh.ends = ends;
    fresh.wanted = std::move(wanted);
    fresh.is_whole = is_whole;
    fresh.reads = reads;
    queue_.push_back(all_.size() - 1);
    return all_.size() - 1;
}

void made_up_server::says_the_rest(id which) {
    all_[which].is_whole = true;
    wake_for(which);
}

void made_up_server::says_more(id which) {
    all_[which].has_more = true;
    wake_for(which);
}

void made_up_server::goes(id which, peer how) {
    auto& one = all_[which];
    one.other_end = how;
    if (how != peer::vanished) {
        wake_for(which);
    }
}

void made_up_server::reads_on(id which) {
    all_[which].reads = true;
    wake_for(which);
}

void made_up_server::adopts(node self) {
    heard_.insert(self.port);
    const auto number = next_number_++;
    const auto copy = self;
    service_->adopt(number, std::move(self), now_, actions_);
    perform({.what = service_call::kind::adopted, .number = number, .self = &copy});
}

void made_up_server::wake_for(id which) {
    auto& one = all_[which];
    const bool is_watched = one.at == phase::reading || one.at == phase::waiting || one.at == phase::writing;
    if (is_watched && !std::exchange(one.is_ready, true)) {
        ready_.push_back(which);
    }
}

// ---- the server's loop

void made_up_server::accepts(int count) {
    if (!is_running() || is_finishing_ || is_pausing()) {
        return;
    }
    paused_until_.reset();
    if (!accept_some(count)) {
        paused_until_ = now_ + accept_pause;
        ++paused_;
    }
}

bool made_up_server::accept_some(int count) {
    for (; count > 0 && is_running() && !queue_.empty(); --count) {
        if (connections_.size() >= max_connections_) {
            return make_room();
        }
        const auto which = queue_.front();
        queue_.pop_front();
        meet(which);
    }
    return true;
}

/// An idle connection goes, a registered one never.
bool made_up_server::make_room() {
    is_short_ = true;
    const auto first = idle_.first_to_go();
    if (first) {
        ++evicted_;
        ended(*first);
    }
    return first.has_value();
}

void made_up_server::meet(id which) {
    auto& one = all_[which];
    one.at = phase::guest;
    one.number = next_number_++;
    const bool is_lost = one.other_end == peer::reset ||
                         (!one.is_whole && one.other_end != peer::there && one.other_end != peer::vanished);
    if (is_lost) { // nothing can be read of it, or nothing more comes
        one.at = phase::ended;
        one.is_over = true;
    } else if (one.is_whole) {
        request(which);
    } else {
        adopt(one, which);
        one.at = phase::reading;
        watch_idle(which);
    }
}

void made_up_server::request(id which) {
    auto& one = all_[which];
    guest_ = which;
    wire::request message = wire::names_req{};
    if (one.wanted.what == wish::kind::registration) {
        message = wire::alive2_req{.port = one.wanted.port,
                                   .highest_version = one.wanted.highest_version,
                                   .alive_name = one.wanted.alive_name,
                                   .extra = {}};
    } else if (one.wanted.what == wish::kind::lookup) {
        message = wire::port_please2_req{one.wanted.alive_name};
    }
    service_->request(one.number, one.ends, message, now_, actions_);
    perform({.what = service_call::kind::request, .number = one.number, .from = &one.ends, .wanted = &one.wanted});
    if (one.at == phase::guest) {
        throw std::logic_error("a request got neither an answer nor an end, nor is it held");
    }
}

/// What server::read_request, server::watch and server::write_rest do when something happened to a connection.
void made_up_server::is_woken_for(std::size_t place) {
    const auto which = ready_[place];
    ready_[place] = ready_.back();
    ready_.pop_back();
    auto& one = all_[which];
    one.is_ready = false;
    switch (one.at) {
    case phase::reading:
        if (one.other_end == peer::reset || !one.is_whole) {
            ended(which);
            break;
        }
        one.at = phase::waiting;
        idle_.remove(which);
        request(which);
        if (is_running() && one.at == phase::waiting && has_gone(one.number)) {
            wake_for(which);
        }
        break;
    case phase::waiting:
        if (has_gone(one.number)) {
            ended(which);
        }
        break;
    case phase::writing:
        if (one.other_end == peer::closed || one.other_end == peer::reset || one.reads) {
            forget(which);
        }
        break;
    default:
        break;
    }
}

void made_up_server::finds(connection_number number, finding what) {
    const auto copy = what;
    service_->found(number, std::move(what), now_, actions_);
    perform({.what = service_call::kind::found, .number = number, .said = &copy});
}

void made_up_server::hosts_become(std::shared_ptr<const hosts> known) {
    hosts_ = std::move(known);
    if (is_running()) {
        service_->hosts_changed(hosts_, now_, actions_);
        perform({.what = service_call::kind::hosts});
    }
}

void made_up_server::resolves_again() {
    service_->resolve_again(now_, actions_);
    perform({.what = service_call::kind::resolve});
}

void made_up_server::passes(std::chrono::milliseconds time) {
    const auto until = now_ + time;
    while (is_running()) {
        const auto service_due = service_->next_deadline().value_or(time_point::max());
        const auto idle_due = idle_.next_look().value_or(time_point::max());
        const auto patience_due = patience_until_.value_or(time_point::max());
        const auto adopted_due = service_->registrations().adopted_count() > 0
                                     ? std::max(adopted_looked_at_ + adopted_interval, now_)
                                     : time_point::max();
        const auto due = std::min({service_due, idle_due, patience_due, adopted_due});
        if (due > until) {
            break;
        }
        now_ = std::max(now_, due);
        if (due == service_due) {
            service_->time_passed(now_, actions_);
            perform({.what = service_call::kind::time});
        } else if (due == idle_due) {
            if (const auto late = idle_.late(now_)) {
                ended(*late);
            }
        } else if (due == patience_due) {
            patience_until_ = now_ + last_patience;
            while (is_running() && !idle_.empty()) {
                ended(*idle_.first_to_go());
            }
        } else {
            look_at_adopted();
        }
    }
    now_ = until;
}

void made_up_server::look_at_adopted() {
    adopted_looked_at_ = now_;
    std::vector<connection_number> gone;
    for (const auto* one : service_->registrations().all()) {
        if (one->is_adopted && !heard_.contains(one->self.port)) {
            gone.push_back(one->connection);
        }
    }
    for (const auto number : gone) {
        if (is_running()) {
            service_->closed(number, now_, actions_);
            perform({.what = service_call::kind::closed, .number = number});
        }
    }
}

// ---- what the service wants done

void made_up_server::perform(const service_call& call) {
    told_(call, actions_);
    told_last_.clear();
    for (const auto& one : actions_) {
        if (actions_left_ && (*actions_left_)-- <= 0) {
            dies();
            has_died_halfway_ = true;
            return;
        }
        perform(one);
    }
    actions_.clear();
}

void made_up_server::perform(const action& one) {
    const auto with = [this](connection_number number) -> std::optional<id> {
        if (all_.size() > guest_ && all_[guest_].at == phase::guest && all_[guest_].number == number) {
            return guest_;
        }
        const auto found = connections_.find(number);
        return found == connections_.end() ? std::nullopt : std::optional(found->second);
    };
    if (const auto* what = std::get_if<send>(&one)) {
        if (const auto which = with(what->connection)) {
            reply(all_[*which], *which, *what);
        }
    } else if (const auto* held = std::get_if<hold>(&one)) {
        if (const auto which = with(held->connection); which && all_[*which].at == phase::guest) {
            adopt(all_[*which], *which);
        }
    } else if (const auto* closing = std::get_if<close>(&one)) {
        if (const auto which = with(closing->connection)) {
            forget(*which);
        }
    } else if (const auto* asking = std::get_if<place>(&one)) {
        questions_.push_back(asking->what);
    } else if (const auto* keeping = std::get_if<keep>(&one)) {
        if (const auto* known = service_->registrations().find(keeping->connection)) {
            put_registration(records_, *known);
            if (actions_left_ && *actions_left_ % 2 == 1 && (*actions_left_)-- <= 1) {
                actions_left_ = 0; // dies between the table and the queue
                return;
            }
            if (const auto which = with(keeping->connection); which && keeping->is_new) {
                all_[*which].is_kept = true;
                kept_[keeping->connection] = *which;
            }
        }
    } else if (const auto* leaving = std::get_if<let_go>(&one)) {
        put_gone(records_, leaving->connection);
        if (const auto known = kept_.find(leaving->connection); known != kept_.end()) {
            all_[known->second].is_kept = false;
            all_[known->second].is_over = true;
            kept_.erase(known);
        }
    }
    constexpr std::size_t some_bytes = 64 * 1024;
    if (records_.size() > 2 * whole_bytes_ + some_bytes) {
        write_table();
    }
}

/// More of the past is in the records than of the present.
void made_up_server::write_table() {
    records_.clear();
    put_table(records_, service_->registrations());
    whole_bytes_ = records_.size();
}

void made_up_server::reply(connection& one, id which, const send& what) {
    const bool is_last = what.then == send::after::close;
    const bool is_list = std::holds_alternative<wire::names_text>(what.reply);
    one.was_written_to = true;
    if (one.other_end == peer::there || one.other_end == peer::half_closed) {
        if (is_list && !one.reads) { // more than the socket takes
            if (one.at == phase::guest) {
                adopt(one, which);
            }
            one.at = phase::writing;
            watch_idle(which);
            return;
        }
        one.is_registered = !is_last;
        if (!is_last) {
            told_last_.push_back(one.number);
        }
    } else if (one.other_end != peer::reset) {
        one.other_end = peer::reset; // that is its answer
        wake_for(which);
    }
    if (is_last) {
        forget(which);
    } else if (one.at == phase::guest) {
        adopt(one, which);
    }
}

void made_up_server::adopt(connection& one, id which) {
    connections_.emplace(one.number, which);
    one.at = phase::waiting;
    if (has_gone(one.number)) {
        wake_for(which);
    }
}

/// The one place where the service hears of an end.
void made_up_server::ended(id which) {
    const auto before = all_[which].at;
    const auto number = all_[which].number;
    service_->closed(number, now_, actions_);
    perform({.what = service_call::kind::closed, .number = number});
    if (is_running() && all_[which].at == before) {
        forget(which);
    }
}

void made_up_server::forget(id which) {
    auto& one = all_[which];
    one.at = phase::ended;
    idle_.remove(which);
    one.is_over = one.is_over || !one.is_kept;
    connections_.erase(one.number);
    if (is_short_) {
        paused_until_.reset();
    }
}

void made_up_server::watch_idle(id which) {
    constexpr std::uint32_t users = 3;
    idle_.add(which, {.uid = static_cast<std::uint32_t>(which % users), .where = {}}, now_);
}

bool made_up_server::has_gone(connection_number number) const {
    if (const auto* known = service_->registrations().find(number); known != nullptr && known->is_adopted) {
        return !heard_.contains(known->self.port);
    }
    const auto found = connections_.find(number);
    if (found == connections_.end()) {
        return true;
    }
    const auto& one = all_[found->second];
    return one.has_more || (one.other_end != peer::there && one.other_end != peer::vanished);
}

// ---- one process after the other

void made_up_server::dies() {
    for (const auto& [number, which] : connections_) {
        auto& one = all_[which];
        one.at = phase::ended;
        one.is_over = one.is_over || !one.is_kept;
    }
    if (all_.size() > guest_ && all_[guest_].at == phase::guest) {
        all_[guest_].at = phase::ended;
        all_[guest_].is_over = !all_[guest_].is_kept;
    }
    for (const auto which : ready_) {
        all_[which].is_ready = false;
    }
    connections_.clear();
    idle_ = idle_connections(patience_with_idle);
    ready_.clear();
    questions_.clear();
    actions_.clear(); // it views what goes now
    actions_left_.reset();
    paused_until_.reset();
    patience_until_.reset();
    is_short_ = false;
    is_finishing_ = false;
    service_.reset();
    has_died_halfway_ = false;
}

void made_up_server::finishes() {
    is_finishing_ = true;
    patience_until_ = now_ + last_patience;
}

void made_up_server::resumes() {
    is_finishing_ = false;
    patience_until_.reset();
}

bool made_up_server::is_finished() const {
    const auto& all = service_->registrations();
    return is_finishing_ && connections_.size() <= all.size() - all.adopted_count();
}

/// As in life.cpp and server::start: the hosts first, then each connection, then all host names.
void made_up_server::starts() {
    auto read = read_snapshot(records_);
    if (const auto* trouble = std::get_if<std::string>(&read)) {
        throw std::logic_error("what the process before left is not good: " + *trouble);
    }
    service_ = std::make_unique<service>(policy{}, hosts_, std::move(std::get<snapshot>(read).table), *this);
    next_number_ = 1;
    std::vector<connection_number> before;
    for (const auto* one : service_->registrations().all()) {
        next_number_ = std::max(next_number_, one->connection + 1);
        before.push_back(one->connection);
    }
    std::erase_if(kept_, [&](const auto& one) { // nobody takes it out of the queue again
        const bool is_gone = service_->registrations().find(one.first) == nullptr;
        if (is_gone) {
            all_[one.second].is_kept = false;
            all_[one.second].is_over = true;
        }
        return is_gone;
    });
    adopted_looked_at_ = now_;
    told_({.what = service_call::kind::returned}, {});
    hosts_become(hosts_);
    if (!is_running()) {
        return;
    }
    write_table();
    for (const auto number : before) {
        if (!is_running() || service_->registrations().find(number) == nullptr) {
            continue;
        }
        const auto known = kept_.find(number);
        const bool is_adopted = service_->registrations().find(number)->is_adopted;
        bool is_lost = !is_adopted && known == kept_.end();
        if (known != kept_.end()) {
            connections_.emplace(number, known->second);
            all_[known->second].at = phase::waiting;
            is_lost = has_gone(number) || !all_[known->second].was_written_to;
        }
        if (is_lost && known != kept_.end()) {
            ended(known->second);
        } else if (is_lost) {
            service_->closed(number, now_, actions_);
            perform({.what = service_call::kind::closed, .number = number});
        } else {
            service_->returned(number, known == kept_.end() ? origin{} : all_[known->second].ends, now_, actions_);
            perform({.what = service_call::kind::returned, .number = number});
        }
    }
    if (is_running()) {
        resolves_again();
    }
}

} // namespace epmd::test
