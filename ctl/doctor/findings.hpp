/// What the doctor finds: what was seen at each step of the way, and the first thing that is wrong.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd::ctl::doctor {

/// The steps that a VM takes to another, in their order.
enum class step { names, node, mode, host, epmd, registration, port, handshake, cookie };

/// What a step came to.
enum class mark {
    good,
    bad,
    unknown, ///< it was not examined, or cannot be known from outside
    note,    ///< worth knowing, and nothing wrong
};

struct finding {
    step where = step::names;
    mark how = mark::good;
    std::string seen; ///< a line for people

    bool operator==(const finding&) const = default;
};

/// What can be wrong. The words of docs/doctor.md; scripts may count on them.
enum class cause {
    own_name,
    no_node_name,
    short_and_long_names,
    host_unknown,
    resolves_differently,
    dials_from_loopback,
    no_epmd,
    epmd_silent,
    not_an_epmd,
    other_epmd_port,
    not_distributed,
    not_running,
    not_registered,
    registered_elsewhere,
    parked,
    pending,
    one_table,
    bound_elsewhere,
    port_refuses,
    port_silent,
    stopped,
    busy,
    hung,
    other_name,
    not_allowed,
    alive_already,
    flags_too_old,
    cookie_file_refused,
    tls_on_one_side,
    handshake_ends,
    cookies_differ,
    other_network, // the last one
};

std::string_view to_string(step) noexcept;
std::string_view to_string(mark) noexcept;
std::string_view to_string(cause) noexcept;

/// Something to type, and where.
struct mend {
    std::string where; ///< "in a shell", "in idfe@lowry (Erlang)"; empty: it is a sentence
    std::string what;

    bool operator==(const mend&) const = default;
};

/// The first thing that is wrong.
struct diagnosis {
    cause what = cause::not_running;
    bool is_guess = false;    ///< it is judged by what is usual, not by what was seen
    bool may_be_well = false; ///< what would make them connect all the same is not to be seen from outside
    std::string sentence;     ///< what is wrong
    std::string why;          ///< why that matters
    std::vector<mend> mends;
};

/// One direction of a pair.
struct direction {
    std::string from; ///< empty: a node that would be started here
    std::string to;
    std::vector<finding> findings;
    std::optional<diagnosis> wrong;
    bool is_open = false; ///< nothing wrong was found, and something that matters could not be examined
    std::function<void(const finding&)> on_finding{}; ///< told of each as it comes

    void note(step where, mark how, std::string seen) {
        findings.push_back({where, how, std::move(seen)});
        if (on_finding) {
            on_finding(findings.back());
        }
    }
    /// Ends the way there.
    void stop(step where, std::string seen, diagnosis what) {
        note(where, mark::bad, std::move(seen));
        wrong = std::move(what);
    }
    void leave_open(step where, std::string seen) {
        note(where, mark::unknown, std::move(seen));
        is_open = true;
    }
};

} // namespace epmd::ctl::doctor
