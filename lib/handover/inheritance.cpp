#include "handover/inheritance.hpp"

#include "handover/connection_queue.hpp"
#include "handover/keeper.hpp"
#include "handover/snapshot_file.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include <unistd.h>

namespace epmd {
namespace {

/// The generation behind the name of something of ours. Empty: it is not called so.
std::optional<std::uint64_t> generation_in(std::string_view name, std::string_view what) {
    if (!name.starts_with(what)) {
        return std::nullopt;
    }
    name.remove_prefix(what.size());
    std::uint64_t generation = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), generation);
    return error == std::errc() && end == name.data() + name.size() ? std::optional(generation) : std::nullopt;
}

struct left_thing {
    std::uint64_t generation = 0;
    passed_descriptor passed;
};

void newest_first(std::vector<left_thing>& things) {
    std::stable_sort(things.begin(), things.end(),
                     [](const auto& left, const auto& right) { return left.generation > right.generation; });
}

/// The newest table that can be read.
std::optional<snapshot> read_tables(std::vector<left_thing>& tables, inheritance& result) {
    newest_first(tables);
    std::optional<snapshot> found;
    for (const auto& one : tables) {
        if (!found) {
            auto read = read_snapshot_file(one.passed.descriptor);
            if (auto* const kept = std::get_if<kept_snapshot>(&read)) {
                found = std::move(kept->content);
            } else {
                result.complaints.push_back("the table " + one.passed.name + " that the process before left does not " +
                                            "count: " + std::get<std::string>(read));
            }
        }
        ::close(one.passed.descriptor);
    }
    return found;
}

/// All connections that wait, by their numbers; of one that waits twice the newest counts.
std::unordered_map<connection_number, int> read_queues(std::vector<left_thing>& queues, inheritance& result) {
    newest_first(queues);
    std::unordered_map<connection_number, int> found;
    for (const auto& one : queues) {
        try {
            for (const auto& [number, descriptor] : peek_connections(one.passed.descriptor)) {
                if (!found.emplace(number, descriptor).second) {
                    ::close(descriptor);
                }
            }
        } catch (const std::exception& error) {
            result.complaints.push_back("the queue " + one.passed.name +
                                        " that the process before left: " + error.what());
        }
        ::close(one.passed.descriptor);
    }
    return found;
}

} // namespace

inheritance read_inheritance(const std::vector<passed_descriptor>& passed) {
    inheritance result;
    std::vector<left_thing> tables;
    std::vector<left_thing> queues;
    for (const auto& one : passed) {
        const auto of_table = generation_in(one.name, table_name);
        const auto of_queue = generation_in(one.name, queue_name);
        if (!of_table && !of_queue) {
            result.listeners.push_back(one.descriptor);
            continue;
        }
        (of_table ? tables : queues).push_back({of_table.value_or(of_queue.value_or(0)), one});
        result.generation = std::max(result.generation, of_table.value_or(of_queue.value_or(0)));
        if (std::find(result.names.begin(), result.names.end(), one.name) == result.names.end()) {
            result.names.push_back(one.name);
        }
    }
    ++result.generation;
    result.before = read_tables(tables, result);
    auto connections = read_queues(queues, result);
    if (result.before) {
        for (auto& one : result.before->table.registrations) {
            const auto found = connections.find(one.connection);
            one.descriptor = found == connections.end() ? -1 : found->second;
            if (found != connections.end()) {
                connections.erase(found);
            }
        }
    }
    for (const auto& [number, descriptor] : connections) { // of registrations that have ended
        ::close(descriptor);
    }
    return result;
}

} // namespace epmd
