// epmdctl etc-hosts: the configured hosts, for the hosts file. Edits nothing.
#include "daemon.hpp"
#include "host_text.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace epmd::ctl {
namespace {

exit_status run(const call& how) {
    const auto known = known_hosts(how);
    if (known.configured().empty()) {
        remark("no hosts are configured; a line 'lowry = 127.0.0.2' below [host] in loopmd.conf makes one");
    }
    print(etc_hosts_text(known));
    return done;
}

} // namespace

const verb etc_hosts_verb{
    .name = "etc-hosts", .help = "print what /etc/hosts needs for the configured hosts", .run = run};

} // namespace epmd::ctl
