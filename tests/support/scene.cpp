#include "support/scene.hpp"

#include "handover/snapshot.hpp"
#include "wire/decode.hpp"
#include "wire/encode.hpp"

#include <stdexcept>
#include <utility>

namespace epmd::test {

address ip(std::string_view text) {
    const auto parsed = address::parse(text);
    if (!parsed) {
        throw std::invalid_argument("not an address: " + std::string(text));
    }
    return *parsed;
}

finding evidence_for(std::string_view host_address, std::string host_name, std::int32_t pid) {
    finding result;
    if (!host_address.empty()) {
        result.where = host(ip(host_address));
    }
    result.host_name = std::move(host_name);
    result.who.pid = pid;
    return result;
}

scene::scene(std::vector<configured_host> configured, policy rules)
    : rules_(rules),
      hosts_(std::make_shared<const hosts>(std::move(configured), machine_identity{"workshop", {ip("127.0.1.1")}, {}})),
      service_(mind_for({.first_creation = 1000, .started = now_})) {
    put_table(records_, service_->registrations());
}

std::shared_ptr<service> scene::mind_for(registry_state before) const {
    const liveness& connections = *this;
    return std::make_shared<service>(rules_, hosts_, std::move(before), connections);
}

void scene::is_killed_and_replaced() {
    auto read = std::get<snapshot>(read_snapshot(records_));
    service_ = mind_for(std::move(read.table));
    for (auto& [connection, fate] : fates_) {
        if (fate == fate::waiting) {
            fate = fate::closed;
        }
    }
    questions_.clear(); // the process that was asked has gone
    std::vector<connection_number> before;
    for (const auto* one : service_->registrations().all()) {
        before.push_back(one->connection);
    }
    for (const auto connection : before) {
        if (has_gone(connection)) {
            fates_[connection] = fate::closed;
            service_->closed(connection, now_, actions_);
        } else {
            service_->returned(connection, {}, now_, actions_);
        }
        perform();
    }
}

connection_number scene::requests(const wire::request& what, std::string_view to, std::string_view from) {
    const auto connection = next_++;
    service_->request(connection,
                      {.peer = ip(from), .peer_port = 40000, .local = ip(to), .local_port = 4369, .descriptor = 7},
                      what, now_, actions_);
    perform();
    return connection;
}

connection_number scene::registers(std::string_view alive_name, std::uint16_t port, std::string_view to,
                                   std::string_view from, std::uint16_t highest_version) {
    return requests(
        wire::alive2_req{.port = port, .highest_version = highest_version, .alive_name = alive_name, .extra = {}}, to,
        from);
}

connection_number scene::is_taken_over(std::string_view alive_name, std::uint16_t port) {
    const auto connection = next_++;
    fates_[connection] = fate::registered;
    service_->adopt(connection, {.alive_name = std::string(alive_name), .port = port}, now_, actions_);
    perform();
    return connection;
}

connection_number scene::looks_up(std::string_view alive_name, std::string_view at) {
    return requests(wire::port_please2_req{alive_name}, at, "127.0.0.1");
}

connection_number scene::asks_for_names(std::string_view at) {
    return requests(wire::names_req{}, at, "127.0.0.1");
}

void scene::is_found(connection_number connection, finding found) {
    service_->found(connection, std::move(found), now_, actions_);
    perform();
}

void scene::ends(connection_number connection) {
    dead_.insert(connection);
    fates_[connection] = fate::closed;
    service_->closed(connection, now_, actions_);
    perform();
}

void scene::dies_unnoticed(connection_number connection) {
    dead_.insert(connection);
}

void scene::passes(std::chrono::milliseconds time) {
    const auto until = now_ + time;
    for (auto due = service_->next_deadline(); due && *due <= until; due = service_->next_deadline()) {
        now_ = std::max(now_, *due);
        service_->time_passed(now_, actions_);
        perform();
    }
    now_ = until;
}

bool scene::answers_longest() {
    const bool is_one = service_->answer_longest(actions_);
    perform();
    return is_one;
}

void scene::hosts_become(std::vector<configured_host> configured, machine_identity machine) {
    hosts_ = std::make_shared<const hosts>(std::move(configured), std::move(machine));
    service_->hosts_changed(hosts_, now_, actions_);
    perform();
}

void scene::reloads() {
    service_->resolve_again(now_, actions_);
    perform();
}

fate scene::fate_of(connection_number connection) const {
    return fates_.at(connection);
}

const std::string& scene::sent_to(connection_number connection) const {
    return sent_.at(connection);
}

std::optional<std::uint16_t> scene::port_of(std::string_view alive_name, std::string_view at) {
    const auto& bytes = sent_to(looks_up(alive_name, at));
    const auto reply = wire::decode_port2_reply(bytes);
    if (!reply) {
        throw std::logic_error("no reply to a lookup of " + std::string(alive_name));
    }
    const auto* known = std::get_if<wire::port2_resp>(&*reply);
    return known == nullptr ? std::nullopt : std::optional(known->port);
}

std::vector<std::string> scene::names_at(std::string_view at) {
    std::vector<std::string> names;
    auto text = wire::decode_listing(sent_to(asks_for_names(at))).value().text;
    constexpr std::string_view before = "name ";
    while (!text.empty()) {
        text.remove_prefix(before.size());
        names.emplace_back(text.substr(0, text.find(' ')));
        text.remove_prefix(text.find('\n') + 1);
    }
    return names;
}

std::optional<std::uint32_t> scene::creation_of(connection_number connection) const {
    const auto* known = service_->registrations().find(connection);
    return known == nullptr ? std::nullopt : std::optional(known->creation);
}

std::vector<event::kind> scene::events() {
    return std::exchange(events_, {});
}

std::vector<question> scene::questions() {
    return std::exchange(questions_, {});
}

bool scene::has_gone(connection_number connection) const {
    return dead_.contains(connection);
}

/// Does what the server would do; replies are encoded at once, since they view what the next call may change.
void scene::perform() {
    for (const auto& one : actions_) {
        if (const auto* reply = std::get_if<send>(&one)) {
            auto& bytes = sent_[reply->connection];
            wire::encode(reply->reply, bytes);
            const auto alive2 = wire::decode_alive2_reply(bytes);
            if (dead_.contains(reply->connection)) {
                fates_[reply->connection] = fate::closed; // it was answered in case that it still reads
            } else if (reply->then == send::after::keep) {
                fates_[reply->connection] = fate::registered;
            } else {
                fates_[reply->connection] = alive2 ? fate::refused : fate::answered;
            }
        } else if (const auto* held = std::get_if<hold>(&one)) {
            fates_[held->connection] = fate::waiting;
        } else if (const auto* closing = std::get_if<close>(&one)) {
            fates_[closing->connection] = fate::closed;
        } else if (const auto* asking = std::get_if<place>(&one)) {
            questions_.push_back(asking->what);
        } else if (const auto* happened = std::get_if<event>(&one)) {
            events_.push_back(happened->what);
            told_refusals_ += happened->what == event::kind::refused && !happened->is_repeated ? 1 : 0;
        } else if (const auto* kept = std::get_if<keep>(&one)) {
            if (const auto* known = service_->registrations().find(kept->connection)) {
                put_registration(records_, *known);
            }
        } else if (const auto* gone = std::get_if<let_go>(&one)) {
            put_gone(records_, gone->connection);
            fates_[gone->connection] = fate::closed; // of one that was taken over nothing else is said
        } else if (std::holds_alternative<stop>(one)) {
            is_stop_asked_ = true;
        }
    }
    actions_.clear();
}

} // namespace epmd::test
