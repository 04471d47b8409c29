// Erlang terms as text, and the file of them by which a VM resolves names.
#include "doctor/erlang_term.hpp"
#include "doctor/inetrc.hpp"
#include "support/addresses.hpp"
#include "support/bytes.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epmd::ctl::doctor {
namespace {

using test::repeated;
using test::operator""_ip;
using words = std::vector<std::string>;
using method = inetrc::method;

term atom(std::string text) {
    return {.is = term::kind::atom, .text = std::move(text)};
}

term string(std::string text) {
    return {.is = term::kind::string, .text = std::move(text)};
}

term integer(std::int64_t number) {
    return {.is = term::kind::integer, .text = {}, .number = number};
}

term tuple(std::vector<term> items) {
    return {.is = term::kind::tuple, .text = {}, .items = std::move(items)};
}

term list(std::vector<term> items) {
    return {.is = term::kind::list, .text = {}, .items = std::move(items)};
}

TEST_SUITE("doctor: terms") {
    TEST_CASE("a file of terms is read") {
        struct {
            std::string name;
            std::string text;
            std::vector<term> expected;
        } const all[] = {
            {"nothing", "", {}},
            {"blanks", " \t\r\n\f\v\n", {}},
            {"comments", "% a.\n%% {b}.\n%", {}},
            {"an atom", "clear_hosts.\n", {atom("clear_hosts")}},
            {"an atom with all letters", "aZ0_@a.", {atom("aZ0_@a")}},
            {"an atom in quotes", "'A b.%\\'c'.", {atom("A b.%'c")}},
            {"an empty atom", "''.", {atom("")}},
            {"a string", "\"A b.%'c\".", {string("A b.%'c")}},
            {"a string with quotes and a backslash", R"("a\"b\\".)", {string("a\"b\\")}},
            {"an empty string", "\"\".", {string("")}},
            {"a string of two lines", "\"a\nb\".", {string("a\nb")}},
            {"integers", "0. -1. 127.\n", {integer(0), integer(-1), integer(127)}},
            {"the largest integer that is understood", "9223372036854775807.", {integer(INT64_MAX)}},
            {"empty ones", "{}. [].", {tuple({}), list({})}},
            {"blanks inside", " {\n a ,\t[ 1 , 2 ] } .", {tuple({atom("a"), list({integer(1), integer(2)})})}},
            {"comments inside", "{a,% }.\n b}% c\n.% d", {tuple({atom("a"), atom("b")})}},
            {"two in one line", "a. b.", {atom("a"), atom("b")}},
            {"a comment right behind the dot", "a.% b.\nc.", {atom("a"), atom("c")}},
            {"a host",
             "{host,{127,0,0,2},[\"lowry\"]}.\n",
             {tuple(
                 {atom("host"), tuple({integer(127), integer(0), integer(0), integer(2)}), list({string("lowry")})})}},
        };
        for (const auto& one : all) {
            CAPTURE(one.name);
            const auto read = read_terms(one.text);
            CHECK(read.good == one.expected);
            CHECK(read.is_complete);
        }
    }

    TEST_CASE("numbers of other bases, escapes, and strings that stand side by side") {
        const auto number = [](std::int64_t value) {
            return term{.is = term::kind::integer, .text = {}, .number = value};
        };
        const auto text = [](const char* value) { return term{.is = term::kind::string, .text = value}; };
        const std::vector<std::pair<std::string, term>> rows{
            {"16#7f", number(127)},
            {"2#101", number(5)},
            {"1_000", number(1000)},
            {"+2", number(2)},
            {"-16#10", number(-16)},
            {R"("in" "de" "cline")", text("indecline")},
            {R"("\x6c\x{6f}\167\s\n\"\\")", text("low \n\"\\")},
        };
        for (const auto& [written, meant] : rows) {
            CAPTURE(written);
            CHECK(read_term(written) == meant);
        }
        for (const auto* wrong :
             {"16#7g", "37#1", "1#0", "1__0", "1_", "16#", "\"\\x\"", "\"\\xff\"", "\"\\x{6c\"", "++1"}) {
            CAPTURE(wrong);
            CHECK_FALSE(read_term(wrong));
        }
    }

    TEST_CASE("what is no term ends the file, and what stands before it is good") {
        for (const auto* wrong : {"b",
                                  "b c.",
                                  "{b.",
                                  "{b,}.",
                                  "{,b}.",
                                  "{b c}.",
                                  "{b]}.",
                                  "[b}.",
                                  "[b|c].",
                                  "b}.",
                                  "Bc.",
                                  "_.",
                                  "-.",
                                  "- 1.",
                                  "1.5.",
                                  "1b.",
                                  "$b.",
                                  "\"b.",
                                  "'b.",
                                  "\"b\\",
                                  "<<1>>.",
                                  "#{b=>1}.",
                                  "b+c.",
                                  "b:c().",
                                  "b..",
                                  ".",
                                  ",",
                                  "{b}.{c}.",
                                  "b.c.",
                                  "99999999999999999999.",
                                  "-99999999999999999999."}) {
            CAPTURE(wrong);
            const auto read = read_terms(std::string("a. ") + wrong);
            CHECK(read.good == std::vector{atom("a")});
            CHECK_FALSE(read.is_complete);
        }
    }

    TEST_CASE("a file that is cut has the terms that are whole, and is complete where no term is begun") {
        const std::vector<std::string> parts{"{host,{127,0,0,2},[\"low. ry\",\"a\\\"b\"]}.", "'c. d'.", "[-1,0].",
                                             "e."};
        const std::string between = " % f. g\n\n";
        std::string whole;
        std::vector<std::size_t> begins;
        std::vector<std::size_t> ends;
        for (const auto& one : parts) {
            begins.push_back(whole.size());
            ends.push_back(whole.size() + one.size());
            whole += one + between;
        }
        const auto all = read_terms(whole);
        REQUIRE(all.good.size() == parts.size());
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            CAPTURE(size);
            std::size_t whole_ones = 0;
            std::size_t begun = 0;
            for (std::size_t i = 0; i < parts.size(); ++i) {
                begun += begins[i] < size ? 1 : 0;
                whole_ones += ends[i] <= size ? 1 : 0;
            }
            const auto read = read_terms(std::string_view(whole).substr(0, size));
            CHECK(read.good ==
                  std::vector(all.good.begin(), all.good.begin() + static_cast<std::ptrdiff_t>(whole_ones)));
            CHECK(read.is_complete == (begun == whole_ones));
        }
    }

    TEST_CASE("what is nested is understood to a depth of 32") {
        for (const auto& [open, close] : {std::pair("[", "]"), {"{", "}"}}) {
            const auto nested = [&, open = open, close = close](std::size_t depth) {
                return repeated(open, depth) + "a" + repeated(close, depth) + ".";
            };
            CHECK(read_terms(nested(32)).is_complete);
            CHECK_FALSE(read_terms(nested(33)).is_complete);
            CHECK(read_terms(nested(33)).good.empty());
        }
        CHECK_FALSE(read_terms(repeated("[{", 1000000)).is_complete); // nor does it exhaust the stack
    }

    TEST_CASE("one term needs no dot, and has nothing behind it") {
        CHECK(read_term("\"/etc/inetrc\"") == string("/etc/inetrc"));
        CHECK(read_term(" [{ifaddr,{127,0,0,2}}] % here") ==
              list({tuple({atom("ifaddr"), tuple({integer(127), integer(0), integer(0), integer(2)})})}));
        CHECK(read_term("a.") == atom("a"));
        for (const auto* wrong : {"", " ", ".", "% a", "a b", "a. b", "a. b.", "a..", "A", "/etc/inetrc", "\"a"}) {
            CAPTURE(wrong);
            CHECK(read_term(wrong) == std::nullopt);
        }
    }

    TEST_CASE("a tuple is known by its first atom and its size") {
        CHECK(tuple({atom("a"), atom("b")}).is_tuple_of("a", 2));
        CHECK(tuple({atom("a")}).is_tuple_of("a", 1));
        for (const auto& other :
             {tuple({}), tuple({atom("a")}), tuple({atom("b"), atom("a")}), tuple({string("a"), atom("b")}),
              tuple({atom("a"), atom("b"), atom("c")}), list({atom("a"), atom("b")}), atom("a")}) {
            CHECK_FALSE(other.is_tuple_of("a", 2));
        }
    }

    TEST_CASE("an address is a tuple of its parts, or a string") {
        struct {
            std::string text;
            std::optional<address> expected;
        } const all[] = {
            {"{127,0,0,2}", "127.0.0.2"_ip},
            {"{255,255,255,255}", "255.255.255.255"_ip},
            {"{0,0,0,0,0,0,0,1}", "::1"_ip},
            {"{64768,1,2,3,4,5,65535,258}", "fd00:1:2:3:4:5:ffff:102"_ip},
            {"\"127.0.0.2\"", "127.0.0.2"_ip},
            {"\"fd00::4\"", "fd00::4"_ip},
            {"\"lowry\"", std::nullopt},
            {"\"\"", std::nullopt},
            {"'127.0.0.2'", std::nullopt},
            {"127", std::nullopt},
            {"[127,0,0,2]", std::nullopt},
            {"{}", std::nullopt},
            {"{127,0,0}", std::nullopt},
            {"{127,0,0,0,2}", std::nullopt},
            {"{127,0,0,256}", std::nullopt},
            {"{127,0,0,-1}", std::nullopt},
            {"{127,0,0,a}", std::nullopt},
            {"{127,0,0,\"2\"}", std::nullopt},
            {"{0,0,0,0,0,0,1}", std::nullopt},
            {"{0,0,0,0,0,0,0,0,1}", std::nullopt},
            {"{0,0,0,0,0,0,0,65536}", std::nullopt},
            {"{0,0,0,0,0,0,0,-1}", std::nullopt},
        };
        for (const auto& one : all) {
            CAPTURE(one.text);
            const auto read = read_term(one.text);
            REQUIRE(read);
            CHECK(address_of(*read) == one.expected);
        }
    }
}

// The rules of the real thing: seen on OTP 23, 25 and 27, by what inet_db has when the VM has started.
TEST_SUITE("doctor: inetrc") {
    using hosts_of = std::vector<std::pair<address, words>>;

    const hosts_of lowry{{"127.0.0.2"_ip, {"lowry"}}};
    const std::string lowry_text = "{host,{127,0,0,2},[\"lowry\"]}.\n";

    TEST_CASE("hosts are read, and how names are looked up") {
        struct {
            std::string name;
            std::string text;
            hosts_of hosts{};
            std::vector<method> lookup{method::native};
            std::optional<std::string> hosts_path{};
        } const all[] = {
            {"nothing", ""},
            {"comments", "% {lookup,[file]}.\n"},
            {"a host alone", lowry_text, lowry},
            {"a host with two names",
             "{host,{127,0,0,2},[\"lowry.x.y\",\"lowry\"]}.",
             {{"127.0.0.2"_ip, {"lowry.x.y", "lowry"}}}},
            {"a host of IPv6", "{host,{64768,0,0,0,0,0,0,4},[\"l\"]}.", {{"fd00::4"_ip, {"l"}}}},
            {"hosts in the order of the file",
             "{host,{127,0,0,3},[\"x\"]}. " + lowry_text,
             {{"127.0.0.3"_ip, {"x"}}, {"127.0.0.2"_ip, {"lowry"}}}},
            {"an address that comes twice", "{host,{127,0,0,2},[\"x\"]}.\n" + lowry_text, lowry},
            {"how to look up", "{lookup,[file,native]}.\n", {}, {method::file, method::native}},
            {"how to look up, given twice", "{lookup,[file]}.\n{lookup,[dns,file]}.", {}, {method::dns, method::file}},
            {"no way to look up", "{lookup,[]}.", {}, {}},
            {"another hosts file", "{hosts_file,\"/x\"}.\n", {}, {method::native}, "/x"},
            {"all at once",
             "%% ours\n" + lowry_text + "{hosts_file,\"/x\"}. % theirs\n{lookup,[native,dns]}.",
             lowry,
             {method::native, method::dns},
             "/x"},
            {"what does not matter here",
             "{nameserver,{10,0,0,1}}.\n{domain,\"x\"}.\n{search,[\"x\"]}.\n{timeout,2000}.\n{retry,3}.\n"
             "{inet6,false}.\n{usevc,true}.\n{edns,0}.\n{cache_size,10}.\n{cache_refresh,1}.\n"
             "{resolv_conf,\"/x\"}.\n{registry,win32}.\n{alt_nameserver,{10,0,0,1}}.\nclear_ns.\nclear_search.\n"
             "clear_cache.\n" +
                 lowry_text,
             lowry},
            {"hosts that are cleared", "{host,{127,0,0,9},[\"x\"]}.\nclear_hosts.\n" + lowry_text, lowry},
        };
        for (const auto& one : all) {
            CAPTURE(one.name);
            const auto read = read_inetrc(one.text);
            CHECK(read.is_understood);
            CHECK(read.hosts == one.hosts);
            CHECK(read.lookup == one.lookup);
            CHECK(read.hosts_path == one.hosts_path);
        }
    }

    TEST_CASE("a term that a VM does not know ends the file, and what stands before it counts") {
        for (const auto* unknown : {"{foo,bar}.", "foo.", "{}.", "[].", "7.", "\"host\".", "{host,{127,0,0,3}}.",
                                    "{host,{127,0,0,256},[\"x\"]}.", "{host,{127,0,0,-3},[\"x\"]}.",
                                    "{host,{127,0,0,3},\"x\"}.", "{host,{127,0,0,3},[x]}.", "{host,{127,0,0,3},[]}.",
                                    "{host,\"127.0.0.3\",[\"x\"]}.", "{\"host\",{127,0,0,3},[\"x\"]}.",
                                    "{clear_hosts}.", "clear_foo.", "retry.", "{lookup,file}.", "{hosts_file,x}."}) {
            CAPTURE(unknown);
            const auto read = read_inetrc(lowry_text + unknown + "\n{lookup,[file]}.\n{host,{127,0,0,4},[\"y\"]}.\n");
            CHECK(read.is_understood);
            CHECK(read.hosts == lowry);
            CHECK(read.lookup == std::vector{method::native});
        }
    }

    TEST_CASE("a file with an error of syntax does not count at all") {
        for (const auto& wrong : {std::string("{lookup,[file]}"), std::string("{lookup,[file}."), std::string("Foo."),
                                  std::string("{lookup,[file]}.{retry,3}."), std::string("1.5."),
                                  std::string("{host,{127,0,0,3},[\"x\",]}."), std::string("{host,{127,0,0,3},[\"x]}."),
                                  std::string("\x7f{lookup,[file]}."), std::string("%% h\xf6rer\n{lookup,[file]}.")}) {
            CAPTURE(wrong);
            for (const auto& text : {lowry_text + wrong, wrong + "\n" + lowry_text}) {
                const auto read = read_inetrc(text);
                CHECK_FALSE(read.is_understood);
                CHECK(read.hosts == hosts_of{});
                CHECK(read.lookup == std::vector{method::native});
                CHECK(read.hosts_path == std::nullopt);
            }
        }
    }

    TEST_CASE("a file that is cut inside a term does not count at all") {
        const auto whole = lowry_text + "{lookup,[file]}.";
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            CAPTURE(size);
            const auto read = read_inetrc(std::string_view(whole).substr(0, size));
            const bool has_first = size >= lowry_text.size() - 1;
            const bool is_between = size == lowry_text.size() - 1 || size == lowry_text.size();
            CHECK(read.is_understood == (size == 0 || is_between || size == whole.size()));
            CHECK(read.hosts == (has_first && read.is_understood ? lowry : hosts_of{}));
            CHECK(read.looks_in_files() == (size == whole.size()));
        }
    }

    TEST_CASE("the addresses of a name are those of one version of IP, in the order of the file") {
        const auto read = read_inetrc("{host,{127,0,0,9},[\"x.y\",\"Lowry\"]}.\n"
                                      "{host,{64768,0,0,0,0,0,0,4},[\"lowry\"]}.\n"
                                      "{host,{127,0,0,2},[\"LOWRY\"]}.\n"
                                      "{host,{127,0,0,3},[\"lowry2\"]}.\n"
                                      "{host,{64768,0,0,0,0,0,0,3},[\"lowry\"]}.\n");
        using addresses = std::vector<address>;
        CHECK(read.addresses_of("lowry", false) == addresses{"127.0.0.9"_ip, "127.0.0.2"_ip});
        CHECK(read.addresses_of("lOWRY", true) == addresses{"fd00::4"_ip, "fd00::3"_ip});
        CHECK(read.addresses_of("X.Y", false) == addresses{"127.0.0.9"_ip});
        CHECK(read.addresses_of("x.y", true) == addresses{});
        CHECK(read.addresses_of("x", false) == addresses{});
        CHECK(read.addresses_of("lowry.x.y", false) == addresses{});
        CHECK(read.addresses_of("", false) == addresses{});
    }

    TEST_CASE("a name is looked for among the hosts only by the method file") {
        CHECK(read_inetrc("{lookup,[file]}.").looks_in_files());
        CHECK(read_inetrc("{lookup,[native,dns,file]}.").looks_in_files());
        CHECK_FALSE(read_inetrc(lowry_text).looks_in_files());
        CHECK_FALSE(read_inetrc("{lookup,[native,dns]}.").looks_in_files());
        CHECK_FALSE(read_inetrc("{lookup,[]}.").looks_in_files());
    }
}

} // namespace
} // namespace epmd::ctl::doctor
