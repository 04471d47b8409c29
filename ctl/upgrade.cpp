// epmdctl upgrade: has the daemon become the program that is installed by now, and says what came of it.
#include "client/http.hpp"
#include "daemon.hpp"
#include "output.hpp"
#include "signals.hpp"
#include "verbs.hpp"

#include <boost/json/parse.hpp>

#include <chrono>
#include <csignal>
#include <string>

namespace epmd::ctl {
namespace {

/// The new program is tried for 10 s at most, and requests in hand are answered in 5 s (docs/handover.md).
constexpr std::chrono::seconds longest_upgrade{30};

/// Empty: the stream has ended, since the process has become another program. Else why it has not.
std::string trouble_of(event_stream& events) {
    const auto until = std::chrono::steady_clock::now() + longest_upgrade;
    try {
        while (const auto next = events.next(until)) {
            if (next->name == "not_upgraded") {
                return text_of(boost::json::parse(next->data), "trouble");
            }
        }
    } catch (const bad_answer&) {
        return {};
    }
    return "it has not said within 30 s what came of it; its log does";
}

exit_status run(const call& how) {
    event_stream events(how.port, with_remark(how.port));
    const auto before = page(how, "/status");
    send_signal(before, SIGUSR2, "sudo epmdctl upgrade, or systemctl restart loopmd, which loses nothing either");
    if (const auto trouble = trouble_of(events); !trouble.empty()) {
        throw failure("not upgraded, all goes on as it was: " + shown(trouble));
    }
    const auto after = page(how, "/status");
    print("loopmd " + text_of(after, "version") + " goes on, after " + text_of(before, "version") + "\n");
    return done;
}

} // namespace

const verb upgrade_verb{
    .name = "upgrade", .help = "have the daemon become the program that is installed by now", .run = run};

} // namespace epmd::ctl
