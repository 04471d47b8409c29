// The node itself: whether it takes connections, who it says it is, and whether it would have the other.
#include "doctor/walk.hpp"
#include "host_text.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>

namespace epmd::ctl::doctor {
namespace {

using failure_of = dist::handshake::failure;

/// For a connection, the name and what follows; a node that is just starting beside 40 others took 653 ms. Chosen, not
/// tuned.
constexpr std::chrono::milliseconds longest_meeting{2000};
/// How long a silent node's process is watched. Chosen, not tuned.
constexpr std::chrono::milliseconds watched{250};

/// The node types whose accept loops do not survive a handshake that ends early.
constexpr std::uint8_t type_of_c_nodes = 104;
constexpr std::uint8_t type_of_java_nodes = 110;

/// C and Java nodes are looked at from outside only.
bool is_not_asked(way& it) {
    const bool is_c = it.node.node_type == type_of_c_nodes;
    if (!is_c && it.node.node_type != type_of_java_nodes) {
        return false;
    }
    it.told.leave_open(step::handshake, it.to.called() + " is a " + (is_c ? "C" : "Java") +
                                            " node: it is not asked, since its loop may not survive that");
    return true;
}

bool is_from_loopback(const way& it, const introduction& asked_as) {
    return asked_as.from && asked_as.from->is_loopback() && !senses::is_here(it.where());
}

void tell_loopback_source(way& it, const address& source) {
    const auto pid = it.from.process ? " (" + pid_text(*it.from.process) + ")" : "";
    it.told.stop(
        step::port,
        it.from.called() + " dials from " + to_string(source) + ", and " + to_string(it.where()) +
            " is another machine",
        {.what = cause::dials_from_loopback,
         .is_guess = false,
         .sentence = it.from.called() + pid + " dials from " + to_string(source) +
                     " (inet_dist_connect_options), and from there no other machine is reached.",
         .why = "An address of 127.0.0.0/8 is no source of packets that leave the machine; the kernel refuses.",
         .mends = {{"start " + it.from.called() + " by", "epmdctl exec --dial-from-anywhere HOST -- COMMAND"},
                   {"or connect from the other side, in " + it.to.called(),
                    "net_kernel:connect_node('" + it.from.name + "').    # if that is reached from there"}}});
}

/// Nobody takes connections there: where does the port's owner listen, if it does?
void tell_no_connection(way& it, const error_code& error) {
    const auto place = place_text(it.where(), it.node.port);
    const bool is_here = senses::is_here(it.where());
    const auto listeners = is_here ? it.world.listeners(it.node.port) : std::vector<socket_info>();
    diagnosis what{.what = cause::port_refuses, .is_guess = false, .sentence = {}, .why = {}, .mends = {}};
    if (is_timeout(error)) {
        what.what = cause::port_silent;
        what.sentence = "Nothing answers at " + place + ", the distribution port of " + it.to.called() + ".";
        what.why = "Packets are lost or filtered on the way; the epmd's port is open, and the nodes' ports are not.";
        what.mends = {{"start " + it.to.called() + " with",
                       "-kernel inet_dist_listen_min 9100 inet_dist_listen_max 9105    # and let these through"}};
        it.told.stop(step::port, "nothing answers at " + place, std::move(what));
        return;
    }
    const bool is_its = !it.to.process || std::any_of(listeners.begin(), listeners.end(), [&](const socket_info& one) {
        return it.world.owns(*it.to.process, one);
    });
    if (!listeners.empty() && is_its) {
        std::string places;
        for (const auto& one : listeners) {
            const auto owner = it.world.owner_text(one);
            places += (places.empty() ? "" : ", ") + to_string(one.local) + (owner.empty() ? "" : " (" + owner + ")");
        }
        what.what = cause::bound_elsewhere;
        what.sentence = "Port " + std::to_string(it.node.port) + " of " + it.to.called() + " is bound to " + places +
                        ", and its host is " + to_string(it.where()) + ".";
        what.why = "inet_dist_use_interface binds a node's port to one address; at any other it refuses.";
        const auto& bound = listeners.front().local;
        what.mends = {
            {"start " + it.to.called() + " without it, or with",
             "-kernel inet_dist_use_interface '" + erlang_tuple(it.where()) + "'"},
            {"or call it by that address", "-name " + std::string(it.to.alive_name()) + "@" + to_string(bound)}};
        it.told.stop(step::port, place + " refuses; the port is bound to " + places, std::move(what));
        return;
    }
    what.sentence =
        "Nobody listens at " + place + ", the distribution port of " + it.to.called() + " (" + error.message() + ").";
    what.why = "The epmd there knows the name, and what it knows is no longer true, or another host is meant.";
    what.mends = {{"on " + std::string(it.to.host_part()), "ss -ltnp 'sport = " + std::to_string(it.node.port) + "'"}};
    it.told.stop(step::port, place + ": " + error.message(), std::move(what));
}

/// It takes the connection, by its kernel, and says nothing. On the wire a process that is stopped, one that hangs and
/// one that is busy look alike.
void tell_silent(way& it) {
    const auto place = place_text(it.where(), it.node.port);
    diagnosis what{.what = cause::hung, .is_guess = false, .sentence = {}, .why = {}, .mends = {}};
    what.why = "The kernel takes connections for a process whatever it does; the handshake is the node's own. ";
    std::string seen = place + " takes the connection, and says nothing";
    if (!it.to.process) {
        what.is_guess = true;
        what.sentence = it.to.called() + " takes connections and says nothing: it is stopped, hangs, or is too busy.";
        what.why += "From here the three look alike: its process is not to be seen.";
        what.mends = {{"on " + std::string(it.to.host_part()),
                       "ps -eLo pid,state,pcpu,comm | grep beam    # T: stopped. A high figure: busy. Else it hangs"}};
        it.told.stop(step::handshake, std::move(seen), std::move(what));
        return;
    }
    const auto pid = std::to_string(it.to.process->pid);
    const auto state = watch(*it.to.process, watched);
    if (state == activity::stopped) {
        what.what = cause::stopped;
        what.sentence = it.to.called() + " is stopped: pid " + pid + " got SIGSTOP, or a debugger holds it.";
        what.mends = {{"in a shell", "kill -CONT " + pid}};
    } else if (state == activity::busy) {
        what.what = cause::busy;
        what.is_guess = true; // it may hang, and something else in it compute
        what.sentence = it.to.called() + " is too busy to answer: pid " + pid + " uses its processor without a pause.";
        what.mends = {
            {"in a shell", "top -H -p " + pid},
            {"or in " + it.to.called(), "erlang:system_info(schedulers_online), statistics(run_queue_lengths)."}};
    } else {
        what.sentence =
            it.to.called() + " hangs: pid " + pid + " is not stopped and does nothing, and does not answer.";
        what.why += "What answers in a VM is its process net_kernel.";
        what.is_guess = true;
        what.mends = {{"in " + it.to.called() + ", if its shell answers",
                       "process_info(whereis(net_kernel), [status, current_stacktrace, messages])."}};
    }
    seen += state == activity::stopped ? "; its process is stopped"
            : state == activity::busy  ? "; its process uses its processor without a pause"
                                       : "; its process does nothing";
    it.told.stop(step::handshake, std::move(seen), std::move(what));
}

/// One of the two speaks TLS, and the other does not.
void tell_tls(way& it, const party& with_tls, const party& without) {
    const auto process =
        with_tls.process && with_tls.process->is_over_tls()
            ? " (-proto_dist " + shown(with_tls.process->carrier) + ", " + pid_text(*with_tls.process) + ")"
            : "";
    const auto plain =
        without.name.empty() ? "a node that is started without a flag for it does not" : without.called() + " does not";
    it.told.stop(step::handshake, with_tls.called() + " speaks TLS" + process + ", and " + plain,
                 {.what = cause::tls_on_one_side,
                  .is_guess = false,
                  .sentence = with_tls.called() + " speaks TLS" + process + ", and " + plain + ".",
                  .why = "Distribution over TLS and plain distribution do not understand each other.",
                  .mends = {{"start both with", "-proto_dist inet_tls -ssl_dist_optfile FILE"},
                            {"or both without", "-proto_dist"}}});
}

bool speaks_tls(const party& one) {
    return one.traits().is_over_tls();
}

/// TO speaks TLS: either the other does not, or nothing more can be asked.
void tell_to_speaks_tls(way& it) {
    if (it.from.said || (!speaks_tls(it.from) && (it.from.process || it.from.name.empty()))) {
        tell_tls(it, it.to, it.from);
        return;
    }
    it.told.leave_open(step::handshake, it.to.called() + " speaks TLS" +
                                            (speaks_tls(it.from) ? ", as does " + it.from.called() : "") +
                                            "; we do not, so its name and its cookie are not asked for");
}

introduction introduce(const way& it) {
    introduction result;
    result.where = it.where();
    result.port = it.node.port;
    result.highest_version = it.node.highest_version;
    result.from = it.from.traits().dials_from;
    if (it.node.highest_version < dist::first_version_with_new_form) {
        result.flags = dist::flag::mandatory_before_23;
    }
    if (it.as_from) {
        result.name = it.from.name;
    }
    return result;
}

void tell_not_allowed(way& it, const introduction& asked_as) {
    const auto asked_name = shown(asked_as.name);
    diagnosis what{.what = cause::not_allowed,
                   .is_guess = !it.as_from,
                   .may_be_well = !it.as_from,
                   .sentence = it.to.called() + " has a list of the nodes that it connects with (net_kernel:allow/1)" +
                               (it.as_from ? ", and " + asked_name + " is not in it." : "."),
                   .why =
                       "Once net_kernel:allow/1 was called, a node refuses all others, and does not dial them either.",
                   .mends = {}};
    if (!it.as_from) {
        what.why += " We asked as " + asked_name + "; whether " + it.from.called() +
                    " is in the list is not to be seen from outside.";
    }
    what.mends = {{"in " + it.to.called() + " (Erlang)",
                   "net_kernel:allow(['" + (it.from.name.empty() ? "idfe@lowry" : it.from.name) + "'])."},
                  {"in " + it.to.called() + " (Elixir)",
                   ":net_kernel.allow([:\"" + (it.from.name.empty() ? "idfe@lowry" : it.from.name) + "\"])"}};
    it.told.stop(step::handshake, it.to.called() + " answers not_allowed to " + asked_name, std::move(what));
}

void tell_alive(way& it) {
    it.told.stop(
        step::handshake, it.to.called() + " takes its connection with " + it.from.called() + " for alive",
        {.what = cause::alive_already,
         .is_guess = false,
         .sentence =
             it.to.called() + " is connected with a node called " + it.from.called() + " already, or takes it for so.",
         .why = "Where a host went away without a word, a node notices that after net_ticktime, 60 s by default.",
         .mends = {{"in " + it.to.called() + " (Erlang)", "erlang:disconnect_node('" + it.from.name + "')."},
                   {"in " + it.to.called() + " (Elixir)", "Node.disconnect(:\"" + it.from.name + "\")"}}});
}

void tell_ended(way& it, failure_of why) {
    const bool is_closed = why == failure_of::closed;
    if (is_closed &&
        it.to.process) { // a node, by its process: it is just coming up or ending, or is asked by many at once
        it.told.leave_open(step::handshake, it.to.called() + " closes the connection: ask once more");
        return;
    }
    diagnosis what{
        .what = cause::handshake_ends,
        .is_guess = is_closed,
        .sentence = "What listens at " + place_text(it.where(), it.node.port) + " " + std::string(to_string(why)) +
                    " in the handshake.",
        .why = is_closed ? "So does a node that is just coming up or ending, and a program that is no node."
                         : "It is no node of OTP 23 or later, or no node at all.",
        .mends = {{"in a shell", "ss -ltnp 'sport = " + std::to_string(it.node.port) + "'    # whose port is it?"}}};
    it.told.stop(step::handshake, it.to.called() + " " + std::string(to_string(why)), std::move(what));
}

void tell_other_name(way& it, const std::string& name) {
    const auto& epmd = it.world.epmd();
    const bool is_stock = epmd.is_there && !epmd.is_loopmd && epmd.trouble.empty() && senses::is_here(it.where());
    const auto parts = split_node_name(name);
    diagnosis what{
        .what = cause::other_name,
        .is_guess = false,
        .sentence = "The node that is registered there calls itself " + shown(name) + ", not " + it.to.called() + ".",
        .why = "A VM connects only to a node that has just the name for which it looked; letter by letter, also "
               "where two names of a host mean one address.",
        .mends = {{"reach it as", shown(name)}}};
    if (is_stock && parts.alive_name == it.to.alive_name()) {
        what.what = cause::one_table;
        what.why = "The epmd is no loopmd, and has one table of names for all hosts: at " +
                   std::string(it.to.host_part()) + " it finds " + shown(name) + ". " + what.why;
        what.mends = {{"in a shell", "loopmd --replace -daemon    # takes its place, and its nodes over"},
                      {"and then start", it.to.name}};
    } else if (parts.alive_name == it.to.alive_name()) {
        what.mends.push_back(
            {"or start it as", (mode_of(it.to).mode == naming::long_names ? "-name " : "-sname ") + it.to.name});
    }
    it.told.stop(step::handshake, "the node there calls itself " + shown(name), std::move(what));
}

} // namespace

bool check_node(way& it) {
    if (is_not_asked(it)) {
        return false;
    }
    if (!it.to.process) {
        it.to.process = it.world.vm_at(it.where(), it.node.port);
    }
    const auto place = place_text(it.where(), it.node.port);
    const slow_remark slow("an answer of " + it.to.called() + " at " + place);
    if (speaks_tls(it.to)) { // asking would leave a line in its log
        tell_to_speaks_tls(it);
        return false;
    }
    const auto asked_as = introduce(it);
    const auto found = meet(asked_as, nullptr, it.world.within(longest_meeting));
    if (found.connecting && is_from_loopback(it, asked_as)) {
        tell_loopback_source(it, *asked_as.from);
        return false;
    }
    if (found.connecting) {
        tell_no_connection(it, found.connecting);
        return false;
    }
    it.told.note(step::port, mark::good, place + " takes connections");
    if (found.is_silent) {
        tell_silent(it);
        return false;
    }
    if (found.failure == failure_of::tls) {
        tell_to_speaks_tls(it);
        return false;
    }
    if (found.failure == failure_of::not_allowed) {
        tell_not_allowed(it, asked_as);
        return false;
    }
    if (found.failure == failure_of::alive || found.failure == failure_of::nok) {
        if (it.as_from) {
            tell_alive(it);
        } else {
            it.told.leave_open(step::handshake, it.to.called() +
                                                    " is being asked by somebody else at this moment, as " +
                                                    asked_as.name + ": ask once more");
        }
        return false;
    }
    if (found.failure) {
        tell_ended(it, *found.failure);
        return false;
    }
    it.to.said = found.challenge;
    it.met_as = asked_as;
    if (found.challenge->name != it.to.name) {
        tell_other_name(it, found.challenge->name);
        return false;
    }
    if (speaks_tls(it.from)) {
        tell_tls(it, it.from, it.to);
        return false;
    }
    it.told.note(step::handshake, mark::good, "it calls itself " + it.to.called());
    if ((found.challenge->flags & dist::flag::published) == 0) {
        it.told.note(step::handshake, mark::note, "it is hidden: nodes() does not list it, nodes(hidden) does");
    }
    return true;
}

} // namespace epmd::ctl::doctor
