#include "handover/inheritance.hpp"

#include "handover/connection_queue.hpp"
#include "handover/snapshot_file.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

#include <unistd.h>

namespace epmd {
namespace {

/// Whatever we leave is called so.
constexpr std::string_view our_names = "loopmd-";

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

/// Descriptors by the generation in their name.
using generations = std::map<std::uint64_t, std::vector<passed_descriptor>>;

/// The newest table. If that does not count, none does: an older one would take creations back.
std::optional<snapshot> read_tables(const generations& tables, inheritance& result) {
    std::optional<snapshot> found;
    for (auto generation = tables.rbegin(); generation != tables.rend(); ++generation) {
        for (const auto& [descriptor, name] : generation->second) {
            result.tables.push_back(name);
            if (generation == tables.rbegin() && !found) {
                auto read = read_snapshot_file(descriptor);
                if (auto* const kept = std::get_if<kept_snapshot>(&read)) {
                    found = std::move(kept->content);
                } else {
                    result.complaints.push_back("the table " + name + " that the process before left does not count: " +
                                                std::get<std::string>(read) + ". All nodes have to register anew");
                }
            }
            ::close(descriptor);
        }
    }
    return found;
}

/// The connections of those registrations, by their numbers; of one that waits twice the newest counts.
std::unordered_map<connection_number, int>
read_queues(const generations& queues, const std::unordered_set<connection_number>& registered, inheritance& result) {
    std::unordered_map<connection_number, int> found;
    const auto is_wanted = [&](connection_number number) {
        return registered.contains(number) && !found.contains(number);
    };
    for (auto generation = queues.rbegin(); generation != queues.rend(); ++generation) {
        queue_pair pair;
        for (const auto& [end, name] : generation->second) {
            pair.name = name;
            peeked waiting;
            try {
                waiting = peek_connections(end, is_wanted);
            } catch (const std::system_error& error) {
                if (error.code() != std::errc::bad_message) {
                    throw; // whoever holds it has it for the next attempt
                }
                result.complaints.push_back("the queue " + name + " that the process before left: " + error.what());
            }
            for (const auto& [number, descriptor] : waiting.wanted) {
                if (!found.emplace(number, descriptor).second) {
                    ::close(descriptor);
                }
            }
            result.queue.size += waiting.count;
            // One end has all that waits; where nothing does, either will do.
            int& place = waiting.count > 0 || pair.to >= 0 ? pair.from : pair.to;
            if (place >= 0) {
                ::close(end); // no pair of ours
                continue;
            }
            place = end;
        }
        result.queue.pairs.insert(result.queue.pairs.begin(), std::move(pair));
    }
    return found;
}

} // namespace

inheritance read_inheritance(const std::vector<passed_descriptor>& passed) {
    inheritance result;
    generations tables;
    generations queues;
    for (const auto& one : passed) {
        const auto of_table = generation_in(one.name, table_name);
        const auto of_queue = generation_in(one.name, queue_name);
        if (!of_table && !of_queue) {
            if (one.name.starts_with(our_names)) {
                result.complaints.push_back("what another version of loopmd has left as " + one.name +
                                            " means nothing to this one");
                ::close(one.descriptor);
            } else {
                result.listeners.push_back(one.descriptor);
            }
            continue;
        }
        const auto generation = of_table ? *of_table : *of_queue;
        (of_table ? tables : queues)[generation].push_back(one);
        result.generation = std::max(result.generation, generation);
    }
    result.before = read_tables(tables, result);
    std::unordered_set<connection_number> registered;
    if (result.before) {
        for (const auto& one : result.before->table.registrations) {
            registered.insert(one.connection);
        }
    }
    const auto connections = read_queues(queues, registered, result);
    if (result.before) {
        for (auto& one : result.before->table.registrations) {
            const auto found = connections.find(one.connection);
            one.descriptor = found == connections.end() ? -1 : found->second;
        }
    }
    return result;
}

void close_queue(const left_queue& queue) noexcept {
    for (const auto& one : queue.pairs) {
        close_pair(one);
    }
}

} // namespace epmd
