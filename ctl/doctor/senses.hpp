/// All that a run of the doctor may look at on this machine, and until when.
#pragma once

#include "dist/node_name.hpp"
#include "doctor/dial.hpp"
#include "doctor/vm.hpp"
#include "placement/kernel.hpp"
#include "placement/processes.hpp"
#include "registry/hosts.hpp"
#include "verb.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace epmd::ctl::doctor {

/// The whole run ends after so long, whatever the peers do; a command is waited for up to ten seconds.
inline constexpr std::chrono::milliseconds longest_run{9000};

/// A node as the loopmd of this machine lists it.
struct listed_node {
    std::string alive_name;
    std::string node_name;      ///< the whole name as far as it is known, else made of its host
    bool is_name_known = false; ///< by its command line, its environment or itself
    std::optional<host> where;
    std::string host_text; ///< "lowry (127.0.0.2)"; empty: it has none
    std::string state;     ///< "placed", "pending", "unplaced" or "parked"
    std::string placement; ///< what placed it, else its state
    std::string since;
    std::string trouble;
    std::uint16_t port = 0;
    std::int32_t pid = 0; ///< 0: not seen
};

/// The epmd of this machine, on one port.
struct local_epmd {
    bool is_there = false;
    bool is_loopmd = false;
    std::string trouble; ///< why it says nothing of itself, where it is one
    std::string called;  ///< "loopmd 0.1.0, pid 4711"
    hosts known;         ///< of the configuration file, where it is no loopmd
    std::vector<listed_node> nodes;
};

/// Says on standard error what is waited for, if that takes longer than a second.
class slow_remark {
  public:
    explicit slow_remark(std::string what);
    ~slow_remark();
    slow_remark(const slow_remark&) = delete;
    slow_remark& operator=(const slow_remark&) = delete;

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_over_ = false;
    std::thread thread_; // the last one: it uses the others
};

class senses {
  public:
    senses(const call&, time_point until);

    /// So long from now, but not after the end of the run.
    [[nodiscard]] time_point within(std::chrono::milliseconds) const;
    [[nodiscard]] bool is_time_up() const { return std::chrono::steady_clock::now() >= until_; }

    [[nodiscard]] std::uint16_t epmd_port() const { return how_.port; }

    /// The epmd that serves our port. Asked once.
    const local_epmd& epmd();

    /// A VM that would be started here.
    [[nodiscard]] const vm& own_vm() const { return own_vm_; }

    /// All VMs that may be seen. Looked for once.
    const std::vector<vm>& vms();

    /// The VM of a node, by what the daemon says or else by its command line.
    std::optional<vm> vm_called(const std::string& node_name);

    /// Whether our epmd lists a node of that name.
    bool is_listed(const std::string& node_name);

    /// VMs that were started without a name, and listen nowhere, as a node would that got its name later: "pid 4711,
    /// pid 4712". Empty: there is none.
    std::string nameless_vms();

    /// The VM that listens on a port at an address.
    std::optional<vm> vm_at(const address&, std::uint16_t port);

    /// The sockets that listen on a port of this machine.
    std::vector<socket_info> listeners(std::uint16_t port);

    /// "pid 4711 (nginx)", as far as it may be seen; else empty.
    std::string owner_text(const socket_info&);

    /// Whether a process has a socket open, as far as that may be seen.
    bool owns(const vm&, const socket_info&);

    /// A connection between two VMs by the distribution port of one of them: "127.0.0.2:40001 to 127.0.0.3:37101".
    /// Empty: there is none, or it may not be seen.
    std::string connection_between(const vm& dialling, const vm& accepting, std::uint16_t port);

    /// Whether an address is one of this machine.
    static bool is_here(const address&);

  private:
    local_epmd look_at_epmd();
    bool has_port(const vm&, std::uint16_t port);

    call how_;
    time_point until_;
    netlink_kernel sockets_;
    proc_processes processes_;
    vm own_vm_ = vm_that_we_would_start();
    std::optional<local_epmd> epmd_;
    std::optional<std::vector<vm>> vms_;
};

} // namespace epmd::ctl::doctor
