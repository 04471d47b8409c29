/// The way from one node to another, step by step, as the VM of the first goes it.
///
/// Each step is a function of what is known so far: it adds what it has seen, and is false where the way ends, because
/// something is wrong or because no more can be known. The words stand where the thing is seen.
#pragma once

#include "dist/cookie.hpp"
#include "doctor/findings.hpp"
#include "doctor/lookup.hpp"
#include "doctor/node.hpp"
#include "doctor/senses.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace epmd::ctl::doctor {

/// One of the two nodes.
struct party {
    std::string name; ///< empty: FROM was left out, and is a node that would be started here
    std::optional<vm> process;
    vm would_be{}; ///< what is known without a process: of one that would be started here, what our environment says
    std::optional<dist::send_challenge> said; ///< what it answered, once it was met

    bool is_to_be_started = false; ///< it would be started here: would_be is ours
    [[nodiscard]] const vm& traits() const { return process ? *process : would_be; }
    [[nodiscard]] std::string_view alive_name() const { return split_node_name(name).alive_name; }
    [[nodiscard]] std::string_view host_part() const { return split_node_name(name).host_part; }
    /// "idfe@lowry", or "a node here".
    [[nodiscard]] std::string called() const;
};

struct way {
    senses& world;
    const party& from;
    party& to;
    direction& told;
    bool as_from = false; ///< the other is met under FROM's name

    // as the steps find it
    std::vector<address> addresses{}; ///< of the host, as the VM would have them
    std::vector<address> system_addresses{};
    std::string resolved_by{};
    std::uint16_t epmd_port = 0;
    std::vector<std::string> names_there{}; ///< that the epmd has, where it was asked for them
    registered_node node{};
    introduction met_as{}; ///< how it was met, once it has said who it is

    [[nodiscard]] const address& where() const { return addresses.front(); }
};

/// "127.0.0.3:4369"
std::string place_text(const address&, std::uint16_t port);

/// What gives a VM without a name that of a node.
mend name_at_run_time(const party&);

/// 1 and 2: names, and whether short and long ones meet.
bool check_names(way&);
bool check_mode(way&);
/// 3: where the host is.
bool check_host(way&);
/// 4 and 5: which epmd answers there, and whether it knows the node.
bool check_epmd(way&);
/// 6 to 8: whether the node takes connections, who it says it is, and whether it would have us.
bool check_node(way&);

/// A node in the order of its steps: all of the above. False: it has ended before the last.
bool walk(way&);

/// The mode of a node, and whether that is a guess by the dots in its name.
struct naming_of_node {
    naming mode = naming::unknown;
    bool is_guess = false;
    std::string by; ///< "-sname"; empty: a guess
};
naming_of_node mode_of(const party&);

} // namespace epmd::ctl::doctor
