// Settings: every flag, variable and file key, which of them goes first, and the one sentence for every
// mistake.
#include "settings/options.hpp"
#include "settings/settings.hpp"
#include "support/addresses.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epmd {
namespace {

using test::operator""_ip;
using words = std::vector<std::string>;
using variables = std::map<std::string, std::string>;

environment environment_of(const variables& set) {
    return [set](const std::string& name) {
        const auto found = set.find(name);
        return found == set.end() ? std::nullopt : std::optional(found->second);
    };
}

/// A user whose own configuration file is there, so that the machine's is not read.
class user {
  public:
    explicit user(std::string_view file_content = "") { write(file_content); }

    void write(std::string_view content) {
        file_ = home_.write("loopmd/loopmd.conf", content).string();
        text_ = content;
    }

    [[nodiscard]] settings reads(const words& flags, variables set = {}) const {
        set.emplace("XDG_CONFIG_HOME", home_.path().string());
        return read_settings(flags, environment_of(set), home_.path());
    }

    /// What is said of a mistake; empty if there is none.
    [[nodiscard]] std::string mistake(const words& flags, const variables& set = {}) const {
        try {
            static_cast<void>(reads(flags, set));
            return {};
        } catch (const settings_error& error) {
            return error.what();
        }
    }

    /// The defaults, with what `change` changes.
    [[nodiscard]] settings defaults(const std::function<void(settings&)>& change = [](settings&) {}) const {
        settings result;
        result.config_file = file_;
        result.config_text = text_;
        change(result);
        return result;
    }

    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] const test::temporary_directory& home() const { return home_; }

  private:
    test::temporary_directory home_;
    std::string file_;
    std::string text_;
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// ---- what is allowed

TEST_CASE("without anything there are the defaults") {
    const user me;
    const auto read = me.reads({});
    CHECK(read == me.defaults());
    CHECK(read.port == 4369);
    CHECK(read.scope == listen_scope::all);
    CHECK(read.packet_timeout == std::chrono::seconds(60));
    CHECK(read.level == log_level::info);
}

TEST_CASE("every flag sets what it says") {
    struct {
        std::string name;
        words flags;
        std::function<void(settings&)> change;
    } const all[] = {
        {"a port", {"-port", "5000"}, [](settings& to) { to.port = 5000; }},
        {"the least port", {"-port", "1"}, [](settings& to) { to.port = 1; }},
        {"the greatest port", {"-port", "65535"}, [](settings& to) { to.port = 65535; }},
        {"a value after =", {"--log-level=warn"}, [](settings& to) { to.level = log_level::warn; }},
        {"an address", {"-address", "127.0.0.2"}, [](settings& to) { to.addresses = {"127.0.0.2"_ip}; }},
        {"addresses between commas, spaces and tabs",
         {"-address", " 127.0.0.2,::1,\t192.0.2.1 ,"},
         [](settings& to) {
             to.addresses = {"127.0.0.2"_ip, "::1"_ip, "192.0.2.1"_ip};
         }},
        {"listen: all", {"--listen", "all"}, [](settings&) {}},
        {"listen: loopback", {"--listen", "loopback"}, [](settings& to) { to.scope = listen_scope::loopback; }},
        {"listen: addresses",
         {"--listen", "127.0.0.2,fd00::2"},
         [](settings& to) {
             to.addresses = {"127.0.0.2"_ip, "fd00::2"_ip};
         }},
        {"a host",
         {"--host", "lowry=127.0.0.2"},
         [](settings& to) {
             to.hosts = {{"lowry", {"127.0.0.2"_ip}}};
         }},
        {"hosts in their order",
         {"--host", "lowry=127.0.0.2,fd00::2", "--host=jill=192.0.2.1"},
         [](settings& to) {
             to.hosts = {{"lowry", {"127.0.0.2"_ip, "fd00::2"_ip}}, {"jill", {"192.0.2.1"_ip}}};
         }},
        {"may not ask", {"--probe", "no"}, [](settings& to) { to.may_ask_nodes = false; }},
        {"may ask", {"--probe=no", "--probe=yes"}, [](settings&) {}},
        {"HTTP for nobody", {"--status", "off"}, [](settings& to) { to.status = status_scope::off; }},
        {"HTTP for all", {"--status=off", "--status=all"}, [](settings& to) { to.status = status_scope::all; }},
        {"relaxed", {"-relaxed_command_check"}, [](settings& to) { to.relaxed_command_check = true; }},
        {"the least time", {"-packet_timeout", "1"}, [](settings& to) { to.packet_timeout = std::chrono::seconds(1); }},
        {"the greatest time",
         {"-packet_timeout", "604800"},
         [](settings& to) { to.packet_timeout = std::chrono::seconds(604800); }},
        {"daemon", {"-daemon"}, [](settings& to) { to.is_daemon = true; }},
        {"daemon twice", {"-daemon", "-daemon"}, [](settings& to) { to.is_daemon = true; }},
        {"d", {"-d"}, [](settings& to) { to.level = log_level::debug; }},
        {"d, and d again", {"-d", "-d"}, [](settings& to) { to.level = log_level::trace; }},
        {"d, more than there are levels",
         {"-d", "-debug", "-d", "-d"},
         [](settings& to) { to.level = log_level::trace; }},
        {"a level, then d", {"--log-level", "warn", "-d"}, [](settings& to) { to.level = log_level::debug; }},
        {"d, then a level", {"-d", "--log-level", "warn"}, [](settings& to) { to.level = log_level::warn; }},
        {"debug", {"-debug"}, [](settings& to) { to.level = log_level::debug; }},
        {"errors only", {"--log-level", "error"}, [](settings& to) { to.level = log_level::error; }},
        {"warnings", {"--log-level", "warn"}, [](settings& to) { to.level = log_level::warn; }},
        {"information", {"--log-level", "info"}, [](settings&) {}},
        {"requests", {"--log-level", "debug"}, [](settings& to) { to.level = log_level::debug; }},
        {"everything", {"--log-level", "trace"}, [](settings& to) { to.level = log_level::trace; }},
        {"delays",
         {"-delay_accept", "1", "-delay_write", "604800"},
         [](settings& to) {
             to.delay_accept = std::chrono::seconds(1);
             to.delay_write = std::chrono::seconds(604800);
         }},
        {"systemd", {"-systemd"}, [](settings& to) { to.has_systemd_sockets = true; }},
        {"no address, empty", {"-address", ""}, [](settings&) {}},
        {"no address, a comma", {"-address", ","}, [](settings&) {}},
        {"a port twice: the last", {"-port", "1", "-port", "2"}, [](settings& to) { to.port = 2; }},
        {"addresses twice: the last",
         {"-address", "127.0.0.2", "-address", "127.0.0.3"},
         [](settings& to) { to.addresses = {"127.0.0.3"_ip}; }},
        {"two words for one thing: the last",
         {"--listen", "loopback", "-address", "127.0.0.2"},
         [](settings& to) { to.addresses = {"127.0.0.2"_ip}; }},
        {"two words for one thing, the other way round: the last",
         {"-address", "127.0.0.2", "--listen", "loopback"},
         [](settings& to) { to.scope = listen_scope::loopback; }},
        {"names", {"-names"}, [](settings& to) { to.what = verb::names; }},
        {"dump", {"-dump"}, [](settings& to) { to.what = verb::dump; }},
        {"started", {"-started"}, [](settings& to) { to.what = verb::started; }},
        {"stop",
         {"-stop", "idfe"},
         [](settings& to) {
             to.what = verb::stop;
             to.stop_name = "idfe";
         }},
        {"stop nobody", {"-stop", ""}, [](settings& to) { to.what = verb::stop; }},
        {"kill", {"-kill"}, [](settings& to) { to.what = verb::kill; }},
        {"a port before a verb",
         {"-port", "5000", "-names"},
         [](settings& to) {
             to.port = 5000;
             to.what = verb::names;
         }},
        {"check the configuration", {"--check-config"}, [](settings& to) { to.what = verb::check_config; }},
        {"much at once",
         {"-daemon", "-port", "5000", "-relaxed_command_check", "--listen", "loopback", "-packet_timeout", "5", "-d"},
         [](settings& to) {
             to.is_daemon = true;
             to.port = 5000;
             to.relaxed_command_check = true;
             to.scope = listen_scope::loopback;
             to.packet_timeout = std::chrono::seconds(5);
             to.level = log_level::debug;
         }},
    };
    const user me;
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(me.reads(one.flags) == me.defaults(one.change));
    }
}

TEST_CASE("limits are set by their names in the file") {
    const user me("request_time = 5\nmax_connections = 16\nmax_connections_per_peer = 1\nmax_registrations = 1000000\n"
                  "max_registrations_per_user = 2\nmax_http_connections = 10000\nmax_event_streams = 0\n"
                  "max_placements = 64\n");
    CHECK(me.reads({}).most == limits{.max_connections = 16,
                                      .max_connections_per_peer = 1,
                                      .request_time = std::chrono::seconds(5),
                                      .max_registrations = 1000000,
                                      .max_registrations_per_user = 2,
                                      .max_http_connections = 10000,
                                      .max_event_streams = 0,
                                      .max_placements = 64});
}

TEST_CASE("what limits leave open is made of the room that descriptors leave") {
    const auto by_default = limits{}.within(976);
    CHECK(by_default.max_connections == 976);
    CHECK(by_default.max_registrations == 976 - 61);
    CHECK(by_default.max_registrations_per_user == (976 - 61) / 2);
    CHECK(by_default.max_event_streams == 224);

    const auto tight = limits{.max_connections = 100, .max_http_connections = 10}.within(48);
    CHECK(tight.max_connections == 48); // there is no room for more
    CHECK(tight.max_registrations == 44);
    CHECK(tight.max_event_streams == 10);

    const auto given =
        limits{.max_connections = 40, .max_registrations = 100, .max_registrations_per_user = 50}.within(976);
    CHECK(given.max_connections == 40);
    CHECK(given.max_registrations == 36); // lookups go on
    CHECK(given.max_registrations_per_user == 36);
}

TEST_CASE("so many hosts can be configured, and the first that is too many is named") {
    const auto hosts = [](std::size_t count) {
        std::string text = "[host]\n";
        for (std::size_t i = 0; i < count; ++i) {
            const auto number = std::to_string(i);
            text += "h" + number + " = 127.1." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "\n";
        }
        return text;
    };
    CHECK(user(hosts(max_hosts)).reads({}).hosts.size() == max_hosts);
    try {
        static_cast<void>(user(hosts(max_hosts + 1)).reads({}));
        FAIL("one too many is allowed");
    } catch (const settings_error& error) {
        CHECK(
            std::string(error.what()).ends_with(":20002: host h20000 is one too many: 20000 hosts can be configured"));
    }
}

TEST_CASE("version and help read nothing else, so that no bad file hides them") {
    const user me("not allowed at all");
    CHECK(me.reads({"--version"}, {{"ERL_EPMD_PORT", "bad"}}).what == verb::version);
    CHECK(me.reads({"--help"}, {{"ERL_EPMD_PORT", "bad"}}).what == verb::help);
    CHECK(me.reads({"--version"}).config_file.empty());
}

TEST_CASE("every variable sets what it says") {
    struct {
        std::string name;
        variables set;
        std::function<void(settings&)> change;
    } const all[] = {
        {"a port", {{"ERL_EPMD_PORT", "5000"}}, [](settings& to) { to.port = 5000; }},
        {"an address", {{"ERL_EPMD_ADDRESS", "127.0.0.2"}}, [](settings& to) { to.addresses = {"127.0.0.2"_ip}; }},
        {"addresses between commas and spaces",
         {{"ERL_EPMD_ADDRESS", "127.0.0.2, ::1"}},
         [](settings& to) {
             to.addresses = {"127.0.0.2"_ip, "::1"_ip};
         }},
        {"no address", {{"ERL_EPMD_ADDRESS", ""}}, [](settings&) {}},
        {"only separators", {{"ERL_EPMD_ADDRESS", " , "}}, [](settings&) {}},
        {"relaxed", {{"ERL_EPMD_RELAXED_COMMAND_CHECK", "1"}}, [](settings& to) { to.relaxed_command_check = true; }},
        {"relaxed by nothing",
         {{"ERL_EPMD_RELAXED_COMMAND_CHECK", ""}},
         [](settings& to) { to.relaxed_command_check = true; }},
        {"relaxed by 0",
         {{"ERL_EPMD_RELAXED_COMMAND_CHECK", "0"}},
         [](settings& to) { to.relaxed_command_check = true; }},
        {"a variable of another program", {{"EPMD_PORT", "bad"}, {"PORT", "bad"}}, [](settings&) {}},
    };
    const user me;
    for (const auto& one : all) {
        CAPTURE(one.name);
        CHECK(me.reads({}, one.set) == me.defaults(one.change));
    }
}

TEST_CASE("every key of the file sets what it says") {
    struct {
        std::string name;
        std::string file;
        std::function<void(settings&)> change;
    } const all[] = {
        {"nothing", "", [](settings&) {}},
        {"comments and blank lines", "# port = 1\n\n  \t\n   # more\n", [](settings&) {}},
        {"a port", "port = 5000\n", [](settings& to) { to.port = 5000; }},
        {"no spaces", "port=5000\n", [](settings& to) { to.port = 5000; }},
        {"many spaces, a comment, no newline at the end", " \tport \t=  5000  # as ever",
         [](settings& to) { to.port = 5000; }},
        {"lines that end as on Windows", "port = 5000\r\n\r\n[host]\r\nlowry = 127.0.0.2\r\n",
         [](settings& to) {
             to.port = 5000;
             to.hosts = {{"lowry", {"127.0.0.2"_ip}}};
         }},
        {"listen: loopback", "listen = loopback\n", [](settings& to) { to.scope = listen_scope::loopback; }},
        {"listen: all", "listen = all\n", [](settings&) {}},
        {"listen: addresses", "listen = 127.0.0.2, fd00::2\n",
         [](settings& to) {
             to.addresses = {"127.0.0.2"_ip, "fd00::2"_ip};
         }},
        {"may not ask", "probe = no\n", [](settings& to) { to.may_ask_nodes = false; }},
        {"may ask", "probe = yes\n", [](settings&) {}},
        {"HTTP for all", "status = all\n", [](settings& to) { to.status = status_scope::all; }},
        {"HTTP for this machine", "status = loopback\n", [](settings&) {}},
        {"relaxed", "relaxed_command_check = yes\n", [](settings& to) { to.relaxed_command_check = true; }},
        {"not relaxed", "relaxed_command_check = no\n", [](settings&) {}},
        {"a time", "packet_timeout = 5\n", [](settings& to) { to.packet_timeout = std::chrono::seconds(5); }},
        {"a level", "log_level = warn\n", [](settings& to) { to.level = log_level::warn; }},
        {"hosts", "[host]\nlowry = 127.0.0.2\njill.example.org = 127.0.0.3, fd00::3 192.0.2.3\n",
         [](settings& to) {
             to.hosts = {{"lowry", {"127.0.0.2"_ip}},
                         {"jill.example.org", {"127.0.0.3"_ip, "fd00::3"_ip, "192.0.2.3"_ip}}};
         }},
        {"the section twice", "[host]\nlowry = 127.0.0.2\n[host]\njill = 127.0.0.3\n",
         [](settings& to) {
             to.hosts = {{"lowry", {"127.0.0.2"_ip}}, {"jill", {"127.0.0.3"_ip}}};
         }},
        {"a host called as a key", "port = 5000\n[host]\nport = 127.0.0.2\n",
         [](settings& to) {
             to.port = 5000;
             to.hosts = {{"port", {"127.0.0.2"_ip}}};
         }},
        {"everything",
         "port = 1\nlisten = loopback\nrelaxed_command_check = yes\npacket_timeout = 2\nlog_level = error\n",
         [](settings& to) {
             to.port = 1;
             to.scope = listen_scope::loopback;
             to.relaxed_command_check = true;
             to.packet_timeout = std::chrono::seconds(2);
             to.level = log_level::error;
         }},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        const user me(one.file);
        CHECK(me.reads({}) == me.defaults(one.change));
    }
}

// ---- which goes first

TEST_CASE("a flag goes before the environment, the environment before the file") {
    const user me("port = 3\nlisten = loopback\nrelaxed_command_check = no\npacket_timeout = 3\nlog_level = error\n");
    const variables set{
        {"ERL_EPMD_PORT", "2"}, {"ERL_EPMD_ADDRESS", "127.0.0.2"}, {"ERL_EPMD_RELAXED_COMMAND_CHECK", ""}};
    const words flags{"-port",           "1", "-address",    "127.0.0.1", "-relaxed_command_check",
                      "-packet_timeout", "1", "--log-level", "warn"};
    CHECK(me.reads({}) == me.defaults([](settings& to) {
        to.port = 3;
        to.scope = listen_scope::loopback;
        to.packet_timeout = std::chrono::seconds(3);
        to.level = log_level::error;
    }));
    CHECK(me.reads({}, set) == me.defaults([](settings& to) {
        to.port = 2;
        to.addresses = {"127.0.0.2"_ip};
        to.relaxed_command_check = true;
        to.packet_timeout = std::chrono::seconds(3);
        to.level = log_level::error;
    }));
    CHECK(me.reads(flags, set) == me.defaults([](settings& to) {
        to.port = 1;
        to.addresses = {"127.0.0.1"_ip};
        to.relaxed_command_check = true;
        to.packet_timeout = std::chrono::seconds(1);
        to.level = log_level::warn;
    }));
}

TEST_CASE("two words for one thing go one before the other as well") {
    CHECK(user("listen = 192.0.2.1").reads({"-address", "127.0.0.2"}).addresses == std::vector{"127.0.0.2"_ip});
    const user me("listen = 192.0.2.1\nlog_level = error");
    const auto loopback = me.reads({"--listen", "loopback", "-d"}, {{"ERL_EPMD_ADDRESS", "127.0.0.2"}});
    CHECK(loopback == me.defaults([](settings& to) {
        to.scope = listen_scope::loopback;
        to.level = log_level::debug;
    }));
}

TEST_CASE("what a stronger place gives is not looked at in a weaker one") {
    CHECK(user("port = bad").reads({"-port", "5000"}).port == 5000);
    CHECK(user().reads({"-port", "5000"}, {{"ERL_EPMD_PORT", "bad"}}).port == 5000);
}

TEST_CASE("an address variable that is set and empty does not hide the file") {
    const user me("listen = loopback");
    for (const std::string empty : {"", " ", ","}) {
        CAPTURE(empty);
        CHECK(me.reads({}, {{"ERL_EPMD_ADDRESS", empty}}) ==
              me.defaults([](settings& to) { to.scope = listen_scope::loopback; }));
    }
}

TEST_CASE("a text may stand for the file, and a mistake in the file leaves what flags and environment say") {
    const user me("listen = everywhere\n");
    const auto reads = [&](const std::optional<std::string>& text) {
        return read_settings(words{"-systemd"}, environment_of({{"XDG_CONFIG_HOME", me.home().path().string()}}),
                             me.home().path(), text);
    };
    CHECK(reads("listen = loopback\n").scope == listen_scope::loopback);
    CHECK(reads("listen = loopback\n").config_file == me.file());
    try {
        reads({});
        FAIL("it was read");
    } catch (const file_error& error) {
        CHECK(has(error.what(), "everywhere"));
        CHECK(error.without_file().has_systemd_sockets);
        CHECK(error.without_file().scope == listen_scope::all);
    }
    CHECK_THROWS_AS(reads("listen = nowhere\n"), file_error);
}

TEST_CASE("the hosts of flags come first, and go before the file's of the same name") {
    const user me("[host]\nlowry = 127.0.0.22\njill = 127.0.0.3\n");
    CHECK(me.reads({"--host", "LOWRY=127.0.0.2", "--host", "sam=127.0.0.4"}) == me.defaults([](settings& to) {
        to.hosts = {{"LOWRY", {"127.0.0.2"_ip}}, {"sam", {"127.0.0.4"_ip}}, {"jill", {"127.0.0.3"_ip}}};
    }));
}

// ---- which file

TEST_CASE("the configuration file is the user's, else the system's") {
    const std::string system = "/etc/loopmd/loopmd.conf";
    const std::string of_system = std::filesystem::exists(system) ? system : "";
    const test::temporary_directory home;
    const auto file = [&](const variables& set) {
        return read_settings({}, environment_of(set), home.path()).config_file;
    };
    const auto xdg = (home.path() / "xdg").string();
    const auto user_home = home.path().string();
    CHECK(file({}) == of_system);
    CHECK(file({{"XDG_CONFIG_HOME", xdg}}) == of_system); // no such file
    CHECK(file({{"HOME", user_home}}) == of_system);
    const auto of_home = home.write(".config/loopmd/loopmd.conf", "").string();
    CHECK(file({{"HOME", user_home}}) == of_home);
    CHECK(file({{"HOME", user_home}, {"XDG_CONFIG_HOME", ""}}) == of_home); // as the specification says
    CHECK(file({{"HOME", user_home}, {"XDG_CONFIG_HOME", xdg}}) == of_system);
    const auto of_xdg = home.write("xdg/loopmd/loopmd.conf", "").string();
    CHECK(file({{"HOME", user_home}, {"XDG_CONFIG_HOME", xdg}}) == of_xdg);
    CHECK(file({{"HOME", ""}, {"XDG_CONFIG_HOME", ""}}) == of_system);
}

TEST_CASE("a file that a flag names is read instead, from the directory that is given") {
    const user me("port = 1");
    const auto other = me.home().write("folder/other.conf", "port = 2").string();
    for (const std::string name : {"folder/other.conf", "./folder/other.conf"}) {
        CAPTURE(name);
        const auto read = me.reads({"--config", name});
        CHECK(read.port == 2);
        CHECK(std::filesystem::path(read.config_file).is_absolute());
        CHECK(std::filesystem::equivalent(read.config_file, other));
    }
    CHECK(me.reads({"--config", other}).config_file == other);
    CHECK(me.reads({"--config", other}).port == 2);
}

// ---- mistakes

TEST_CASE("a mistake is told in one sentence, word for word") {
    struct {
        words flags;
        variables set;
        std::string file;
        std::string expected; // FILE stands for the file's name
    } const all[] = {
        {{"-port", "70000"}, {}, "", "flag -port = 70000 is not allowed: a port is 1 to 65535"},
        {{}, {{"ERL_EPMD_PORT", "bad"}}, "", "variable ERL_EPMD_PORT = bad is not allowed: a port is 1 to 65535"},
        {{}, {}, "\n\nport = 0\n", "FILE:3: port = 0 is not allowed: a port is 1 to 65535"},
        {{"-port"}, {}, "", "flag -port needs a value: a port is 1 to 65535"},
        {{"-daemon=yes"}, {}, "", "flag -daemon has no value"},
        {{"--port", "1"}, {}, "", "flag --port is not known; did you mean -port?"},
        {{"-dd"}, {}, "", "flag -dd is not known; --help lists all flags"},
        {{"names"}, {}, "", "the word \"names\" is neither a flag nor the value of one; see --help"},
        {{},
         {},
         "prot = 1\n",
         "FILE:1: the key prot is not known; allowed are port, relaxed_command_check, "
         "packet_timeout, listen, "
         "probe, status, request_time, max_connections, max_connections_per_peer, max_registrations, "
         "max_registrations_per_user, max_http_connections, max_event_streams, max_placements, log_level, and the "
         "section [host]"},
        {{}, {}, "max_connections = 15\n", "FILE:1: max_connections = 15 is not allowed: 16 to 1000000 connections"},
        {{}, {}, "max_event_streams = -1\n", "FILE:1: max_event_streams = -1 is not allowed: 0 to 10000 connections"},
        {{}, {}, "port = 1\n[hosts]\n", "FILE:2: the section [hosts] is not known; allowed is [host]"},
        {{}, {}, "port\n", "FILE:1: 'port' is not allowed: a line is 'key = value', '[host]' or a comment after '#'"},
        {{},
         {},
         "port = 1\npo\x1b[2Jrt = 2\n",
         "FILE:2: a control character is not allowed in a line, as in a file that is UTF-16: the file has to be plain "
         "text"},
        {{}, {}, "port = 1\nport = 2\n", "FILE:2: port = 2 comes after FILE:1: port: give one of the two"},
        {{},
         {},
         "[host]\nlowry = 127.0.0.1\n",
         "FILE:2: host lowry = 127.0.0.1: 127.0.0.1 is the machine's own; allowed is any other address of "
         "this machine, as 127.0.0.2 to 127.255.255.254"},
    };
    for (const auto& one : all) {
        CAPTURE(one.expected);
        const user me(one.file);
        auto said = me.mistake(one.flags, one.set);
        for (auto at = said.find(me.file()); at != std::string::npos; at = said.find(me.file())) {
            said.replace(at, me.file().size(), "FILE");
        }
        CHECK(said == one.expected);
    }
}

TEST_CASE("a mistake names its source, the value and what is allowed") {
    struct {
        std::string name;
        words flags;
        variables set;
        std::string file;
        words parts;
    } const all[] = {
        {"port 0", {"-port", "0"}, {}, "", {"flag -port", "= 0 ", "1 to 65535"}},
        {"a port below", {"-port", "-1"}, {}, "", {"flag -port", "= -1 ", "1 to 65535"}},
        {"a port above", {"-port", "65536"}, {}, "", {"flag -port", "= 65536 ", "1 to 65535"}},
        {"a port with a sign", {"-port", "+1"}, {}, "", {"flag -port", "= +1 ", "1 to 65535"}},
        {"a port and more", {"-port", "1x"}, {}, "", {"flag -port", "= 1x ", "1 to 65535"}},
        {"a port in hexadecimal", {"-port", "0x10"}, {}, "", {"flag -port", "= 0x10 ", "1 to 65535"}},
        {"a port with a space", {"-port", " 1"}, {}, "", {"flag -port", "=  1 ", "1 to 65535"}},
        {"a port of many digits", {"-port", "99999999999999999999"}, {}, "", {"flag -port", "1 to 65535"}},
        {"a flag as a port", {"-port", "-daemon"}, {}, "", {"flag -port", "-daemon", "1 to 65535"}},
        {"an empty port", {"-port", ""}, {}, "", {"flag -port", "1 to 65535"}},
        {"a host name as an address", {"-address", "localhost"}, {}, "", {"flag -address", "localhost", "IPv4"}},
        {"one bad address of two", {"-address", "127.0.0.2,x"}, {}, "", {"flag -address: x is", "IPv4"}},
        {"an address with a port", {"--listen", "::1:4369x"}, {}, "", {"flag --listen", "::1:4369x", "loopback, all"}},
        {"listen in capitals", {"--listen", "Loopback"}, {}, "", {"flag --listen", "Loopback", "loopback, all"}},
        {"loopback as an address", {"-address", "loopback"}, {}, "", {"flag -address", "loopback", "IPv4"}},
        {"a time of 0", {"-packet_timeout", "0"}, {}, "", {"flag -packet_timeout", "= 0 ", "1 to 604800 seconds"}},
        {"a time too long",
         {"-packet_timeout", "604801"},
         {},
         "",
         {"flag -packet_timeout", "= 604801 ", "1 to 604800 seconds"}},
        {"a time with a unit", {"-packet_timeout", "60s"}, {}, "", {"flag -packet_timeout", "= 60s ", "604800"}},
        {"a level",
         {"--log-level", "loud"},
         {},
         "",
         {"flag --log-level", "= loud ", "error, warn, info, debug or trace"}},
        {"a level in capitals", {"--log-level", "WARN"}, {}, "", {"flag --log-level", "= WARN "}},
        {"a host without =", {"--host", "lowry"}, {}, "", {"flag --host", "= lowry ", "a name, =, and addresses"}},
        {"a host without a name", {"--host", "=127.0.0.2"}, {}, "", {"flag --host", "127.0.0.2", "letters, digits"}},
        {"a host without an address", {"--host", "lowry="}, {}, "", {"flag --host", "lowry", "at least one address"}},
        {"a host's name with a space", {"--host", "lo wry=127.0.0.2"}, {}, "", {"flag --host", "lo wry", "letters"}},
        {"a host's name with an @", {"--host", "a@lowry=127.0.0.2"}, {}, "", {"flag --host", "a@lowry", "letters"}},
        {"a host's name with a dash in front", {"--host", "-l=127.0.0.2"}, {}, "", {"flag --host", "-l", "letters"}},
        {"a host's name too long",
         {"--host", std::string(254, 'a') + "=127.0.0.2"},
         {},
         "",
         {"flag --host", "letters"}},
        {"localhost", {"--host", "LocalHost=127.0.0.2"}, {}, "", {"flag --host", "LocalHost", "not localhost"}},
        {"a host at a name", {"--host", "lowry=sam"}, {}, "", {"flag --host", "sam is no address", "IPv4 and IPv6"}},
        {"a host at 127.0.0.1",
         {"--host", "lowry=127.0.0.2,127.0.0.1"},
         {},
         "",
         {"flag --host", "127.0.0.1 is the machine's own", "127.0.0.2 to 127.255.255.254"}},
        {"a host at ::1", {"--host", "lowry=::1"}, {}, "", {"flag --host", "::1 is the machine's own"}},
        {"a host at 127.0.0.1, mapped", {"--host", "lowry=::ffff:127.0.0.1"}, {}, "", {"flag --host", "machine's own"}},
        {"a host at 0.0.0.0", {"--host", "lowry=0.0.0.0"}, {}, "", {"flag --host", "0.0.0.0 is the machine's own"}},
        {"a host at ::", {"--host", "lowry=::"}, {}, "", {"flag --host", "the machine's own"}},
        {"a host's address twice",
         {"--host", "lowry=127.0.0.2,::ffff:127.0.0.2"},
         {},
         "",
         {"flag --host", "lowry", "127.0.0.2 is given twice"}},
        {"a host twice",
         {"--host", "lowry=127.0.0.2", "--host", "LOWRY=127.0.0.3"},
         {},
         "",
         {"flag --host LOWRY", "named already", "flag --host lowry", "all its addresses in one line"}},
        {"an address of two hosts",
         {"--host", "lowry=127.0.0.2", "--host", "jill=127.0.0.3,127.0.0.2"},
         {},
         "",
         {"flag --host jill", "127.0.0.2", "flag --host lowry", "an address has one host"}},
        {"an address of a flag's host and a file's",
         {"--host", "jill=127.0.0.2"},
         {},
         "[host]\nlowry = 127.0.0.2\n",
         {"FILE:2: host lowry", "127.0.0.2", "flag --host jill", "an address has one host"}},
        {"a bad flag before a good one of its kind", {"-port", "0", "-port", "1"}, {}, "", {"flag -port", "= 0 "}},
        {"two verbs", {"-names", "-kill"}, {}, "", {"flag -names comes last", "\"-kill\" comes after it"}},
        {"a verb twice", {"-names", "-names"}, {}, "", {"flag -names comes last", "\"-names\" comes after it"}},
        {"a verb and a word", {"-names", "idfe"}, {}, "", {"flag -names comes last", "\"idfe\" comes after it"}},
        {"a verb before a port", {"-kill", "-port", "1"}, {}, "", {"flag -kill comes last", "\"-port\""}},
        {"a verb and help", {"-names", "--help"}, {}, "", {"flag -names comes last", "\"--help\""}},
        {"help and a verb", {"--help", "-names"}, {}, "", {"flag -names", "one thing to do at a time"}},
        {"stop, and no name", {"-port", "1", "-stop"}, {}, "", {"flag -stop needs a value", "alive name"}},
        {"stop, and two names", {"-stop", "a", "b"}, {}, "", {"flag -stop comes last", "\"b\""}},
        {"no delay", {"-delay_accept", "0"}, {}, "", {"flag -delay_accept", "= 0 ", "1 to 604800 seconds"}},
        {"a delay that is none", {"-delay_write", "x"}, {}, "", {"flag -delay_write", "= x ", "604800 seconds"}},
        {"a bad value beside help", {"--help", "-port", "0"}, {}, "", {"flag -port", "= 0 ", "1 to 65535"}},
        {"two dashes for -d", {"--d"}, {}, "", {"flag --d ", "did you mean -d?"}},
        {"one dash for --host", {"-host", "lowry=127.0.0.2"}, {}, "", {"flag -host ", "did you mean --host?"}},
        {"one dash for --version", {"-version"}, {}, "", {"flag -version ", "did you mean --version?"}},
        {"one dash for --help", {"-help"}, {}, "", {"flag -help ", "did you mean --help?"}},
        {"stock's -h", {"-h"}, {}, "", {"flag -h is not known", "--help"}},
        {"a flag cut short", {"-daem"}, {}, "", {"flag -daem is not known"}},
        {"a flag in capitals", {"-PORT", "1"}, {}, "", {"flag -PORT is not known"}},
        {"a dash", {"-"}, {}, "", {"flag - is not known"}},
        {"a word too many", {"-port", "1", "2"}, {}, "", {"the word \"2\" "}},
        {"a flag without its value at the end",
         {"-daemon", "--host"},
         {},
         "",
         {"flag --host needs a value", "a name, ="}},
        {"an empty file name", {"--config", ""}, {}, "", {"flag --config", "the name of a file"}},
        {"a file that is not there",
         {"--config", "none.conf"},
         {},
         "",
         {"flag --config", "none.conf", "cannot be read"}},
        {"a directory", {"--config", "loopmd"}, {}, "", {"flag --config", "loopmd", "cannot be read"}},
        {"an address variable",
         {},
         {{"ERL_EPMD_ADDRESS", "lowry"}},
         "",
         {"variable ERL_EPMD_ADDRESS: lowry is", "IPv4"}},
        {"a port variable above",
         {},
         {{"ERL_EPMD_PORT", "70000"}},
         "",
         {"variable ERL_EPMD_PORT", "70000", "1 to 65535"}},
        {"the file's listen", {}, {}, "listen = nobody", {"FILE:1: listen", "= nobody ", "loopback, all"}},
        {"the file's relaxed",
         {},
         {},
         "relaxed_command_check = true",
         {"FILE:1: relaxed_command_check", "= true ", "yes or no"}},
        {"the file's time",
         {},
         {},
         "\npacket_timeout = never",
         {"FILE:2: packet_timeout", "= never ", "604800 seconds"}},
        {"the file's level",
         {},
         {},
         "log_level = 3",
         {"FILE:1: log_level", "= 3 ", "error, warn, info, debug or trace"}},
        {"a key without a value", {}, {}, "port =", {"FILE:1: port", "1 to 65535"}},
        {"a flag's name as a key", {}, {}, "log-level = info", {"FILE:1: the key log-level is not known", "log_level"}},
        {"a key in capitals", {}, {}, "Port = 1", {"FILE:1: the key Port is not known"}},
        {"a key that is only a flag", {}, {}, "daemon = yes", {"FILE:1: the key daemon is not known"}},
        {"a section that does not end", {}, {}, "[host", {"FILE:1: the section [host is not known"}},
        {"a section in capitals", {}, {}, "[Host]", {"FILE:1: the section [Host] is not known"}},
        {"a host without = in the file", {}, {}, "[host]\nlowry", {"FILE:2: 'lowry' is not allowed", "key = value"}},
        {"a host without a name in the file", {}, {}, "[host]\n= 127.0.0.2", {"FILE:2: ", "127.0.0.2", "letters"}},
        {"a host at a name in the file", {}, {}, "[host]\nlowry = sam", {"FILE:2: ", "sam is no address"}},
        {"a host twice in the file",
         {},
         {},
         "[host]\nlowry = 127.0.0.2\nLowry = 127.0.0.3",
         {"FILE:3: host Lowry", "named already", "FILE:2: host lowry"}},
        {"an address of two hosts in the file",
         {},
         {},
         "[host]\nlowry = 127.0.0.2\njill = 127.0.0.2",
         {"FILE:3: host jill", "127.0.0.2", "FILE:2: host lowry", "an address has one host"}},
        {"a key after the section",
         {},
         {},
         "[host]\nlowry = 127.0.0.2\nport = 1",
         {"FILE:3: host port", "1 is no address"}},
    };
    for (const auto& one : all) {
        CAPTURE(one.name);
        const user me(one.file);
        auto said = me.mistake(one.flags, one.set);
        for (auto at = said.find(me.file()); at != std::string::npos; at = said.find(me.file())) {
            said.replace(at, me.file().size(), "FILE");
        }
        CAPTURE(said);
        CHECK_FALSE(said.empty());
        CHECK_FALSE(has(said, "\n"));
        for (const auto& part : one.parts) {
            CAPTURE(part);
            CHECK(has(said, part));
        }
    }
}

TEST_CASE("an empty value is not told as if there were none") {
    const user me;
    CHECK_FALSE(has(me.mistake({"-port", ""}), "flag -port is not allowed"));
    CHECK_FALSE(has(me.mistake({"--listen", ""}), "flag --listen is not allowed"));
    CHECK_FALSE(has(me.mistake({}, {{"ERL_EPMD_PORT", ""}}), "variable ERL_EPMD_PORT is not allowed"));
    CHECK_FALSE(has(user("port =").mistake({}), ":1: port is not allowed"));
    CHECK_FALSE(has(me.mistake({""}), "the word  is"));
}

TEST_CASE("a flag that is not known is shown as it was written") {
    const user me;
    CHECK(has(me.mistake({"--nope"}), "flag --nope is not known"));
    CHECK(has(me.mistake({"--nope=3"}), "flag --nope"));
    CHECK(has(me.mistake({"--log-level="}), "flag --log-level needs a value"));
    CHECK(has(me.mistake({"-port=5000"}), "flag -port=5000 is not known"));
}

TEST_CASE("two dashes alone are refused, as stock does with what it does not know") {
    const user me;
    CHECK(has(me.mistake({"--"}), "flag -- is not known"));
    CHECK(has(me.mistake({"-daemon", "--"}), "flag -- is not known"));
    CHECK(has(me.mistake({"-daemon", "--", "-port"}), "flag -- is not known"));
    CHECK(me.reads({"-stop", "--"}).stop_name == "--");
    CHECK(has(me.mistake({"-address", "--"}), "flag -address: -- is not allowed"));
    CHECK(has(me.mistake({"-address", "127.0.0.2", "--"}), "flag -- is not known"));
}

TEST_CASE("a mistake in a flag is one that shows all flags, any other is not") {
    const user me("port = 1\n");
    CHECK_THROWS_AS(static_cast<void>(me.reads({"-foo"})), usage_error);
    CHECK_THROWS_AS(static_cast<void>(me.reads({"-port", "0"})), usage_error);
    CHECK_THROWS_AS(static_cast<void>(me.reads({"-port"})), usage_error);
    const auto is_usage_error = [](const auto& reading) {
        try {
            reading();
        } catch (const usage_error&) {
            return true;
        } catch (const settings_error&) {
            return false;
        }
        FAIL("no mistake was found");
        return false;
    };
    CHECK_FALSE(is_usage_error([&] { static_cast<void>(me.reads({}, {{"ERL_EPMD_PORT", "bad"}})); }));
    CHECK_FALSE(is_usage_error([] { static_cast<void>(user("port = 0\n").reads({})); }));
    CHECK_FALSE(is_usage_error([&] { static_cast<void>(me.reads({"--config", "none.conf"})); }));
}

TEST_CASE("what is no address is told by itself, and is no mistake to who asks the running epmd") {
    const user me;
    const auto given = [](const auto& reading) {
        try {
            reading();
        } catch (const address_error& error) {
            return error.given();
        }
        return std::string("no address_error");
    };
    CHECK(given([&] { static_cast<void>(me.reads({"-address", "127.0.0.2, x"})); }) == "x");
    CHECK(given([&] { static_cast<void>(me.reads({}, {{"ERL_EPMD_ADDRESS", "lowry 127.0.0.2"}})); }) == "lowry");
    CHECK(me.reads({"-address", "x", "-names"}).what == verb::names);
    CHECK(me.reads({"-kill"}, {{"ERL_EPMD_ADDRESS", "x"}}).what == verb::kill);
    CHECK(me.reads({"-stop", "idfe"}, {{"ERL_EPMD_ADDRESS", "x"}}).stop_name == "idfe");
    CHECK(has(me.mistake({"--listen", "x", "-names"}), "flag --listen"));
}

TEST_CASE("a line of the file has a key") {
    CHECK(has(user("= 127.0.0.2").mistake({}), ":1: "));
    CHECK(has(user("=").mistake({}), ":1: "));
}

TEST_CASE("a mistake in a line with a NUL is told whole") {
    const auto text = std::string("port = 1") + '\0' + "\n";
    try {
        read_settings(words{"--config", "x.conf"}, environment_of({}), "/nowhere", text);
        FAIL("there is a mistake");
    } catch (const settings_error& error) {
        CHECK(has(error.what(), "the file has to be plain text"));
    }
}

TEST_CASE("a host is named in its section only") {
    CHECK(has(user("host.lowry = 127.0.0.2").mistake({}), ":1: the key host.lowry is not known"));
}

// ---- the table of options

TEST_CASE("the help text has every flag, as it is to be written, and what it says fits a terminal") {
    const auto help = help_text();
    for (const auto& one : all_options()) {
        if (!one.flag.empty()) {
            CAPTURE(one.flag);
            const auto written = std::string(static_cast<std::size_t>(one.style), '-') + std::string(one.flag);
            CHECK(has(help, "\n  " + written + (one.value.empty() ? " " : " " + std::string(one.value))));
            CHECK(has(help, one.help));
        }
    }
    CHECK(help.ends_with("\n"));
}

TEST_CASE("no flag, variable or key belongs to two options") {
    std::map<std::string, int> count;
    for (const auto& one : all_options()) {
        CHECK_FALSE(one.topic.empty());
        CHECK_FALSE(one.allowed.empty());
        ++count["flag " + std::string(one.flag)];
        ++count["variable " + std::string(one.variable)];
        ++count["key " + std::string(one.file_key)];
    }
    for (const auto& one : count) {
        CAPTURE(one.first);
        CHECK((one.second == 1 || one.first.ends_with(' '))); // many have no flag, no variable, or no key
    }
}

} // namespace
} // namespace epmd
