// Command lines and environments of Erlang VMs: the node name that they give, each also cut at every length.
#include "placement/command_line.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {
namespace {

using words = std::vector<std::string>;

/// As /proc/PID/cmdline and /proc/PID/environ have them: each text ended by a NUL.
std::string ended_by_nul(const words& texts) {
    std::string result;
    for (const auto& one : texts) {
        result += one + '\0';
    }
    return result;
}

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

} // namespace
} // namespace epmd
