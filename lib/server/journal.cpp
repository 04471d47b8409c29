#include "server/journal.hpp"

#include "wire/limits.hpp"
#include "wire/quoted.hpp"

#include <string>
#include <string_view>

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

} // namespace

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
        if (happened.why == refusal::name_not_allowed) {
            log.warn("refused {}: a name is 1 to 255 characters of UTF-8 without control characters", node_text(who));
        } else if (happened.why == refusal::extra_too_long) {
            log.warn("refused {}: its extra field has {} bytes, and {} is the most", node_text(who),
                     who.self.extra.size(), wire::max_extra_bytes);
        } else {
            // Who knocks again and again is told of once.
            const bool is_unplaced = happened.other && happened.other->state == placement_state::unplaced;
            log.log(happened.is_repeated ? spdlog::level::debug : spdlog::level::warn,
                    "refused {}: at {} the name belongs to {}{}", node_text(who), host_text(who.where, known), other(),
                    is_unplaced ? ", which is unplaced, and so is taken to be this machine's" : "");
        }
        break;
    }
}

} // namespace epmd
