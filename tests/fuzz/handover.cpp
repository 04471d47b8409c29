// What a process of the daemon leaves to the next.
#include "fuzz/demand.hpp"
#include "fuzz/targets.hpp"
#include "handover/inheritance.hpp"
#include "handover/keeper.hpp"
#include "handover/rights.hpp"
#include "handover/snapshot.hpp"
#include "handover/snapshot_file.hpp"
#include "handover/systemd.hpp"
#include "wire/cursor.hpp"
#include "wire/put.hpp"

#include <boost/crc.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace epmd::fuzz {
namespace {

/// Records from bytes that have only the size of each (u16), its kind and its body.
std::string with_checksums(std::string_view bytes) {
    std::string records;
    for (wire::cursor in(bytes); !in.has_failed();) {
        const auto record = in.take(in.u16());
        if (!in.has_failed()) {
            boost::crc_32_type sum;
            sum.process_bytes(record.data(), record.size());
            wire::put_integers(records, static_cast<std::uint32_t>(record.size()),
                               static_cast<std::uint32_t>(sum.checksum()));
            records.append(record);
        }
    }
    return records;
}

/// So many descriptors are open, of those that this process may have here.
std::size_t open_descriptors() {
    constexpr int most = 64;
    std::size_t count = 0;
    for (int one = 0; one < most; ++one) {
        count += ::fcntl(one, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

std::string_view take_part(std::string_view& bytes, std::size_t size) {
    const auto part = bytes.substr(0, size);
    bytes.remove_prefix(part.size());
    return part;
}

std::size_t take_byte(std::string_view& bytes) {
    const auto part = take_part(bytes, 1);
    return part.empty() ? 0 : static_cast<std::uint8_t>(part.front());
}

/// A file with these bytes, or with a table that has them as records.
int file_with(std::string_view bytes, bool is_table) {
    if (is_table) {
        snapshot_file file(take_byte(bytes));
        file.append(with_checksums(bytes));
        return ::dup(file.descriptor());
    }
    const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
    demand(::write(file, bytes.data(), bytes.size()) >= 0, "there is memory");
    return file;
}

/// Both ends of a pair, in which messages wait: of each, how many descriptors it has, how many bytes, and those.
std::array<int, 2> queue_with(std::string_view bytes) {
    std::array<int, 2> ends{};
    ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data());
    while (!bytes.empty()) {
        const std::vector<int> descriptors(take_byte(bytes) % 8, STDERR_FILENO);
        send_with_descriptors(ends[0], take_part(bytes, take_byte(bytes)), descriptors);
    }
    return ends;
}

/// What was passed, from bytes: of each descriptor what it is called, and what is in it.
std::vector<passed_descriptor> passed_by(std::string_view bytes) {
    constexpr std::size_t most = 16;
    std::vector<passed_descriptor> passed;
    while (!bytes.empty() && passed.size() < most) {
        const auto what = take_byte(bytes);
        const std::string number(take_part(bytes, what / 4 % 4));
        const auto content = take_part(bytes, take_byte(bytes) * 2);
        if (what % 4 == 0) {
            passed.push_back({file_with(content, what < 192), std::string(table_name) + number});
        } else if (what % 4 == 1) {
            for (const int end : queue_with(content)) {
                passed.push_back({end, std::string(queue_name) + number});
            }
        } else if (what % 4 == 2) { // no file
            passed.push_back({::dup(STDERR_FILENO), std::string(table_name) + number});
        } else {
            passed.push_back({::dup(STDERR_FILENO), (what < 128 ? "loopmd-" : "") + number});
        }
    }
    return passed;
}

} // namespace

void read_snapshot(std::string_view bytes) {
    static_cast<void>(epmd::read_snapshot(bytes));
    auto read = epmd::read_snapshot(with_checksums(bytes));
    if (!std::holds_alternative<snapshot>(read)) {
        return;
    }
    const registry before(std::move(std::get<snapshot>(read).table));
    std::string written;
    put_table(written, before);
    auto again = epmd::read_snapshot(written);
    demand(std::holds_alternative<snapshot>(again), "what is written can be read");
    const registry after(std::move(std::get<snapshot>(again).table));
    const auto rows_of = [](const registry& some) {
        std::vector<registration> all;
        for (const auto* one : some.all()) {
            all.push_back(*one);
        }
        std::sort(all.begin(), all.end(),
                  [](const auto& left, const auto& right) { return left.connection < right.connection; });
        return all;
    };
    demand(rows_of(before) == rows_of(after), "what is written is read as the same");
}

void read_inheritance(std::string_view bytes) {
    const auto before = open_descriptors();
    const auto passed = passed_by(bytes);
    auto left = epmd::read_inheritance(passed);
    for (const auto& complaint : left.complaints) {
        demand(!complaint.empty(), "what does not count is told of");
    }
    for (const auto& one : left.before ? left.before->table.registrations : std::vector<registration>()) {
        demand(one.descriptor < 0 || left.queue.size > 0, "a connection was in a queue");
        left.listeners.push_back(one.descriptor);
    }
    close_queue(left.queue);
    for (const int one : left.listeners) {
        ::close(one);
    }
    demand(open_descriptors() == before, "no descriptor is lost or kept");
}

void passed_in(std::string_view bytes) {
    constexpr int pid = 7;
    const auto passed = epmd::passed_in(bytes, pid);
    demand(passed.empty() || bytes.starts_with("7") || bytes.starts_with("0"), "it was for this process");
    const auto variable = variable_for_passing(pid, passed);
    const auto value = std::string_view(variable).substr(variable.find('=') + 1);
    demand(epmd::passed_in(value, pid) == passed, "what is written is read as the same");
    demand(epmd::passed_in(value, pid + 1).empty(), "and not by another process");
}

} // namespace epmd::fuzz
