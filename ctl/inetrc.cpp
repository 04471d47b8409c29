// epmdctl inetrc: the configured hosts, for a file that ERL_INETRC names. Edits nothing.
#include "daemon.hpp"
#include "host_text.hpp"
#include "node_environment.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace epmd::ctl {
namespace {

exit_status run(const call& how) {
    print(inetrc_with("", inetrc_text(hosts_to_print(how))));
    return done;
}

} // namespace

const verb inetrc_verb{
    .name = "inetrc", .help = "print what a file for ERL_INETRC needs for the configured hosts", .run = run};

} // namespace epmd::ctl
