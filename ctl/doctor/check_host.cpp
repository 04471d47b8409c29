// Where the host of the other is, for the VM that would dial it.
#include "doctor/host_lookup.hpp"
#include "doctor/walk.hpp"
#include "output.hpp"

#include <algorithm>

namespace epmd::ctl::doctor {
namespace {

/// As long as placement waits for a resolver. Chosen, not tuned.
constexpr std::chrono::milliseconds longest_lookup{2000};

std::string joined(const std::vector<address>& all) {
    std::string result;
    for (const auto& one : all) {
        result += (result.empty() ? "" : " and ") + to_string(one);
    }
    return result;
}

void tell_unknown(way& it, const host_lookup& found) {
    const auto host = std::string(it.to.host_part());
    diagnosis what{.what = cause::host_unknown,
                   .is_guess = false,
                   .sentence = shown(host) + " " + found.trouble + " for " + it.from.called() + ".",
                   .why = "A VM dials the address of the other's host; where the name has none, it gives up at once.",
                   .mends = {}};
    const auto& known = it.world.epmd().known;
    const auto named = known.known_as(host);
    what.is_guess = found.is_open;
    if (found.is_of_the_other_ip) {
        what.sentence = shown(host) + (address::parse(host)
                                           ? " " + found.trouble + ", and " + it.from.called() + " speaks the other."
                                           : " has addresses of the other version of IP only.");
        what.why = "A VM speaks IPv4, or with -proto_dist inet6_tcp IPv6, and never both.";
        what.mends = {{"start both with", "-proto_dist inet6_tcp    # or give the host an IPv4 address"}};
    } else if (!found.unused_inetrc.empty()) {
        what.sentence += " " + found.unused_inetrc + " has it, and does not count.";
        what.why = "The hosts of such a file count only where it has the method `file`.";
        what.mends = {{"add to that file", "{lookup,[file,native]}."}};
    } else if (named && !named->is_machine()) {
        what.mends = {
            {"in a shell", "epmdctl etc-hosts | sudo tee -a /etc/hosts    # for every program"},
            {"or start " + it.from.called() + " by", "epmdctl exec HOST -- COMMAND    # its VMs know the hosts"}};
    } else {
        what.mends = {{"in a shell",
                       "echo '127.0.0.3 " + host + "' | sudo tee -a /etc/hosts    # with the address that is meant"},
                      {"or name the node by its address", "-name " + std::string(it.to.alive_name()) + "@127.0.0.3"}};
    }
    it.told.stop(step::host, shown(host) + " " + found.trouble, std::move(what));
}

/// What is worth knowing of an address, whether or not it is the cause of anything.
void note_details(way& it) {
    const auto host = shown(it.to.host_part());
    if (it.addresses.size() > 1) {
        it.told.note(step::host, mark::note,
                     host + " has several addresses, " + joined(it.addresses) + "; a VM takes the first");
    }
    if (to_string(it.where()) == "127.0.1.1") {
        it.told.note(
            step::host, mark::note,
            "127.0.1.1 is what Debian's /etc/hosts gives to a machine's own name: it leads no further than this "
            "machine");
    }
    if (it.from.traits().inetrc && !it.system_addresses.empty() && it.system_addresses.front() != it.where()) {
        it.told.note(step::host, mark::note,
                     "for other programs " + host + " is " + to_string(it.system_addresses.front()));
    }
}

} // namespace

bool check_host(way& it) {
    const slow_remark slow("the address of " + shown(it.to.host_part()));
    const auto& who = it.from.traits();
    const std::string host(it.to.host_part());
    const auto found = look_up_host(host, who, it.world.within(longest_lookup));
    for (const auto& one : found.remarks) {
        it.told.note(step::host, found.is_open ? mark::unknown : mark::note, one);
    }
    it.told.is_open = it.told.is_open || found.is_open;
    if (!who.unread_config.empty() && !who.inetrc) {
        it.told.leave_open(step::host, "whether " + it.from.called() + " has an inetrc by its " +
                                           shown(who.unread_config) +
                                           " is not known: we cannot read it, or do not understand it");
    }
    if (!who.has_visible_environment && !who.inetrc && !address::parse(host)) {
        it.told.leave_open(step::host,
                           "whether " + it.from.called() + " has an ERL_INETRC is not to be seen: " +
                               (it.from.process ? "its environment is another user's" : "its process is not seen"));
    }
    if (found.addresses.empty()) {
        tell_unknown(it, found);
        return false;
    }
    it.addresses = found.addresses;
    it.resolved_by = found.by;
    const bool is_by_the_system = !who.inetrc && !who.has_own_hosts_file;
    if (is_by_the_system) {
        it.system_addresses = it.addresses;
    } else if (!address::parse(host)) {
        it.system_addresses =
            look_up_by_system(host, it.world.own_vm(), who.is_over_ipv6(), it.world.within(longest_lookup)).addresses;
    }
    it.told.note(step::host, mark::good,
                 address::parse(host) ? shown(host) + " is an address"
                                      : shown(host) + " is " + to_string(it.where()) + ", by " + found.by);
    note_details(it);
    return true;
}

} // namespace epmd::ctl::doctor
