/// What /proc knows of processes. Slow: milliseconds on a busy machine; never on the thread that serves sockets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace epmd {

/// Whether a process is called by the same hostname as we are: a UTS namespace may have another.
enum class hostname_of_process { ours, another, unknown };

/// A process that may own a node. Its command line stays where it was read: it may hold a cookie.
struct process {
    std::int32_t pid = 0;
    std::uint32_t uid = 0;
    std::string program;                  ///< the kernel's short name, as `beam.smp`
    std::optional<std::string> node_name; ///< by its command line, else by a variable; of Erlang VMs only
    bool has_plain_distribution = true;   ///< by its command line: no TLS, nor any other carrier
    hostname_of_process hostname = hostname_of_process::unknown; ///< of Erlang VMs only

    bool operator==(const process&) const = default;
};

/// What placement wants to know of processes. A fake one serves the tests.
class processes {
  public:
    virtual ~processes() = default;

    /// The process that has a socket open, by the socket's inode. Empty: none whose descriptors we may read.
    virtual std::optional<process> owner_of(std::uint64_t inode) = 0;

    /// The Erlang VMs of a user.
    virtual std::vector<process> erlang_vms(std::uint32_t uid) = 0;

    /// Whether a process has a socket open, as far as we may know.
    virtual bool owns(std::int32_t pid, std::uint64_t inode) = 0;

  protected:
    processes() = default;
    processes(const processes&) = default;
    processes& operator=(const processes&) = default;
};

/// The Erlang VMs of all users, newest first. `root`: where proc(5) is mounted.
std::vector<std::int32_t> erlang_vm_pids(const std::filesystem::path& root = "/proc");

/// The real one. Processes come and go while it looks, and are then as if they were not there.
class proc_processes final : public processes {
  public:
    /// `root`: where proc(5) is mounted.
    explicit proc_processes(std::filesystem::path root = "/proc") : root_(std::move(root)) {}

    std::optional<process> owner_of(std::uint64_t inode) override;
    std::vector<process> erlang_vms(std::uint32_t uid) override;
    bool owns(std::int32_t pid, std::uint64_t inode) override;

  private:
    struct place {
        std::int32_t pid = 0;
        int descriptor = -1;
    };

    std::filesystem::path root_;
    /// Where the sockets were that the last search passed: where to look first, no more.
    std::unordered_map<std::uint64_t, place> passed_;
};

} // namespace epmd
