// epmdctl inetrc: the configured hosts, for a file that ERL_INETRC names. Edits nothing.
#include "daemon.hpp"
#include "host_text.hpp"
#include "node_environment.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace epmd::ctl {
namespace {

exit_status run(const call& how) {
    const auto known = known_hosts(how);
    if (known.configured().empty()) {
        remark("no hosts are configured; a line 'lowry = 127.0.0.2' below [host] in loopmd.conf makes one");
    }
    print(inetrc_with("", inetrc_text(known)));
    return done;
}

} // namespace

const verb inetrc_verb{
    .name = "inetrc", .help = "print what a file for ERL_INETRC needs for the configured hosts", .run = run};

} // namespace epmd::ctl
