// epmdctl upgrade: has the daemon become the program that is installed by now, and says what came of it.
#include "client/http.hpp"
#include "daemon.hpp"
#include "output.hpp"
#include "signals.hpp"
#include "verbs.hpp"

#include <chrono>
#include <csignal>
#include <string>
#include <thread>

namespace epmd::ctl {
namespace {

/// The new program is tried for 10 s at most, and requests in hand are answered in 5 s (docs/handover.md).
constexpr std::chrono::seconds longest_upgrade{30};
constexpr std::chrono::milliseconds look_interval{100};

/// Why the upgrade was not made, if the daemon says so. Empty: it has not; it says nothing more, or not to us.
std::string trouble_of(event_stream& events, std::chrono::steady_clock::time_point until) {
    try {
        while (const auto next = events.next(until)) {
            if (next->name == "not_upgraded") {
                return text_of(parsed(next->data), "trouble");
            }
        }
    } catch (const bad_answer&) { // the stream ends with the program; or it was ended for want of descriptors
    }
    return {};
}

exit_status run(const call& how) {
    const auto before = page(how, "/status");
    event_stream events(how.port, with_remark(how.port));
    send_signal(before, SIGUSR2, "sudo epmdctl upgrade, or systemctl restart loopmd, which loses nothing either");
    const auto until = std::chrono::steady_clock::now() + longest_upgrade;
    if (const auto trouble = trouble_of(events, until); !trouble.empty()) {
        throw failure("not upgraded, all goes on as it was: " + shown(trouble));
    }
    for (;;) {
        const auto now = page(how, "/status");
        if (now.at("run") != before.at("run")) {
            print("loopmd " + text_of(now, "version") + " goes on, after " + text_of(before, "version") + "\n");
            return done;
        }
        if (std::chrono::steady_clock::now() > until) {
            throw failure("not upgraded within " + std::to_string(longest_upgrade.count()) +
                          " s; the daemon's log says why");
        }
        std::this_thread::sleep_for(look_interval);
    }
}

} // namespace

const verb upgrade_verb{
    .name = "upgrade", .help = "have the daemon become the program that is installed by now", .run = run};

} // namespace epmd::ctl
