// What epmdctl makes of words, without a daemon.
#include "command_line.hpp"
#include "daemon.hpp"
#include "host_text.hpp"
#include "node_environment.hpp"
#include "output.hpp"
#include "shell.hpp"
#include "support/addresses.hpp"

#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace epmd::test {
namespace {

using namespace ctl;
using words = std::vector<std::string>;

std::optional<std::string> no_variable(const std::string&) {
    return std::nullopt;
}

request read(const words& arguments) {
    return read_command_line(arguments, no_variable);
}

const hosts known({{"lowry", {"127.0.0.2"_ip}},
                   {"lazarides.example.test", {"fd00::4"_ip, "127.0.0.4"_ip}},
                   {"six", {"fd00::6"_ip}}},
                  {"workshop", {}, {"127.0.0.9"_ip}, {{"bad\"name", "127.0.0.9"_ip}, {"attic", "127.0.0.9"_ip}}});

TEST_CASE("flags stand before or after the verb, and operands anywhere") {
    for (const auto& arguments : {words{"nodes", "lowry", "--port", "5000", "--json"},
                                  {"--port=5000", "nodes", "--json", "lowry"},
                                  {"--json", "--port", "5000", "nodes", "--", "lowry"}}) {
        const auto asked = read(arguments);
        CHECK(asked.what->name == "nodes");
        CHECK(asked.how.port == 5000);
        CHECK(asked.how.as_json);
        CHECK(asked.how.operands == words{"lowry"});
    }
    CHECK(read({"nodes"}).how.port == 4369);
    CHECK(read_command_line(words{"nodes"}, [](const std::string&) {
              return std::optional<std::string>("77");
          }).how.port == 77);
    CHECK(read({"--version"}).wants_version);
    CHECK(read({"wait", "--help"}).wants_help); // whatever is missing
}

TEST_CASE("a command is its owner's, flags and all") {
    const words command{"iex", "--sname", "idfe", "--port", "--", "-S", "mix"};
    for (const auto& before : {words{"exec", "lowry"},
                               {"exec", "lowry", "--"},
                               {"exec", "--port", "4369", "lowry", "--"},
                               {"exec", "lowry", "--port", "4369"}}) {
        auto arguments = before;
        arguments.insert(arguments.end(), command.begin(), command.end());
        auto expected = command;
        expected.insert(expected.begin(), "lowry");
        CHECK(read(arguments).how.operands == expected);
    }
    CHECK(read({"exec", "lowry", "--keep-hostname", "true"}).how.has("keep-hostname"));
    CHECK(read({"exec", "lowry", "--", "--odd"}).how.operands == words{"lowry", "--odd"});
}

TEST_CASE("a mistake names the verb and the word") {
    for (const auto& [arguments, what] : std::vector<std::pair<words, std::string>>{
             {{"nose"}, "there is no verb nose"},
             {{"nodes", "--jso"}, "nodes: flag --jso is not known"}, // no guesses
             {{"nodes", "--json=1"}, "has no value"},
             {{"wait", "--timeout"}, "needs a value: SECONDS"},
             {{"--json", "watch", "x"}, "it is called as epmdctl watch"},
             {{"hosts", "--port", "70000"}, "a port is 1 to 65535"},
         }) {
        CAPTURE(what);
        try {
            read(arguments);
            FAIL("no mistake was seen");
        } catch (const usage_error& error) {
            CHECK(std::string(error.what()).find(what) != std::string::npos);
        }
    }
}

TEST_CASE("addresses as Erlang writes them") {
    CHECK(erlang_tuple("127.0.0.2"_ip) == "{127,0,0,2}");
    CHECK(erlang_tuple("fd00::4"_ip) == "{64768,0,0,0,0,0,0,4}");
    CHECK(erlang_tuple("::1"_ip) == "{0,0,0,0,0,0,0,1}");
}

TEST_CASE("inetrc and hosts file have the configured hosts, with short names of long ones") {
    CHECK(inetrc_text(known) == "{host,{127,0,0,2},[\"lowry\"]}.\n"
                                "{host,{64768,0,0,0,0,0,0,4},[\"lazarides.example.test\",\"lazarides\"]}.\n"
                                "{host,{127,0,0,4},[\"lazarides.example.test\",\"lazarides\"]}.\n"
                                "{host,{64768,0,0,0,0,0,0,6},[\"six\"]}.\n"
                                "{lookup,[file,native]}.\n");
    CHECK(etc_hosts_text(known) == "127.0.0.2 lowry\n"
                                   "fd00::4 lazarides.example.test lazarides\n"
                                   "127.0.0.4 lazarides.example.test lazarides\n"
                                   "fd00::6 six\n");
}

TEST_CASE("a host that is not configured is added, without names that would break the file") {
    const auto text = inetrc_text(known, host("127.0.0.9"_ip), "loft");
    CHECK(text.find("{host,{127,0,0,9},[\"attic\",\"loft\"]}.\n{lookup") != std::string::npos);
    CHECK(inetrc_text(hosts(), host("127.0.0.7"_ip), "host-127-0-0-7").find("[\"host-127-0-0-7\"]") !=
          std::string::npos);
    CHECK(inetrc_text(known, host("127.0.0.2"_ip), "lowry") == inetrc_text(known));
}

TEST_CASE("a host without a usable name is called by its address") {
    CHECK(hostname_of(host("127.0.0.2"_ip), known) == "lowry");
    CHECK(hostname_of(host("127.0.0.7"_ip), known) == "host-127-0-0-7");
    CHECK(hostname_of(host("127.0.0.9"_ip), known) == "host-127-0-0-9");
}

TEST_CASE("flags of Erlang: ours come first, and take the place of those of an outer host") {
    const residence lowry{.where = host("127.0.0.2"_ip), .hostname = "lowry"};
    const std::string ours =
        "-kernel inet_dist_use_interface {127,0,0,2} -kernel inet_dist_connect_options [{ifaddr,{127,0,0,2}}]";
    CHECK(erl_flags("", lowry, known) == ours);
    CHECK(erl_flags("-x \"a b\" -extra c", lowry, known) == ours + " -x \"a b\" -extra c");
    CHECK(erl_flags(ours, lowry, known) == ours);
    const residence outer{.where = host("127.0.0.7"_ip), .hostname = "x"};
    CHECK(erl_flags(erl_flags("-a", outer, known) + " -b", lowry, known) == ours + " -a -b");
    auto anywhere = lowry;
    anywhere.dials_from_there = false;
    CHECK(erl_flags(ours, anywhere, known) == "-kernel inet_dist_use_interface {127,0,0,2}");
}

TEST_CASE("flags of Erlang that the user has written stay as they are") {
    const residence lowry{.where = host("127.0.0.2"_ip), .hostname = "lowry", .dials_from_there = false};
    for (const std::string theirs :
         {"-kernel inet_dist_use_interface \"{127, 0, 0, 9}\"", "-kernel  inet_dist_use_interface {127,0,0,9}",
          "-kernel inet_dist_connect_options [{ifaddr,{127,0,0,9}},{priority,5}]"}) {
        CHECK(erl_flags(theirs, lowry, known) == "-kernel inet_dist_use_interface {127,0,0,2} " + theirs);
    }
}

TEST_CASE("a host without IPv4 has its VMs speak IPv6, unless somebody has chosen") {
    residence six{.where = host("fd00::6"_ip), .hostname = "six", .dials_from_there = false};
    const std::string ours = "-kernel inet_dist_use_interface {64768,0,0,0,0,0,0,6}";
    CHECK(erl_flags("", six, known) == ours + " -proto_dist inet6_tcp");
    CHECK(erl_flags(erl_flags("-a", six, known), six, known) == ours + " -proto_dist inet6_tcp -a");
    CHECK(erl_flags("-proto_dist inet6_tls", six, known) == ours + " -proto_dist inet6_tls");
    six.may_choose_protocol = false;
    CHECK(erl_flags("", six, known) == ours);
    // Of several addresses the IPv4 one, which is what VMs speak.
    CHECK(erl_flags("", {.where = host("fd00::4"_ip), .hostname = "l", .dials_from_there = false}, known) ==
          "-kernel inet_dist_use_interface {127,0,0,4}");
}

TEST_CASE("what stood in another file for ERL_INETRC stays, and ours is in it once") {
    const auto once = inetrc_with("{host,a}.", "{host,b}.\n");
    CHECK(once == "{host,a}.\n%% The hosts of loopmd, by epmdctl:\n{host,b}.\n%% That was all of loopmd.\n");
    CHECK(inetrc_with(once + "{host,c}.\n", "{host,d}.\n") ==
          "{host,a}.\n{host,c}.\n%% The hosts of loopmd, by epmdctl:\n{host,d}.\n%% That was all of loopmd.\n");
    CHECK(inetrc_with("", "x\n") == inetrc_with(inetrc_with("", "y\n"), "x\n"));
    CHECK(inetrc_with("a\n%% The hosts of loopmd, by epmdctl:\ncut off", "x\n") == inetrc_with("a\n", "x\n"));
}

TEST_CASE("what a process calls itself does nothing to a terminal") {
    CHECK(shown("") == "-");
    CHECK(shown("idfe@lowry") == "idfe@lowry");
    CHECK(shown("h\xc3\xb6rer") == "h\xc3\xb6rer");
    CHECK(shown("a\033[31m") == "'a\\x1b[31m'");
    CHECK(shown("a\xc2\x9b") == "'a\\xc2\\x9b'"); // CSI in one character
    CHECK(shown("a\nb\x7f") == "'a\\x0ab\\x7f'");
    CHECK(shown("\xc3\x80") == "\xc3\x80"); // a second byte below 0xa0 is no control by itself
}

TEST_CASE("a page of hosts that ours would not have is an error, whatever it has") {
    const auto read = [](const std::string& page) { return hosts_of(parsed(page)); };
    CHECK(read(R"({"hosts":[{"origin":"configured","name":"lowry","addresses":["127.0.0.2"]}]})").named("lowry"));
    CHECK_THROWS_AS(read(R"({"hosts":[{"origin":"configured","name":"lowry","addresses":[]}]})"), bad_answer);
    CHECK_THROWS_AS(read(R"({"hosts":[{"origin":"machine","name":"w","addresses":["w"]}]})"), bad_answer);
    CHECK_THROWS_AS(read("hosts"), bad_answer);
    CHECK_THROWS_AS(read(R"({"nodes":[]})"), std::out_of_range);
    CHECK_THROWS_AS(read(R"({"hosts":null})"), std::invalid_argument);
    CHECK_THROWS_AS(read("[]"), std::invalid_argument);
}

TEST_CASE("a word for a shell") {
    CHECK(shell_quoted("") == "''");
    CHECK(shell_quoted("a 'b' $c") == "'a '\\''b'\\'' $c'");
}

} // namespace
} // namespace epmd::test
