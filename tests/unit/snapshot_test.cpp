// What one process writes for the next: every field comes back, and nothing that is damaged counts.
#include "handover/snapshot.hpp"
#include "handover/snapshot_file.hpp"
#include "support/scene.hpp"
#include "support/sockets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace epmd {
namespace {

using test::ip;

finding everything_found() {
    return {.where = host(ip("fd00::3")),
            .how = evidence::handshake,
            .node_name = "idfe@lowry",
            .host_name = "lowry",
            .trouble = "does not resolve",
            .is_guess = true,
            .ask_at = ip("127.0.0.9"),
            .is_over_ipv6 = true,
            .listener_inode = 0x123456789abcdefULL,
            .who = {.pid = 4711, .uid = 1000, .program = "beam.smp"}};
}

registration everything_registered(connection_number connection) {
    return {.connection = connection,
            .descriptor = 9,
            .self = {.alive_name = "idf\xc3\xa9",
                     .port = 40000,
                     .node_type = 104,
                     .protocol = 1,
                     .highest_version = 7,
                     .lowest_version = 4,
                     .extra = std::string("x\0y", 3)},
            .creation = 3,
            .creation_count = 1700000001,
            .since = time_point(std::chrono::nanoseconds(123456789012345)),
            .sequence = connection + 100,
            .state = placement_state::parked,
            .is_adopted = true,
            .where = host(ip("127.0.0.3")),
            .found = everything_found()};
}

const machine_identity workshop{"workshop", {ip("127.0.1.1"), ip("fd00::1")}, {ip("192.168.1.5")}};

/// With each kind of record, one behind the other.
std::string some_records() {
    std::string records;
    put_beginning(records, 1000, time_point(std::chrono::seconds(5)), 900);
    put_machine(records, workshop);
    put_settings(records, {"/etc/loopmd/loopmd.conf", "listen = loopback\n"});
    put_restarts(records, 3);
    put_former_name(records, {"old", 40001, 7, everything_found(), 950});
    put_registration(records, everything_registered(1));
    put_registration(records, everything_registered(2));
    put_gone(records, 2);
    return records;
}

snapshot read_whole(std::string_view records) {
    auto read = read_snapshot(records);
    if (const auto* const complaint = std::get_if<std::string>(&read)) {
        FAIL(*complaint);
    }
    return std::move(std::get<snapshot>(read));
}

TEST_CASE("a snapshot gives every field again") {
    const auto read = read_whole(some_records());
    CHECK(read.table.first_creation == 1000);
    CHECK(read.table.started == time_point(std::chrono::seconds(5)));
    CHECK(read.table.former.greatest_forgotten_count() == 900);
    CHECK(read.machine == workshop);
    CHECK(read.settings == settings_text{"/etc/loopmd/loopmd.conf", "listen = loopback\n"});
    CHECK(read.restarts == 3);
    auto expected = everything_registered(1);
    expected.descriptor = -1; // the other process's: not written
    CHECK(read.table.registrations == std::vector{expected});
    const auto& former = read.table.former.all();
    REQUIRE(former.size() == 2);
    CHECK(former.front() == former_name{"old", 40001, 7, everything_found(), 950});
    CHECK(former.back() == former_name{"idf\xc3\xa9", 40000, -1, everything_found(), 1700000001});
}

TEST_CASE("a finding that says nothing comes back so") {
    auto one = everything_registered(1);
    one.found = {};
    one.state = placement_state::pending;
    std::string records;
    put_beginning(records, 1000, time_point(), 0);
    put_registration(records, one);
    one.descriptor = -1;
    CHECK(read_whole(records).table.registrations == std::vector{one});
}

TEST_CASE("of a registration that was written again the last record counts") {
    auto one = everything_registered(1);
    std::string records;
    put_beginning(records, 1000, time_point(), 0);
    put_registration(records, one);
    one.state = placement_state::placed;
    put_registration(records, one);
    one.descriptor = -1;
    CHECK(read_whole(records).table.registrations == std::vector{one});
}

TEST_CASE("a snapshot that ends early is refused, unless it ends between two records") {
    const auto whole = some_records();
    std::vector<std::size_t> boundaries;
    for (std::size_t at = 0; at < whole.size();) {
        const auto size = static_cast<std::size_t>(static_cast<unsigned char>(whole[at + 2]) << 8U |
                                                   static_cast<unsigned char>(whole[at + 3]));
        at += 8 + size;
        boundaries.push_back(at);
    }
    CHECK(boundaries.size() == 8);
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        CAPTURE(length);
        const bool is_boundary = std::find(boundaries.begin(), boundaries.end(), length) != boundaries.end();
        CHECK(std::holds_alternative<snapshot>(read_snapshot(std::string_view(whole).substr(0, length))) ==
              is_boundary);
    }
}

TEST_CASE("a snapshot of which a bit is another is refused") {
    const auto whole = some_records();
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        auto damaged = whole;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        CAPTURE(bit);
        CHECK(std::holds_alternative<std::string>(read_snapshot(damaged)));
    }
}

TEST_CASE("what a later program adds is skipped") {
    std::string records;
    put_beginning(records, 1000, time_point(), 0);
    // A record of kind 200, "new", made as the document says; its checksum is zlib's of those four bytes.
    records += std::string("\0\0\0\4\x06\x1f\x84\xa2\xc8new", 12);
    put_gone(records, 5);
    const auto read = read_snapshot(records);
    CAPTURE(std::holds_alternative<std::string>(read) ? std::get<std::string>(read) : "");
    CHECK(std::holds_alternative<snapshot>(read));
}

TEST_CASE("a registry goes on in another process as if it were the same") {
    registry before(1000, time_point(std::chrono::seconds(5)));
    const auto at = [](std::string_view where) {
        finding found;
        found.where = host(ip(where));
        return found;
    };
    before.add(1, 7, {.alive_name = "a", .port = 1}, time_point(std::chrono::seconds(6)));
    before.settle(1, at("127.0.0.2"));
    before.add(2, 8, {.alive_name = "a", .port = 2}, time_point(std::chrono::seconds(7)));
    before.settle(2, at("127.0.0.3"));
    before.add(3, 9, {.alive_name = "a", .port = 3}, time_point(std::chrono::seconds(8)));
    before.settle(3, at("127.0.0.3")); // parked
    before.add(4, 10, {.alive_name = "b", .port = 4}, time_point(std::chrono::seconds(9)));
    before.add(5, 11, {.alive_name = "c", .port = 5}, time_point(std::chrono::seconds(9)));
    before.remove(5);
    std::string records;
    put_table(records, before);
    registry after(read_whole(records).table);
    const auto without_descriptors = [](const registry& some) {
        std::vector<registration> all;
        for (const auto* one : some.all()) {
            all.push_back(*one);
            all.back().descriptor = -1;
        }
        return all;
    };
    CHECK(without_descriptors(after) == without_descriptors(before));
    CHECK(after.pending_count() == 1);
    const auto now = time_point(std::chrono::seconds(10));
    CHECK(after.add(6, 1, {.alive_name = "c", .port = 5}, now).creation ==
          before.add(6, 1, {.alive_name = "c", .port = 5}, now).creation);
    CHECK(after.remove(2)->promoted->connection == 3);
    CHECK(after.find(host(ip("127.0.0.3")), "a")->connection == 3);
}

// ---- the file

/// What a reader says of a file with these bytes.
std::string complaint_of(std::string_view bytes) {
    const test::tcp_socket file(::memfd_create("test", MFD_CLOEXEC));
    if (::write(file.descriptor(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
        FAIL("write failed");
    }
    const auto read = read_snapshot_file(file.descriptor());
    return std::holds_alternative<std::string>(read) ? std::get<std::string>(read) : "none";
}

std::string bytes_of(const snapshot_file& file, std::size_t size) {
    std::string bytes(size, '\0');
    if (::pread(file.descriptor(), bytes.data(), size, 0) != static_cast<ssize_t>(size)) {
        FAIL("pread failed");
    }
    return bytes;
}

TEST_CASE("a file is read as far as it was written, at whatever moment") {
    snapshot_file file(7);
    std::string beginning;
    put_beginning(beginning, 1000, time_point(), 0);
    CHECK(std::holds_alternative<std::string>(read_snapshot_file(file.descriptor()))); // nothing in it yet
    file.append(beginning);
    constexpr int many = 5000; // it grows several times
    for (int i = 1; i <= many; ++i) {
        std::string record;
        put_registration(record, everything_registered(static_cast<connection_number>(i)));
        file.append(record);
    }
    const auto read = read_snapshot_file(file.descriptor());
    REQUIRE(std::holds_alternative<kept_snapshot>(read));
    CHECK(std::get<kept_snapshot>(read).generation == 7);
    CHECK(std::get<kept_snapshot>(read).content.table.registrations.size() == many);
}

TEST_CASE("a file that is foreign, of another version, or torn says what it is") {
    snapshot_file file(1);
    file.append(some_records());
    const auto size = 32 + file.size_bytes();
    const auto good = bytes_of(file, size);
    CHECK(complaint_of(good) == "none");
    CHECK(complaint_of("") == "it is not loopmd's");
    CHECK(complaint_of("epmd: up and running on port 4369 with data:") == "it is not loopmd's");
    auto other = good;
    other[11] = 9;
    CHECK(complaint_of(other) == "it has the layout 9, of another version of loopmd; this one reads 1");
    CHECK(complaint_of(good.substr(0, size - 1)) == "it is shorter than it says");
    other = good;
    other[24] = 1; // committed: far more than there is
    CHECK(complaint_of(other) == "it is shorter than it says");
    other = good;
    other[40] ^= 1;
    CHECK(complaint_of(other) == "the checksum of its record 1 is wrong");
    other = good;
    other[31] = static_cast<char>(other[31] - 1);
    CHECK(complaint_of(other) == "its record 8 is torn");
    const test::tcp_socket no_file(::socket(AF_INET, SOCK_STREAM, 0));
    CHECK(std::get<std::string>(read_snapshot_file(no_file.descriptor())) == "it is no file");
    CHECK(std::get<std::string>(read_snapshot_file(-1)) == "it is no file");
}

} // namespace
} // namespace epmd
