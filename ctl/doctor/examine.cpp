#include "doctor/examine.hpp"

#include "doctor/check_pair.hpp"
#include "doctor/host_lookup.hpp"
#include "doctor/walk.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>

namespace epmd::ctl::doctor {
namespace {

/// What is known of FROM where its process is not seen.
enum class presence {
    absent,     ///< its epmd does not know it
    registered, ///< it does
    elsewhere,  ///< its host is not this machine
};

/// As in the protocol document; others may not survive being asked.
constexpr std::uint8_t type_of_vms = 77;

presence look_for(senses& world, party& from) {
    if (from.process || world.is_listed(from.name)) {
        return presence::registered;
    }
    const auto last = world.within(std::chrono::milliseconds(1000));
    const auto host = look_up_host(std::string(from.host_part()), world.own_vm(), last);
    if (host.addresses.empty() || !senses::is_here(host.addresses.front())) {
        return presence::elsewhere;
    }
    const auto found = look_up(std::string(from.alive_name()), host.addresses.front(), world.epmd_port(), last);
    if (!found.node) {
        return presence::absent;
    }
    // It may have been named at run time, beside an epmd that lists no processes; or be another host's, by its one
    // table.
    introduction asked_as;
    asked_as.where = host.addresses.front();
    asked_as.port = found.node->port;
    const bool may_be_asked = found.node->node_type == type_of_vms;
    const auto met = may_be_asked ? meet(asked_as, nullptr, last) : encounter();
    if (met.challenge && met.challenge->name != from.name) {
        return presence::absent;
    }
    from.process = world.vm_at(host.addresses.front(), found.node->port);
    return presence::registered;
}

/// What is known of FROM, before it is followed.
void note_from(const party& from, presence there, direction& told) {
    if (from.name.empty()) {
        told.note(step::node, mark::note, "FROM is left out: what holds for a node that is started here is examined");
        return;
    }
    if (from.process) {
        const auto& seen = *from.process;
        told.note(step::node, mark::good,
                  from.called() + " runs: " + pid_text(seen) +
                      (seen.otp_release == 0 ? "" : ", OTP " + std::to_string(seen.otp_release)));
        if (!seen.connects_by_itself.value_or(true)) {
            told.note(
                step::node, mark::note,
                "it connects by net_kernel:connect_node/1 only, by its dist_auto_connect: net_adm:ping/1 says pang");
        }
        return;
    }
    switch (there) {
    case presence::registered:
        told.note(step::node, mark::good, from.called() + " is registered; its process is not to be seen");
        break;
    case presence::absent:
        told.note(step::node, mark::note,
                  "no process of " + from.called() +
                      " is seen on this machine: what holds for one that is started here is examined");
        break;
    case presence::elsewhere:
        told.leave_open(step::node,
                        "no process of " + from.called() +
                            " is seen on this machine, and its host is another: what holds here is examined; ask "
                            "there what holds there");
        break;
    }
}

bool is_in_another_network(const party& from, direction& told) {
    if (!from.process || from.process->is_in_our_network) {
        return false;
    }
    const auto pid = std::to_string(from.process->pid);
    told.stop(step::node, from.called() + " lives in another network namespace",
              {.what = cause::other_network,
               .is_guess = false,
               .sentence = from.called() + " (pid " + pid + ") lives in another network namespace.",
               .why = "127.0.0.0/8 is another there, as in a container, and its way cannot be walked from here.",
               .mends = {{"in a shell", "nsenter -t " + pid + " -n epmdctl doctor " + from.name + " " + told.to}}});
    return true;
}

/// FROM's name may be used only where nobody has it: whoever has would lose connections by it.
void refuse_if_running(senses& world, const party& from) {
    const auto refused = [&](const std::string& how) {
        throw failure(from.called() + " runs (" + how +
                      "), and TO is asked under its name only while it does not: a node "
                      "that has it takes harm. Stop it, or ask without --as-from");
    };
    if (from.process) {
        refused("pid " + std::to_string(from.process->pid));
    }
    party nobody;
    nobody.would_be = world.own_vm();
    party asked = from;
    direction unheard;
    way it{.world = world, .from = nobody, .to = asked, .told = unheard};
    if (check_host(it)) {
        const auto found = look_up(std::string(from.alive_name()), it.where(), world.epmd_port(),
                                   world.within(std::chrono::milliseconds(1500)));
        if (found.node) {
            refused("it is registered at " + to_string(it.where()));
        }
    }
}

/// A node that does not answer does not ask either.
bool is_silence(cause what) {
    return what == cause::stopped || what == cause::busy || what == cause::hung;
}

/// What is wrong in one direction is wrong in the other.
bool is_symmetrical(cause what) {
    return what == cause::tls_on_one_side || what == cause::other_network || what == cause::not_allowed ||
           is_silence(what);
}

/// Whether TO may reach FROM all the same: something is wrong with the way, and not with TO.
bool is_of_the_way(cause what) {
    constexpr std::array of_the_way{cause::short_and_long_names, cause::host_unknown,    cause::resolves_differently,
                                    cause::dials_from_loopback,  cause::no_epmd,         cause::epmd_silent,
                                    cause::not_an_epmd,          cause::other_epmd_port, cause::not_registered,
                                    cause::registered_elsewhere, cause::bound_elsewhere, cause::port_refuses,
                                    cause::port_silent};
    return std::find(of_the_way.begin(), of_the_way.end(), what) != of_the_way.end();
}

/// A VM without a name, where FROM is given and not to be found: it may be the one that is meant.
std::optional<diagnosis> nameless_from(senses& world, const party& from, presence there) {
    if (from.name.empty() || from.process || there != presence::absent) {
        return std::nullopt;
    }
    const auto pids = world.nameless_vms();
    if (pids.empty()) {
        return std::nullopt;
    }
    const bool is_long = mode_of(from).mode == naming::long_names;
    return diagnosis{
        .what = cause::not_distributed,
        .is_guess = true,
        .sentence = "No node called " + from.called() + " runs here, and " + pids +
                    (pids.find(',') == std::string::npos ? " is a VM" : " are VMs") + " without a name.",
        .why = "A VM that is started without -sname or -name is no node: in it is_alive() is false, and "
               "net_kernel:connect_node/1 says ignored, whatever is asked for.",
        .mends = {{"start it with", (is_long ? "-name " : "-sname ") + from.name}, name_at_run_time(from)}};
}

void judge(examination& it, senses& world, const party& from, presence of_from) {
    const bool is_silent = it.there.wrong && is_silence(it.there.wrong->what);
    if (it.is_connected && !is_silent) {
        it.result = outcome::connects;
        return;
    }
    if (it.there.wrong) {
        it.wrong = it.there.wrong;
    } else if (it.back && it.back->wrong && is_symmetrical(it.back->wrong->what)) {
        it.wrong = it.back->wrong;
    } else if (it.common.wrong) {
        it.wrong = it.common.wrong;
    } else {
        it.wrong = nameless_from(world, from, of_from);
    }
    if (it.wrong) {
        it.result = it.wrong->may_be_well ? outcome::not_known : outcome::does_not;
    } else {
        it.result = it.there.is_open || it.common.is_open ? outcome::not_known : outcome::connects;
    }
}

} // namespace

examination examine(senses& world, const pair_of_nodes& who, const listener& hears) {
    examination result{.who = who,
                       .there = {.from = who.from, .to = who.to, .findings = {}, .wrong = {}},
                       .back = {},
                       .common = {.from = {}, .to = {}, .findings = {}, .wrong = {}},
                       .wrong = {}};
    party from{.name = who.from, .process = {}, .said = {}};
    party to{.name = who.to, .process = {}, .said = {}};
    const auto begin = [&](direction& one) {
        one.on_finding = hears.on_finding;
        hears.on_direction(one);
    };

    way there{.world = world, .from = from, .to = to, .told = result.there, .as_from = who.as_from};
    begin(result.there);
    if (!check_names(there)) {
        judge(result, world, from, presence::elsewhere);
        return result;
    }
    from.process = world.vm_called(from.name);
    to.process = world.vm_called(to.name);
    if (who.as_from) {
        refuse_if_running(world, from);
    }
    const auto of_from = from.name.empty() ? presence::absent : look_for(world, from);
    from.is_to_be_started = of_from == presence::absent;
    if (from.is_to_be_started) {
        from.would_be = world.own_vm();
    }
    note_from(from, of_from, result.there);
    const bool has_arrived = !is_in_another_network(from, result.there) && walk(there);

    std::optional<way> back;
    bool is_back = false;
    const bool is_from_running = !from.name.empty() && of_from == presence::registered;
    // On another machine it may be registered as well; the way back says so.
    const bool may_run = is_from_running || of_from == presence::elsewhere;
    const bool is_to_running = to.process || there.node.port != 0;
    const bool may_be_well = !result.there.wrong || is_of_the_way(result.there.wrong->what);
    if (may_run && !from.name.empty() && is_to_running && may_be_well && !who.as_from) {
        result.back = direction{.from = who.to, .to = who.from, .findings = {}, .wrong = {}};
        back.emplace(way{.world = world, .from = to, .to = from, .told = *result.back});
        begin(*result.back);
        is_back = walk(*back);
    }
    if (has_arrived || is_back) {
        begin(result.common);
        check_pair({.who = who,
                    .told = result.common,
                    .there = has_arrived ? &there : nullptr,
                    .back = is_back ? &*back : nullptr},
                   result.is_connected);
    }
    judge(result, world, from, of_from);
    return result;
}

} // namespace epmd::ctl::doctor
