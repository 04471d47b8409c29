#include "manager_reports.hpp"

#include <utility>

#include <unistd.h>

namespace epmd {
namespace {

/// How often the status is told at most. Chosen, not tuned.
constexpr std::chrono::seconds status_interval{1};

} // namespace

manager_reports::manager_reports(asio::io_context& io, service_manager* manager, std::function<std::string()> status)
    : manager_(manager), status_(std::move(status)), status_timer_(io), watchdog_(watchdog_interval()),
      watchdog_timer_(io) {}

void manager_reports::ready() {
    tell_surely("READY=1\nMAINPID=" + std::to_string(::getpid()) + "\n" + status_line());
    if (watchdog_ && manager_ != nullptr && !std::exchange(is_fed_, true)) {
        feed_watchdog();
    }
}

void manager_reports::changed() {
    if (manager_ != nullptr && !is_status_due_) {
        tell_status_later();
    }
}

void manager_reports::tell_status_later() {
    is_status_due_ = true;
    status_timer_.expires_after(status_interval);
    status_timer_.async_wait([this](boost::system::error_code error) {
        is_status_due_ = false;
        if (error) {
            return;
        }
        if (untold_.empty()) {
            tell(status_line());
        } else {
            tell_surely(std::exchange(untold_, {}));
        }
    });
}

void manager_reports::reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch(); // CLOCK_MONOTONIC, as sd_notify(3) wants it
    tell("RELOADING=1\nMONOTONIC_USEC=" +
         std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

void manager_reports::stopping() {
    tell_surely("STOPPING=1");
}

/// For what the manager waits for: it is told again and again until it is heard.
void manager_reports::tell_surely(const std::string& state) {
    if (manager_ != nullptr && manager_->tell(state)) {
        untold_ = state;
        tell_status_later();
    }
}

/// What it has no room for is not told: the next line says as much.
void manager_reports::tell(const std::string& state) {
    if (manager_ != nullptr) {
        manager_->tell(state);
    }
}

/// Twice in each interval, as sd_watchdog_enabled(3) advises.
void manager_reports::feed_watchdog() {
    tell("WATCHDOG=1");
    watchdog_timer_.expires_after(*watchdog_ / 2);
    watchdog_timer_.async_wait([this](boost::system::error_code error) {
        if (!error) {
            feed_watchdog();
        }
    });
}

std::string manager_reports::status_line() const {
    return "STATUS=" + status_();
}

} // namespace epmd
