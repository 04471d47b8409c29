// epmdctl nodes: who is registered, where, by which evidence, and whose it is.
#include "client/client.hpp"
#include "daemon.hpp"
#include "node_text.hpp"
#include "output.hpp"
#include "verbs.hpp"
#include "wire/decode.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace epmd::ctl {
namespace {

namespace json = boost::json;

/// Those at one host, or all; by host, then by name.
json::array picked(const json::value& all, const std::optional<host>& where, const hosts& known) {
    using row = std::tuple<std::optional<host>, std::string, const json::value*>; // who has no host comes first
    std::vector<row> rows;
    for (const auto& one : all.at("nodes").as_array()) {
        if (const auto at = whereabouts(one, known); !where || at == where) {
            rows.emplace_back(at, text_of(one, "alive_name"), &one);
        }
    }
    std::sort(rows.begin(), rows.end());
    json::array result;
    for (const auto& [at, name, node] : rows) {
        result.push_back(*node);
        auto& owner = result.back().as_object()["owner"].as_object();
        const auto user = user_of(owner["uid"]);
        owner["user"] = user.empty() ? json::value(nullptr) : json::value(user);
    }
    return result;
}

std::string number_of(const json::value& value) {
    return value.is_null() ? "-" : json::serialize(value);
}

/// What Erlang's own epmd can say: names and ports.
exit_status list_of_stock(const call& how) {
    if (!how.operands.empty()) {
        throw no_loopmd(how.port); // to it all hosts are one
    }
    remark("the epmd on port " + std::to_string(how.port) +
           " is no loopmd, or has `status = off`: it tells names and ports, and neither hosts nor owners");
    const auto answer = ask_epmd(how.port, wire::names_req{}, with_remark(how.port));
    const auto listing = answer ? wire::decode_listing(*answer) : std::nullopt;
    if (!listing || listing->epmd_port != how.port) {
        throw bad_answer("the epmd on port " + std::to_string(how.port) + " gives no list of names");
    }
    table rows({"NODE", "PORT"});
    json::array nodes;
    for (auto text = listing->text; !text.empty();) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        constexpr std::string_view before = "name ";
        constexpr std::string_view between = " at port ";
        const auto at = line.rfind(between);
        if (!line.starts_with(before) || at == std::string_view::npos) {
            continue;
        }
        const auto name = line.substr(before.size(), at - before.size());
        const auto digits = line.substr(at + between.size());
        int port = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), port);
        nodes.push_back({{"alive_name", name}, {"port", port}});
        rows.add({shown(name), std::string(digits)});
    }
    print(how.as_json ? json::serialize(json::object{{"nodes", std::move(nodes)}}) + "\n" : rows.text());
    return done;
}

exit_status run(const call& how) {
    json::value all;
    try {
        all = page(how, "/nodes");
    } catch (const no_loopmd&) {
        return list_of_stock(how);
    }
    const auto known = hosts_of(page(how, "/hosts"));
    const auto where = how.operands.empty() ? std::nullopt : std::optional(host_named(how.operands.front(), known));
    auto nodes = picked(all, where, known);
    if (how.as_json) {
        print(json::serialize(json::object{{"nodes", std::move(nodes)}}) + "\n");
        return done;
    }
    table rows({"NODE", "HOST", "PORT", "TYPE", "CREATION", "PID", "USER", "PROGRAM", "SINCE", "PLACEMENT"});
    for (const auto& one : nodes) {
        const auto& owner = one.at("owner");
        rows.add({shown(name_of(one)), shown(host_of(one)), number_of(one.at("port")), type_of(one),
                  number_of(one.at("creation")), number_of(owner.at("pid")), shown(text_of(owner, "user")),
                  shown(text_of(owner, "program")), shown_time(text_of(one, "since")), placement_of(one)});
    }
    print(rows.text());
    return done;
}

} // namespace

const verb nodes_verb{.name = "nodes",
                      .operands = "[HOST]",
                      .help = "list the nodes, of all hosts or of one, with their owners and what placed them",
                      .most_operands = 1,
                      .has_json = true,
                      .run = run};

} // namespace epmd::ctl
