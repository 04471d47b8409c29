// What the parts cost alone: the codec, the registry, and what placement reads. Google Benchmark's own flags choose and
// repeat; an argument after a slash is how many names there are.
#include "handover/keeper.hpp"
#include "handover/snapshot.hpp"
#include "placement/command_line.hpp"
#include "placement/kernel.hpp"
#include "registry/hosts.hpp"
#include "registry/registry.hpp"
#include "service/service.hpp"
#include "wire/alive_name.hpp"
#include "wire/decode.hpp"
#include "wire/encode.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <benchmark/benchmark.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epmd {
namespace {

constexpr std::size_t most_names = 100000;

std::string name_of(std::size_t number) {
    return "node" + std::to_string(1000000 + number);
}

// ---- wire

void decode_lookup(benchmark::State& state) {
    const std::string request = "znode1000000";
    for (auto _ : state) {
        benchmark::DoNotOptimize(wire::decode_request(request));
    }
}
BENCHMARK(decode_lookup);

void decode_registration(benchmark::State& state) {
    std::string framed;
    wire::encode(wire::request(wire::alive2_req{.port = 40000, .alive_name = "node1000000", .extra = {}}), framed);
    const auto request = wire::request_of(framed);
    for (auto _ : state) {
        benchmark::DoNotOptimize(wire::decode_request(request));
    }
}
BENCHMARK(decode_registration);

void encode_lookup_reply(benchmark::State& state) {
    const wire::reply reply = wire::port2_resp{.port = 40000, .alive_name = "node1000000", .extra = {}};
    std::string out;
    for (auto _ : state) {
        out.clear();
        wire::encode(reply, out);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(encode_lookup_reply);

void judge_name(benchmark::State& state, const std::string& name) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(wire::judge_alive_name(name));
    }
}
BENCHMARK_CAPTURE(judge_name, ascii, std::string("node1000000"));
BENCHMARK_CAPTURE(judge_name, utf8,
                  std::string("n\xc3\xb6"
                              "d\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac"));
BENCHMARK_CAPTURE(judge_name, longest, std::string(255, 'a'));

// ---- registry

finding found_at(host where) {
    finding result;
    result.where = where;
    return result;
}

/// So many nodes of different names, each at the one of `hosts` hosts.
std::unique_ptr<registry> registry_of(std::size_t names, std::size_t hosts) {
    auto all = std::make_unique<registry>(1, time_point{});
    for (std::size_t i = 0; i < names; ++i) {
        const auto connection = static_cast<connection_number>(i + 1);
        all->add(connection, 5, {.alive_name = name_of(i), .port = 40000, .extra = {}}, time_point{});
        const auto number = static_cast<std::uint8_t>(i % hosts);
        all->settle(connection, found_at(host(address(address::bytes_v4{127, 0, 1, number}))));
    }
    return all;
}

void look_up(benchmark::State& state) {
    const auto names = static_cast<std::size_t>(state.range(0));
    const auto all = registry_of(names, 1);
    const host where(address(address::bytes_v4{127, 0, 1, 0}));
    std::vector<std::string> asked;
    for (std::size_t i = 0; i < 1024; ++i) {
        asked.push_back(name_of(i * 97 % names));
    }
    std::size_t next = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(all->find(where, asked[next++ % asked.size()]));
    }
}
BENCHMARK(look_up)->RangeMultiplier(10)->Range(1, most_names);

void register_and_leave(benchmark::State& state) {
    const auto names = static_cast<std::size_t>(state.range(0));
    const auto all = registry_of(names, 1);
    const auto where = found_at(host(address(address::bytes_v4{127, 0, 1, 0})));
    connection_number next = names + 1;
    for (auto _ : state) {
        all->add(next, 5, {.alive_name = "newcomer", .port = 40000, .extra = {}}, time_point{});
        all->settle(next, where);
        benchmark::DoNotOptimize(all->remove(next));
        ++next;
    }
}
BENCHMARK(register_and_leave)->RangeMultiplier(10)->Range(1, most_names);

void look_up_among_namesakes(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    registry all(1, time_point{});
    for (std::size_t i = 0; i < count; ++i) {
        const auto connection = static_cast<connection_number>(i + 1);
        all.add(connection, 5, {.alive_name = "idfe", .port = 40000, .extra = {}}, time_point{});
        all.settle(connection, found_at(host(address(address::bytes_v4{127, 0, 1, static_cast<std::uint8_t>(i)}))));
    }
    const host where(address(address::bytes_v4{127, 0, 1, 0}));
    for (auto _ : state) {
        benchmark::DoNotOptimize(all.find(where, "idfe"));
    }
}
BENCHMARK(look_up_among_namesakes)->Arg(1)->Arg(2)->Arg(20)->Arg(200);

void host_at_address(benchmark::State& state) {
    const hosts known({{"lowry", {address(address::bytes_v4{127, 0, 0, 2})}}}, {"sam", {}, {}});
    const address local(address::bytes_v4{127, 0, 0, 2});
    for (auto _ : state) {
        benchmark::DoNotOptimize(known.at(local));
    }
}
BENCHMARK(host_at_address);

// ---- service: a lookup from the decoded request to the action, and no more

struct nobody_goes final : liveness {
    [[nodiscard]] bool has_gone(connection_number) const override { return false; }
};

void serve_lookup(benchmark::State& state) {
    const nobody_goes connections;
    service mind({}, std::make_shared<const hosts>(), {.first_creation = 1}, connections);
    const origin from{
        .peer = loopback_v4, .peer_port = 5000, .local = loopback_v4, .local_port = 4369, .descriptor = 5};
    actions out;
    mind.request(1, from, wire::alive2_req{.port = 40000, .alive_name = "idfe", .extra = {}}, time_point{}, out);
    mind.found(1, found_at(the_machine), time_point{}, out);
    const wire::request request = wire::port_please2_req{"idfe"};
    connection_number next = 2;
    for (auto _ : state) {
        out.clear();
        mind.request(next++, from, request, time_point{}, out);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(serve_lookup);

// ---- handover: what a registration costs more where it outlives the process, and what the next process reads

/// With as many nodes beside it.
void keep_and_let_go(benchmark::State& state) {
    const auto all = registry_of(static_cast<std::size_t>(state.range(0)), 1);
    const machine_identity machine;
    const std::optional<settings_text> settings;
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max; // descriptors in flight count against it
    ::setrlimit(RLIMIT_NOFILE, &files);
    constexpr int connection = 5; // that of registry_of
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::dup2(made, connection);
    keeper kept(
        nullptr,
        [&] {
            return kept_state{*all, machine, settings, 0};
        },
        {}, 0, {}, [&](const std::string& why) { state.SkipWithError(why.c_str()); });
    connection_number next = most_names + 1;
    for (auto _ : state) {
        kept.keep(all->add(next, connection, {.alive_name = "newcomer", .port = 40000}, time_point{}), true);
        all->remove(next);
        kept.let_go(next);
        ++next;
    }
}
BENCHMARK(keep_and_let_go)->Arg(1)->Arg(1000)->Arg(15000);

void read_table(benchmark::State& state) {
    const auto all = registry_of(static_cast<std::size_t>(state.range(0)), 1);
    std::string records;
    put_table(records, *all);
    for (auto _ : state) {
        auto read = read_snapshot(records);
        benchmark::DoNotOptimize(registry(std::move(std::get<snapshot>(read).table)).size());
    }
}
BENCHMARK(read_table)->Arg(1)->Arg(1000)->Arg(15000)->Unit(benchmark::kMicrosecond);

// ---- placement

void read_command_line(benchmark::State& state) {
    std::string line;
    for (const auto* word : {"/usr/lib/erlang/erts-13.1.5/bin/beam.smp", "--", "-root", "/usr/lib/erlang", "-progname",
                             "erl", "--", "-home", "/root", "--", "-noshell", "-setcookie", "secret", "-kernel",
                             "inet_dist_use_interface", "{127,0,0,2}", "-name", "idfe@lowry.example.org"}) {
        line.append(word).push_back('\0');
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(node_name_of_command_line(line));
    }
}
BENCHMARK(read_command_line);

void read_sockets(benchmark::State& state) {
    std::string datagram;
    for (int i = 0; i < state.range(0); ++i) {
        nlmsghdr header{};
        inet_diag_msg body{};
        header.nlmsg_len = NLMSG_LENGTH(sizeof body);
        header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
        header.nlmsg_flags = NLM_F_MULTI;
        body.idiag_family = 2;
        const auto at = datagram.size();
        datagram.resize(at + NLMSG_ALIGN(header.nlmsg_len));
        std::memcpy(datagram.data() + at, &header, sizeof header);
        std::memcpy(datagram.data() + at + NLMSG_HDRLEN, &body, sizeof body);
    }
    std::vector<socket_info> found;
    for (auto _ : state) {
        found.clear();
        benchmark::DoNotOptimize(read_sock_diag(datagram, found));
    }
}
BENCHMARK(read_sockets)->Arg(1)->Arg(100);

} // namespace
} // namespace epmd

BENCHMARK_MAIN();
