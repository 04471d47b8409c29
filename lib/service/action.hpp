/// What the service is told of a connection, and what it wants done.
#pragma once

#include "registry/registration.hpp"
#include "wire/messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace epmd {

/// Write a reply. Then close the connection, or keep it: it is a registration now.
struct send {
    enum class after { close, keep };

    connection_number connection = 0;
    wire::reply reply;
    after then = after::close;
};

/// Nothing to write yet; tell the service if the connection ends.
struct hold {
    connection_number connection = 0;
};

/// A registration is new, or what is known of it has changed: have it outlive this process, before anything that comes
/// after. It stands in the registry when the action is performed, or has ended already.
struct keep {
    connection_number connection = 0;
    bool is_new = false;
};

/// A registration has ended: let it go, and its connection with it, whoever else holds that.
struct let_go {
    connection_number connection = 0;
};

/// Close the connection without a word.
struct close {
    connection_number connection = 0;
};

/// Find out to which host a registration belongs, and come back with `service::found`.
struct place {
    question what;
};

/// End the daemon once the replies are written.
struct stop {};

enum class refusal {
    name_taken,       ///< by a living node on the same host
    name_not_allowed, ///< not UTF-8, too long, or with control characters
    extra_too_long,   ///< more than wire::max_extra_bytes
    too_many,         ///< there are policy::max_registrations
    too_many_of_user, ///< its user has policy::max_registrations_per_user
    too_many_of_name, ///< its name has policy::max_namesakes
};

/// What happened, for the log, the metrics and whoever watches.
struct event {
    enum class kind {
        registered,   ///< a node came; where it belongs is said by the next event
        placed,       ///< at a host
        unplaced,     ///< nothing names its host
        parked,       ///< `other` has its name at its host
        promoted,     ///< parked before, now in its place
        changed,      ///< it stays where it is, and more is known of it: its owner, its name, better evidence
        unregistered, ///< a node went
        came_back,    ///< a node that was adopted has registered itself, which is told of next
        refused,      ///< `other` has its name, or the name is not allowed
    };

    kind what = kind::registered;
    registration who;
    std::optional<registration> other;
    std::optional<refusal> why; ///< of a refusal
    bool is_repeated = false;   ///< of a refusal: the same node was refused before, and that was told
};

using action = std::variant<send, hold, close, place, keep, let_go, stop, event>;
using actions = std::vector<action>;

} // namespace epmd
