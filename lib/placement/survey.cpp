#include "placement/survey.hpp"

#include "dist/node_name.hpp"

#include <algorithm>

namespace epmd {
namespace {

/// The process at the other end of the connection. Where descriptors cannot be read: the one VM of the socket's user
/// that was started under the name and does not own a registration of it already, if there is just one.
std::optional<process> find_owner(const question& about, const socket_info& socket, processes& all) {
    if (auto owner = all.owner_of(socket.inode)) {
        return owner;
    }
    auto candidates = all.erlang_vms(socket.uid);
    std::erase_if(candidates, [&](const process& one) {
        const auto& taken = about.owners_of_namesakes;
        return !one.node_name || split_node_name(*one.node_name).alive_name != about.alive_name ||
               std::find(taken.begin(), taken.end(), one.pid) != taken.end();
    });
    if (candidates.size() != 1) {
        return std::nullopt;
    }
    return std::move(candidates.front());
}

/// The host to which the listener on the distribution port is bound. Several may share the port on different
/// addresses: the owner's counts, or, where the owner is not known, what all of them say.
std::optional<host> host_of_listener(const question& about, const hosts& known, const finding& so_far, kernel& sockets,
                                     processes& all) {
    if (about.port == 0) {
        return std::nullopt;
    }
    auto listeners = sockets.listening(about.port);
    std::erase_if(listeners, [&](const socket_info& one) { return so_far.who.uid && one.uid != *so_far.who.uid; });
    if (listeners.size() > 1 && so_far.who.pid != 0) {
        auto own = listeners;
        std::erase_if(own, [&](const socket_info& one) { return !all.owns(so_far.who.pid, one.inode); });
        if (!own.empty()) {
            listeners = std::move(own);
        }
    }
    std::optional<host> result;
    for (const auto& one : listeners) {
        const auto where = one.local.is_wildcard() ? the_machine : known.at(one.local);
        if (result && *result != where) {
            return std::nullopt;
        }
        result = where;
    }
    // Where a VM binds to everything, or to the machine's own address, it says nothing.
    return result && !result->is_machine() ? result : std::nullopt;
}

} // namespace

finding survey(const question& about, const hosts& known, kernel& sockets, processes& all) {
    finding result;
    const auto& from = about.from;
    const auto socket = sockets.connected(from.peer, from.peer_port, from.local, from.local_port);
    std::optional<process> owner;
    if (socket) {
        result.who.uid = socket->uid;
        owner = find_owner(about, *socket, all);
    }
    if (owner) {
        result.who.pid = owner->pid;
        result.who.program = owner->program;
    }
    if (const auto where = host_of_listener(about, known, result, sockets, all)) {
        result.where = where;
        result.how = evidence::listener;
    }
    if (owner && owner->node_name) {
        const auto name = split_node_name(*owner->node_name);
        if (name.alive_name == about.alive_name) {
            result.node_name = *owner->node_name;
            if (!result.where) {
                result.how = evidence::process;
                result.host_name = name.host_part;
                result.where = name.host_part.empty() ? std::optional(the_machine) : std::nullopt;
            }
        }
    }
    return result;
}

} // namespace epmd
