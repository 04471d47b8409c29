#include "doctor/senses.hpp"

#include "daemon.hpp"
#include "node_text.hpp"
#include "output.hpp"
#include "placement/resolver.hpp"
#include "settings/settings.hpp"

#include <algorithm>

#include <unistd.h>

namespace epmd::ctl::doctor {
namespace {

namespace json = boost::json;

/// For the pages of a daemon on this machine, all of them. Chosen, not tuned.
constexpr std::chrono::milliseconds longest_page{1500};

/// Of 40,000 nodes: with more we go without the list, rather than read for longer than there is time.
constexpr std::uint64_t longest_page_bytes = std::uint64_t{16} << 20U;

listed_node node_of(const json::value& row, const hosts& known) {
    listed_node result;
    result.alive_name = text_of(row, "alive_name");
    result.node_name = name_of(row);
    result.is_name_known = split_node_name(text_of(row, "node_name")).host_part != "";
    result.where = whereabouts(row, known);
    result.host_text = result.where ? describe(*result.where, known) : "";
    result.state = text_of(row, "state");
    result.placement = placement_of(row);
    result.since = shown_time(text_of(row, "since"));
    result.trouble = text_of(row, "trouble");
    result.port = row.at("port").to_number<std::uint16_t>();
    const auto& pid = row.at("owner").at("pid");
    result.pid = pid.is_null() ? 0 : pid.to_number<std::int32_t>();
    return result;
}

bool may_see_descriptors(const vm& of) {
    return ::access((of.proc / "fd").c_str(), R_OK) == 0;
}

/// Whether a VM that gave no host, or gave it one, has that node name; without a host it has the machine's.
bool is_called(const vm& one, const std::string& node_name) {
    if (one.node_name == node_name) {
        return true;
    }
    const auto wanted = split_node_name(node_name);
    const auto given = split_node_name(one.node_name);
    if (!given.host_part.empty() || given.alive_name != wanted.alive_name) {
        return false;
    }
    std::string hostname(256, '\0');
    ::gethostname(hostname.data(), hostname.size() - 1);
    hostname.resize(std::min(hostname.find('\0'), hostname.size()));
    return wanted.host_part == hostname || wanted.host_part == first_label(hostname);
}

} // namespace

slow_remark::slow_remark(std::string what)
    : thread_([this, what = std::move(what)] {
          std::unique_lock lock(mutex_);
          if (!changed_.wait_for(lock, usual_answer_time, [&] { return is_over_; })) {
              remark("waits for " + what);
          }
      }) {}

slow_remark::~slow_remark() {
    {
        const std::lock_guard lock(mutex_);
        is_over_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

senses::senses(const call& how, time_point until) : how_(how), until_(until) {}

time_point senses::within(std::chrono::milliseconds time) const {
    return std::min(until_, std::chrono::steady_clock::now() + time);
}

const local_epmd& senses::epmd() {
    if (!epmd_) {
        epmd_ = look_at_epmd();
    }
    return *epmd_;
}

local_epmd senses::look_at_epmd() {
    const slow_remark slow("the epmd on port " + std::to_string(how_.port));
    local_epmd result;
    const auto last = within(longest_page);
    const auto read = [&](const char* target) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(last - std::chrono::steady_clock::now());
        return page(
            how_, target,
            {.longest = std::max(left, std::chrono::milliseconds(1)), .on_slow = {}, .most_bytes = longest_page_bytes});
    };
    try {
        const auto status = read("/status");
        result.is_there = true;
        result.called = "loopmd " + shown(text_of(status, "version")) + ", pid " +
                        std::to_string(status.at("pid").to_number<std::int64_t>());
        result.known = hosts_of(read("/hosts"));
        const auto nodes = read("/nodes");
        for (const auto& row : nodes.at("nodes").as_array()) {
            result.nodes.push_back(node_of(row, result.known));
        }
        result.is_loopmd = true;
    } catch (const no_epmd&) {
        result.known = configured_hosts_or_none();
    } catch (const no_loopmd&) {
        result.is_there = true;
        result.known = configured_hosts_or_none();
    } catch (const std::exception& error) { // it does not answer in time, or not as it should
        result.is_there = true;
        result.trouble = error.what();
        result.known = configured_hosts_or_none();
    }
    return result;
}

const std::vector<vm>& senses::vms() {
    if (!vms_) {
        vms_ = see_all_vms();
    }
    return *vms_;
}

std::optional<vm> senses::vm_called(const std::string& node_name) {
    if (node_name.empty()) {
        return std::nullopt;
    }
    const auto& nodes = epmd().nodes;
    const auto listed = std::find_if(nodes.begin(), nodes.end(), [&](const listed_node& one) {
        return one.node_name == node_name && one.state != "parked" && one.pid != 0;
    });
    if (listed != nodes.end()) {
        auto process = see_vm(listed->pid);
        // The daemon may see other processes than we do, or may have seen it long ago.
        return process && has_port(*process, listed->port) ? process : std::nullopt;
    }
    const auto find = [&](bool is_here) {
        return std::find_if(vms().begin(), vms().end(), [&](const vm& one) {
            return is_called(one, node_name) && one.is_in_our_network == is_here;
        });
    };
    const auto near = find(true);
    const auto named = near != vms().end() ? near : find(false);
    return named == vms().end() ? std::nullopt : std::optional(*named);
}

bool senses::owns(const vm& process, const socket_info& socket) {
    return processes_.owns(process.pid, socket.inode) || (socket.uid == process.uid && !may_see_descriptors(process));
}

bool senses::has_port(const vm& process, std::uint16_t port) {
    const auto all = listeners(port);
    return std::any_of(all.begin(), all.end(), [&](const socket_info& one) { return owns(process, one); });
}

bool senses::is_listed(const std::string& node_name) {
    const auto& nodes = epmd().nodes;
    return std::any_of(nodes.begin(), nodes.end(),
                       [&](const listed_node& one) { return one.node_name == node_name && one.state != "parked"; });
}

std::string senses::nameless_vms() {
    const auto& nodes = epmd().nodes;
    const auto listening = sockets_.all_listening();
    std::string result;
    for (const auto& one : vms()) {
        const auto is_its = [&](const listed_node& node) { return node.pid == one.pid; };
        const auto has_it = [&](const socket_info& socket) { return processes_.owns(one.pid, socket.inode); };
        if (one.node_name.empty() && one.names == naming::unknown && one.is_in_our_network &&
            std::none_of(nodes.begin(), nodes.end(), is_its) &&
            std::none_of(listening.begin(), listening.end(), has_it)) {
            result += (result.empty() ? "pid " : ", pid ") + std::to_string(one.pid);
        }
    }
    return result;
}

std::vector<socket_info> senses::listeners(std::uint16_t port) {
    return sockets_.listening({&port, 1});
}

std::optional<vm> senses::vm_at(const address& where, std::uint16_t port) {
    if (!is_here(where)) {
        return std::nullopt;
    }
    for (const auto& one : listeners(port)) {
        if (one.local == where || one.local.is_wildcard()) {
            const auto owner = processes_.owner_of(one.inode);
            return owner ? see_vm(owner->pid) : std::nullopt;
        }
    }
    return std::nullopt;
}

std::string senses::owner_text(const socket_info& socket) {
    const auto owner = processes_.owner_of(socket.inode);
    return owner ? "pid " + std::to_string(owner->pid) + " (" + shown(owner->program) + ")" : "";
}

std::string senses::connection_between(const vm& dialling, const vm& accepting, std::uint16_t port) {
    for (const auto& one : sockets_.established(port)) {
        const auto other = sockets_.connected(one.remote, one.remote_port, one.local, one.local_port);
        if (other && processes_.owns(dialling.pid, other->inode) && processes_.owns(accepting.pid, one.inode)) {
            return to_string(one.remote) + ":" + std::to_string(one.remote_port) + " to " + to_string(one.local) + ":" +
                   std::to_string(one.local_port);
        }
    }
    return {};
}

bool senses::is_here(const address& where) {
    return where.is_loopback() || is_address_of_a_device(where);
}

} // namespace epmd::ctl::doctor
