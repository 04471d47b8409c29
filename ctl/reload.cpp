// epmdctl reload: has the daemon read its configuration again, and says what came of it.
#include "client/http.hpp"
#include "daemon.hpp"
#include "output.hpp"
#include "signals.hpp"
#include "verbs.hpp"

#include <chrono>
#include <csignal>
#include <string>

namespace epmd::ctl {
namespace {

/// Far more than a reload takes. Chosen, not tuned.
constexpr std::chrono::seconds longest_reload{30};

exit_status run(const call& how) {
    event_stream events(how.port, with_remark(how.port));
    const auto status = page(how, "/status");
    send_signal(status, SIGHUP, "sudo epmdctl reload, or systemctl reload loopmd");
    const auto until = std::chrono::steady_clock::now() + longest_reload;
    while (const auto next = events.next(until)) {
        if (next->name == "reloaded") {
            const auto trouble = text_of(parsed(next->data), "trouble");
            if (!trouble.empty()) {
                throw failure("not reloaded, all stays as it was: " + shown(trouble));
            }
            return done;
        }
    }
    throw failure("the daemon has not said within " + std::to_string(longest_reload.count()) +
                  " s what came of it; its log does");
}

} // namespace

const verb reload_verb{.name = "reload", .help = "have the daemon read its configuration again", .run = run};

} // namespace epmd::ctl
