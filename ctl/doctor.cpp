// epmdctl doctor: why can one node not reach another?
#include "doctor/cookies.hpp"
#include "doctor/examine.hpp"
#include "doctor/report.hpp"
#include "output.hpp"
#include "verbs.hpp"

#include <boost/json/serialize.hpp>

#include <array>
#include <utility>

#include <sys/resource.h>

namespace epmd::ctl {
namespace {

constexpr std::array flags{
    flag{"cookie", "COOKIE", "of both; - reads a line of standard input", true},
    flag{"cookie-from", "COOKIE", "of FROM for TO; likewise", true},
    flag{"cookie-to", "COOKIE", "of TO for FROM; likewise", true},
    flag{"cookie-file", "FILE", "has the cookie of both"},
    flag{"no-cookie-test", "", "show nodes no cookie, and compare what is known of theirs"},
    flag{"as-from", "", "ask TO under FROM's name, while FROM does not run"},
};

/// The value of a flag, if it was given; what is a secret is read from standard input where it is `-`.
std::optional<dist::cookie> given_cookie(const call& how, const char* flag, const std::string& of_what) {
    const auto given = how.flags.find(flag);
    if (given == how.flags.end()) {
        return std::nullopt;
    }
    if (given->second == "-") {
        return doctor::cookie_from_input(of_what);
    }
    auto read = dist::read_cookie(given->second);
    if (const auto* fault = std::get_if<dist::cookie_fault>(&read)) {
        throw usage_error("doctor: the value of --" + std::string(flag) + " is no cookie: it " +
                          std::string(to_string(*fault)));
    }
    return std::get<dist::cookie>(std::move(read));
}

doctor::given_cookies cookies_of(const call& how) {
    if (how.has("cookie") && how.has("cookie-file")) {
        throw usage_error("doctor: --cookie and --cookie-file are two ways to say the same; give one of them");
    }
    doctor::given_cookies result;
    if (const auto file = how.flags.find("cookie-file"); file != how.flags.end()) {
        result.from = result.to = doctor::cookie_in_file(file->second);
    } else if (auto both = given_cookie(how, "cookie", "of both nodes")) {
        result.from = result.to = std::move(both);
    }
    if (auto of_from = given_cookie(how, "cookie-from", "of FROM")) {
        result.from = std::move(of_from);
    }
    if (auto of_to = given_cookie(how, "cookie-to", "of TO")) {
        result.to = std::move(of_to);
    }
    return result;
}

exit_status status_of(const doctor::examination& found) {
    switch (found.result) {
    case doctor::outcome::connects:
        return done;
    case doctor::outcome::not_known:
        return not_known;
    case doctor::outcome::does_not:
        break;
    }
    return found.wrong->what == doctor::cause::no_epmd ? no_daemon : failed;
}

exit_status run(const call& how) {
    constexpr rlimit nothing{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &nothing); // a core would have the cookies
    doctor::pair_of_nodes who;
    who.from = how.operands.size() == 2 ? how.operands.front() : "";
    who.to = how.operands.back();
    who.tests_cookies = !how.has("no-cookie-test");
    who.as_from = how.has("as-from");
    if (who.as_from && who.from.empty()) {
        throw usage_error("doctor: --as-from needs FROM: under whose name is TO to be asked?");
    }
    who.cookies = cookies_of(how);
    doctor::listener hears{.on_direction = [](const doctor::direction&) {},
                           .on_finding = [](const doctor::finding&) {}};
    if (!how.as_json) {
        hears.on_direction = [](const doctor::direction& one) { print(heading_of(one)); };
        hears.on_finding = [](const doctor::finding& one) { print(line_of(one)); };
    }
    doctor::senses world(how, std::chrono::steady_clock::now() + doctor::longest_run);
    const auto found = examine(world, who, hears);
    print(how.as_json ? boost::json::serialize(json_of(found)) + "\n" : verdict_of(found));
    return status_of(found);
}

} // namespace

const verb doctor_verb{.name = "doctor",
                       .operands = "[FROM] TO",
                       .help = "find out why one node does not reach another",
                       .fewest_operands = 1,
                       .most_operands = 2,
                       .flags = flags,
                       .has_json = true,
                       .run = run};

} // namespace epmd::ctl
