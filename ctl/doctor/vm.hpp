/// An Erlang VM of this machine, as it is seen from outside: by /proc.
#pragma once

#include "dist/cookie.hpp"
#include "registry/address.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd::ctl::doctor {

/// Whether a VM calls nodes by short names (no dot in the host) or by long ones.
enum class naming { short_names, long_names, unknown };

/// A file that a VM reads, and what names it.
struct named_file {
    std::filesystem::path path; ///< as the VM has it
    std::string source;         ///< "ERL_INETRC"
};

struct vm {
    std::int32_t pid = 0; ///< 0: it does not run, or is not seen
    std::uint32_t uid = 0;
    std::string node_name;          ///< by its flags; may be without a host
    naming names = naming::unknown; ///< by -sname and -name; unknown: it has neither, and may be named at run time
    int otp_release = 0;            ///< by the version of its emulator; 0: not known
    bool has_visible_environment = false;
    std::optional<std::uint16_t> epmd_port;  ///< that it was given by -epmd_port or ERL_EPMD_PORT
    std::optional<std::uint16_t> fixed_port; ///< by -erl_epmd_port: it asks no epmd
    std::string epmd_module;                 ///< by -epmd_module: what it asks instead of an epmd
    bool listens = true;                     ///< no -dist_listen false
    bool starts_epmd = true;                 ///< no -start_epmd false
    std::string carrier;                     ///< by -proto_dist; empty: inet_tcp
    std::optional<address> dials_from;       ///< by inet_dist_connect_options
    std::optional<named_file> inetrc;
    std::string home;                  ///< where its cookie file is; empty: not known
    std::string config_home;           ///< by XDG_CONFIG_HOME
    std::optional<bool> connects_by_itself; ///< by dist_auto_connect; empty: nothing is said, and it does
    std::string unread_config;         ///< a -config file that we cannot read, or do not understand
    bool has_own_hosts_file = false;   ///< its /etc/hosts is another file than ours, as in a container
    bool is_in_our_network = true;     ///< it is not known to live in another network namespace

    [[nodiscard]] bool is_over_tls() const { return carrier.find("tls") != std::string::npos; }
    [[nodiscard]] bool is_over_ipv6() const { return carrier.starts_with("inet6"); }

    /// What -setcookie says; nothing: the cookie file counts. Kept apart from the rest, so that it is looked at where
    /// it is needed only. `for_node`: the node that it is for alone; empty: all.
    [[nodiscard]] std::optional<dist::cookie> cookie_by_flag(std::string_view for_node) const;

    std::filesystem::path proc; ///< its folder in /proc; of one that would be started by us, our own
    std::string
        flags_of_variables{}; ///< of such a one: what ERL_AFLAGS, ERL_FLAGS and ERL_ZFLAGS say, as a command line
};

/// Reads a VM's command line, its environment and its configuration. Empty: it is gone, or no VM.
std::optional<vm> see_vm(std::int32_t pid, const std::filesystem::path& root = "/proc");

/// One that would be started here, as far as our own environment says.
vm vm_that_we_would_start();

/// All VMs that may be seen, newest first.
std::vector<vm> see_all_vms(const std::filesystem::path& root = "/proc");

/// The path by which we open a file that a VM names: through its own root and working directory, where we may.
std::filesystem::path path_within(const vm&, const std::filesystem::path&);

/// "pid 4711"
std::string pid_text(const vm&);

/// What a process that does not answer does.
enum class activity {
    stopped, ///< by a signal, or by a debugger
    busy,    ///< it used more than a fifth of a core while it was watched
    idle,    ///< it did not: it waits for something, and has hung if it should answer
    gone,
};

/// Watches a process for so long.
activity watch(const vm&, std::chrono::milliseconds);

} // namespace epmd::ctl::doctor
