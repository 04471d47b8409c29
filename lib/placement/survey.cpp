#include "placement/survey.hpp"

#include "dist/node_name.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace epmd {
namespace {

/// The node type with which VMs register. C nodes say 104 and Java nodes 110, and their accept loops do not survive a
/// handshake that ends early.
constexpr std::uint8_t type_of_vms = 77;

/// The VMs of users, looked for once for a whole batch.
class vms_of_users {
  public:
    explicit vms_of_users(processes& all) : all_(all) {}

    const std::vector<process>& of(std::uint32_t uid) {
        const auto known = known_.find(uid);
        return known != known_.end() ? known->second : known_.emplace(uid, all_.erlang_vms(uid)).first->second;
    }

  private:
    processes& all_;
    std::map<std::uint32_t, std::vector<process>> known_;
};

/// A survey in progress: what is known is narrowed down step by step.
class surveyor {
  public:
    /// `listeners`: on the port, and maybe on others.
    surveyor(const question& about, const hosts& known, const std::vector<socket_info>& listeners, kernel& sockets,
             processes& all, vms_of_users& vms)
        : about_(about), known_(known), all_listeners_(listeners), sockets_(sockets), all_(all), vms_(vms) {}

    finding look() {
        about_.is_adopted ? find_owner_by_port() : find_owner_by_connection();
        if (owner_) {
            result_.who.pid = owner_->pid;
            result_.who.program = owner_->program;
        }
        find_listeners();
        if (is_as_before()) {
            return std::move(result_);
        }
        place_by_listener();
        place_by_process();
        see_whether_to_ask();
        return std::move(result_);
    }

  private:
    /// The process at the other end of the connection. Where descriptors cannot be read: the one VM of the socket's
    /// user that was started under the name and does not own a registration of it already, if there is just one. If the
    /// user has VMs without a name as well, it may be one of those.
    void find_owner(const socket_info& socket) {
        owner_ = all_.owner_of(socket.inode);
        if (owner_) {
            return;
        }
        candidates_ = vms_.of(socket.uid);
        std::erase_if(candidates_, [&](const process& one) {
            const auto is_its = [&](const namesake& other) { return other.pid == one.pid; };
            const bool has_another_name =
                one.node_name && split_node_name(*one.node_name).alive_name != about_.alive_name;
            return has_another_name || std::any_of(about_.namesakes.begin(), about_.namesakes.end(), is_its);
        });
        const auto is_named = [](const process& one) { return one.node_name.has_value(); };
        if (std::count_if(candidates_.begin(), candidates_.end(), is_named) == 1) {
            owner_ = *std::find_if(candidates_.begin(), candidates_.end(), is_named);
            is_owner_in_doubt_ = candidates_.size() > 1;
        }
    }

    void find_owner_by_connection() {
        const auto& from = about_.from;
        result_.is_over_ipv6 = !from.local.is_v4();
        if (const auto socket = sockets_.connected(from.peer, from.peer_port, from.local, from.local_port)) {
            result_.who.uid = socket->uid;
            find_owner(*socket);
        }
    }

    /// Who has the node's port, where there is no connection. Nobody, if several processes have it: it may be either.
    void find_owner_by_port() {
        const auto has_port = [&](const socket_info& one) { return one.local_port == about_.port; };
        const auto first = std::find_if(all_listeners_.begin(), all_listeners_.end(), has_port);
        if (first == all_listeners_.end() || std::count_if(first, all_listeners_.end(), has_port) > 1) {
            return;
        }
        result_.is_over_ipv6 = !first->local.is_v4();
        result_.who.uid = first->uid;
        find_owner(*first);
    }

    /// The sockets that may be the node's. Several processes may share the port on different addresses: the owner's
    /// count, or, where its descriptors cannot be read, all of its user's but those of living namesakes.
    void find_listeners() {
        if (about_.port == 0) {
            return;
        }
        std::copy_if(all_listeners_.begin(), all_listeners_.end(), std::back_inserter(listeners_),
                     [&](const socket_info& one) {
                         const bool is_others = result_.who.uid && one.uid != *result_.who.uid;
                         return one.local_port == about_.port && !is_others;
                     });
        if (listeners_.size() > 1) {
            auto own = listeners_;
            std::erase_if(own, [&](const socket_info& one) { return !owner_ || !all_.owns(owner_->pid, one.inode); });
            if (own.empty()) {
                std::erase_if(listeners_, [&](const socket_info& one) {
                    const auto is_its = [&](const namesake& other) { return other.listener_inode == one.inode; };
                    return std::any_of(about_.namesakes.begin(), about_.namesakes.end(), is_its);
                });
            } else {
                listeners_ = std::move(own);
            }
        }
        if (listeners_.size() == 1 && result_.who.uid) {
            result_.listener_inode = listeners_.front().inode;
        }
    }

    /// A node that registers anew, because its connection was lost, has the listener that it had.
    bool is_as_before() {
        const auto same = std::find_if(about_.former.begin(), about_.former.end(), [&](const finding& one) {
            return one.where && !one.is_guess && result_.listener_inode != 0 &&
                   one.listener_inode == result_.listener_inode;
        });
        if (same == about_.former.end()) {
            return false;
        }
        auto who = std::move(result_.who);
        result_ = *same;
        result_.where = known_.at(same->where->first_address());
        if (owner_ && !is_owner_in_doubt_) {
            result_.who = std::move(who);
        }
        return true;
    }

    /// Where a VM binds to everything, or to the machine's own address, it says nothing.
    void place_by_listener() {
        std::optional<host> where;
        for (const auto& one : listeners_) {
            const auto at = one.local.is_wildcard() ? the_machine : known_.at(one.local);
            if (where && *where != at) {
                return;
            }
            where = at;
        }
        if (where && !where->is_machine()) {
            result_.where = where;
            result_.how = evidence::listener;
        }
    }

    /// The name with which the process was started. Without a host part it means the machine, unless the process lives
    /// under another hostname.
    void place_by_process() {
        if (!owner_ || !owner_->node_name) {
            return;
        }
        const auto name = split_node_name(*owner_->node_name);
        if (name.alive_name != about_.alive_name) {
            return;
        }
        result_.node_name = *owner_->node_name;
        if (result_.where) {
            return;
        }
        result_.how = evidence::process;
        result_.host_name = name.host_part;
        result_.is_guess = is_owner_in_doubt_;
        if (name.host_part.empty()) {
            const bool is_ours = owner_->hostname == hostname_of_process::ours;
            result_.is_guess = result_.is_guess || !is_ours;
            if (owner_->hostname != hostname_of_process::another) {
                result_.where = the_machine;
            }
        }
    }

    /// Only where nothing else says anything for sure, and only a VM that is sure not to take it amiss.
    void see_whether_to_ask() {
        const bool is_known = result_.where || !result_.host_name.empty();
        if ((is_known && !result_.is_guess) || about_.node_type != type_of_vms || !result_.who.uid) {
            return;
        }
        if (!is_known && listeners_.empty()) {
            result_.trouble = "nothing of its user listens on its port";
        }
        const auto is_plain = [](const process& one) { return one.has_plain_distribution; };
        const bool is_safe = owner_ && !is_owner_in_doubt_
                                 ? is_plain(*owner_)
                                 : std::all_of(candidates_.begin(), candidates_.end(), is_plain);
        if (!is_safe || listeners_.size() != 1) {
            return;
        }
        const auto& bound_to = listeners_.front().local;
        if (!bound_to.is_wildcard()) {
            result_.ask_at = bound_to;
        } else {
            result_.ask_at = bound_to.is_v4() ? loopback_v4 : loopback_v6;
        }
    }

    const question& about_;
    const hosts& known_;
    const std::vector<socket_info>& all_listeners_;
    kernel& sockets_;
    processes& all_;
    vms_of_users& vms_;

    finding result_;
    std::optional<process> owner_;
    bool is_owner_in_doubt_ = false;
    std::vector<process> candidates_; // VMs that may own the connection, where that cannot be seen
    std::vector<socket_info> listeners_;
};

} // namespace

std::vector<finding> survey(std::span<const question> about, const hosts& known, kernel& sockets, processes& all,
                            const std::atomic<bool>& is_over) {
    std::vector<std::uint16_t> ports;
    for (const auto& one : about) {
        if (one.port != 0) {
            ports.push_back(one.port);
        }
    }
    const auto listeners = sockets.listening(ports);
    vms_of_users vms(all);
    std::vector<finding> result;
    for (const auto& one : about) {
        result.push_back(is_over ? finding() : surveyor(one, known, listeners, sockets, all, vms).look());
    }
    return result;
}

} // namespace epmd
