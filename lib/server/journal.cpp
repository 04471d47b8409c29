#include "server/journal.hpp"

#include "wire/limits.hpp"
#include "wire/quoted.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace epmd {
namespace {

/// `idfe` at its host: by name where the host has one, always by address.
std::string host_text(host where, const hosts& known) {
    if (where.is_machine()) {
        return "this machine";
    }
    const auto name = known.name_of(where);
    const auto address = to_string(where.first_address());
    return name.empty() ? address : fmt::format("{} ({})", name, address);
}

std::string owner_text(const owner& who) {
    if (who.pid != 0) {
        return fmt::format("pid {} ({})", who.pid, wire::quoted(who.program));
    }
    return who.uid ? fmt::format("a process of uid {}", *who.uid) : "a process that we cannot see";
}

std::string node_text(const registration& who) {
    const auto& name = who.found.node_name;
    return fmt::format("{} on port {}, {}{}", wire::quoted(name.empty() ? who.self.alive_name : name), who.self.port,
                       owner_text(who.found.who), who.is_adopted ? ", adopted," : "");
}

/// Why nothing names the host of a node, and what to do about it where a name was given.
std::string trouble_text(const finding& found) {
    if (found.host_name.empty()) {
        return "nothing says to which host it belongs" +
               (found.trouble.empty() ? std::string() : fmt::format(" ({})", found.trouble));
    }
    return fmt::format("its host {} {}; give it an address of this machine, by a line '127.0.0.2 NAME' in /etc/hosts "
                       "or by --host NAME=127.0.0.2",
                       wire::quoted(found.host_name), found.trouble);
}

/// Why a node was refused, and what can be done where it is not the node's own fault.
std::string refusal_text(const hosts& known, const event& refused) {
    const auto& who = refused.who;
    switch (refused.why.value_or(refusal::name_taken)) {
    case refusal::name_taken:
        break;
    case refusal::name_not_allowed:
        return "a name is 1 to 255 characters of UTF-8 without control characters";
    case refusal::extra_too_long:
        return fmt::format("its extra field has {} bytes, and {} is the most", who.self.extra.size(),
                           wire::max_extra_bytes);
    case refusal::too_many:
        return "as many nodes are registered as may be; raise max_registrations, or the limit of open files (ulimit "
               "-n, or LimitNOFILE= of the service), or stop some";
    case refusal::too_many_of_name:
        return "as many nodes have its name, or wait for it, as may; call it something else";
    case refusal::too_many_of_user:
        return "its user has as many nodes as one may have; raise max_registrations_per_user, or stop some";
    }
    const bool is_unplaced = refused.other && refused.other->state == placement_state::unplaced;
    return fmt::format("at {} the name belongs to {}{}", host_text(who.where, known),
                       refused.other ? node_text(*refused.other) : std::string("another node"),
                       is_unplaced ? ", which is unplaced, and so is taken to be this machine's" : "");
}

void write_line(spdlog::logger& log, const hosts& known, const event& happened) {
    const auto& who = happened.who;
    const auto other = [&] { return happened.other ? node_text(*happened.other) : std::string("another node"); };
    switch (happened.what) {
    case event::kind::registered:
        log.debug("registered {}, creation {}", node_text(who), who.creation);
        break;
    case event::kind::placed:
        log.info("{} is at {}, by {}", node_text(who), host_text(who.where, known), to_string(who.found.how));
        break;
    case event::kind::unplaced:
        // A name that leads nowhere is somebody's mistake; no name at all is what a C node is like.
        log.log(who.found.host_name.empty() ? spdlog::level::info : spdlog::level::warn,
                "{} is unplaced, so visible at every host: {}", node_text(who), trouble_text(who.found));
        break;
    case event::kind::parked:
        log.warn("{} is parked: at {} its name belongs to {}. It is invisible until that one goes; stop one of the two",
                 node_text(who), host_text(who.where, known), other());
        break;
    case event::kind::promoted:
        log.info("{} is at {}, where it was parked", node_text(who), host_text(who.where, known));
        break;
    case event::kind::changed:
        log.debug("{} is at {}, by {}", node_text(who), host_text(who.where, known), to_string(who.found.how));
        break;
    case event::kind::unregistered:
        log.info("{} has gone", node_text(who));
        break;
    case event::kind::came_back:
        log.info("{} has registered itself", node_text(who));
        break;
    case event::kind::refused:
        // Who knocks again and again is told of once.
        log.log(happened.is_repeated ? spdlog::level::debug : spdlog::level::warn, "refused {}: {}", node_text(who),
                refusal_text(known, happened));
        break;
    }
}

} // namespace

bool line_budget::spend(time_point now) {
    if (const auto passed = std::chrono::floor<std::chrono::seconds>(now - filled_).count(); passed > 0) {
        left_ = std::min(burst, left_ + std::min(burst, static_cast<std::uint64_t>(passed)) * per_second);
        filled_ = now;
    }
    if (left_ == 0) {
        ++left_out_;
        return false;
    }
    --left_;
    return true;
}

std::uint64_t line_budget::take_left_out() noexcept {
    return std::exchange(left_out_, 0);
}

/// Only lines that are written without being asked for are counted: who wants each request has said so.
void journal::write(spdlog::logger& log, const hosts& known, const event& happened, time_point now) {
    constexpr std::chrono::seconds between_summaries{10};
    const bool is_for_debugging =
        happened.what == event::kind::registered || happened.what == event::kind::changed || happened.is_repeated;
    if (!is_for_debugging && !budget_.spend(now)) {
        return;
    }
    if (!is_for_debugging && budget_.has_left_out() && said_ + between_summaries <= now) {
        said_ = now;
        log.warn("{} lines about nodes were left out: more than {} a second come and go, or are refused",
                 budget_.take_left_out(), line_budget::per_second);
    }
    write_line(log, known, happened);
}

} // namespace epmd
