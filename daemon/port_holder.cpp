#include "port_holder.hpp"

#include "placement/kernel.hpp"
#include "placement/processes.hpp"

#include <array>

namespace epmd {
namespace {

std::string describe_holder(std::uint16_t port) {
    netlink_kernel sockets;
    const auto listeners = sockets.listening(std::array{port});
    if (listeners.empty()) {
        return "a socket that we cannot see";
    }
    const auto& socket = listeners.front();
    if (const auto owner = proc_processes().owner_of(socket.inode)) {
        return "pid " + std::to_string(owner->pid) + " (" + owner->program + ")";
    }
    return "a process of uid " + std::to_string(socket.uid);
}

} // namespace

std::string describe_port_taken(const listen_error& error) {
    const auto port = std::to_string(error.port());
    return "cannot listen on " + to_string(error.where()) + " port " + port + ": it is held by " +
           describe_holder(error.port()) + ". If that is another epmd, end it with `epmd -port " + port +
           " -kill`, or take another port with -port";
}

} // namespace epmd
