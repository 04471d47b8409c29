#include "doctor/lookup.hpp"

#include "registry/hosts.hpp"
#include "wire/decode.hpp"
#include "wire/encode.hpp"
#include "wire/names_list.hpp"

#include <algorithm>
#include <numeric>

namespace epmd::ctl::doctor {
namespace {

/// Far more than a lookup's answer, and the names of 100,000 nodes.
constexpr std::size_t most_bytes = std::size_t{8} << 20U;

error_code ask(const wire::request& what, connection& with, std::string& answer, time_point until) {
    std::string request;
    wire::encode(what, request);
    with.send(request, until); // if it failed, reading says the same
    return with.receive_all(answer, most_bytes, until);
}

/// Levenshtein's distance: how many letters are to be put in, taken out or changed.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        auto diagonal = row[0]++;
        for (std::size_t k = 0; k < b.size(); ++k) {
            const auto changed = diagonal + (a[i] == b[k] ? 0U : 1U);
            diagonal = row[k + 1];
            row[k + 1] = std::min({changed, row[k] + 1, row[k + 1] + 1});
        }
    }
    return row.back();
}

} // namespace

lookup look_up(const std::string& alive_name, const address& where, std::uint16_t epmd_port, time_point until) {
    lookup result;
    connection with;
    result.connecting = with.open(where, epmd_port, {}, until);
    if (result.connecting) {
        return result;
    }
    std::string answer;
    const auto error = ask(wire::port_please2_req{alive_name}, with, answer, until);
    if (is_timeout(error)) {
        result.is_silent = true;
        return result;
    }
    const auto reply = wire::decode_port2_reply(answer);
    if (!reply) {
        result.is_closed = answer.empty();
        result.is_no_epmd = !answer.empty();
    } else if (const auto* found = std::get_if<wire::port2_resp>(&*reply)) {
        result.node = {.port = found->port, .node_type = found->node_type, .highest_version = found->highest_version};
    }
    return result;
}

std::vector<std::string> names_at(const address& where, std::uint16_t epmd_port, time_point until) {
    std::vector<std::string> names;
    connection with;
    std::string answer;
    if (with.open(where, epmd_port, {}, until) || ask(wire::names_req{}, with, answer, until)) {
        return names;
    }
    const auto list = wire::decode_listing(answer);
    for (const auto& row : wire::read_names_list(list ? list->text : std::string_view())) {
        names.emplace_back(row.alive_name);
    }
    return names;
}

std::vector<std::string> similar_names(const std::string& to, const std::vector<std::string>& among) {
    constexpr std::size_t longest = 255; // of names in ASCII; longer ones are not compared
    std::vector<std::string> result;
    for (const auto& one : among) {
        // Of a short name two letters are most of it.
        const auto most = to.size() < 4 ? std::size_t{1} : std::size_t{2};
        const bool is_near = one.size() <= longest && to.size() <= longest && distance(one, to) <= most;
        if (one != to && (is_same_name(one, to) || is_near)) {
            result.push_back(one);
        }
    }
    return result;
}

} // namespace epmd::ctl::doctor
