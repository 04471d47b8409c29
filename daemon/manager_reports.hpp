/// What the service manager is told while the daemon runs: that it serves, what it has, that it is alive.
#pragma once

#include "handover/systemd.hpp"
#include "net/asio.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace epmd {

/// Says nothing where there is no service manager.
class manager_reports {
  public:
    /// `manager` may be null. `status`: one line about what the daemon has.
    manager_reports(asio::io_context&, service_manager*, std::function<std::string()> status);

    /// The daemon serves. From now on the watchdog is fed by the thread that serves, for as long as it does.
    void ready();
    /// What `status` says may have changed. It is told within a second, however often it changes.
    void changed();
    /// Settings are being read again; `ready` ends that.
    void reloading();
    /// The daemon ends by its own will.
    void stopping();

  private:
    void tell(const std::string& state);
    void tell_surely(const std::string& state);
    void tell_status_later();
    void feed_watchdog();
    [[nodiscard]] std::string status_line() const;

    service_manager* manager_; // null: there is none
    std::function<std::string()> status_;
    timer status_timer_;
    bool is_status_due_ = false;
    std::string untold_; // what must be heard, and could not be told yet; the last counts
    std::optional<std::chrono::microseconds> watchdog_;
    timer watchdog_timer_;
    bool is_fed_ = false;
};

} // namespace epmd
