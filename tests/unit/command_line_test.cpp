// Command lines and environments of Erlang VMs: the node name that they give, each also cut at every length.
#include "placement/command_line.hpp"
#include "support/bytes.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {
namespace {

using test::ended_by_nul;
using words = std::vector<std::string>;

TEST_CASE("a command line gives the name that OTP would take") {
    struct {
        std::string name;
        words arguments;
        std::optional<std::string> expected;
    } const all[] = {
        {"nothing", {}, std::nullopt},
        {"the program alone", {"beam.smp"}, std::nullopt},
        {"erl -sname, as the VM of OTP 25 shows it",
         {"/usr/lib/erlang/erts-13.1.5/bin/beam.smp", "--", "-root", "/usr/lib/erlang", "-bindir", "/usr/bin",
          "-progname", "erl", "--", "-home", "/root", "--", "-sname", "a@lowry", "-setcookie", "secret"},
         "a@lowry"},
        {"a short name without a host", {"beam.smp", "-sname", "a"}, "a"},
        {"a long name", {"beam.smp", "-name", "a@lowry.example.org"}, "a@lowry.example.org"},
        {"the first short name of two", {"beam.smp", "-sname", "a", "-sname", "b"}, "a"},
        {"the first long name of two", {"beam.smp", "-name", "a@x.y", "-name", "b@x.y"}, "a@x.y"},
        {"a short name before a long one", {"beam.smp", "-sname", "a", "-name", "b@x.y"}, "a"},
        {"a short name after a long one", {"beam.smp", "-name", "b@x.y", "-sname", "a"}, "a"},
        {"only the first value of a flag", {"beam.smp", "-sname", "a", "b", "-name", "c@x.y", "d"}, "a"},
        {"a name after -extra", {"beam.smp", "-extra", "-sname", "a"}, std::nullopt},
        {"a name before -extra", {"beam.smp", "-name", "a@x.y", "-extra", "-sname", "b"}, "a@x.y"},
        {"a flag of another name", {"beam.smp", "-snames", "a", "-named", "b", "sname", "c"}, std::nullopt},
        {"two dashes", {"beam.smp", "--sname", "a"}, std::nullopt},
        {"a plus", {"beam.smp", "+sname", "a"}, std::nullopt},
        {"a flag without a value, then with one", {"beam.smp", "-sname", "-sname", "a"}, "a"},
        {"a flag without a value", {"beam.smp", "-sname"}, std::nullopt},
        {"a flag whose value is another flag", {"beam.smp", "-name", "-noshell", "a"}, std::nullopt},
        {"a value that is not a flag's", {"beam.smp", "foo", "-noshell", "x", "y", "-sname", "a"}, "a"},
        {"plain arguments after two dashes are no values", {"beam.smp", "-sname", "--", "a"}, std::nullopt},
        {"a program called as the flag", {"-sname", "a"}, std::nullopt},
        {"an empty value", {"beam.smp", "-sname", ""}, ""},
        {"an empty argument before", {"beam.smp", "", "-sname", "a"}, "a"},
        {"an empty host part", {"beam.smp", "-sname", "a@"}, "a@"},
        {"elixir",
         {"beam.smp", "-elixir_root", "/usr/lib/elixir/lib", "-sname", "a@jill", "-s", "elixir", "start_cli", "-extra",
          "--sname", "b", "-S", "mix"},
         "a@jill"},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        const auto arguments = ended_by_nul(one.arguments);
        CHECK(node_name_of_command_line(arguments) == one.expected);
    }
}

TEST_CASE("a command line that ends early gives the name, a part of it, or none") {
    const auto whole = ended_by_nul({"beam.smp", "-name", "abc@x.y", "-noshell"});
    const std::string before = ended_by_nul({"beam.smp", "-name"});
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        CAPTURE(size);
        const std::string cut = whole.substr(0, size);
        const auto name = std::string_view("abc@x.y").substr(0, size <= before.size() ? 0 : size - before.size());
        const auto expected = name.empty() ? std::nullopt : std::optional(name);
        CHECK(node_name_of_command_line(cut) == expected);
    }
}

TEST_CASE("the last argument needs no NUL") {
    const std::string arguments("beam.smp\0-sname\0a", 17);
    CHECK(node_name_of_command_line(arguments) == "a");
}

TEST_CASE("a VM speaks its protocol as it is unless -proto_dist names another carrier than TCP") {
    struct {
        std::string name;
        words arguments;
        bool is_plain;
    } const all[] = {
        {"nothing", {}, true},
        {"no carrier", {"beam.smp", "-sname", "a"}, true},
        {"TCP", {"beam.smp", "-proto_dist", "inet_tcp"}, true},
        {"TCP over IPv6", {"beam.smp", "-proto_dist", "inet6_tcp", "-sname", "a"}, true},
        {"TLS", {"beam.smp", "-proto_dist", "inet_tls"}, false},
        {"TLS over IPv6", {"beam.smp", "-sname", "a", "-proto_dist", "inet6_tls", "-noshell"}, false},
        {"a carrier of the user's", {"beam.smp", "-proto_dist", "gen_tcp"}, false},
        {"TLS given second", {"beam.smp", "-proto_dist", "inet_tcp", "-proto_dist", "inet_tls"}, false},
        {"a flag without a value", {"beam.smp", "-proto_dist"}, true},
        {"after -extra", {"beam.smp", "-extra", "-proto_dist", "inet_tls"}, true},
        {"elsewhere", {"beam.smp", "-sname", "inet_tls"}, true},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(has_plain_distribution(ended_by_nul(one.arguments)) == one.is_plain);
    }
}

TEST_CASE("an environment gives the name that RabbitMQ or Livebook will take") {
    struct {
        std::string name;
        words set;
        std::optional<std::string> expected;
    } const all[] = {
        {"nothing", {}, std::nullopt},
        {"other variables", {"HOME=/root", "PATH=/bin", "NODENAME=a@lowry"}, std::nullopt},
        {"RabbitMQ", {"HOME=/root", "RABBITMQ_NODENAME=rabbit@lowry", "TERM=x"}, "rabbit@lowry"},
        {"Livebook", {"LIVEBOOK_NODE=livebook@jill"}, "livebook@jill"},
        {"the first of both", {"LIVEBOOK_NODE=livebook@jill", "RABBITMQ_NODENAME=rabbit@lowry"}, "livebook@jill"},
        {"empty ones", {"RABBITMQ_NODENAME=", "LIVEBOOK_NODE="}, std::nullopt},
        {"an empty one, and another", {"RABBITMQ_NODENAME=", "LIVEBOOK_NODE=a"}, "a"},
        {"a longer variable", {"MY_RABBITMQ_NODENAME=a", "RABBITMQ_NODENAMES=b", "RABBITMQ_NODENAME"}, std::nullopt},
        {"small letters", {"rabbitmq_nodename=a"}, std::nullopt},
        {"inside a value", {"X=RABBITMQ_NODENAME=a"}, std::nullopt},
        {"a value with =", {"RABBITMQ_NODENAME=a=b@lowry"}, "a=b@lowry"},
        {"empty texts between", {"", "", "RABBITMQ_NODENAME=a", ""}, "a"},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        const auto variables = ended_by_nul(one.set);
        CHECK(node_name_of_environment(variables) == one.expected);
    }
}

TEST_CASE("an environment that ends early gives the name, a part of it, or none") {
    const auto whole = ended_by_nul({"A=b", "RABBITMQ_NODENAME=rabbit@lowry"});
    const auto before = std::string_view("A=b.RABBITMQ_NODENAME=").size();
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        CAPTURE(size);
        const std::string cut = whole.substr(0, size);
        const auto name = std::string_view("rabbit@lowry").substr(0, size <= before ? 0 : size - before);
        const auto expected = name.empty() ? std::nullopt : std::optional(name);
        CHECK(node_name_of_environment(cut) == expected);
    }
}

TEST_CASE("a command line has its flags in their order, each with the words up to the next one") {
    struct {
        std::string name;
        words arguments;
        std::vector<vm_flag> expected;
    } const all[] = {
        {"nothing", {}, {}},
        {"the program alone", {"beam.smp"}, {}},
        {"a program called as a flag", {"-sname", "a"}, {}},
        {"no value, one and more",
         {"beam.smp", "-noshell", "-sname", "a", "-kernel", "inetrc", "\"/x\"", "prevent_overlapping_partitions",
          "false"},
         {{"-noshell", {}},
          {"-sname", {"a"}},
          {"-kernel", {"inetrc", "\"/x\"", "prevent_overlapping_partitions", "false"}}}},
        {"one that comes twice", {"beam.smp", "-a", "1", "-a", "2"}, {{"-a", {"1"}}, {"-a", {"2"}}}},
        {"words before the first", {"beam.smp", "+S", "2", "-a", "1"}, {{"-a", {"1"}}}},
        {"what follows two dashes is no value of the flag before",
         {"beam.smp", "--", "-root", "/x", "--", "y"},
         {{"--", {}}, {"-root", {"/x"}}, {"--", {"y"}}}},
        {"what follows -extra", {"beam.smp", "-a", "-extra", "-b", "1"}, {{"-a", {}}}},
        {"an empty value", {"beam.smp", "-a", "", "b"}, {{"-a", {"", "b"}}}},
        {"a dash alone", {"beam.smp", "-", "a"}, {{"-", {"a"}}}},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        const auto arguments = ended_by_nul(one.arguments);
        CHECK(flags_of_command_line(arguments) == one.expected);
    }
}

TEST_CASE("a command line that ends early has the flags up to there") {
    const auto whole = ended_by_nul({"beam.smp", "-name", "abc"});
    const auto before_flag = std::string_view("beam.smp.").size();
    const auto before_value = std::string_view("beam.smp.-name.").size();
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        CAPTURE(size);
        const auto cut = whole.substr(0, size);
        std::vector<vm_flag> expected;
        if (size > before_flag) {
            expected.push_back({std::string_view("-name").substr(0, size - before_flag), {}});
        }
        if (size > before_value) {
            expected.back().values.push_back(std::string_view("abc").substr(0, size - before_value));
        }
        CHECK(flags_of_command_line(cut) == expected);
    }
}

TEST_CASE("an environment gives the value of a variable") {
    struct {
        std::string name;
        words set;
        std::optional<std::string> expected;
    } const all[] = {
        {"nothing", {}, std::nullopt},
        {"another variable", {"HOME=/root"}, std::nullopt},
        {"the variable", {"HOME=/root", "ERL_INETRC=/etc/inetrc", "TERM=x"}, "/etc/inetrc"},
        {"an empty one", {"ERL_INETRC="}, ""},
        {"without =", {"ERL_INETRC"}, std::nullopt},
        {"a longer name", {"ERL_INETRC_=a", "MY_ERL_INETRC=b"}, std::nullopt},
        {"small letters", {"erl_inetrc=a"}, std::nullopt},
        {"inside a value", {"X=ERL_INETRC=a"}, std::nullopt},
        {"a value with =", {"ERL_INETRC=a=b"}, "a=b"},
        {"the first of two", {"ERL_INETRC=a", "ERL_INETRC=b"}, "a"},
        {"empty texts between", {"", "", "ERL_INETRC=a", ""}, "a"},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        const auto variables = ended_by_nul(one.set);
        CHECK(variable_of_environment(variables, "ERL_INETRC") == one.expected);
    }
}

TEST_CASE("an environment that ends early gives the value, a part of it, or none") {
    const auto whole = ended_by_nul({"A=b", "ERL_INETRC=/x"});
    const auto before = std::string_view("A=b.ERL_INETRC=").size();
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        CAPTURE(size);
        const auto cut = whole.substr(0, size);
        const auto expected =
            size < before ? std::nullopt : std::optional(std::string_view("/x").substr(0, size - before));
        CHECK(variable_of_environment(cut, "ERL_INETRC") == expected);
    }
}

} // namespace
} // namespace epmd
