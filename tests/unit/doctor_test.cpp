// What the doctor says and reckons, without a node.
#include "doctor/digest.hpp"
#include "doctor/findings.hpp"
#include "doctor/lookup.hpp"
#include "doctor/report.hpp"
#include "output.hpp"
#include "support/bytes.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epmd::ctl::doctor {
namespace {

using test::repeated;
using words = std::vector<std::string>;

/// All words of an enumeration up to its last one.
template <typename Enumeration>
std::set<std::string_view> all_words(Enumeration last) {
    std::set<std::string_view> result;
    for (int i = 0; i <= static_cast<int>(last); ++i) {
        result.insert(to_string(static_cast<Enumeration>(i)));
    }
    return result;
}

/// Nothing was seen yet, and nothing is wrong.
examination of_idfe() {
    examination result{.who = {.from = "idfe@lowry", .to = "idfe@indecline", .cookies = {}},
                       .there = {.from = "idfe@lowry", .to = "idfe@indecline", .findings = {}, .wrong = {}},
                       .back = {},
                       .common = {.from = {}, .to = {}, .findings = {}, .wrong = {}},
                       .wrong = {}};
    result.result = outcome::connects;
    return result;
}

direction way_back() {
    return {.from = "idfe@indecline", .to = "idfe@lowry", .findings = {}, .wrong = {}};
}

const diagnosis not_running{
    .what = cause::not_running,
    .sentence = "Nothing of that name runs.",
    .why = "Who does not run does not answer.",
    .mends = {{.where = "in a shell", .what = "erl -sname idfe"}, {.where = "Wait", .what = ""}}};

TEST_SUITE("doctor: words") {
    TEST_CASE("each step, mark and cause has a word of its own") {
        CHECK(all_words(step::cookie).size() == static_cast<std::size_t>(step::cookie) + 1);
        CHECK(all_words(mark::note).size() == static_cast<std::size_t>(mark::note) + 1);
        CHECK(all_words(cause::other_network).size() == static_cast<std::size_t>(cause::other_network) + 1);
        for (const auto& all : {all_words(step::cookie), all_words(mark::note), all_words(cause::other_network)}) {
            for (const auto word : all) {
                CAPTURE(word);
                CHECK_FALSE(word.empty());
                CHECK(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
            }
        }
    }

    TEST_CASE("a name that one may have meant is near: by two letters, of a short one by one, or by case") {
        struct {
            std::string to;
            words among;
            words expected;
        } const all[] = {
            {"idfe", {}, {}},
            {"idfe", {"idfe"}, {}}, // it is that one
            {"idfe", {"idf", "id", "i", "idfexx", "idfexxx"}, {"idf", "id", "idfexx"}},
            {"idfe", {"edfe", "idfe2", "ifde", "rabbit"}, {"edfe", "idfe2", "ifde"}},
            {"idfe", {"IDFE", "Idfe"}, {"IDFE", "Idfe"}},
            {"rabbit", {"RABBIT2"}, {}},
            {"abc", {"abd", "abcd", "ab", "adc", "axy", "a", "abcde"}, {"abd", "abcd", "ab", "adc"}},
            {"a", {"b", "", "ab", "abc"}, {"b", "", "ab"}},
            {"", {"a", "ab"}, {"a"}},
            {repeated("a", 255), {repeated("a", 254), repeated("a", 256)}, {repeated("a", 254)}},
            {repeated("a", 256), {repeated("a", 255), repeated("A", 256)}, {repeated("A", 256)}},
        };
        for (const auto& one : all) {
            CAPTURE(one.to);
            CHECK(similar_names(one.to, one.among) == one.expected);
        }
    }

    TEST_CASE("a proof is the MD5 of the cookie and the challenge") {
        const auto hexadecimal = [](const dist::digest& proof) {
            constexpr std::string_view digits = "0123456789abcdef";
            std::string text;
            for (const char one : proof) {
                const auto byte = static_cast<unsigned char>(one);
                text += {digits[byte >> 4U], digits[byte & 0xfU]};
            }
            return text;
        };
        // printf secret12345 | md5sum
        CHECK(hexadecimal(digest_of(dist::cookie("secret"), 12345)) == "d4047d3e56e6d6d63f7d16b85cd2fa88");
        CHECK(hexadecimal(digest_of(dist::cookie("secret"), 0xffffffff)) == "5dfd181e69aa587cc812eb333e6536b6");
    }
}

TEST_SUITE("doctor: report") {
    TEST_CASE("a direction is told of each finding as it comes, and keeps the first thing that is wrong") {
        auto one = way_back();
        std::vector<finding> heard;
        one.on_finding = [&](const finding& is) { heard.push_back(is); };
        one.note(step::names, mark::good, "the name is well");
        one.leave_open(step::host, "it was not asked");
        CHECK(one.is_open);
        CHECK_FALSE(one.wrong);
        one.stop(step::epmd, "it is not there", not_running);
        const std::vector<finding> expected{{step::names, mark::good, "the name is well"},
                                            {step::host, mark::unknown, "it was not asked"},
                                            {step::epmd, mark::bad, "it is not there"}};
        CHECK(one.findings == expected);
        CHECK(heard == expected);
        REQUIRE(one.wrong);
        CHECK(one.wrong->what == cause::not_running);
        CHECK(one.wrong->mends == not_running.mends);
    }

    TEST_CASE("the JSON has both directions, with what was seen and what is wrong") {
        auto all = of_idfe();
        all.there.note(step::names, mark::good, "\"quoted\"");
        all.there.stop(step::registration, "not there", not_running);
        all.back = way_back();
        all.back->leave_open(step::cookie, "no cookie is known");
        all.common.note(step::cookie, mark::note, "a note");
        all.wrong = all.there.wrong;
        all.wrong->is_guess = true;
        all.result = outcome::does_not;
        CHECK(json_of(all) == boost::json::parse(R"({
            "from": "idfe@lowry", "to": "idfe@indecline", "outcome": "does_not_connect", "is_connected": false,
            "wrong": {"cause": "not_running", "is_guess": true, "what": "Nothing of that name runs.",
                      "why": "Who does not run does not answer.",
                      "mends": [{"where": "in a shell", "type": "erl -sname idfe"}, {"where": "Wait", "type": ""}]},
            "directions": [
                {"from": "idfe@lowry", "to": "idfe@indecline", "is_open": false,
                 "steps": [{"step": "names", "result": "good", "seen": "\"quoted\""},
                           {"step": "registration", "result": "bad", "seen": "not there"}],
                 "wrong": {"cause": "not_running", "is_guess": false, "what": "Nothing of that name runs.",
                           "why": "Who does not run does not answer.",
                           "mends": [{"where": "in a shell", "type": "erl -sname idfe"},
                                     {"where": "Wait", "type": ""}]}},
                {"from": "idfe@indecline", "to": "idfe@lowry", "is_open": true,
                 "steps": [{"step": "cookie", "result": "unknown", "seen": "no cookie is known"}], "wrong": null}],
            "common": [{"step": "cookie", "result": "note", "seen": "a note"}]})"));
    }

    TEST_CASE("the JSON of a node that would be started here has no FROM, and one direction") {
        auto all = of_idfe();
        all.who.from.clear();
        all.there.from.clear();
        all.is_connected = true;
        CHECK(json_of(all) == boost::json::parse(R"({
            "from": null, "to": "idfe@indecline", "outcome": "connects", "is_connected": true, "wrong": null,
            "directions": [{"from": null, "to": "idfe@indecline", "is_open": false, "steps": [], "wrong": null}],
            "common": []})"));
        all.result = outcome::not_known;
        CHECK(json_of(all).at("outcome") == "not_known");
    }

    TEST_CASE("the verdict on what is wrong has the cause, why it matters, and what to type") {
        const std::string mends = "  in a shell:\n      " + styled("erl -sname idfe", style::bold) + "\n  Wait\n";
        const std::string text = "\nNothing of that name runs.\nWho does not run does not answer.\n\n" + mends;
        auto all = of_idfe();
        all.result = outcome::does_not;
        all.wrong = not_running;
        all.there.wrong = not_running;
        CHECK(verdict_of(all) == text);

        all.back = way_back();
        const std::string turned = "\nIn the other direction nothing is wrong: connected from there, both can talk.\n"
                                   "  in idfe@indecline (Erlang):  net_kernel:connect_node('idfe@lowry').\n";
        CHECK(verdict_of(all) == text + turned);
        all.back->is_open = true;
        CHECK(verdict_of(all) == text);
        all.back->is_open = false;
        all.back->wrong = not_running;
        CHECK(verdict_of(all) == text);
        all.back->wrong.reset();
        all.common.wrong = not_running;
        CHECK(verdict_of(all) == text);
        all.there.wrong.reset();
        CHECK(verdict_of(all) == text);

        all.wrong = diagnosis{.what = cause::hung, .is_guess = true, .sentence = "It hangs.", .why = {}, .mends = {}};
        CHECK(verdict_of(all) == "\nIt hangs. (Most likely.)\n");
    }

    TEST_CASE("sentences are broken between words, and what is to be typed is not") {
        const auto word_of = [](std::size_t size) { return repeated("x", size); };
        const auto typed = repeated("type this ", 20);
        auto all = of_idfe();
        all.result = outcome::does_not;
        all.wrong = diagnosis{.sentence = word_of(40) + " " + word_of(39) + " " + word_of(41) + " " + word_of(39),
                              .why = word_of(100) + " a",
                              .mends = {{.where = "in a shell", .what = typed}}};
        CHECK(verdict_of(all) == "\n" + word_of(40) + " " + word_of(39) + "\n" + word_of(41) + "\n" + word_of(39) +
                                     "\n" + word_of(100) + "\na\n\n  in a shell:\n      " + styled(typed, style::bold) +
                                     "\n");
    }

    TEST_CASE("the verdict on what is well") {
        auto all = of_idfe();
        const std::string well =
            "\nidfe@lowry reaches idfe@indecline: nothing is wrong, as far as it is seen from outside.\n";
        CHECK(verdict_of(all) == well);
        all.back = way_back();
        CHECK(verdict_of(all) == well);
        all.back->wrong = diagnosis{.what = cause::hung, .sentence = "It hangs.", .why = {}, .mends = {}};
        CHECK(verdict_of(all) ==
              well + "\nNot in the other direction; what was begun from idfe@lowry serves both, until it ends.\n"
                     "It hangs.\n");
        all.is_connected = true;
        CHECK(verdict_of(all) == "\nidfe@lowry and idfe@indecline are connected.\n");
        all = of_idfe();
        all.who.from.clear();
        CHECK(verdict_of(all) ==
              "\na node here reaches idfe@indecline: nothing is wrong, as far as it is seen from outside.\n");
        all.result = outcome::not_known;
        CHECK(verdict_of(all) ==
              "\nNothing wrong was found, and not all could be examined: see the lines with a question mark.\n");
    }

    TEST_CASE("what a node calls itself does nothing to a terminal") {
        auto all = of_idfe();
        all.who.to = "a\033[31m@lowry";
        all.there.to = all.who.to;
        CHECK(verdict_of(all).find('\033') == std::string::npos);
        CHECK(heading_of(all.there) == styled("idfe@lowry -> 'a\\x1b[31m@lowry'", style::bold) + "\n");
    }

    TEST_CASE("a heading says who goes to whom, and that both are meant where nobody is") {
        CHECK(heading_of(way_back()) == styled("idfe@indecline -> idfe@lowry", style::bold) + "\n");
        auto one = way_back();
        one.from.clear();
        CHECK(heading_of(one) == styled("a node here -> idfe@lowry", style::bold) + "\n");
        CHECK(heading_of(of_idfe().common) == styled("Both", style::bold) + "\n");
    }

    TEST_CASE("the lines of good and bad steps differ") {
        std::set<std::string> lines;
        for (const auto how : {mark::good, mark::bad, mark::unknown, mark::note}) {
            const auto line = line_of({step::names, how, "seen"});
            CHECK(line.starts_with("  "));
            CHECK(line.ends_with(" seen\n"));
            lines.insert(line);
        }
        CHECK(lines.size() == 4);
    }
}

} // namespace
} // namespace epmd::ctl::doctor
