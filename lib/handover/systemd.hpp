/// What a service and its service manager say to each other: sd_listen_fds(3) and sd_notify(3), both documented as
/// stable protocols. Against libsystemd they cost these lines and save half of the start-up (docs/decisions.md).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace epmd {

struct passed_descriptor {
    int descriptor = -1;
    std::string name; ///< of the socket unit, or that with which it was stored; empty: none was given

    bool operator==(const passed_descriptor&) const = default;
};

/// The descriptors that were passed to this very process, by systemd and by who executed it, in their order;
/// what came twice is closed and left out. They are marked close-on-exec, and the variables that told of them are gone:
/// to be called once, before any thread.
std::vector<passed_descriptor> take_passed_descriptors();

/// Passes descriptors, whatever their numbers, to what process `pid` executes: an environment variable. (systemd's own
/// would want them in a row from 3 on, where they are not, and an exec that fails must leave all as it was.) Names have
/// neither colons nor spaces.
std::string variable_for_passing(int pid, std::span<const passed_descriptor>);

/// What such a variable's value says to process `pid`: nothing, if it is for another. Total; -1: there was no number.
std::vector<passed_descriptor> passed_in(std::string_view value, int pid);

/// Whether this process was executed by a daemon whose place it takes: then descriptors were passed so.
bool is_successor();

/// The way to the service manager. Nothing here waits: what it has no room for fails with
/// resource_unavailable_try_again.
class service_manager {
  public:
    /// The one that NOTIFY_SOCKET in the environment names; null where that is not set. Throws std::system_error.
    static std::unique_ptr<service_manager> find();

    /// `path`: of its socket; with @ in front in the abstract name space. Throws std::system_error.
    explicit service_manager(std::string_view path);
    service_manager(service_manager&&) = delete;
    service_manager& operator=(service_manager&&) = delete;
    service_manager(const service_manager&) = delete;
    service_manager& operator=(const service_manager&) = delete;
    ~service_manager();

    /// Tells it the state of the service, as "READY=1".
    std::error_code tell(std::string_view state, std::span<const int> descriptors = {}) noexcept;

    /// Has it keep descriptors under a name, for the next process of the service (file descriptor store,
    /// systemd.service(5)). It does not look whether they have ended (FDPOLL=0: systemd 246 and later).
    std::error_code store(std::string_view name, std::span<const int> descriptors);
    /// Has it close all that it keeps under a name.
    std::error_code remove(std::string_view name);

  private:
    int descriptor_ = -1;
};

/// How often the service manager wants to hear "WATCHDOG=1" at least, else it ends this process: WATCHDOG_USEC. Empty:
/// it does not want to.
std::optional<std::chrono::microseconds> watchdog_interval();

} // namespace epmd
