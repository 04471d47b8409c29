// The epmd of the host, and whether it knows the node.
#include "doctor/walk.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>

namespace epmd::ctl::doctor {
namespace {

/// For an epmd that answers at all, however busy; elsewhere on the network as well. Chosen, not tuned.
constexpr std::chrono::milliseconds longest_lookup{1500};

/// Ten of them at most.
std::string joined(const std::vector<std::string>& texts) {
    constexpr std::size_t most = 10;
    std::string result;
    for (std::size_t i = 0; i < std::min(texts.size(), most); ++i) {
        result += (result.empty() ? "" : ", ") + texts[i];
    }
    return result + (texts.size() > most ? " and " + std::to_string(texts.size() - most) + " more" : "");
}

/// Where a port of this machine is listened on, each with who does.
std::vector<std::string> places(way& it, const std::vector<socket_info>& listeners) {
    std::vector<std::string> result;
    for (const auto& one : listeners) {
        const auto owner = it.world.owner_text(one);
        result.push_back(to_string(one.local) + (owner.empty() ? "" : " by " + owner));
    }
    return result;
}

mend start_ours(std::uint16_t port) {
    return {"in a shell", "loopmd " + (port == 4369 ? "" : "-port " + std::to_string(port) + " ") +
                              "-daemon    # or: systemctl start loopmd"};
}

/// Nobody takes connections on the epmd port of the host.
void tell_no_epmd(way& it, const error_code& error) {
    const auto& where = it.where();
    const auto place = place_text(where, it.epmd_port);
    const auto host = shown(it.to.host_part());
    diagnosis what{.what = cause::no_epmd, .is_guess = false, .sentence = {}, .why = {}, .mends = {}};
    what.why = "A VM asks the epmd of the other's host for the port on which the other listens.";
    if (is_timeout(error)) {
        what.what = cause::epmd_silent;
        what.sentence = "Nothing answers at " + place + ": packets are lost or filtered, or the host is down.";
        what.mends = {{"on " + host, "epmd -names    # is an epmd up there?"},
                      {"on " + host, "loopmd as it is packaged serves its own machine only: listen = all in "
                                     "/etc/loopmd/loopmd.conf opens it; a firewall has to let port " +
                                         std::to_string(it.epmd_port) + " and the nodes' ports through"}};
        it.told.stop(step::epmd, "nothing answers at " + place, std::move(what));
        return;
    }
    const auto listeners = senses::is_here(where) ? it.world.listeners(it.epmd_port) : std::vector<socket_info>();
    if (!senses::is_here(where)) {
        what.sentence = "No epmd serves " + place + " (" + error.message() + ").";
        what.mends = {
            {"on " + host, "epmd -names    # is an epmd up there, on port " + std::to_string(it.epmd_port) + "?"}};
    } else if (listeners.empty()) {
        what.sentence = "No epmd serves port " + std::to_string(it.epmd_port) + " of this machine.";
        what.mends = {start_ours(it.epmd_port)};
    } else {
        what.sentence = "No epmd serves " + place + "; port " + std::to_string(it.epmd_port) + " is served at " +
                        joined(places(it, listeners)) + " only.";
        what.mends = {{"in a shell",
                       "epmdctl status    # start it without -address, or with -address " + to_string(where) + " too"}};
        if (to_string(where) == "127.0.1.1") {
            what.why += " 127.0.1.1 is what Debian's /etc/hosts gives to a machine's own name.";
            what.mends.push_back({"or in /etc/hosts", "127.0.0.1 " + std::string(it.to.host_part())});
        }
    }
    it.told.stop(step::epmd, "no epmd at " + place, std::move(what));
}

void tell_not_an_epmd(way& it, const lookup& found) {
    const auto place = place_text(it.where(), it.epmd_port);
    const auto listeners = senses::is_here(it.where()) ? it.world.listeners(it.epmd_port) : std::vector<socket_info>();
    const auto who = listeners.empty() ? std::string() : it.world.owner_text(listeners.front());
    diagnosis what{.what = found.is_silent ? cause::epmd_silent : cause::not_an_epmd,
                   .is_guess = false,
                   .sentence = {},
                   .why = "A VM asks the epmd of the other's host for the port on which the other listens.",
                   .mends = {}};
    const std::string seen = found.is_silent   ? "takes connections at " + place + " and says nothing"
                             : found.is_closed ? "takes connections at " + place + " and closes them without a word"
                                               : "answers at " + place + ", and not as an epmd does";
    what.sentence = "What " + seen + (who.empty() ? "" : ": " + who) + ".";
    what.mends = {{"in a shell", "ss -ltnp 'sport = " + std::to_string(it.epmd_port) +
                                     "'    # shows whose port it is; an epmd that hangs is to be restarted"}};
    it.told.stop(step::epmd, (who.empty() ? "something" : who) + " " + seen, std::move(what));
}

const listed_node* listed(way& it, const std::function<bool(const listed_node&)>& is_it) {
    const auto& nodes = it.world.epmd().nodes;
    const auto found = std::find_if(nodes.begin(), nodes.end(), is_it);
    return found == nodes.end() ? nullptr : &*found;
}

/// One of TO's name that may be at its host, and that our epmd lists in such a state.
const listed_node* listed_there(way& it, std::string_view state) {
    return listed(it, [&](const listed_node& one) {
        return one.alive_name == it.to.alive_name() && one.state == state &&
               (!one.where || one.where == it.world.epmd().known.at(it.where()));
    });
}

/// It is there, and not to be found: our own epmd tells.
bool tell_by_its_state(way& it) {
    const auto alive = std::string(it.to.alive_name());
    const auto place = place_text(it.where(), it.epmd_port);
    if (const auto* one = listed_there(it, "parked")) {
        it.told.stop(
            step::registration, shown(alive) + " is parked at " + place,
            {.what = cause::parked,
             .is_guess = false,
             .sentence = it.to.called() + " (pid " + std::to_string(one->pid) +
                         ") is parked: another node has its name at its host.",
             .why = "Two nodes of one name at one host cannot both be found; the first has the name until it ends.",
             .mends = {{"in a shell", "epmdctl nodes " + std::string(it.to.host_part()) +
                                          "    # shows both; end one, or start it under another name"}}});
        return true;
    }
    if (listed_there(it, "pending") != nullptr) {
        it.told.stop(step::registration, "the host of " + shown(alive) + " is still being found",
                     {.what = cause::pending,
                      .is_guess = false,
                      .sentence = it.to.called() + " has only just registered, and its host is still being found.",
                      .why = "Until then it is found nowhere; that takes five seconds at most.",
                      .mends = {{"in a shell", "epmdctl wait " + it.to.name}}});
        return true;
    }
    return false;
}

/// The very node, which our epmd has placed at another host than the one that is asked for.
bool tell_placed_elsewhere(way& it) {
    const auto* one = listed(it, [&](const listed_node& node) {
        const bool is_it =
            (node.is_name_known && node.node_name == it.to.name) || (it.to.process && node.pid == it.to.process->pid);
        return is_it && node.where;
    });
    if (one == nullptr) {
        return false;
    }
    const auto alive = std::string(it.to.alive_name());
    const auto names = it.world.epmd().known.names_of(*one->where);
    const auto host = names.empty() ? to_string(one->where->first_address()) : std::string(first_label(names.front()));
    it.told.stop(step::registration, shown(alive) + " is registered at " + one->host_text + " and not here",
                 {.what = cause::registered_elsewhere,
                  .is_guess = false,
                  .sentence = it.to.called() + " is registered at " + one->host_text + ", not at " +
                              std::string(it.to.host_part()) + " (" + to_string(it.where()) + ").",
                  .why = "Every host has a table of names of its own. The node calls itself " + it.to.called() +
                         " and belongs to " + one->host_text + " by " + shown(one->placement) +
                         ", so nobody finds it by that name.",
                  .mends = {{"start it as", (names.empty() ? "-name " : "-sname ") + alive + "@" + host}}});
    return true;
}

/// Nodes that have the alive name at other hosts, but the one that asks.
bool tell_namesakes(way& it) {
    const auto alive = std::string(it.to.alive_name());
    constexpr std::size_t most = 10;
    std::vector<std::string> all;
    std::vector<mend> mends;
    for (const auto& one : it.world.epmd().nodes) {
        if (one.alive_name == alive && one.where && one.state == "placed" && one.node_name != it.from.name) {
            all.push_back(one.host_text);
            if (mends.size() < most) {
                mends.push_back({"did you mean", shown(one.node_name) + "?"});
            }
        }
    }
    if (all.empty()) {
        return false;
    }
    const auto places = joined(all);
    it.told.stop(step::registration, shown(alive) + " is not registered here, and at " + places,
                 {.what = cause::registered_elsewhere,
                  .is_guess = false,
                  .sentence = shown(alive) + " is registered at " + places + ", and not at " +
                              std::string(it.to.host_part()) + " (" + to_string(it.where()) + ").",
                  .why = "Every host has a table of names of its own, and is asked for its own only.",
                  .mends = std::move(mends)});
    return true;
}

/// A VM that was started under the name, and that this epmd does not know.
bool tell_by_its_process(way& it) {
    if (!it.to.process) {
        return false;
    }
    const auto& process = *it.to.process;
    const auto pid = pid_text(process);
    const auto port = process.epmd_port.value_or(4369);
    diagnosis what{.what = cause::not_registered, .is_guess = false, .sentence = {}, .why = {}, .mends = {}};
    if (!process.is_in_our_network) {
        what.what = cause::other_network;
        what.sentence = it.to.called() + " (" + pid + ") lives in another network namespace.";
        what.why = "Addresses of 127.0.0.0/8 are another machine's there, as in a container.";
        what.mends = {{"in a shell", "nsenter -t " + std::to_string(process.pid) + " -n epmdctl nodes"}};
    } else if ((process.has_visible_environment || process.epmd_port) && port != it.epmd_port) {
        what.what = cause::other_epmd_port;
        what.is_guess = !it.from.process && !it.from.name.empty();
        what.sentence = it.to.called() + " (" + pid + ") registers with the epmd on port " + std::to_string(port) +
                        ", and " + it.from.called() + " asks the one on port " + std::to_string(it.epmd_port) + ".";
        what.why = "Every VM takes one epmd port, for itself and for all others: ERL_EPMD_PORT, or 4369.";
        what.mends = {{"start both with", "ERL_EPMD_PORT=" + std::to_string(it.epmd_port)}};
    } else if (!process.listens || process.fixed_port || !process.epmd_module.empty()) {
        what.sentence = it.to.called() + " (" + pid + ") was told not to register (" +
                        (!process.listens     ? "-dist_listen false"
                         : process.fixed_port ? "-erl_epmd_port"
                                              : "-epmd_module") +
                        ").";
        what.why = "Nobody can look it up; it can connect to others, and they can talk to it then.";
        if (!it.from.name.empty()) {
            what.mends = {{"in " + it.to.called(), "net_kernel:connect_node('" + it.from.name + "')."}};
        }
    } else {
        what.sentence = it.to.called() + " runs (" + pid + ") and is not registered.";
        what.why = "It has lost its connection to the epmd with which it registered, or its name is not yet given. "
                   "From OTP 23.3 on a VM registers again after 2 s.";
        what.mends = {{"in a shell", "epmdctl wait --timeout 10 " + it.to.name},
                      {"or, where it does not come back", "start it again"}};
    }
    it.told.stop(step::registration, it.to.called() + " runs (" + pid + "), and is not registered here",
                 std::move(what));
    return true;
}

/// The system and the VM mean different addresses, and at the system's it is.
bool tell_by_the_systems_address(way& it) {
    if (it.system_addresses.empty() || it.system_addresses.front() == it.where()) {
        return false;
    }
    for (const auto& other : it.system_addresses) {
        if (other == it.where()) {
            continue;
        }
        const auto found =
            look_up(std::string(it.to.alive_name()), other, it.epmd_port, it.world.within(longest_lookup));
        if (found.node) {
            const auto host = shown(it.to.host_part());
            it.told.stop(step::registration,
                         shown(it.to.alive_name()) + " is registered at " + to_string(other) + ", which is " + host +
                             " for the system",
                         {.what = cause::resolves_differently,
                          .is_guess = false,
                          .sentence = host + " is " + to_string(it.where()) + " for " + it.from.called() + " and " +
                                      to_string(other) + " for the system, and there " + it.to.called() +
                                      " is registered.",
                          .why = "A VM with an inetrc file resolves by that first.",
                          .mends = {{"correct the line of " + host + " in", it.resolved_by}}});
            return true;
        }
    }
    return false;
}

/// The mend of a VM that has no name.
mend name_it(const party& who) {
    const auto is_long = mode_of(who).mode == naming::long_names;
    return {"start it with",
            (is_long ? "-name " : "-sname ") + who.name + (is_long ? "    # iex: --name" : "    # iex: --sname")};
}

/// What has no other reason: the name is not there.
void tell_not_there(way& it, diagnosis what) {
    const auto name = shown(it.to.alive_name()) + " is not registered at " + place_text(it.where(), it.epmd_port);
    what.sentence = name + "." + (what.sentence.empty() ? "" : " ") + what.sentence;
    it.told.stop(step::registration, name, std::move(what));
}

bool tell_similar_names(way& it) {
    it.names_there = names_at(it.where(), it.epmd_port, it.world.within(longest_lookup));
    const auto similar = similar_names(std::string(it.to.alive_name()), it.names_there);
    if (similar.empty()) {
        return false;
    }
    diagnosis what{.what = cause::not_running, .is_guess = false, .sentence = {}, .why = {}, .mends = {}};
    what.why = "There is " + shown(joined(similar)) + ".";
    for (const auto& one : similar) {
        what.mends.push_back({"did you mean", shown(one) + "@" + std::string(it.to.host_part()) + "?"});
    }
    tell_not_there(it, std::move(what));
    return true;
}

/// VMs that were started without a name: one of them may be the one that is meant.
bool tell_nameless(way& it) {
    const auto nameless = senses::is_here(it.where()) ? it.world.nameless_vms() : "";
    if (nameless.empty()) {
        return false;
    }
    tell_not_there(it, {.what = cause::not_distributed,
                        .is_guess = true,
                        .sentence = "A VM without a name runs here: " + nameless + ".",
                        .why = "A VM that is started without -sname or -name is no node: in it is_alive() is false and "
                               "net_kernel:connect_node/1 says ignored.",
                        .mends = {name_it(it.to), name_at_run_time(it.to)}});
    return true;
}

bool tell_not_running(way& it) {
    tell_not_there(it, {.what = cause::not_running,
                        .is_guess = false,
                        .sentence = {},
                        .why = it.names_there.empty() ? "Nothing is registered there."
                                                      : "Registered there: " + shown(joined(it.names_there)) + ".",
                        .mends = {name_it(it.to)}});
    return true;
}

/// Whether the port that FROM's VM asks is the one that we were told.
void note_other_port(way& it) {
    if (it.epmd_port != it.world.epmd_port()) {
        it.told.note(step::epmd, mark::note,
                     it.from.called() + " asks port " + std::to_string(it.epmd_port) +
                         ", by its ERL_EPMD_PORT or -epmd_port");
    }
}

/// FROM and TO are told to take different ports, and TO is where its own says.
bool tell_by_the_other_port(way& it) {
    const auto other = it.world.epmd_port();
    if (it.epmd_port == other) {
        return false;
    }
    const auto found = look_up(std::string(it.to.alive_name()), it.where(), other, it.world.within(longest_lookup));
    if (!found.node) {
        return false;
    }
    it.told.stop(step::registration, it.to.called() + " is registered on port " + std::to_string(other),
                 {.what = cause::other_epmd_port,
                  .is_guess = false,
                  .sentence = it.to.called() + " is registered with the epmd on port " + std::to_string(other) +
                              ", and " + it.from.called() + " asks the one on port " + std::to_string(it.epmd_port) +
                              ".",
                  .why = "Every VM takes one epmd port, for itself and for all others: ERL_EPMD_PORT, or 4369.",
                  .mends = {{"start both with", "ERL_EPMD_PORT=" + std::to_string(other)}}});
    return true;
}

void note_registration(way& it) {
    const auto* one = listed(it, [&](const listed_node& node) {
        return node.alive_name == it.to.alive_name() && node.port == it.node.port && node.state != "parked";
    });
    std::string text = shown(it.to.alive_name()) + " is registered, distribution port " + std::to_string(it.node.port);
    if (one != nullptr && it.epmd_port == it.world.epmd_port() && senses::is_here(it.where())) {
        text += ", since " + shown(one->since) +
                (one->state == "placed"     ? ", placed by " + shown(one->placement)
                 : one->state == "unplaced" ? ", unplaced: nothing names its host" +
                                                  (one->trouble.empty() ? "" : " (it " + shown(one->trouble) + ")") +
                                                  ", so it is found at every host"
                                            : ", " + shown(one->state));
    }
    it.told.note(step::registration, mark::good, text);
    const auto* parked = one != nullptr ? listed_there(it, "parked") : nullptr;
    if (parked != nullptr) {
        it.told.note(step::registration, mark::note,
                     "another node of that name, pid " + std::to_string(parked->pid) +
                         ", is parked there: nobody finds that one until this one ends");
    }
}

} // namespace

bool check_epmd(way& it) {
    it.epmd_port = it.from.process ? it.from.process->epmd_port.value_or(it.world.epmd_port()) : it.world.epmd_port();
    if (it.from.traits().fixed_port) {
        it.node = {.port = *it.from.traits().fixed_port, .node_type = 77, .highest_version = 6};
        it.told.note(step::epmd, mark::note,
                     it.from.called() + " asks no epmd: its -erl_epmd_port says " + std::to_string(it.node.port));
        return true;
    }
    if (!it.from.traits().epmd_module.empty()) {
        it.told.leave_open(step::epmd, it.from.called() + " asks no epmd, but its module " +
                                           shown(it.from.traits().epmd_module) +
                                           " (-epmd_module): what that answers is not to be seen");
        return false;
    }
    const auto place = place_text(it.where(), it.epmd_port);
    const slow_remark slow("the epmd at " + place);
    note_other_port(it);
    const auto found =
        look_up(std::string(it.to.alive_name()), it.where(), it.epmd_port, it.world.within(longest_lookup));
    if (found.connecting) {
        tell_no_epmd(it, found.connecting);
        return false;
    }
    if (found.is_silent || found.is_closed || found.is_no_epmd) {
        tell_not_an_epmd(it, found);
        return false;
    }
    const bool is_ours = senses::is_here(it.where()) && it.epmd_port == it.world.epmd_port();
    const auto& epmd = it.world.epmd();
    it.told.note(step::epmd, mark::good,
                 (is_ours && epmd.is_loopmd ? epmd.called : std::string("an epmd")) + " answers at " + place);
    if (is_ours && epmd.is_there && !epmd.is_loopmd) {
        it.told.note(step::epmd, mark::note,
                     epmd.trouble.empty()
                         ? "it is no loopmd, or has `status = off`; it is taken to have one table of names "
                           "for all hosts"
                         : epmd.trouble);
    }
    if (found.node) {
        it.node = *found.node;
        note_registration(it);
        return true;
    }
    constexpr std::array reasons{tell_by_the_other_port, tell_by_its_state,   tell_by_the_systems_address,
                                 tell_placed_elsewhere,  tell_by_its_process, tell_similar_names,
                                 tell_namesakes,         tell_nameless,       tell_not_running};
    (void)std::any_of(reasons.begin(), reasons.end(), [&](auto* tells) { return tells(it); });
    return false;
}

} // namespace epmd::ctl::doctor
