/// The daemon as a process: its terminal, its descriptors, its limits.
#pragma once

#include <boost/asio/io_context.hpp>

#include <array>
#include <csignal>
#include <cstddef>

namespace epmd {

/// Lets no descriptor from 0 to 2 be free, so that nothing of ours ever gets one: whoever starts a daemon may have
/// closed them. To be called before anything is opened. Throws std::system_error.
void occupy_standard_descriptors();

/// What the daemon hears: to end, to reload, to upgrade.
inline constexpr std::array handled_signals{SIGINT, SIGTERM, SIGHUP, SIGUSR2};

/// Whether the caller has that signal ignored, as shells do for what they start with & and as nohup(1) does.
bool is_ignored(int signal) noexcept;

/// Goes on in a child of its own session, in /, with descriptors 0 to 2 on /dev/null; the parent ends with status 0.
/// Before any thread. Throws std::system_error.
void leave_terminal(boost::asio::io_context&);

/// Closes all descriptors but 0 to 2: a daemon that a VM started must not hold the VM's pipes open.
void close_inherited_descriptors() noexcept;

/// Lets the handled signals wait for as long as it lives: whoever sees the port served may send one,
/// and it must not find the daemon before it is ready for them. Whose predecessor let them wait already is given them
/// then.
class signals_wait {
  public:
    explicit signals_wait(bool is_successor) noexcept;
    ~signals_wait();
    signals_wait(const signals_wait&) = delete;
    signals_wait& operator=(const signals_wait&) = delete;

  private:
    sigset_t before_{};
};

/// Raises the limit of open files to what this user may have, and returns it: a registered node costs a descriptor.
std::size_t raise_descriptor_limit() noexcept;

/// Descriptors that connections may not have: for listeners, event loop, log, /proc, netlink, the resolver, and nodes
/// that are being asked for their names. Chosen, not tuned; seen in use: 20, and one for each of node_asker's 16.
inline constexpr std::size_t reserved_descriptors = 48;

} // namespace epmd
