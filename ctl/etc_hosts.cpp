// epmdctl etc-hosts: the configured hosts, for the hosts file. Edits nothing.
#include "daemon.hpp"
#include "host_text.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace epmd::ctl {
namespace {

exit_status run(const call& how) {
    print(etc_hosts_text(hosts_to_print(how)));
    return done;
}

} // namespace

const verb etc_hosts_verb{
    .name = "etc-hosts", .help = "print what /etc/hosts needs for the configured hosts", .run = run};

} // namespace epmd::ctl
