#include "doctor/check_pair.hpp"

#include "doctor/cookies.hpp"
#include "output.hpp"

#include <array>
#include <cassert>

#include <unistd.h>

namespace epmd::ctl::doctor {
namespace {

using failure_of = dist::handshake::failure;

/// For the whole of a handshake with a cookie. Chosen, not tuned.
constexpr std::chrono::milliseconds longest_meeting{1500};

struct named_flag {
    std::uint64_t bit = 0;
    std::string_view name;
};

/// Those that OTP 26 made mandatory, by their names in the distribution protocol document.
constexpr std::array flags_of_26{named_flag{dist::flag::v4_nc, "V4_NC"}, named_flag{dist::flag::unlink_id, "UNLINK_ID"},
                                 named_flag{dist::flag::handshake_23, "HANDSHAKE_23"}};

std::string missing_flags(std::uint64_t in) {
    std::string result;
    for (const auto& one : flags_of_26) {
        if ((in & one.bit) == 0) {
            result += (result.empty() ? "" : ", ") + std::string(one.name);
        }
    }
    return result;
}

/// What OTP 23 can do (seen on Debian's).
constexpr std::uint64_t flags_of_23 = 0x101df7fbc;

/// What a node can do: by its own word, else by the release of its process.
std::optional<std::uint64_t> flags_of(const party& one) {
    if (one.said) {
        return one.said->flags & ~dist::flag::published;
    }
    return one.process && one.process->otp_release == 23 ? std::optional(flags_of_23) : std::nullopt;
}

/// Whether the node that is met on `way` has the other as it is: it is asked with the other's flags, where these are
/// not all that any release wants.
bool check_flags(const met_pair& it, way& to_new, const party& old) {
    const auto flags = flags_of(old);
    const bool is_complete = !flags || (*flags & dist::flag::mandatory_26) == dist::flag::mandatory_26;
    if (is_complete || to_new.node.highest_version < dist::first_version_with_new_form) {
        return true;
    }
    auto asked_as = to_new.met_as;
    asked_as.flags = *flags;
    const auto found = meet(asked_as, nullptr, to_new.world.within(longest_meeting));
    if (found.failure != failure_of::not_allowed) {
        return true;
    }
    const auto missing = missing_flags(*flags);
    it.told.stop(
        step::handshake, to_new.to.called() + " refuses what " + old.called() + " can do: it lacks " + missing,
        {.what = cause::flags_too_old,
         .is_guess = false,
         .sentence = old.called() + " is too old for " + to_new.to.called() + ": it lacks " + missing + ".",
         .why = "A node from OTP 26 on refuses one that lacks these capabilities of the distribution protocol, in "
                "both directions.",
         .mends = {{"run " + old.called() + " on", "OTP 25 or later"}}});
    return false;
}

/// "in idfe@lowry (Erlang)": the line that gives it a cookie for the other.
void add_lines(std::vector<mend>& to, const std::string& in, const std::string& for_node, const std::string& cookie) {
    to.push_back({"in " + in + " (Erlang)", "erlang:set_cookie('" + for_node + "', " + cookie + ")."});
    to.push_back({"in " + in + " (Elixir)", "Node.set_cookie(:\"" + for_node + "\", :" + cookie + ")"});
}

std::string name_or(const std::string& name, const char* otherwise) {
    return name.empty() ? otherwise : name;
}

/// `is_of_the_pair`: what differs is what the two have for each other, and not what they have by default.
void tell_cookies_differ(const met_pair& it, bool is_of_the_pair, std::string seen, std::string sentence) {
    const auto from = name_or(it.who.from, "FROM");
    diagnosis what{
        .what = cause::cookies_differ, .is_guess = false, .sentence = std::move(sentence), .why = {}, .mends = {}};
    what.why = "One cookie serves a pair of nodes, in both directions; each side chooses it by the other's name: what "
               "erlang:set_cookie/2 says, else its default. It has to be the same on both sides.";
    what.may_be_well = !is_of_the_pair && !it.who.from.empty();
    if (what.may_be_well) {
        what.why +=
            " Whether one of them has a cookie of its own for the other is not to be seen from outside; --as-from "
            "tests the pair itself, while FROM does not run.";
    }
    what.mends.push_back({"Give both one cookie for each other:", ""});
    add_lines(what.mends, from, it.who.to, "one_for_both");
    add_lines(what.mends, it.who.to, from, "one_for_both");
    what.mends.push_back(
        {"Or give one of the two, and not both, the other's default: each the other's default fails.", ""});
    what.mends.push_back(
        {"Or start both with", "the same ~/.erlang.cookie, or -setcookie COOKIE (iex: --cookie), which ps(1) shows"});
    it.told.stop(step::cookie, std::move(seen), std::move(what));
}

/// Who may not be called as every VM is before it has a name, to show a node of before OTP 25 a cookie: OTP 23 has the
/// cookie `nocookie` for that name, whatever its default is (seen on 23; 25 and 27 have the default).
constexpr const char* our_name_before_25 = "epmdctl@nohost";

/// One node, shown a cookie.
encounter show(way& at, const dist::cookie& secret) {
    const slow_remark slow("an answer of " + at.to.called());
    auto asked_as = at.met_as;
    if (!at.as_from && (at.to.said->flags & dist::flag::mandatory_25_digest) == 0) {
        asked_as.name = our_name_before_25;
    }
    return meet(asked_as, &secret, at.world.within(longest_meeting));
}

/// Not an answer to the question: neither taken nor refused.
bool is_unanswered(const encounter& found) {
    return !found.has_cookie && found.failure != failure_of::cookie;
}

void leave_open(const met_pair& it, const way& at, const encounter& found) {
    it.told.leave_open(step::cookie, at.to.called() + " was asked about its cookie, and " +
                                         (found.failure      ? std::string(to_string(*found.failure))
                                          : found.connecting ? found.connecting.message()
                                                             : "says nothing") +
                                         ": ask once more");
}

/// Those that are known, and whence.
struct both_cookies {
    known_cookie from;
    known_cookie to;
};

both_cookies find_cookies(const met_pair& it) {
    const auto& one = it.there != nullptr ? *it.there : *it.back;
    const auto& from = it.there != nullptr ? one.from : one.to;
    const auto& to = it.there != nullptr ? one.to : one.from;
    both_cookies result;
    if (it.who.cookies.from) {
        result.from = {.value = it.who.cookies.from, .by = "as given", .trouble = {}};
    } else if (from.process || from.is_to_be_started) {
        result.from = default_cookie(from.traits(), it.who.to);
    } else {
        result.from.trouble = "its process is not seen";
    }
    if (it.who.cookies.to) {
        result.to = {.value = it.who.cookies.to, .by = "as given", .trouble = {}};
    } else if (to.process) {
        result.to = default_cookie(*to.process, it.who.from);
    }
    return result;
}

/// What the files and flags say, where nobody is asked.
void compare(const met_pair& it, const both_cookies& known, const party& from, const party& to) {
    const bool is_of_the_pair =
        known.from.is_for_one || known.to.is_for_one || (it.who.cookies.from && it.who.cookies.to);
    if (!known.from.value || !known.to.value) {
        it.told.leave_open(step::cookie, "the cookies were not tested, and not both are known: " +
                                             (known.from.value ? known.to.trouble : known.from.trouble));
    } else if (known.from.value == known.to.value) {
        it.told.note(step::cookie, mark::good,
                     from.called() + " and " + to.called() + " have one cookie, by " + known.from.by + " and " +
                         known.to.by + "; it was not tested");
    } else {
        tell_cookies_differ(it, is_of_the_pair,
                            "the cookies differ, by " + known.from.by + " and " + known.to.by + "; not tested",
                            "The cookies of " + from.called() + " (" + known.from.by + ") and of " + to.called() +
                                " (" + known.to.by + ") differ.");
    }
}

/// Whether a cookie that we have found may be shown to a node: its proof can be passed on, so root does not show what
/// is one user's to another's process.
bool may_be_shown(const party& whose, const party& to_whom) {
    return ::geteuid() != 0 || !whose.process || !to_whom.process || whose.process->uid == to_whom.process->uid ||
           whose.process->uid == 0;
}

/// TO, shown FROM's cookie. False: that is all that is to be known.
bool ask_to(const met_pair& it, const both_cookies& known, const party& from, const party& to) {
    const auto found = show(*it.there, *known.from.value);
    if (is_unanswered(found)) {
        leave_open(it, *it.there, found);
        return false;
    }
    const auto cookie = "the cookie of " + from.called() + " (" + known.from.by + ")";
    if (!found.has_cookie) {
        tell_cookies_differ(it, it.who.as_from, to.called() + " does not accept " + cookie,
                            it.who.as_from
                                ? to.called() + " has another cookie for " + from.called() + " than " + cookie + "."
                                : "The default cookie of " + to.called() + " differs from " + cookie + ".");
        return false;
    }
    it.told.note(step::cookie, mark::good,
                 to.called() + " accepts " + cookie + (it.who.as_from ? ", under that name" : ""));
    return true;
}

/// FROM, shown TO's cookie: so it is seen that its own is what we took it for.
void ask_from(const met_pair& it, const both_cookies& known, const party& from, const party& to) {
    const auto& secret = known.to.value ? known.to : known.from;
    const auto found = show(*it.back, *secret.value);
    if (is_unanswered(found)) {
        leave_open(it, *it.back, found);
        return;
    }
    const auto cookie = known.to.value ? "the cookie of " + to.called() + " (" + known.to.by + ")"
                                       : "that cookie (" + known.from.by + "), which " + to.called() + " has";
    if (found.has_cookie) {
        it.told.note(step::cookie, mark::good, from.called() + " accepts " + cookie);
    } else {
        tell_cookies_differ(it, false, from.called() + " does not accept " + cookie,
                            "The default cookie of " + from.called() + " differs from " + cookie + ".");
    }
}

/// A node that is still to be started does not start with such a file.
bool check_own_file(const met_pair& it, const known_cookie& cookie, const party& from) {
    if (!from.is_to_be_started || !cookie.is_refused) {
        return true;
    }
    it.told.stop(step::cookie, cookie.trouble,
                 {.what = cause::cookie_file_refused,
                  .is_guess = false,
                  .sentence = cookie.trouble + ".",
                  .why = "A VM reads its cookie file when it gets its name, and ends if it does not like it.",
                  .mends = {}});
    return false;
}

void check_cookies(const met_pair& it) {
    const auto& one = it.there != nullptr ? *it.there : *it.back;
    const auto& from = it.there != nullptr ? one.from : one.to;
    const auto& to = it.there != nullptr ? one.to : one.from;
    const auto known = find_cookies(it);
    if (!check_own_file(it, known.from, from)) {
        return;
    }
    for (const auto* each : {&known.from, &known.to}) {
        if (each->is_refused) {
            it.told.note(step::cookie, mark::note, each->trouble);
        }
    }
    // What TO has for FROM alone is not seen by who asks under another name.
    const bool is_from_shown = it.who.cookies.from || may_be_shown(from, to) || known.from.value == known.to.value;
    if (!it.who.tests_cookies || (known.to.is_for_one && !it.who.as_from) || !is_from_shown) {
        compare(it, known, from, to);
        return;
    }
    if (it.there != nullptr && !known.from.value) {
        it.told.leave_open(step::cookie, "which cookie " + from.called() + " has is not known (" + known.from.trouble +
                                             "): --cookie-file FILE or --cookie - gives it");
        return;
    }
    if (it.there != nullptr && !ask_to(it, known, from, to)) {
        return;
    }
    const auto& back = known.to.value ? known.to : known.from;
    const bool is_to_shown = it.who.cookies.to || may_be_shown(to, from) || known.from.value == known.to.value;
    if (it.back != nullptr && back.value && !known.from.is_for_one && (!known.to.value || is_to_shown) &&
        (known.to.value || it.there != nullptr)) {
        ask_from(it, known, from, to);
    } else if (it.there == nullptr) {
        it.told.leave_open(step::cookie, "which cookie " + to.called() + " has is not known (" + known.to.trouble +
                                             "): --cookie-to gives it");
    }
    if (!it.told.wrong && !it.told.is_open && !it.who.as_from) {
        it.told.note(
            step::cookie, mark::note,
            "unless one of them has a cookie for the other alone (erlang:set_cookie/2), which is not to be seen from "
            "outside");
    }
}

/// By the kernel's word.
std::string connection_of(const met_pair& it) {
    auto& one = it.there != nullptr ? *it.there : *it.back;
    if (!one.from.process || !one.to.process) {
        return {};
    }
    std::string found;
    if (it.there != nullptr) {
        found = it.there->world.connection_between(*it.there->from.process, *it.there->to.process, it.there->node.port);
    }
    if (found.empty() && it.back != nullptr) {
        found = it.back->world.connection_between(*it.back->from.process, *it.back->to.process, it.back->node.port);
    }
    return found;
}

} // namespace

void check_pair(const met_pair& it, bool& is_connected) {
    assert(it.there != nullptr || it.back != nullptr);
    if (const auto connection = connection_of(it); !connection.empty()) {
        it.told.note(step::handshake, mark::good, "they are connected now, " + connection);
        is_connected = true;
        return;
    }
    if ((it.there != nullptr && !check_flags(it, *it.there, it.there->from)) ||
        (it.back != nullptr && !check_flags(it, *it.back, it.back->from))) {
        return;
    }
    check_cookies(it);
}

} // namespace epmd::ctl::doctor
