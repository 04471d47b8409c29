// An Erlang VM as it is seen by a made-up /proc.
#include "doctor/vm.hpp"
#include "doctor/vm_text.hpp"
#include "support/addresses.hpp"
#include "support/bytes.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace epmd::ctl::doctor {
namespace {

using test::ended_by_nul;
using test::operator""_ip;
using words = std::vector<std::string>;

/// A folder that looks as /proc does, with a VM in it.
class made_up_vm {
  public:
    explicit made_up_vm(const words& arguments, const words& variables = {}, const std::string& program = "beam.smp") {
        add(pid, arguments, variables, program);
    }

    /// `arguments`: what follows the program.
    void add(std::int32_t another, words arguments, const words& variables = {},
             const std::string& program = "beam.smp") const {
        arguments.insert(arguments.begin(), program);
        const auto folder = std::filesystem::path(std::to_string(another));
        root_.write(folder / "comm", "beam.smp\n");
        root_.write(folder / "cmdline", ended_by_nul(arguments));
        root_.write(folder / "environ", ended_by_nul(variables));
    }

    /// Makes NAME of a process, or of `self`, lead to a target.
    void link(const std::string& process, const std::filesystem::path& name, const std::string& target) const {
        const auto whole = root_.path() / process / name;
        std::filesystem::create_directories(whole.parent_path());
        std::filesystem::create_symlink(target, whole);
    }

    [[nodiscard]] const test::temporary_directory& root() const { return root_; }
    [[nodiscard]] vm look() const { return see_vm(pid, root_.path()).value(); }

    static constexpr std::int32_t pid = 7;

  private:
    test::temporary_directory root_;
};

vm seen(const words& arguments, const words& variables = {}, const std::string& program = "beam.smp") {
    return made_up_vm(arguments, variables, program).look();
}

TEST_SUITE("doctor: vm") {
    TEST_CASE("a VM that was started without anything") {
        const made_up_vm of({});
        const auto one = of.look();
        CHECK(one.pid == made_up_vm::pid);
        CHECK(one.uid == ::getuid());
        CHECK(one.node_name.empty());
        CHECK(one.names == naming::unknown);
        CHECK(one.otp_release == 0);
        CHECK_FALSE(one.has_visible_environment);
        CHECK(one.epmd_port == std::nullopt);
        CHECK(one.fixed_port == std::nullopt);
        CHECK(one.epmd_module.empty());
        CHECK(one.listens);
        CHECK(one.starts_epmd);
        CHECK(one.carrier.empty());
        CHECK_FALSE(one.is_over_tls());
        CHECK_FALSE(one.is_over_ipv6());
        CHECK(one.dials_from == std::nullopt);
        CHECK_FALSE(one.inetrc);
        CHECK(one.home.empty());
        CHECK(one.config_home.empty());
        CHECK(one.is_in_our_network);
        CHECK(one.proc == of.root().path() / "7");
        CHECK_FALSE(one.cookie_by_flag("a@lowry"));
    }

    TEST_CASE("a VM as OTP 25 shows it") {
        const auto one = seen({"--",
                               "-root",
                               "/usr/lib/erlang",
                               "-bindir",
                               "/usr/bin",
                               "-progname",
                               "erl",
                               "--",
                               "-home",
                               "/root",
                               "--",
                               "-sname",
                               "a@lowry",
                               "-kernel",
                               "inet_dist_use_interface",
                               "{127,0,0,2}",
                               "-kernel",
                               "inet_dist_connect_options",
                               "[{ifaddr,{127,0,0,2}}]",
                               "-setcookie",
                               "secret"},
                              {"HOME=/home/x", "ERL_EPMD_PORT=5000"}, "/usr/lib/erlang/erts-13.1.5/bin/beam.smp");
        CHECK(one.node_name == "a@lowry");
        CHECK(one.names == naming::short_names);
        CHECK(one.otp_release == 25);
        CHECK(one.has_visible_environment);
        CHECK(one.epmd_port == 5000);
        CHECK(one.dials_from == "127.0.0.2"_ip);
        CHECK(one.home == "/root");
    }

    TEST_CASE("a VM is called, and calls others, by its first name") {
        struct {
            std::string name;
            words arguments;
            words variables;
            std::string node_name;
            naming names;
        } const all[] = {
            {"a short name", {"-sname", "a"}, {}, "a", naming::short_names},
            {"a long name", {"-name", "a@x.y"}, {}, "a@x.y", naming::long_names},
            {"both", {"-name", "b@x.y", "-sname", "a"}, {}, "a", naming::short_names},
            {"a name of a variable is a guess", {"-noshell"}, {"RABBITMQ_NODENAME=r@lowry"}, "", naming::unknown},
            {"a flag before a variable", {"-sname", "a"}, {"LIVEBOOK_NODE=l@jill"}, "a", naming::short_names},
            {"behind -extra", {"-extra", "-sname", "a"}, {}, "", naming::unknown},
        };
        for (const auto& one : all) {
            CAPTURE(one.name);
            const auto is = seen(one.arguments, one.variables);
            CHECK(is.node_name == one.node_name);
            CHECK(is.names == one.names);
        }
    }

    TEST_CASE("the release is known by the folder of the emulator") {
        struct {
            std::string program;
            int release;
        } const all[] = {
            {"/usr/lib/erlang/erts-13.1.5/bin/beam.smp", 25},
            {"/usr/lib/erlang/erts-11.1.8/bin/beam.smp", 23},
            {"/opt/my app/erts-15.2.7.1/bin/beam.smp", 27},
            {"/opt/erts-builds/erts-13.1/bin/beam.smp", 25},
            {"/usr/bin/beam.smp", 0},
            {"beam.smp", 0},
            {"/opt/erts-/bin/beam.smp", 0},
            {"/opt/erts-x.1/bin/beam.smp", 0},
            {"/opt/erts-99999999999999999999.1/bin/beam.smp", 0},
        };
        for (const auto& one : all) {
            CAPTURE(one.program);
            CHECK(seen({}, {}, one.program).otp_release == one.release);
        }
        CHECK(seen({"-bindir", "/x/erts-13.1/bin"}).otp_release == 0); // Debian's is /usr/bin
    }

    TEST_CASE("the epmd port is that of the flag, else that of the variable") {
        struct {
            words arguments;
            words variables;
            std::optional<std::uint16_t> expected;
        } const all[] = {
            {{"-epmd_port", "5000"}, {"ERL_EPMD_PORT=6000"}, 5000},
            {{}, {"A=b", "ERL_EPMD_PORT=6000"}, 6000},
            {{"-epmd_port", "5000", "-epmd_port", "5001"}, {}, 5000},
            {{"-epmd_port"}, {"ERL_EPMD_PORT=6000"}, 6000},
            {{}, {"ERL_EPMD_PORT="}, std::nullopt},
            {{}, {"ERL_EPMD_PORT=0"}, std::nullopt},
            {{}, {"ERL_EPMD_PORT=65536"}, std::nullopt},
            {{}, {"ERL_EPMD_PORT=x"}, std::nullopt},
        };
        for (const auto& one : all) {
            CAPTURE(one.arguments);
            CAPTURE(one.variables);
            CHECK(seen(one.arguments, one.variables).epmd_port == one.expected);
        }
    }

    TEST_CASE("flags about epmd and the distribution") {
        CHECK(seen({"-erl_epmd_port", "7000"}).fixed_port == 7000);
        CHECK(seen({"-epmd_module", "my_epmd"}).epmd_module == "my_epmd");
        CHECK_FALSE(seen({"-dist_listen", "false"}).listens);
        CHECK(seen({"-dist_listen", "true"}).listens);
        CHECK_FALSE(seen({"-start_epmd", "false"}).starts_epmd);
        CHECK(seen({"-start_epmd", "true"}).starts_epmd);
        struct {
            std::string carrier;
            bool is_over_tls;
            bool is_over_ipv6;
        } const all[] = {{"inet_tcp", false, false},
                         {"inet6_tcp", false, true},
                         {"inet_tls", true, false},
                         {"inet6_tls", true, true},
                         {"my_inet6", false, false}};
        for (const auto& one : all) {
            CAPTURE(one.carrier);
            const auto is = seen({"-proto_dist", one.carrier});
            CHECK(is.carrier == one.carrier);
            CHECK(is.is_over_tls() == one.is_over_tls);
            CHECK(is.is_over_ipv6() == one.is_over_ipv6);
        }
    }

    TEST_CASE("the file for lookups is that of the flag, else that of the variable") {
        const std::string flag = "-kernel inetrc";
        struct {
            std::string name;
            words arguments;
            words variables;
            std::pair<std::string, std::string> expected; ///< the path, and what names it
        } const all[] = {
            {"a flag", {"-kernel", "inetrc", "\"/x\""}, {}, {"/x", flag}},
            {"a variable", {}, {"ERL_INETRC=/y"}, {"/y", "ERL_INETRC"}},
            {"both", {"-kernel", "inetrc", "\"/x\""}, {"ERL_INETRC=/y"}, {"/x", flag}},
            {"an empty variable", {}, {"ERL_INETRC="}, {"", ""}},
            {"a flag that comes twice",
             {"-kernel", "inetrc", "\"/x\"", "-kernel", "inetrc", "\"/z\""},
             {},
             {"/x", flag}},
            {"one that comes twice in a flag", {"-kernel", "inetrc", "\"/x\"", "inetrc", "\"/z\""}, {}, {"/x", flag}},
            {"the second of a flag", {"-kernel", "a", "1", "inetrc", "\"/x\""}, {}, {"/x", flag}},
            {"a value that is called so", {"-kernel", "a", "inetrc", "\"/x\"", "b"}, {}, {"", ""}},
            {"a flag of an atom", {"-kernel", "inetrc", "'/x'"}, {}, {"/x", flag}},
            {"a flag of an integer", {"-kernel", "inetrc", "7"}, {"ERL_INETRC=/y"}, {"/y", "ERL_INETRC"}},
            {"another application's", {"-stdlib", "inetrc", "\"/x\""}, {}, {"", ""}},
            {"a flag without a value", {"-kernel", "inetrc"}, {}, {"", ""}},
            {"a relative path", {}, {"ERL_INETRC=./y"}, {"./y", "ERL_INETRC"}},
        };
        for (const auto& one : all) {
            CAPTURE(one.name);
            const auto file = seen(one.arguments, one.variables).inetrc.value_or(named_file{});
            CHECK(std::pair(file.path.string(), file.source) == one.expected);
        }
    }

    TEST_CASE("the source address is that of the options with which it dials") {
        const std::string options = "inet_dist_connect_options";
        struct {
            words values;
            std::optional<address> expected;
        } const all[] = {
            {{options, "[{ifaddr,{127,0,0,2}}]"}, "127.0.0.2"_ip},
            {{options, "[{ip,{64768,0,0,0,0,0,0,4}}]"}, "fd00::4"_ip},
            {{options, "[{priority,5}, {ifaddr, {127,0,0,2}}]"}, "127.0.0.2"_ip},
            {{"a", "b", options, "[{ifaddr,{127,0,0,2}}]"}, "127.0.0.2"_ip},
            {{options, "[]"}, std::nullopt},
            {{options, "[{ifaddr,lowry}]"}, std::nullopt},
            {{options, "[{ifaddr,{127,0,0,2}"}, std::nullopt},
            {{options, "{ifaddr,{127,0,0,2}}"}, std::nullopt},
            {{options}, std::nullopt},
            {{"inet_dist_use_interface", "{127,0,0,2}"}, std::nullopt},
            {{"inet_dist_listen_options", "[{ifaddr,{127,0,0,2}}]"}, std::nullopt},
        };
        for (const auto& one : all) {
            CAPTURE(one.values);
            auto arguments = one.values;
            arguments.insert(arguments.begin(), "-kernel");
            CHECK(seen(arguments).dials_from == one.expected);
        }
    }

    TEST_CASE("the home is that of the flag, else that of the variable") {
        CHECK(seen({"-home", "/root"}, {"HOME=/home/x"}).home == "/root");
        CHECK(seen({}, {"HOME=/home/x"}).home == "/home/x");
        CHECK(seen({"-home"}, {"HOME=/home/x"}).home == "/home/x");
        CHECK(seen({}, {"HOME=/home/x", "XDG_CONFIG_HOME=/home/x/c"}).config_home == "/home/x/c");
    }

    TEST_CASE("a cookie of the flags: one for all counts, of two none does, and one for a node is that node's") {
        struct {
            std::string name;
            words arguments;
            std::string for_a; ///< for it alone; empty: none
            std::string for_all;
        } const all[] = {
            {"one for all", {"-setcookie", "s"}, "", "s"},
            {"two for all", {"-setcookie", "s", "-setcookie", "t"}, "", ""},
            {"two for all that are alike", {"-setcookie", "s", "-setcookie", "s"}, "", ""},
            {"one for a node", {"-setcookie", "a@lowry", "s"}, "s", ""},
            {"one for all, one for a node", {"-setcookie", "t", "-setcookie", "a@lowry", "s"}, "s", "t"},
            {"one for a node, one for all", {"-setcookie", "a@lowry", "s", "-setcookie", "t"}, "s", "t"},
            {"two for all, one for a node",
             {"-setcookie", "t", "-setcookie", "u", "-setcookie", "a@lowry", "s"},
             "s",
             ""},
            {"one for another", {"-setcookie", "b@jill", "t"}, "", ""},
            {"no value", {"-setcookie"}, "", ""},
            {"three values", {"-setcookie", "a@lowry", "s", "t"}, "", ""},
            {"behind -extra", {"-extra", "-setcookie", "s"}, "", ""},
            {"a value of another flag", {"-s", "setcookie", "s"}, "", ""},
        };
        for (const auto& one : all) {
            CAPTURE(one.name);
            const made_up_vm of(one.arguments);
            const auto text_for = [is = of.look()](const char* node) {
                const auto found = is.cookie_by_flag(node);
                return found ? found->text() : "";
            };
            CHECK(text_for("a@lowry") == one.for_a);
            CHECK(text_for("") == one.for_all);
        }
    }

    TEST_CASE("a VM in another network is told apart, as far as we may know") {
        const made_up_vm of({});
        CHECK(of.look().is_in_our_network);
        of.link("self", "ns/net", "net:[5]");
        CHECK(of.look().is_in_our_network); // another user's: nothing to see
        of.link("7", "ns/net", "net:[6]");
        CHECK_FALSE(of.look().is_in_our_network);
        std::filesystem::remove(of.root().path() / "self/ns/net");
        CHECK(of.look().is_in_our_network); // nor do we know our own
        of.link("self", "ns/net", "net:[6]");
        CHECK(of.look().is_in_our_network);
    }

    TEST_CASE("who is gone is no VM") {
        const made_up_vm of({});
        CHECK_FALSE(see_vm(8, of.root().path()));
        of.root().write("7/cmdline", ""); // as that of a zombie
        CHECK_FALSE(see_vm(7, of.root().path()));
    }

    TEST_CASE("all VMs are seen, newest first") {
        const made_up_vm of({"-sname", "a@lowry"});
        of.add(100, {"-sname", "b@lowry"});
        of.add(20, {});
        of.root().write("50/comm", "java\n");
        of.root().write("50/cmdline", ended_by_nul({"java", "-name", "c@lowry"}));
        of.root().write("60/comm", "beam.smp\n"); // gone meanwhile
        std::vector<std::pair<std::int32_t, std::string>> all;
        for (const auto& one : see_all_vms(of.root().path())) {
            all.emplace_back(one.pid, one.node_name);
        }
        CHECK(all == decltype(all){{100, "b@lowry"}, {20, ""}, {7, "a@lowry"}});
    }

    TEST_CASE("a file that a VM names is opened through its root and its working directory, where we may") {
        const made_up_vm of({});
        const auto one = of.look();
        const auto proc = of.root().path() / "7";
        CHECK(path_within(one, "x/y") == proc / "cwd/x/y");
        CHECK(path_within(one, "./x") == proc / "cwd/./x");
        CHECK(path_within(one, "/x/y") == "/x/y"); // another user's
        of.link("7", "root", "/");
        CHECK(path_within(one, "/x/y") == proc / "root/x/y");
        CHECK(path_within(one, "x") == proc / "cwd/x");
    }

    TEST_CASE("whether a VM connects by itself is said by its flags before its configuration") {
        const auto connects = [](const std::string& by_flag, const std::string& by_file) {
            vm seen;
            const auto arguments = ended_by_nul({"beam.smp", "-kernel", "dist_auto_connect", by_flag});
            take_flags(seen, flags_of_command_line(arguments), "beam.smp");
            take_configuration(seen, read_term("[{kernel,[{dist_auto_connect," + by_file + "}]}]").value(), "x.config");
            return seen.connects_by_itself;
        };
        CHECK(connects("", "never") == false);
        CHECK(connects("", "once") == true);
        CHECK(connects("once", "never") == true);
        CHECK(connects("never", "once") == false);
    }

    TEST_CASE("clock ticks are added up, however many there are") {
        CHECK(read_stat("7 (a) S 4 5 6 7 8 9 10 11 12 13 14 15 16").value().ticks == 29);
        CHECK(read_stat("7 (a) S 4 5 6 7 8 9 10 11 12 13 9223372036854775807 1").value().ticks > 9e18);
        CHECK_FALSE(read_stat("7 (a) S 4 5 6 7 8 9 10 11 12 13 14"));
        CHECK_FALSE(read_stat(""));
    }

    TEST_CASE("what a process does is read from its state, whatever it is called") {
        const made_up_vm of({});
        const auto one = of.look();
        const auto when = [&](const std::string& state) {
            of.root().write("7/stat", "7 (a) T (b) " + state + " 1 7 7 0 -1 4194560 100 0 0 0 50 20 0 0 20 0 1\n");
            return watch(one, std::chrono::milliseconds(0));
        };
        CHECK(watch(one, std::chrono::milliseconds(0)) == activity::gone);
        CHECK(when("S") == activity::idle);
        CHECK(when("R") == activity::idle); // it has used nothing meanwhile
        CHECK(when("T") == activity::stopped);
        CHECK(when("t") == activity::stopped);
        CHECK(when("Z") == activity::gone);
        CHECK(when("X") == activity::gone);
        of.root().write("7/stat", "7 (beam.smp) S 1 7 7");
        CHECK(watch(one, std::chrono::milliseconds(0)) == activity::gone);
    }
}

} // namespace
} // namespace epmd::ctl::doctor
